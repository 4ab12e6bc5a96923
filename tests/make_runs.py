"""Fabricates a stored runs folder for tests of the board: drawn pictures and seeded scores, through bench.results only.

`python -m tests.make_runs FOLDER` writes one to look at: five tasks, every state a row can be in.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench.results import store
from bench.seeds import seed_for

LEVELS = {
    "mosaic": ("mosaic_c8", "mosaic_c16"),
    "jpeg": ("jpeg_q10", "jpeg_q40"),
    "erase": ("erase_black",),
    "facemask": ("facemask_cloth",),
    "hole": ("hole_box", "hole_free"),
}
REGIONS = ("lost", "boundary", "kept", "whole")
DIGEST = "inputs-1"


@dataclass(frozen=True)
class Made:
    """One fabricated method: how good (0 nothing, 1 perfect) and what state its runs are in."""

    name: str
    quality: float
    seeds: tuple[int, ...] = (0, 1, 2)
    trained: bool = True
    oracle: bool = False
    parameters: float = 16e6
    fails: tuple[tuple[int, str, str], ...] = ()  # (seed, status, reason)


METHODS = (
    Made("unmask_v2", 0.80, parameters=16e6),
    Made("pix2pix", 0.79, parameters=54.4e6),
    Made("unet_l1", 0.66, parameters=54.4e6),
    Made("arnet", 0.5, parameters=5.6e6, fails=((2, "diverged", "non-finite critic loss at 41 % of the budget"),)),
    Made("telea", 0.3, seeds=(0,), trained=False, oracle=True, parameters=0),
    Made("nonlocal_means", 0.12, seeds=(0,), trained=False, parameters=0),
    Made("identity", 0.0, seeds=(0,), trained=False, parameters=0),
    Made("glcic", 0.6, seeds=(), fails=((0, "error", "CUDA out of memory"), (1, "running", ""), (2, "timeout", ""))),
)


def declare(name: str, group: str, kind: str, higher: bool, unit: str = "", unavailable: str | None = None) -> dict:
    """One entry of Run.metrics."""
    matters = 0.1 if unit == "dB" else 1.0 if kind in ("set", "cost") else 0.005
    return {
        "definition": f"{name}: made for a test, mean over pixels of the region, RGB in [0, 1]",
        "group": group,
        "kind": kind,
        "higher_is_better": higher,
        "unit": unit,
        "matters": matters,
        "library": "tests",
        "source": "drawn",
        "fingerprint": f"{seed_for(name):012x}"[:12],
        "unavailable": unavailable,
    }


METRICS = {
    "psnr": declare("psnr", "fidelity", "pair", True, "dB"),
    "ssim": declare("ssim", "fidelity", "pair", True),
    "lpips_squeeze": declare("lpips_squeeze", "perceptual", "pair", False),
    "lpips_vgg": declare("lpips_vgg", "perceptual", "pair", False, "", "weights not found: vgg16-397923af.pth"),
    "niqe": declare("niqe", "naturalness", "single", False),
    "fid_squeeze": declare("fid_squeeze", "distribution", "set", False),
    "observed": declare("observed", "consistency", "consistency", True),
    "parameters": declare("parameters", "cost", "cost", False, "weights"),
    "images_per_second": declare("images_per_second", "cost", "cost", True, "images/s"),
}
PAIRS = {"psnr": (20.0, 8.0, 0.4), "ssim": (0.60, 0.3, 0.02), "lpips_squeeze": (0.24, -0.19, 0.01)}  # base, gain, noise


def draw(index: int, side: int) -> np.ndarray:
    """A small drawn scene, uint8 side×side×3."""
    rng = np.random.default_rng(seed_for("picture", index))
    y, x = np.mgrid[0:side, 0:side] / side
    tilt, base = rng.uniform(-60, 60, (2, 3)), rng.uniform(70, 180, 3)
    sky = base + x[..., None] * tilt[0] + y[..., None] * tilt[1]
    picture = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(14):
        cx, cy, r = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(side / 20, side / 4)
        colour = tuple(int(v) for v in rng.uniform(20, 235, 3))
        shape = rng.integers(3)
        if shape == 0:
            pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour)
        elif shape == 1:
            pen.rectangle((cx - r, cy - r / 2, cx + r, cy + r / 2), fill=colour)
        else:
            pen.line((cx, cy, cx + 3 * r, cy - 2 * r), fill=colour, width=max(1, side // 40))
    return np.asarray(picture)


def damage(truth: np.ndarray, task: str, level: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """A stand-in for a task's damage: (degraded, mask), good enough to look at."""
    side = len(truth)
    small = Image.fromarray(truth).resize((side // 8, side // 8), Image.Resampling.BOX)
    blocks = np.asarray(small.resize((side, side), Image.Resampling.NEAREST))
    if task == "jpeg":
        return blocks // 2 + truth // 2, np.ones((side, side), np.uint8)
    rng = np.random.default_rng(seed_for(level, index))
    cy, cx = rng.uniform(0.35, 0.65, 2) * side
    y, x = np.mgrid[0:side, 0:side]
    mask = ((((y - cy) / (side * 0.2)) ** 2 + ((x - cx) / (side * 0.24)) ** 2) < 1).astype(np.uint8)
    paint = {"mosaic": blocks, "hole": np.full_like(truth, 128)}.get(task, np.zeros_like(truth))
    return np.where(mask[..., None] == 1, paint, truth), mask


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def row(run: store.Run, level: str, image: str, metric: str, region: str, value: float, status: str = "ok") -> dict:
    """One score row."""
    named = (run.protocol, run.task, run.method, run.seed, level, image, metric, region, value, status)
    return dict(zip(store.SCORE_COLUMNS, named, strict=True))


def score_rows(run: store.Run, made: Made, images: Sequence[str], metrics: dict) -> list[dict]:
    """Seeded scores in every shape: pair metrics per region, one too small, one unavailable, set and cost."""
    luck = np.random.default_rng(seed_for("luck", run.task, run.method, run.seed)).normal() * made.trained
    rows = []
    for depth, level in enumerate(LEVELS[run.task]):
        for image in images:
            hard = np.random.default_rng(seed_for("hard", image)).normal()
            rng = np.random.default_rng(seed_for("score", run.task, run.method, run.seed, level, image))
            for metric, (base, gain, noise) in PAIRS.items():
                for place, region in enumerate(REGIONS):
                    worth = made.quality * (1 - 0.2 * depth) * (1 + 0.02 * luck) - 0.2 * depth
                    value = base + gain * (worth + 0.15 * hard + 0.15 * place) + noise * rng.normal()
                    rows.append(row(run, level, image, metric, region, value))
            for region in REGIONS:
                rows.append(row(run, level, image, "lpips_vgg", region, np.nan, "unavailable"))
            rows.append(row(run, level, image, "niqe", "whole", np.nan, "too_small"))
            rows.append(row(run, level, image, "observed", "kept", 1 - 0.05 * made.quality * rng.random()))
        rows.append(row(run, level, "", "fid_squeeze", "whole", 90 - 60 * made.quality + 5 * depth + luck))
    rows.append(row(run, "", "", "parameters", "", made.parameters))
    rows.append(row(run, "", "", "images_per_second", "", 400 - 200 * made.quality))
    return [each for each in rows if each["metric"] in metrics]


def write_inputs(root: Path, run: store.Run, images: Sequence[str], side: int) -> None:
    """Truth, degraded and mask of the pictures, shared by the task's runs."""
    for index, image in enumerate(images):
        truth = draw(index, side)
        save(store.input_path(root, run, "truth", "", image), truth)
        for level in LEVELS[run.task]:
            degraded, mask = damage(truth, run.task, level, index)
            save(store.input_path(root, run, "degraded", level, image), degraded)
            save(store.input_path(root, run, "mask", level, image), mask * 255)


def write_restored(folder: Path, run: store.Run, made: Made, images: Sequence[str], side: int) -> None:
    """Restored pictures: truth blended with the damage by quality, and some grain."""
    rng = np.random.default_rng(seed_for("grain", run.task, run.method, run.seed))
    for index, image in enumerate(images):
        truth = draw(index, side)
        for level in LEVELS[run.task]:
            degraded, mask = damage(truth, run.task, level, index)
            blend = truth * made.quality + degraded * (1 - made.quality)
            grain = rng.normal(size=truth.shape) * 14 * made.quality * (1 - made.quality) * mask[..., None]
            save(store.restored_path(folder, level, image), np.clip(blend + grain, 0, 255).astype(np.uint8))


def scalars(run: store.Run) -> list[dict[str, float]]:
    """Training scalars that look like training."""
    rng = np.random.default_rng(seed_for("curve", run.task, run.method, run.seed))
    steps = np.linspace(100, 20000, 120)
    return [
        {
            "images": float(at),
            "loss_g": float(2 * np.exp(-at / 6000) + 0.6 + 0.05 * rng.normal()),
            "loss_d": float(0.3 + 0.3 * (1 - np.exp(-at / 4000)) + 0.04 * rng.normal()),
            "l1": float(0.2 * np.exp(-at / 5000) + 0.05 + 0.004 * rng.normal()),
        }
        for at in steps
    ]


def base_run(task: str, made: Made, seed: int) -> store.Run:
    """The record of one fabricated run, as if it had gone well."""
    return store.Run(
        protocol="1", suite="small", task=task, method=made.name, seed=seed, trained=made.trained, oracle=made.oracle,
        run_id=f"{seed_for(task, made.name, seed):012x}"[:12], status=store.DONE,
        config={"method": {"width": 32, "adversarial": 1.0}, "data": "embedded:scenes", "budget": 20000, "size": 128},
        digests={"inputs": DIGEST, "train data": "9f2c61", "test data": "0be7aa"}, metrics=METRICS,
        cost={"training_seconds": 412.5} if made.trained else {}, images_seen=20000 if made.trained else 0,
        versions={"python": "3.11.7", "torch": "2.15.0", "numpy": "2.4.6"}, device="made for a test, 2 cores",
        git="0123abc", started=f"2026-11-20T12:{seed:02d}:00+00:00",
    )  # fmt: skip


def write_one(root: Path, run: store.Run, made: Made, images: Sequence[str], side: int) -> Path:
    """Store one finished run: record, scores, pictures, curves."""
    folder = store.run_folder(root, run.task, run.method, run.run_id)
    store.write_scores(folder, score_rows(run, made, images, run.metrics))
    write_restored(folder, run, made, images[:4], side)
    if made.trained:
        store.append_scalars(folder, scalars(run))
    store.write_run(folder, run)
    return folder


def make_runs(
    root: Path,
    tasks: Sequence[str] = ("mosaic",),
    methods: Sequence[Made] = METHODS,
    images: int = 12,
    side: int = 64,
) -> Path:
    """A runs folder with every kind of row: finished, failed, interrupted, oracle, untrained. Returns root."""
    names = [f"photo_{index:04d}" for index in range(images)]
    for task in tasks:
        for made in methods:
            failed = {seed for seed, _, _ in made.fails}
            for seed in made.seeds:
                if seed not in failed:
                    write_one(root, base_run(task, made, seed), made, names, side)
            for seed, status, reason in made.fails:
                run = replace(base_run(task, made, seed), status=status, reason=reason, metrics={}, images_seen=8200)
                folder = store.run_folder(root, task, made.name, run.run_id)
                store.write_run(folder, run)
                store.append_scalars(folder, scalars(run)[:50])
        write_inputs(root, base_run(task, methods[0], 0), names[:4], side)
    return root


if __name__ == "__main__":
    make_runs(Path(sys.argv[1]), tuple(LEVELS), images=40, side=192)
