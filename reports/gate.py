"""The page of a check: its verdict and the pictures that got worse, from check.json's values and stored pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.errors import UserError
from bench.results.store import Run, find_runs, input_path, read_run, restored_path, write_atomic
from reports.templating import inline, open_templates, policy
from reports.text import decimals, number, safe_name, signed

MANIFEST = ".restorebench-check.json"
SIDE = 160  # px; larger pictures are cropped to this
Box = tuple[int, int, int, int]  # left, top, right, bottom
STATES = ("regressed", "could not judge", "pass", "noted")


@dataclass(frozen=True)
class Shot:
    """One picture of a strip; src is relative to the page."""

    label: str
    src: str
    score: str


@dataclass(frozen=True)
class Strip:
    """One picture that got worse: degraded, before, now, truth, one crop for all."""

    image: str
    level: str
    width: int
    height: int
    words: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Runs:
    """A runs folder by run id."""

    root: Path
    folders: dict[str, tuple[Path, Run]]

    @classmethod
    def of(cls, root: Path) -> Runs:
        """Find the runs below a folder."""
        found = ((folder, read_run(folder)) for folder in find_runs(root))
        return cls(root, {run.run_id: (folder, run) for folder, run in found})

    def restored(self, worse: dict[str, Any], by_id: bool) -> np.ndarray | None:
        """The picture in question: of that very run, or of the same method and seed."""
        for run_id, (folder, run) in self.folders.items():
            same = (run.task, run.method, run.seed) == (worse["task"], worse["method"], worse["seed"])
            if run_id == worse["run_id"] if by_id else same:
                picture = _read(restored_path(folder, worse["level"], worse["image"]))
                if picture is not None:
                    return picture
        return None


def build(verdict: dict[str, Any], runs: Path, before: Path | None, site: Path) -> Path:
    """Write index.html and pictures/ into the folder `site`; returns the page's path.

    verdict: as check.json holds it. runs: the folder judged. before: the baseline's runs, where they are at hand.
    Raises UserError when `site` holds a page that this did not make.
    """
    page = site / "index.html"
    if page.exists() and not (site / MANIFEST).exists():
        raise UserError(f"{site}: already holds an index.html that is not a check; name another folder with --out")
    write_atomic(site / MANIFEST, json.dumps({"made by": "restorebench check"}).encode())
    shutil.rmtree(site / "pictures", ignore_errors=True)
    now, old = Runs.of(runs), None if before is None else Runs.of(before)
    style, theme = inline("style.css", "gate.css"), inline("theme.js")
    context = {
        "style": style,
        "theme": theme,
        "csp": policy(style, [theme]),
        "verdict": verdict,
        "groups": [(state, [line for line in verdict["lines"] if line["state"] == state]) for state in STATES],
        "strips": list(_strips(verdict["worse"], now, old, site)),
        "place": _place,
        "loss": _loss,
        "value": _value,
    }
    write_atomic(page, open_templates().get_template("gate.html").render(context).encode())
    return page


def _strips(worse: list[dict[str, Any]], now: Runs, before: Runs | None, site: Path) -> Iterator[Strip]:
    """Of the pictures that were kept: degraded, before where it is at hand, now, truth; one crop for all."""
    for each in worse:
        after = now.restored(each, by_id=True)
        if after is None:
            continue
        run = now.folders[each["run_id"]][1]
        inputs = {
            kind: _read(input_path(now.root, run, kind, each["level"], each["image"])) for kind in ("degraded", "truth")
        }
        old = None if before is None else before.restored(each, by_id=False)
        pictures = {"degraded": inputs["degraded"], "before": old, "now": after, "truth": inputs["truth"]}
        alike = {
            name: pixels for name, pixels in pictures.items() if pixels is not None and pixels.shape == after.shape
        }
        yield _strip(each, alike, worst_box(alike), site)


def worst_box(pictures: dict[str, np.ndarray]) -> Box:
    """The window of at most SIDE px where the error against the truth grew most; without a picture before, is largest.

    pictures: uint8 H×W×3 each, of one size: "now", and "truth" and "before" where they are at hand.
    """
    now = pictures["now"].astype(float)
    truth = pictures.get("truth", np.zeros_like(pictures["now"])).astype(float)
    grown = np.square(now - truth).mean(axis=2)
    if "before" in pictures:
        grown = grown - np.square(pictures["before"] - truth).mean(axis=2)
    height, width = grown.shape
    tall, wide = min(SIDE, height), min(SIDE, width)
    total = np.pad(grown, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    windows = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
    top, left = (int(each) for each in np.unravel_index(np.argmax(windows), windows.shape))
    return left, top, left + wide, top + tall


def _strip(worse: dict[str, Any], pictures: dict[str, np.ndarray], box: Box, site: Path) -> Strip:
    parts = (worse[key] for key in ("task", "method", "level", "image"))
    base = "/".join(["pictures", *(safe_name(part) for part in parts)])
    scores = {"before": number(worse["before"], 3), "now": number(worse["after"], 3)}
    shots = tuple(
        Shot(name, _save(site, f"{base}/{name}.png", pixels, box), scores.get(name, ""))
        for name, pixels in pictures.items()
    )
    words = f"{worse['method']} on {worse['task']}, {worse['metric']} {scores['before']} became {scores['now']}"
    return Strip(worse["image"], worse["level"], box[2] - box[0], box[3] - box[1], words, shots)


def _read(path: Path) -> np.ndarray | None:
    """uint8 H×W×3, or None where there is no readable picture."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _save(site: Path, relative: str, pixels: np.ndarray, box: Box) -> str:
    path = site / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).crop(box).save(path)
    return relative


def _place(line: dict[str, Any]) -> str:
    return " ".join(part for part in line["place"].values() if part)


def _value(line: dict[str, Any], key: str) -> str:
    return "" if line[key] is None else number(line[key], 4)


def _loss(line: dict[str, Any]) -> str:
    """The mean loss as a change of sign "worse is negative", with its bounds."""
    if line["loss"] is None:
        return ""
    bounded = line["low"] is not None and line["high"] is not None
    places = decimals([(line["high"] - line["low"]) / 2], 0) if bounded else 4
    bounds = f" ({number(line['low'], places)} to {number(line['high'], places)})" if bounded else ""
    return f"{signed(line['loss'], places)}{bounds}" + (f" {line['unit']}" if line["unit"] else "")
