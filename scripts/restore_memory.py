"""Peak memory of `restorebench restore` on a CPU: a 12-megapixel picture, and a clip of 10 s against one frame.

Example: python scripts/restore_memory.py runs/jpeg/dncnn/0a1b2c3d4e5f runs/hole/glcic/0a1b2c3d4e5f
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.photo import save_photo
from bench.video.parts import unfinished_video
from bench.video.reading import Colour, Form, Frame
from bench.video.writing import join, write_segment

PICTURE = 3000, 4000
CLIP = 272, 640  # height, width
FRAMES = 250  # 10 s


def peak(*words: object) -> tuple[float, float]:
    """Peak resident memory (MiB) and seconds of a restorebench command in a process of its own."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "bench", *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(map(str, words))}")
    return usage.ru_maxrss / 1024, time.perf_counter() - began


def noise(height: int, width: int, seed: int) -> np.ndarray:
    """A coarse random picture, uint8 H×W×3."""
    cells = np.random.default_rng(seed).integers(0, 256, (height // 50 + 1, width // 50 + 1, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC))


def make_clip(path: Path, frames: int) -> None:
    """A clip whose picture drifts to the right."""
    height, width = CLIP
    form = Form(width, height, Fraction(1), Fraction(1, 12800), Fraction(25), Colour(2, 0, 2, 2), frames)
    still = noise(height, width, 1)
    segment = unfinished_video(path.with_suffix(".nut"))
    write_segment(segment, form, (Frame(np.roll(still, number, axis=1), 512 * number) for number in range(frames)))
    join([segment], segment, path, form)
    segment.unlink()


def main(runs: list[str]) -> None:
    """Print a line for each run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        height, width = PICTURE
        save_photo(folder / "picture.png", noise(height, width, 0))
        save_photo(folder / "masks" / "picture.png", hole(height, width))
        save_photo(folder / "mask.png", hole(*CLIP))
        clips = {frames: folder / f"{frames}.mp4" for frames in (1, FRAMES)}
        for frames, path in clips.items():
            make_clip(path, frames)
        print(f"{'peak MiB of':32}{'12 MP picture':>16}{'1 frame':>10}{f'{FRAMES} frames':>14}")  # noqa: T201
        for run in runs:
            fixed = ("restore", run, "--device", "cpu", "--mask")
            still, seconds = peak(*fixed[:2], folder / "picture.png", folder / "out.png", *fixed[2:], folder / "masks")
            one, many = (
                peak(*fixed[:2], path, folder / "out.mp4", *fixed[2:], folder / "mask.png")[0]
                for path in clips.values()
            )
            line = f"{'/'.join(Path(run).parts[-3:-1]):32}{still:10.0f}, {seconds:.0f} s{one:10.0f}{many:14.0f}"
            print(line, flush=True)  # noqa: T201


def hole(height: int, width: int) -> np.ndarray:
    """A mask with a small box, uint8 H×W of 0 and 255."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 : height // 2 + 40, width // 2 : width // 2 + 40] = 255
    return mask


if __name__ == "__main__":
    main(sys.argv[1:])
