"""A pytest fixture for teams that keep their gate among their tests.

def test_no_worse(restorebench_gate):
    restorebench_gate("runs", "baseline.parquet", thresholds="gate.toml")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bench.gate.compare import Choice
    from bench.gate.verdict import Verdict

Gate = Callable[..., "Verdict"]


def judge(
    runs: str | Path, baseline: str | Path, thresholds: str | Path | None = None, rule: Choice = "auto",
    undecided: str = "fail",
) -> Verdict:  # fmt: skip
    """Check runs against a baseline and return the verdict; a regression fails the test.

    rule: "auto", "same" or "retrained". undecided: what becomes of a test whose question could not be judged, "fail" or
    "skip"; it never passes.
    """
    from bench.gate import baseline as stored
    from bench.gate.compare import check
    from bench.gate.outputs import markdown
    from bench.gate.snapshot import take
    from bench.gate.thresholds import load
    from bench.gate.verdict import State

    if rule not in ("auto", "same", "retrained") or undecided not in ("fail", "skip"):
        raise ValueError('rule is "auto", "same" or "retrained", undecided "fail" or "skip"')
    limits = load(Path(thresholds) if thresholds is not None else None)
    verdict = check(stored.read(Path(baseline)), take(Path(runs)), limits, rule)
    if verdict.state is State.undecided and undecided == "skip":
        pytest.skip(verdict.headline())
    if verdict.state is not State.passed:
        pytest.fail(markdown(verdict), pytrace=False)
    return verdict


@pytest.fixture
def restorebench_gate() -> Gate:
    """The gate as a function: judge(runs, baseline, thresholds=None, rule="auto", undecided="fail")."""
    return judge
