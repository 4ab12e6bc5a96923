"""A folder for each level that wants one; every level in turn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.degradations.samples import (
    FOLDER_LEVELS,
    LEVELS,
    template_picture,
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A folder of pictures for each level that wants one."""
    root = tmp_path_factory.mktemp("folders")
    made = {name: root / name for name in FOLDER_LEVELS}
    assert set(made) == {"erase_files", "hole_files", "facemask_template"}
    for folder in made.values():
        folder.mkdir()
    y, x = np.mgrid[:50, :50]
    for index, dark in enumerate((abs(x - y) < 4, (x - 25) ** 2 + (y - 20) ** 2 < 90, (y > 30) & (y < 35) & (x > 8))):
        drawing = np.where(dark, 0, 255).astype(np.uint8)
        Image.fromarray(drawing).convert("P").save(made["erase_files"] / f"m{index}.png")
    y, x = np.mgrid[:96, :96]
    for index, white in enumerate(((x // 12) % 2 == 0, (x - 40) ** 2 + (y - 50) ** 2 < 600, y > 60)):
        Image.fromarray((white * 255).astype(np.uint8)).convert("1").save(made["hole_files"] / f"{index}.png")
    for name, colour in (("blue", (90, 140, 210)), ("blue_left", (80, 130, 200)), ("dark", (40, 40, 44))):
        template_picture(name.endswith("left"), colour).save(made["facemask_template"] / f"{name}.png")
    return made


@pytest.fixture(params=sorted(LEVELS))
def level(request, folders):
    found = LEVELS[request.param]
    return dataclasses.replace(found, folder=folders[request.param]) if request.param in folders else found
