"""The methods that learn nothing: inpainting, smoothing, and the identity. Cell interpolation is in test_cells.py."""

from __future__ import annotations

import pytest
import torch

from bench.verify.subject import damaged, restored
from methods.classical import CellInterpolation, Inpainting, Median
from tests.small_methods import ROWS, small, subject

UNTRAINED = [name for name in ROWS if not subject(name).trained]


@pytest.mark.parametrize("name", ["telea", "navier_stokes"])
def test_inpainting_fills_only_the_hole(name):
    batch = damaged()
    output = restored(small(name), batch.degraded, batch.mask)
    lost = (batch.mask > 0).expand_as(output)
    torch.testing.assert_close(output[~lost], batch.degraded[~lost], rtol=0, atol=1e-6)  # 8 bits there and back
    errors = [(each - batch.clean).square().mean() for each in (output, batch.degraded)]
    assert errors[0] < 0.5 * errors[1]


def test_inpainting_asks_for_its_mask():
    with pytest.raises(ValueError, match="give it the mask"):
        restored(small("telea"), damaged().degraded, None)


@pytest.mark.parametrize("name", ["median", "tv"])
def test_smoothing_takes_noise_away(name):
    clean = damaged().clean
    noisy = (clean + 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))).clamp(0, 1)
    output = restored(small(name), noisy, None)
    assert (output - clean).square().mean() < 0.7 * (noisy - clean).square().mean()


def test_identity_gives_back_what_it_got():
    degraded = damaged().degraded
    assert torch.equal(restored(small("identity"), degraded, None), degraded)


@pytest.mark.parametrize("name", UNTRAINED)
def test_untrained_methods_have_nothing_to_say_of_a_step(name):
    method = small(name)
    assert method.step(damaged(), 0.0) == {} and not method.state_dict()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Inpainting(Inpainting.Config("nearest")),
        lambda: Median(Median.Config(4)),
        lambda: CellInterpolation(CellInterpolation.Config("centre")),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A.*\d.*\Z|\A.*got.*\Z|\A.*must be.*\Z") as caught:
        build()
    assert "\n" not in str(caught.value)
