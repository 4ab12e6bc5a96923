"""What a reader of finished scores must know, as lines: sets of few pictures, and means that hold capped scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from bench.metrics.base import Metric
from bench.metrics.distribution import FEW
from bench.metrics.fidelity import CAP
from bench.scoring.battery import WHOLE, Battery, Row


def notes(rows: Iterable[Row], battery: Battery) -> list[str]:
    """A line per thing; none where there is nothing to tell."""
    return [*_few(battery.set_sizes), *_perfect(rows, battery.metrics)]


def _few(sizes: Mapping[str, int]) -> list[str]:
    counts = sorted({count for count in sizes.values() if count < FEW})
    named = ((", ".join(name for name, each in sizes.items() if each == count), count) for count in counts)
    return [
        f"{names}: taken over {count} pictures, fewer than {FEW:,}; noisy, and depends on their number: "
        "compare equal numbers of the same pictures only"
        for names, count in named
    ]


def _perfect(rows: Iterable[Row], metrics: Iterable[Metric]) -> list[str]:
    """Of the metrics in dB, which are infinite for a picture that equals its truth."""
    capped = {metric.id for metric in metrics if metric.unit == "dB"}
    whole = [each for each in rows if each["metric"] in capped and each["region"] == WHOLE and each["status"] == "ok"]
    total, perfect = (
        Counter(each["metric"] for each in some) for some in (whole, [e for e in whole if e["value"] >= CAP])
    )
    return [
        f"{name}: {count} of {total[name]} pictures are perfect and count as {CAP:g} dB in the mean, not as infinity"
        for name, count in perfect.items()
    ]
