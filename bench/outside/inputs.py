"""The inputs of a suite for any program to restore, with a manifest: OUT/LEVEL/degraded/ID.png, OUT/manifest.json."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import PROTOCOL
from bench.data.batches import Case
from bench.data.pictures import save_png
from bench.errors import UserError
from bench.outside.opened import OpenTask
from bench.results.store import write_atomic

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Written:
    """How many pictures a level has, at how many levels, and a line for each that could not be used."""

    pictures: int
    levels: int
    problems: list[str]


def write_inputs(opened: OpenTask, out: Path) -> Written:
    """Write what a method of ours would be given, no more: the mask only where the task tells it, never the truth.

    Raises UserError unless OUT is new or empty, for only then it holds exactly the inputs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; the inputs need one of their own")
    plan, levels = opened.plan, {}
    for level, degradation in plan.exam.levels.items():
        cases = (case for _, case in plan.exam.pictures.cases(level, degradation) if case is not None)
        pictures = [_write(case, out, level, plan.task.tells_mask) for case in cases]
        levels[level] = {"damage": degradation.digest(), "pictures": pictures}
    count = max(len(each["pictures"]) for each in levels.values())
    if not count:
        raise UserError(f"suite {opened.suite.name}: no picture of task '{plan.task.name}' can be used")
    manifest = {
        "protocol": PROTOCOL, "suite": opened.suite.name, "task": plan.task.name, "tells_mask": plan.task.tells_mask,
        "restored": "LEVEL/ID.png, 8-bit RGB of the input's size", "inputs": plan.digests["inputs"], "levels": levels,
    }  # fmt: skip
    write_atomic(out / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return Written(count, len(levels), list(plan.exam.pictures.pictures.problems))


def _write(case: Case, out: Path, level: str, told: bool) -> dict[str, Any]:
    """Store one case's pictures; returns its line of the manifest."""
    height, width = case.degraded.shape[:2]
    files = {"degraded": case.degraded} | ({"mask": case.mask * np.uint8(255)} if told else {})
    line: dict[str, Any] = {"id": case.image_id, "width": width, "height": height, "seed": case.seed}
    for kind, pixels in files.items():
        name = f"{level}/{kind}/{case.image_id}.png"
        save_png(out / name, pixels)
        line[kind] = {
            "file": name,
            "sha256": hashlib.sha256((out / name).read_bytes()).hexdigest(),
            "pixels_sha256": hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest(),
        }
    return line
