"""The truth's own scores by metrics that need none: the row that shows when a restoration passes for better than it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.results.stats import interval
from bench.results.store import read_reference
from reports.tables import BASELINE, TaskBoard
from reports.text import decimals, number

NAME = "truth"


def reference_cells(board: TaskBoard) -> dict[str, dict[str, Any]]:
    """A cell per metric that the truth was scored by, in the definition the table uses; none where it was not."""
    scores = board.scores
    assert scores is not None
    stored = read_reference(board.selection.root, scores.entries[0].run)
    stored = stored[np.isfinite(stored["value"].astype(float)) & stored["image_id"].isin(scores.images)]
    cells = {}
    for (metric, fingerprint), rows in stored.groupby(["metric", "fingerprint"]):
        declared = scores.metrics.get(metric)
        if declared is None or declared["fingerprint"] != fingerprint:
            continue
        found = interval(rows["value"].to_numpy(float)[None], (board.task, "reference"))
        places = decimals([(found.hi - found.lo) / 2], float(declared["matters"]))
        spread = f"; 95 % interval {found.lo:.4g} to {found.hi:.4g}" if np.isfinite(found.lo) else ""
        words = f"{metric} of the true pictures: {found.mean:.6g}{spread}; {found.n} image{'s' if found.n != 1 else ''}"
        cells[metric] = {"t": number(found.mean, places), "v": float(f"{found.mean:.6g}"), "title": words}
        if any(method.name == BASELINE for method in board.methods):
            cells[metric] |= {"g": "", "gc": "same"}  # the room of a gain, so that figures line up
    return cells
