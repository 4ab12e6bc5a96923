"""The border of what was lost as an SVG file, to lie over a picture and stay thin however far that is enlarged."""

from __future__ import annotations

import numpy as np

_STROKE = 'fill="none" stroke-linecap="square" vector-effect="non-scaling-stroke"'


def svg(lost: np.ndarray) -> str:
    """A drawing of the border between lost and kept pixels, "" where there is none. lost: bool H×W."""
    path = border(lost)
    if not path:
        return ""
    height, width = lost.shape
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'preserveAspectRatio="none"><path d="{path}" {_STROKE} stroke="#000" stroke-width="3.5"/>'
        f'<path d="{path}" {_STROKE} stroke="#fff" stroke-width="1.5"/></svg>\n'
    )


def border(lost: np.ndarray) -> str:
    """The border as path commands along the edges of pixels. lost: bool H×W."""
    across = _runs(lost[1:] != lost[:-1])
    down = _runs((lost[:, 1:] != lost[:, :-1]).T)
    lines = [f"M{start} {row + 1}h{end - start}" for row, start, end in across]
    return "".join(lines + [f"M{column + 1} {start}v{end - start}" for column, start, end in down])


def _runs(edges: np.ndarray) -> list[tuple[int, int, int]]:
    """(row, start, end) of every run of true values along the rows."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))
