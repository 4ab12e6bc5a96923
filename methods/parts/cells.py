"""Finds a mosaic in a picture: its grid, and which cells were filled. Plain numpy; nothing is learnt.

A picture here is uint8 H×W×3. A mosaic is a set of square cells of one colour each on a regular grid of unknown size
and phase; cells cut off by the picture's edge count as cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZES = range(4, 17)
MIN_AREA = 256  # pixels of cells that must agree on a grid: 4 cells of 8, 16 of 4; small flat blocks happen by chance
MIN_SHARE = 0.5  # of the witnesses of one size, the part on one phase; chance spreads over all size² phases
MAX_EQUAL = 0.25  # part of a cell's side that may equal what lies beyond it
MIN_RIM, MAX_RATIO = (
    8,
    0.55,
)  # sides needed, and how much nearer their own corner must be, to call colours point samples


@dataclass(frozen=True)
class Grid:
    """A mosaic's grid: cells of size×size pixels with a corner at row `top`, column `left`, both below size."""

    size: int
    top: int
    left: int

    def rows(self, height: int) -> np.ndarray:
        """First pixel row of every row of cells; the first is negative when the edge cuts its cells."""
        return np.arange(self.top - self.size if self.top else 0, height, self.size)

    def columns(self, width: int) -> np.ndarray:
        """First pixel column of every column of cells."""
        return self.transposed().rows(width)

    def transposed(self) -> Grid:
        """The grid of the transposed picture."""
        return Grid(self.size, self.left, self.top)


def find_grid(image: np.ndarray) -> Grid | None:
    """The grid that most cells witness, or None when there is no mosaic.

    A witness is a block of one colour whose four sides all break: in sky or in a flat drawing a block can be continued,
    and blocks that break on all sides by chance do not share a phase.
    """
    beside, above = _equal_pairs(image)
    tables = _sum_table(beside), _sum_table(above)
    best, best_area = None, 0
    for size in SIZES:
        if size > min(image.shape[:2]):
            break
        top, left = np.nonzero(_witnesses(*tables, size))
        votes = np.bincount((top % size) * size + left % size, minlength=size * size)
        winner = int(votes.argmax())
        area = int(votes[winner]) * size * size
        if area >= max(MIN_AREA, 2 * size * size, best_area + 1) and votes[winner] >= MIN_SHARE * top.size:
            best, best_area = Grid(size, winner // size, winner % size), area
    return best


def mosaicked_cells(image: np.ndarray, grid: Grid) -> np.ndarray:
    """Which cells of the grid were filled: bool, rows of cells × columns of cells.

    These are the cells of one colour whose sides all break. A flat cell that runs on into its neighbour belongs to sky
    or to a drawing; should it lie in the mosaic nevertheless, its content was smooth, with little to restore. Of
    a cell cut by the picture's edge little may be left, so it counts only beside a whole one that was filled.
    """
    rows, columns = np.maximum(grid.rows(image.shape[0]), 0), np.maximum(grid.columns(image.shape[1]), 0)
    lows = np.minimum.reduceat(np.minimum.reduceat(image, rows, axis=0), columns, axis=1)
    highs = np.maximum.reduceat(np.maximum.reduceat(image, rows, axis=0), columns, axis=1)
    flat = (lows == highs).all(axis=2)
    beside, above = _equal_pairs(image)
    filled = flat & ~_runs_on(beside, rows, columns) & ~_runs_on(above.T, columns, rows).T
    heights, widths = np.diff(np.append(rows, image.shape[0])), np.diff(np.append(columns, image.shape[1]))
    sure = np.pad(filled & (heights[:, None] == grid.size) & (widths == grid.size), 1)
    near = sure[:-2, 1:-1] | sure[2:, 1:-1] | sure[1:-1, :-2] | sure[1:-1, 2:]
    return sure[1:-1, 1:-1] | (filled & near)


def sampled_top_left(image: np.ndarray, grid: Grid, cells: np.ndarray) -> bool:
    """Whether a cell's colour is that of its top-left pixel, rather than its mean.

    Kept pixels along the left and the upper side of the mosaic tell: a point sample resembles the neighbour at its own
    corner more than the one at the side's other end; a mean resembles both alike. The limits lean to the mean: a mean
    taken for a point sample comes out worse than the mosaic, the other mistake is harmless.
    """
    near_far = [_corner_distances(image, grid, cells)]
    near_far.append(_corner_distances(image.transpose(1, 0, 2), grid.transposed(), cells.T))
    near, far = np.concatenate(near_far, axis=1)
    return near.size >= MIN_RIM and near.mean() + 1 <= MAX_RATIO * (far.mean() + 1)


def _equal_pairs(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether a pixel equals the one to its left (H×(W+1)) and the one above it ((H+1)×W); False over the edge."""
    height, width = image.shape[:2]
    beside = np.zeros((height, width + 1), dtype=bool)
    above = np.zeros((height + 1, width), dtype=bool)
    beside[:, 1:-1] = (image[:, 1:] == image[:, :-1]).all(axis=2)
    above[1:-1] = (image[1:] == image[:-1]).all(axis=2)
    return beside, above


def _sum_table(values: np.ndarray) -> np.ndarray:
    return np.pad(values.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32), ((1, 0), (1, 0)))


def _window_sums(table: np.ndarray, height: int, width: int) -> np.ndarray:
    """Sums over every height×width window."""
    return table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]


def _witnesses(beside: np.ndarray, above: np.ndarray, size: int) -> np.ndarray:
    """Top-left corners of the blocks that have one colour inside and break on all four sides: bool.

    beside, above: sum tables of the equal pairs.
    """
    height, width = beside.shape[0] - size, above.shape[1] - size
    pairs, limit = size * (size - 1), MAX_EQUAL * size
    flat = _window_sums(beside, size, size - 1)[:height, 1 : width + 1] == pairs
    flat &= _window_sums(above, size - 1, size)[1 : height + 1, :width] == pairs
    sides, lids = _window_sums(beside, size, 1) <= limit, _window_sums(above, 1, size) <= limit
    return flat & sides[:, :width] & sides[:, size : size + width] & lids[:height] & lids[size : size + height]


def _runs_on(beside: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cells whose left or right side equals, in more than MAX_EQUAL of it, what lies beyond."""
    heights = np.diff(np.append(rows, beside.shape[0]))
    edges = np.append(columns, beside.shape[1] - 1)
    equal = np.add.reduceat(beside, rows, axis=0, dtype=np.int32)[:, edges] > MAX_EQUAL * heights[:, None]
    return equal[:, :-1] | equal[:, 1:]


def _corner_distances(image: np.ndarray, grid: Grid, cells: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each left-rim cell's colour to the kept pixels beside its upper and lower corner.

    Returns 2×n: upper, lower.
    """
    height, width = image.shape[:2]
    down, across = np.nonzero(cells[:, 1:] & ~cells[:, :-1])
    start, left = grid.rows(height)[down], grid.columns(width)[across + 1]
    whole = (start >= 0) & (start + grid.size <= height)
    start, left = start[whole], left[whole]
    colour = image[start, left].astype(np.float64)
    ends = (image[start, left - 1], image[start + grid.size - 1, left - 1])
    return np.stack([np.abs(colour - end).mean(axis=1) for end in ends])
