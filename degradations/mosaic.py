"""Mosaic cells over an object-shaped region (Erase Mossaic: CoinCheung/Mossaic-Handling, AddMask)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from degradations.base import Degradation, Degraded, Task, check_image

TASK = Task(
    name="mosaic",
    lost="Cells of an object-shaped region take one colour each.",
    source="Erase Mossaic (CoinCheung/Mossaic-Handling)",
    tells_mask=False,
    content=frozenset({"scenes", "faces"}),
    train="mosaic_c8",
    levels=("mosaic_c8", "mosaic_c16"),
)
FILLS = ("mean", "topleft")


def saliency(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A smooth field that peaks near the middle, standing for the source's class-activation map: float32 H×W.

    A sum of stretched, tilted bumps 1/(1+r²)²; only + - * / on each pixel, so all machines agree to the last bit.
    """
    unit = np.float32((height * width) ** 0.5 / 2)
    y = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)) / unit
    x = (np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)) / unit
    reach = np.array([width, height]) / (2 * unit)
    field = np.zeros((height, width), np.float32)
    for index in range(int(rng.integers(4, 8))):
        spread = (0.25 if index == 0 else 0.75) * reach  # the first bump is the object's body, the rest its limbs
        centre = rng.uniform(-1, 1, 2) * spread
        size = rng.uniform(0.45, 0.75, 2) if index == 0 else rng.uniform(0.12, 0.4, 2)
        weight = 1.0 if index == 0 else rng.uniform(-0.45, 0.8)
        t = rng.uniform(-1, 1)
        c, s = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)  # a rotation without sines
        dx, dy = (x - np.float32(centre[0]))[None], (y - np.float32(centre[1]))[:, None]
        along = dx * np.float32(c / size[0]) + dy * np.float32(s / size[0])
        across = dy * np.float32(c / size[1]) - dx * np.float32(s / size[1])
        bump = 1 + along * along + across * across
        field += np.float32(weight) / (bump * bump)
    return field


def top_region(field: np.ndarray, ratio: float) -> np.ndarray:
    """The highest pixels of a field, exactly round(ratio·H·W) of them and at least one: bool H×W.

    Equal values are taken in reading order.
    """
    flat = field.ravel()
    count = min(max(int(ratio * flat.size + 0.5), 1), flat.size)
    least = np.partition(flat, flat.size - count)[flat.size - count]
    region = flat > least
    ties = np.flatnonzero(flat == least)
    region[ties[: count - int(region.sum())]] = True
    return region.reshape(field.shape)


def cell_colours(image: np.ndarray, cell: int, fill: str) -> np.ndarray:
    """One colour per cell, partial cells at the right and bottom included: uint8 rows×columns×3.

    "mean" rounds halves up; "topleft" samples the cell's first pixel, as the source does.
    """
    if fill == "topleft":
        return image[::cell, ::cell]
    height, width = image.shape[:2]
    tops, lefts = np.arange(0, height, cell), np.arange(0, width, cell)
    sums = np.add.reduceat(np.add.reduceat(image, tops, axis=0, dtype=np.int64), lefts, axis=1)
    sizes = np.diff(np.append(tops, height))[:, None] * np.diff(np.append(lefts, width))
    return ((2 * sums + sizes[..., None]) // (2 * sizes[..., None])).astype(np.uint8)


@dataclass(frozen=True)
class Mosaic(Degradation):
    """Cells on a grid anchored at (0, 0); a cell is filled if its top-left pixel lies in the region."""

    cell: int = 8  # side in pixels
    fill: str = "mean"  # or "topleft"
    ratio: float = 0.3  # part of the pixels that the region holds
    cell_max: int | None = None  # given: the side is drawn from cell..cell_max, both included
    trailing: bool = True  # False: the last cell of each row and column is never filled (a slip of the source's loops)

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ValueError(f"unknown mosaic fill {self.fill!r}; known: {', '.join(FILLS)}")
        if self.cell < 1 or (self.cell_max is not None and self.cell_max < self.cell) or not 0 < self.ratio <= 1:
            raise ValueError(f"mosaic needs cell >= 1, cell_max >= cell and 0 < ratio <= 1, got {self!r}")

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. The mask holds exactly the pixels of filled cells."""
        check_image(image)
        height, width = image.shape[:2]
        cell, chosen = self._chosen(height, width, seed)
        lost = _enlarge(chosen, cell, height, width)
        mosaic = _enlarge(cell_colours(image, cell, self.fill), cell, height, width)
        return Degraded(np.where(lost[..., None], mosaic, image), lost.astype(np.uint8))

    def evidence(self, image: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """The colours of the filled cells: "cells", uint8 n×3."""
        check_image(image)
        height, width = image.shape[:2]
        cell, chosen = self._chosen(height, width, seed)
        return {"cells": cell_colours(image, cell, self.fill)[chosen]}

    def _chosen(self, height: int, width: int, seed: int) -> tuple[int, np.ndarray]:
        """The cells' side, and which are filled: bool rows×columns."""
        rng = np.random.Generator(np.random.PCG64(seed))
        cell = self.cell if self.cell_max is None else int(rng.integers(self.cell, self.cell_max + 1))
        chosen = top_region(saliency(rng, height, width), self.ratio)[::cell, ::cell]
        if not self.trailing:
            whole_rows = np.arange(0, height, cell) < height - cell
            whole_columns = np.arange(0, width, cell) < width - cell
            chosen = chosen & whole_rows[:, None] & whole_columns
        return cell, chosen


def _enlarge(cells: np.ndarray, cell: int, height: int, width: int) -> np.ndarray:
    """Every cell as a block of pixels, cut to the picture."""
    return cells.repeat(cell, axis=0)[:height].repeat(cell, axis=1)[:, :width]


CELLS = (4, 6, 8, 10, 12, 16)
LEVELS: dict[str, Degradation] = {
    **{f"mosaic_c{cell}": Mosaic(cell) for cell in CELLS},
    **{f"mosaic_c{cell}_topleft": Mosaic(cell, "topleft") for cell in CELLS},
    "mosaic_c10_source": Mosaic(10, "topleft", trailing=False),
    "mosaic_c4to16": Mosaic(4, cell_max=16),
}
