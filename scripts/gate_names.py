#!/usr/bin/env python3
"""How often the gate names the right cause, none, or a wrong one: on trainings that differ in their seed alone, and
on the same with a fault planted in their pictures.

    scripts/gate_names.py --seeds 4 --images 640

Networks are trained for a few seconds on pictures that come with the packages; every training is compared with every
other one of its method and task. The table of docs/gate.md is what this prints.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import api
from bench.data.pictures import read_pixels
from bench.gate.diagnose import told
from bench.gate.traits import Traits, measure_traits
from bench.results import store

SUITE = """
[data.scenes]
source = "embedded:scenes"
short_side = 96
[data.faces]
source = "embedded:faces"
short_side = 64
[train]
images = {images}
batch = 8
crop = 32
seeds = {seeds}
ema = 0.9
[score]
size = 64
pictures = 8
keep = 8
metrics = ["psnr"]
[tasks.jpeg]
data = "scenes"
levels = ["jpeg_q10", "jpeg_q40"]
methods = ["nafnet", "pix2pix"]
[tasks.mosaic]
data = "scenes"
levels = ["mosaic_c8"]
methods = ["nafnet", "pix2pix"]
[tasks.hole]
data = "faces"
levels = ["hole_box"]
methods = ["nafnet", "pix2pix"]
[methods.nafnet]
width = 8
enc = [1, 1]
mid = 1
dec = [1, 1]
[methods.pix2pix]
levels = 5
base = 8
lr = 1e-3
patch_layers = 1
critic_base = 8
dropout_blocks = 1
"""
Picture = np.ndarray  # uint8 H×W×3 RGB


def jpeg(picture: Picture, quality: int) -> Picture:
    """Stored as JPEG on the way."""
    stored = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1])


def tones(picture: Picture, gain: float = 1.0, exponent: float = 1.0, offset: float = 0.0) -> Picture:
    """A tone curve, as bench.gate.diagnose.Curve."""
    return np.rint(np.clip(255 * (gain * (picture / 255) ** exponent + offset), 0, 255)).astype(np.uint8)


def darker_edge(picture: Picture) -> Picture:
    """Zeros that leaked in from the padding on the right."""
    return np.concatenate([picture[:, :-3], picture[:, -3:] // 2], axis=1)


def noisy(picture: Picture) -> Picture:
    """Gray noise of 4 levels."""
    noise = np.random.default_rng(0).normal(scale=4, size=(*picture.shape[:2], 1))
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


FAULTS: dict[str, tuple[str, Callable[[Picture], Picture]]] = {  # what was done -> its name, "" where it has none
    "nothing: another seed": ("", lambda picture: picture),
    "one pixel to the right": ("shift", lambda picture: np.concatenate([picture[:, :1], picture[:, :-1]], axis=1)),
    "one pixel down and left": ("shift", lambda picture: np.pad(picture, ((1, 0), (0, 1), (0, 0)), "edge")[:-1, 1:]),
    "BGR for RGB": ("channel order", lambda picture: np.ascontiguousarray(picture[..., ::-1])),
    "JPEG of quality 75": ("re-compression", lambda picture: jpeg(picture, 75)),
    "JPEG of quality 90": ("re-compression", lambda picture: jpeg(picture, 90)),
    "gamma 1.02": ("gamma", lambda picture: tones(picture, exponent=1.02)),
    "gamma 1.1": ("gamma", lambda picture: tones(picture, exponent=1.1)),
    "16 to 235": ("range", lambda picture: tones(picture, 219 / 255, offset=16 / 255)),
    "three columns at the right darker": ("border", darker_edge),
    "blurred": ("", lambda picture: cv2.GaussianBlur(picture, (0, 0), 0.7)),
    "noise of 4 levels": ("", noisy),
}


def kept(runs: Path) -> dict[tuple[str, str], list[dict[str, tuple[Picture, Picture]]]]:
    """(task, method) -> of each training its kept pictures and their truth, by level and id."""
    found: dict[tuple[str, str], list[dict[str, tuple[Picture, Picture]]]] = {}
    for folder in store.find_runs(runs):
        run = store.read_run(folder)
        files = sorted((folder / "images").glob("*/*.png"))
        truths = [store.input_path(runs, run, "truth", path.parent.name, path.stem) for path in files]
        pictures = {
            f"{path.parent.name}/{path.stem}": (read_pixels(path), read_pixels(truth))
            for path, truth in zip(files, truths, strict=True)
        }
        found.setdefault((run.task, run.method), []).append(pictures)
    return found


def traits(pictures: dict[str, tuple[Picture, Picture]], fault: Callable[[Picture], Picture]) -> dict[str, Traits]:
    """Of one training's pictures after a fault."""
    return {name: measure_traits(fault(restored), truth) for name, (restored, truth) in pictures.items()}


def named(runs: Path) -> dict[str, Counter[str]]:
    """What was done -> how many comparisons were named "right", "none" or "wrong", and each wrong name."""
    counts: dict[str, Counter[str]] = {done: Counter() for done in FAULTS}
    for trainings in kept(runs).values():
        sound = [traits(each, lambda picture: picture) for each in trainings]
        for done, (name, fault) in FAULTS.items():
            faulty = [traits(each, fault) for each in trainings]
            for before, after in itertools.permutations(range(len(trainings)), 2):
                names = {cause for cause, _ in told(sound[before], faulty[after])}
                wrong = names - {name}
                counts[done].update(["wrong", *wrong] if wrong else ["right" if name in names else "none"])
    return counts


def table(counts: dict[str, Counter[str]]) -> str:
    """Markdown: a row per fault."""
    lines = ["| what was done | comparisons | named right | not named | named wrong |", "|---|---:|---:|---:|---:|"]
    for done, found in counts.items():
        total = found["right"] + found["none"] + found["wrong"]
        right, none, wrong = (f"{100 * found[each] / total:.1f} %" for each in ("right", "none", "wrong"))
        names = ", ".join(each for each in sorted(found) if each not in ("right", "none", "wrong"))
        right = right if FAULTS[done][0] else "it has no name"
        lines.append(f"| {done} | {total} | {right} | {none} | {wrong}{f' ({names})' if names else ''} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None, write: Callable[[str], object] = sys.stdout.write) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="trainings of each method on each task (4)")
    parser.add_argument("--images", type=int, default=640, help="seen by each training (640)")
    parser.add_argument("--runs", type=Path, help="a folder to keep the trainings in; without it they are deleted")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        suite, runs = Path(folder) / "names.toml", asked.runs or Path(folder) / "runs"
        suite.write_text(SUITE.format(images=asked.images, seeds=list(range(asked.seeds))))
        api.run(str(suite), api.Settings(runs=runs, device="cpu"))
        write(table(named(runs)))


if __name__ == "__main__":
    main()
