"""The contract of methods/base.py, clause by clause, over every method found: bench.verify on small configurations."""

import pytest

from bench.verify import CHECKS
from bench.verify.subject import Broken
from tests.small_methods import ROWS, SMALL, SMALLER, subject

SLOW = {"learns one batch"}
CASES = [
    pytest.param(
        name,
        check,
        id=f"{name}-{check.name.replace(' ', '_')}",
        marks=[pytest.mark.slow] if check.name in SLOW else [],
    )
    for name in ROWS
    for check in CHECKS
    if check.fits(subject(name))
]


def test_all_methods_are_found():
    names = "identity telea navier_stokes median tv cell_interpolation jpeg_projection pix2pix unet_l1 mossaic dncnn"
    names += " dotcsv glcic arnet unmask_v1 unmask_v2 nafnet lama"
    assert set(names.split()) <= set(ROWS)


def test_small_settings_are_of_methods_that_exist():
    assert set(SMALL) <= {entry.cls.__name__ for entry in ROWS.values()} and set(SMALLER) <= set(ROWS)


@pytest.mark.parametrize(("name", "check"), CASES)
def test_keeps_the_contract(name, check):
    try:
        check.run(subject(name))
    except Broken as broken:
        pytest.fail(f"{name}: {broken}", pytrace=False)
