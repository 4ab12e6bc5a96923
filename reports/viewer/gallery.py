"""What the picture viewer reads: one JSON structure per page, `Gallery.data()` as a plain dict.

    {
      "task": "mosaic",
      "columns": [                                 what is compared, in the order of the keys 1-9; truth has the key 0
        {"id": "degraded", "name": "degraded", "kind": "degraded"},
        {"id": "m-pix2pix", "name": "pix2pix", "kind": "method"},       kind "oracle": told where the damage is
        {"id": "truth", "name": "truth", "kind": "truth"}
      ],
      "metrics": [                                 scores beside the picture; best, median and worst go by the first
        {"label": "lpips squeeze ↓", "title": "its definition", "up": false}
      ],
      "pictures": [                                one test picture at one level, the same crop in every column
        {"image": "photo_0003", "level": "mosaic_c16", "note": "crop at 10, 20 of 512 × 512 px",
         "width": 160, "height": 160,
         "src": ["pictures/…/degraded.png", "", "pictures/…/truth.png"],   by column, "" where no picture was kept
         "outline": "pictures/…/outline.svg",      the border of what was lost, "" where there is none to draw
         "scores": [[["0.12", 0.1234, true]], [], []]}    by column: none, or one per metric: text, number, best
      ],
      "orders": [                                  the first is the order at the start
        {"id": "disagreement", "label": "most disagreement", "rule": "in words", "at": [1, 0]},    indices, or
        {"id": "worst", "label": "worst first", "rule": "… {of} …", "at": null}    best, median, worst: the page's work
      ],
      "rule": "how the pictures were chosen and cropped"
    }

Column ids and (image, level) are the names of a view in the address, so they must not change from build to build. All
text may come from strangers; the page only ever places it as text. Pages put the viewer to use in three steps:

1. render a template that extends layout.html with `gallery=<Gallery>.data()` in its context: the layout then writes
   the data and the dialog (without `gallery`, neither);
2. begin its `scripts` with site.viewer_scripts(), so that they are in the page and in its policy;
3. link to views: `<a class="picture" href="{{ link(page, picture, column) }}">`. Any address works that names
   `v.image` (and `v.level`), or `v.order`; see templates/viewer-address.js for the rest of a view. A cell of a table
   leads to the pictures behind it with `task.html#v.order=worst&v.of=<column id>&v.show=<column id>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from reports.text import decimals, number

DEGRADED, METHOD, ORACLE, TRUTH = "degraded", "method", "oracle", "truth"
STRIPS = 8  # pictures shown on the page itself, each image once
Score = tuple[str, float | None, bool]  # text, number, best of its picture and metric


@dataclass(frozen=True)
class Column:
    """One thing compared. id: names its files and its place in an address; kind: degraded, method, oracle or truth."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True)
class Metric:
    """A score shown beside the pictures."""

    label: str
    title: str
    up: bool


@dataclass(frozen=True)
class Picture:
    """One test picture at one level; src and scores by column."""

    image: str
    level: str
    note: str
    width: int
    height: int
    src: tuple[str, ...]
    outline: str
    scores: tuple[tuple[Score, ...], ...]


@dataclass(frozen=True)
class Order:
    """An order of the pictures. at: their indices, or None for best, median and worst, which the page works out."""

    id: str
    label: str
    rule: str
    at: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Gallery:
    """All that a page's viewer shows."""

    task: str
    columns: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    pictures: tuple[Picture, ...]
    orders: tuple[Order, ...]
    rule: str  # how the pictures were chosen and cropped

    def data(self) -> dict[str, Any]:
        """Plain JSON values, as described above."""
        return asdict(self)

    def strips(self) -> tuple[Picture, ...]:
        """The pictures of the page itself: the first of the order at the start, each image once."""
        first: dict[str, Picture] = {}
        for index in self.orders[0].at or range(len(self.pictures)):
            first.setdefault(self.pictures[index].image, self.pictures[index])
        return tuple(first.values())[:STRIPS]


def link(page: str, picture: Picture, column: Column) -> str:
    """The address that opens the viewer of `page` on one picture."""
    return f"{page}#{urlencode({'v.image': picture.image, 'v.level': picture.level, 'v.show': column.id})}"


def best_first(metric: str, region: str) -> tuple[Order, ...]:
    """The orders that go by the score of one method, or by the mean over methods; the reader says which."""
    what = f"{metric}{f' on the {region} region' if region else ''}, {{of}}"
    return (
        Order("best", "best first", f"By {what}, the best first."),
        Order("median", "median first", f"By {what}, the nearest to the median first."),
        Order("worst", "worst first", f"By {what}, the worst first."),
    )


def marked(values: np.ndarray, columns: Sequence[Column], metric: dict[str, Any]) -> list[Score]:
    """One metric of one picture as scores: the best method is marked, with all that read the same.

    values: float64, one per column, NaN where there is none. metric: its declaration.
    """
    places = decimals([], float(metric["matters"]))
    texts = [number(each, places) for each in values]
    rivals = np.array([column.kind == METHOD for column in columns]) & np.isfinite(values)
    best = None
    if rivals.any():
        best = texts[int(np.where(rivals, values * (1 if metric["higher_is_better"] else -1), -np.inf).argmax())]
    return [
        (text, float(f"{value:.5g}") if np.isfinite(value) else None, bool(rival) and text == best)
        for text, value, rival in zip(texts, values, rivals, strict=True)
    ]
