"""What tests ask of a folder of runs."""

from pathlib import Path

import pandas as pd

from bench.results import store


def scores(root: Path) -> pd.DataFrame:
    """All rows of all runs in a fixed order, but for the costs, which are timings."""
    frame = pd.concat([store.read_scores(folder) for folder in store.find_runs(root)])
    frame = frame[frame["level"] != ""]
    return frame.sort_values(["task", "method", "seed", "level", "image_id", "metric", "region"], ignore_index=True)
