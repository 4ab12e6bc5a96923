#!/usr/bin/env python3
"""Storage, time and cost of a large board, from rates that are given or measured.

    scripts/plan.py --methods 1000 --seeds 10 --pictures 100000 --workers 256 --price 2.5
    scripts/plan.py --runs runs --measure psnr,ssim,lpips_squeeze

--runs takes the rates of training and restoring and the sizes of files from stored runs (medians over their methods);
--measure times the metrics and a table of scores here. What is neither measured nor given has the default shown by -h.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import store

HOUR, GIGA = 3600.0, 1e9
OPTIONS: tuple[tuple[str, float, str], ...] = (
    ("methods", 1000, "rows of the board"), ("seeds", 10, ""), ("levels", 1, "scored, of all tasks together"),
    ("pictures", 100_000, "scored on each level"), ("images", 1_000_000, "pictures seen by one training"),
    ("size", 128, "side of the pictures that are timed"), ("kept", 8, "pictures kept per run and level"),
    ("workers", 256, "jobs at a time"), ("price", 2.5, "of a worker's hour"), ("disk", 0.02, "price of a GB's month"),
    ("train_rate", 1000.0, "pictures a second in training"), ("restore_rate", 1000.0, "pictures a second restored"),
    ("score_rate", 50.0, "pictures a second through all metrics"), ("rows", 2.0, "scores per picture and level"),
    ("row_bytes", 12.0, "of one score"), ("checkpoint_bytes", 1e7, ""), ("picture_bytes", 3e4, "of one kept"),
)  # fmt: skip


def from_runs(root: Path) -> Iterator[tuple[str, float]]:
    """Medians over the runs of a folder, of what they tell."""
    found: dict[str, list[float]] = {}
    for folder in store.find_runs(root):
        run = store.read_run(folder)
        if run.cost.get("training_seconds"):
            found.setdefault("train_rate", []).append(run.images_seen / run.cost["training_seconds"])
            found.setdefault("checkpoint_bytes", []).append((folder / "checkpoint.pt").stat().st_size)
            if "images_per_second" in run.cost:
                found.setdefault("restore_rate", []).append(run.cost["images_per_second"])
        for path in (folder / "images").glob("*/*.png"):
            found.setdefault("picture_bytes", []).append(path.stat().st_size)
    for name, values in found.items():
        yield name, statistics.median(values)


def measured(metrics: tuple[str, ...], size: int, pictures: int = 64) -> Iterator[tuple[str, float]]:
    """The metrics timed on noisy pictures, and the bytes of a score in a table as long as one run's."""
    import torch

    from bench.scoring.battery import Battery, Pictures

    battery, rng = Battery.of(metrics, torch.device("cpu")), np.random.default_rng(0)
    clean = rng.integers(0, 256, (pictures, size, size, 3), np.uint8)
    noisy = np.clip(clean + rng.normal(0, 9, clean.shape), 0, 255).astype(np.uint8)
    mask = np.zeros(clean.shape[:3], np.uint8)
    mask[:, : size // 2] = 1
    given = Pictures([f"picture_{each:06}" for each in range(pictures)], noisy, clean, mask)
    rows = battery.add(given)  # loads what the metrics load once
    began = time.perf_counter()
    rows = battery.add(given)
    yield "score_rate", pictures / (time.perf_counter() - began)
    yield "rows", len(rows) / pictures
    yield "row_bytes", _row_bytes(rows)


def _row_bytes(rows: list[dict[str, object]], count: int = 200_000) -> float:
    same = {"protocol": "1", "task": "task", "method": "method", "seed": 0, "level": "level"}
    values = np.random.default_rng(0).normal(30, 3, count)
    table = [
        {**same, **rows[place % len(rows)], "value": value, "image_id": f"picture_{place // len(rows):06}"}
        for place, value in enumerate(values)
    ]
    with tempfile.TemporaryDirectory() as folder:
        store.write_scores(Path(folder), table)
        return (Path(folder) / "scores.parquet").stat().st_size / count


def plan(given: dict[str, float]) -> list[tuple[str, str]]:
    """The table: what one run takes, and what all do."""
    runs = given["methods"] * given["seeds"]
    scored = given["pictures"] * given["levels"]
    hours = {
        "training": given["images"] / given["train_rate"] / HOUR,
        "restoring": scored / given["restore_rate"] / HOUR,
        "metrics": scored / given["score_rate"] / HOUR,
    }
    size = {
        "scores": scored * given["rows"] * given["row_bytes"] / GIGA,
        "checkpoints": given["checkpoint_bytes"] / GIGA,
        "kept pictures": given["kept"] * given["levels"] * given["picture_bytes"] / GIGA,
    }
    total, stored = runs * sum(hours.values()), runs * sum(size.values())
    lines = [("runs", f"{runs:,.0f}"), ("scores", f"{runs * scored * given['rows']:,.0f}")]
    lines += [(f"worker-hours, {name}", f"{runs * each:,.0f} ({each:.3f} a run)") for name, each in hours.items()]
    lines += [(f"GB, {name}", f"{runs * each:,.1f} ({1000 * each:.2f} MB a run)") for name, each in size.items()]
    return [
        *lines,
        ("worker-hours, all", f"{total:,.0f}"),
        (f"days on {given['workers']:.0f} workers", f"{total / given['workers'] / 24:,.1f}"),
        (f"cost at {given['price']:g} a worker-hour", f"{total * given['price']:,.0f}"),
        ("GB, all", f"{stored:,.1f}"),
        (f"cost of a month's storage at {given['disk']:g} a GB", f"{stored * given['disk']:,.2f}"),
    ]


def main(arguments: list[str] | None = None, write: Callable[[str], object] = sys.stdout.write) -> None:
    """Print the rates and where they are from, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of stored runs to take rates from")
    parser.add_argument("--measure", default="", metavar="METRICS", help="metrics to time here, separated by commas")
    for name, value, text in OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help=f"{text} ({value:g})".strip())
    asked = vars(parser.parse_args(arguments))
    runs, metrics = asked.pop("runs"), asked.pop("measure")
    values = {name: (value, "assumed") for name, value, _ in OPTIONS}
    if runs is not None:
        values |= {name: (value, f"from {runs}") for name, value in from_runs(runs)}
    if metrics:
        size = int(asked["size"] or values["size"][0])
        values |= {name: (value, "measured") for name, value in measured(tuple(metrics.split(",")), size)}
    values |= {name: (value, "given") for name, value in asked.items() if value is not None}
    for name, (value, source) in values.items():
        write(f"{name:20} {value:>14,.6g}  {source}\n")
    write("\n")
    for what, figure in plan({name: value for name, (value, _) in values.items()}):
        write(f"{what:44} {figure}\n")


if __name__ == "__main__":
    main()
