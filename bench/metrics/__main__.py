"""Writes the reference page of the metrics: python -m bench.metrics > docs/metrics.md"""

from __future__ import annotations

import sys
from itertools import groupby

from bench.metrics import METRICS
from bench.metrics.base import Metric
from pretrained import KNOWN

GROUPS = ("fidelity", "perceptual", "naturalness", "distribution", "consistency", "faces", "cost")
HEAD = """\
<!-- Written by `python -m bench.metrics > docs/metrics.md`; do not edit. -->
# Metrics

Every score is computed on the picture as it would be saved: RGB clipped to [0, 1] and rounded to the uint8 grid.
Scores are per picture; means are taken in the statistics, nowhere else. Two numbers may be compared only when their
ids and fingerprints are equal. *Matters* is the smallest difference worth a word.

Kinds: **pair** compares with the truth, **single** needs no truth, **set** compares two sets of pictures, **mask**
judges where a method says that something was lost, **face** compares faces with known landmarks, **consistency**
holds the picture against what its damaged input still tells, **cost** is measured by the harness. Face and
consistency metrics need a task's own data and damage (`run`, `score`; not `measure`), and have rows only where they
apply. Single metrics are also taken of the true pictures, once per task: the board's row *truth*. Pair metrics are
also averaged over *lost* (where information was lost), *boundary* (the 8 px around it) and *kept* (everything not
lost); a region without pixels has no score.

A distance of sets over fewer than 2,048 pictures is noisy and depends on their number: `measure` says so on standard
error, a board among a run's notes. In `measure` such a distance has an interval, Student's quantile times the
standard error of a jackknife that leaves pictures out with their truth, in at most 30 groups. The interval is `null`
for fewer than three pictures and for more than 300, where it would take seconds. It tells how far another choice of
as many pictures would move the number, not how far the number is from one of many pictures.

`niqe_live` equals what the authors' MATLAB code is published to give (pyiqa, `ResultsCalibra/results_official.csv`) to
14 digits on a picture without flat areas, 3.65492152353770 of TID2013's I04, and within 0.6 % on the other four. In a
flat area a pixel differs from its local mean by nothing but rounding, and the authors' code counts the signs of that;
here such pixels are zeros, so that the value is the same on every machine. The port in BasicSR and pyiqa counts the
signs too, of other rounding: up to 5 % from MATLAB on the same five. With zeros, and its half size in float64, it gives
our values on Kodak24 to 4e-13; as it stands the two differ by 0.04 % in the mean, and by 1.1 % on one picture.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    metrics = sorted(METRICS.values(), key=lambda each: GROUPS.index(each.group))
    for group, members in groupby(metrics, key=lambda each: each.group):
        parts.append(f"## {group.capitalize()}\n\n{_table(list(members))}")
    files = {each.what: " or ".join(f"`{name}`" for name in each.files) for each in KNOWN.values()}
    rows = [f"| {each.what} | {files[each.what]} | {each.url} |" for each in KNOWN.values()]
    parts.append(
        "## Weights\n\nLooked for in the folder given, in `RESTOREBENCH_WEIGHTS`, in torch hub's cache, then "
        "downloaded unless `RESTOREBENCH_OFFLINE=1`.\nWithout them a metric is unavailable and says so.\n\n"
        "| what | file | source |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )
    return "\n".join(parts)


def _table(metrics: list[Metric]) -> str:
    head = "| id | kind | better | unit | matters | smallest side | definition | library | source | fingerprint |"
    return "\n".join([head, "|" + "---|" * 10, *map(_row, metrics)]) + "\n"


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.id}`",
        metric.kind,
        "higher" if metric.higher_is_better else "lower",
        metric.unit or "–",
        f"{metric.matters:g}",
        f"{metric.min_side} px" if metric.min_side > 1 else "–",
        metric.definition,
        metric.library,
        metric.source,
        f"`{metric.fingerprint()}`",
    )
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
