"""A folder of large pictures takes no more memory for being longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MEASURE = """
import resource, sys
from pathlib import Path
import torch
from bench.scoring.measure import Folders, measure
torch.set_num_threads(2)
found = measure(Folders(Path(sys.argv[1]), Path(sys.argv[2])), ("psnr", "ssim"))
assert found.summary["psnr"]["n"] == int(sys.argv[3]), found.problems
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FEW, MANY = 12, 24  # with few, what waits its turn is not yet at its most


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """3840×2160, as a camera's film has it."""
    ramp = np.linspace(0, 255, 3840 * 2160 * 3).reshape(2160, 3840, 3)
    return ramp.astype(np.uint8)


def peak(folder: Path, pixels: np.ndarray, count: int) -> int:
    """KiB that measuring `count` pictures takes at most, in a process of its own."""
    folder.mkdir()
    sides = [folder / "restored", folder / "reference"]
    for shift, side in enumerate(sides):
        side.mkdir()
        Image.fromarray(pixels + np.uint8(shift)).save(side / "0.bmp")
        for number in range(1, count):
            (side / f"{number}.bmp").hardlink_to(side / "0.bmp")
    command = [sys.executable, "-c", MEASURE, *map(str, sides), str(count)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is of POSIX systems")
def test_memory_does_not_grow_with_the_number_of_4k_pictures(tmp_path, pixels):
    few, many = (peak(tmp_path / str(count), pixels, count) for count in (FEW, MANY))
    one_pair = 2 * pixels.nbytes / 1024
    assert many - few < 4 * one_pair, f"{few} KiB for {FEW} pairs, {many} KiB for {MANY}; a pair is {one_pair:.0f} KiB"
