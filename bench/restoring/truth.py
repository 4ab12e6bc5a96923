"""What was damaged and what was restored against the truth: two scores by each metric."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.errors import UserError, unknown
from bench.metrics import METRICS
from bench.results.atomic import write_atomic
from bench.scoring.battery import WHOLE, Battery, Pictures
from bench.video.parts import Judged, Pair

DEFAULT = ("psnr", "ssim")


@dataclass(frozen=True)
class Mean:
    """A metric over the frames of a video that have a value by it, of the input and of the restored."""

    metric: str
    input: float
    restored: float
    frames: int

    def __str__(self) -> str:
        return f"{self.metric}: input {self.input:.4f}, restored {self.restored:.4f} over {self.frames} frames"


def battery_of(names: tuple[str, ...]) -> Battery:
    """Metrics of single pictures, on the CPU; no names: DEFAULT.

    Raises UserError on one that is not known, needs more than a picture and its truth, or has no weights here.
    """
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        if METRICS[name].kind not in ("pair", "single"):
            raise UserError(f"metric '{name}' does not score a picture by its truth alone; leave it out")
    battery = Battery.of(names or DEFAULT, torch.device("cpu"))
    for name, reason in battery.missing.items():
        raise UserError(f"metric '{name}': {reason}")
    return battery


def against_truth(
    battery: Battery, before: np.ndarray, after: np.ndarray, truth: np.ndarray, mask: np.ndarray | None
) -> dict[str, Pair]:
    """Scores of before and after, uint8 H×W×3 as the truth; with a mask, H×W of 0/1, "METRIC/REGION" too.

    Left out where one of the two has no finite value.
    """
    region = None if mask is None else np.stack([mask, mask])
    pictures = Pictures(["before", "after"], np.stack([before, after]), np.stack([truth, truth]), region)
    found: dict[str, dict[str, float]] = {}
    for row in battery.add(pictures):
        name = row["metric"] if row["region"] == WHOLE else f"{row['metric']}/{row['region']}"
        found.setdefault(name, {})[row["image_id"]] = row["value"]
    pairs = {name: (each["before"], each["after"]) for name, each in found.items()}
    return {name: pair for name, pair in pairs.items() if np.isfinite(pair).all()}


def means(frames: list[Judged]) -> tuple[Mean, ...]:
    """Of every metric that has a value for some frame."""
    found = []
    for name in _names(frames):
        known = [frame.scores[name] for frame in frames if name in frame.scores]
        before, after = np.mean(known, axis=0)
        found.append(Mean(name, float(before), float(after), len(known)))
    return tuple(found)


def write_frames(path: Path, frames: list[Judged]) -> None:
    """A CSV with a row for each frame: flicker and scores, of the input and of the restored; empty = no value."""
    names = ["flicker", *_names(frames)]
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["frame", *(f"{name} of {which}" for name in names for which in ("input", "restored"))])
    for number, frame in enumerate(frames):
        pairs = [frame.flicker or ("", ""), *(frame.scores.get(name, ("", "")) for name in names[1:])]
        writer.writerow([number, *(value for pair in pairs for value in pair)])
    write_atomic(path, lines.getvalue().encode())


def _names(frames: list[Judged]) -> list[str]:
    return list(dict.fromkeys(name for frame in frames for name in frame.scores))
