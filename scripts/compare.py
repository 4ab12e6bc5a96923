#!/usr/bin/env python3
"""Paired difference of two methods' stored scores, with its 95 % interval over pictures and seeds.

    scripts/compare.py RUNS TASK A B [--metric lpips_squeeze] [--region lost]

A and B are methods; METHOD@IMAGES takes the runs of one training budget. Only runs scored on the same pixels are
compared. A row is printed for each set of pixels both were scored on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.errors import UserError
from bench.results.stats import paired
from bench.results.store import DONE, find_runs, read_run, read_scores

Tables = dict[str, pd.DataFrame]  # digest of the scored pixels -> seeds × (level, image)


def tables(runs: Path, task: str, wanted: str, metric: str, region: str) -> Tables:
    """Scores of a method's finished runs. Raises UserError when there are none."""
    method, _, images = wanted.partition("@")
    found: dict[str, list[pd.DataFrame]] = {}
    for folder in find_runs(runs):
        run = read_run(folder)
        budget = str(run.config.get("train", {}).get("images", ""))
        if (run.task, run.method, run.status) != (task, method, DONE) or images not in ("", budget):
            continue
        scores = read_scores(folder)
        rows = scores[(scores["metric"] == metric) & (scores["region"] == region)]
        found.setdefault(run.digests["inputs"], []).append(rows)
    if not found:
        raise UserError(f"{runs}: no finished run of {wanted} on {task}")
    return {
        pixels: pd.concat(each).pivot_table(index="seed", columns=["level", "image_id"], values="value")
        for pixels, each in found.items()
    }


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    for name in ("task", "a", "b"):
        parser.add_argument(name)
    parser.add_argument("--metric", default="lpips_squeeze")
    parser.add_argument("--region", default="lost")
    given = parser.parse_args()
    where = (given.metric, given.region)
    try:
        first, second = (tables(given.runs, given.task, each, *where) for each in (given.a, given.b))
    except UserError as error:
        sys.exit(f"compare: {error}")
    for pixels in sorted(first.keys() & second.keys()):
        one, other = (each[pixels].to_numpy() for each in (first, second))
        found = paired(one, other, (given.task,))
        sides = f"{given.a} {one.mean():.4f} ({len(one)} seeds), {given.b} {other.mean():.4f} ({len(other)})"
        gap = f"{found.mean:+.4f} [{found.lo:+.4f}, {found.hi:+.4f}]"
        print(f"{given.task}, {' on '.join(where)}: {sides}, difference {gap}, {found.n} pictures")  # noqa: T201


if __name__ == "__main__":
    main()
