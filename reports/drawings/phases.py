"""The phases of a training, as its log tells them: a method that trains otherwise logs other scalars."""

from __future__ import annotations

from itertools import groupby

import pandas as pd

LASTS = 3  # rows: what is shorter is a window across a border, or chance


def phases(scalars: pd.DataFrame) -> list[float]:
    """Pictures seen at which each phase begins, in order; one entry for a training without phases, none without a log.

    scalars: as read_scalars gives them. A row averages some steps, so a border is as sharp as the log.
    """
    if "images" not in scalars:
        return []
    present = [tuple(row) for row in scalars.drop(columns="images").notna().to_numpy()]
    begins: list[tuple[tuple[bool, ...], int]] = []
    at = 0
    for names, group in groupby(present):
        length = len(list(group))
        known = begins and begins[-1][0] == names
        if not known and (length >= LASTS or not begins):
            begins.append((names, at))
        at += length
    return [0.0 if row == 0 else float(scalars["images"].iloc[row - 1]) for _, row in begins]
