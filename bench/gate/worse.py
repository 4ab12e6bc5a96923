"""Which pictures got worse, the worst first."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bench.gate.sides import Pair
from bench.gate.verdict import Line, State, Worse

MOST = 8  # of all pictures, and of those that were kept to look at


def worse(pairs: Iterable[Pair], lines: list[Line]) -> list[Worse]:
    """Per method that regressed, by the metric of its first regressed line that has values on both sides."""
    found = []
    for pair in pairs:
        metrics = [
            line.place.metric
            for line in lines
            if line.state is State.regressed
            and (line.place.task, line.place.method) == (pair.task, pair.method)
            and line.loss is not None
            and pair.before.declared(line.place.metric)["kind"] != "set"
        ]
        if metrics:
            found += _of(pair, sorted(metrics, key=lambda name: (name != "psnr", name))[0])
    return found


def _of(pair: Pair, metric: str) -> list[Worse]:
    """Means over the seeds, on the lost region where the metric has one."""
    before, after = (side.table(metric, pair.levels).mean(axis=1) for side in (pair.before, pair.after))
    regions = before.index.get_level_values("region")
    region = "lost" if "lost" in regions else str(regions[0])
    both = pd.DataFrame({"before": before, "after": after}).xs(region, level="region").dropna()
    sign = 1 if pair.before.declared(metric)["higher_is_better"] else -1
    both = both.assign(loss=sign * (both["before"] - both["after"])).sort_values("loss", ascending=False, kind="stable")
    both = both[both["loss"] > 0]
    shown = next((each for each in pair.after.records if each.traits), pair.after.records[0])
    kept = both[[f"{level}/{image}" in shown.traits for level, image in both.index]]
    chosen = pd.concat([kept.head(MOST), both.head(MOST)])
    chosen = chosen[~chosen.index.duplicated()]
    return [
        Worse(
            pair.task, pair.method, shown.seed, shown.run_id, level, image, metric, region,
            float(row["before"]), float(row["after"]),
        )
        for (level, image), row in chosen.iterrows()
    ]  # fmt: skip
