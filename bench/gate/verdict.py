"""What a check says: lines, each with a state, and one verdict over them with an exit code."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any

from bench.gate.rules import Size


class State(enum.StrEnum):
    """Of one line, and of the whole."""

    passed = "pass"
    regressed = "regressed"
    undecided = "could not judge"
    noted = "noted"  # never decides


EXIT = {State.passed: 0, State.regressed: 1, State.undecided: 2}


@dataclass(frozen=True)
class Place:
    """What a line is about; "" where it is about all of them."""

    task: str
    method: str = ""
    metric: str = ""
    region: str = ""
    level: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in dataclasses.astuple(self) if part)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    rule: "same" checkpoint, "retrained", "marks" of the pictures, or "" for what comes before them. loss: mean,
    positive is worse, in the metric's unit; low, high: its one-sided 95 % bounds. would_do: what it takes to judge.
    """

    place: Place
    state: State
    words: str
    rule: str = ""
    before: float | None = None
    after: float | None = None
    loss: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    would_do: Size | None = None


@dataclass(frozen=True)
class Worse:
    """A picture that scores worse than it did."""

    task: str
    method: str
    seed: int
    run_id: str
    level: str
    image: str
    metric: str
    region: str
    before: float
    after: float


@dataclass(frozen=True)
class Cause:
    """What a change looks like, and from how many pictures that is told."""

    task: str
    method: str
    name: str  # "shift", "channel order", "re-compression"; "range", "gamma", "border"
    words: str
    pictures: int


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check."""

    lines: tuple[Line, ...]
    causes: tuple[Cause, ...] = ()
    worse: tuple[Worse, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def state(self) -> State:
        """Regressed before could not judge before pass; could not judge when nothing was compared."""
        states = {line.state for line in self.lines}
        for state in (State.regressed, State.undecided, State.passed):
            if state in states:
                return state
        return State.undecided

    @property
    def exit_code(self) -> int:
        """0 pass, 1 regressed, 2 could not judge."""
        return EXIT[self.state]

    def of(self, state: State) -> list[Line]:
        """The lines in a state."""
        return [line for line in self.lines if line.state is state]

    def headline(self) -> str:
        """The outcome in one sentence."""
        counts = {state: len(self.of(state)) for state in (State.regressed, State.undecided, State.passed, State.noted)}
        if not any(counts[state] for state in EXIT):
            return "could not judge: nothing was compared"
        words = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
        return f"{self.state.value}: {words}"

    def plain(self) -> dict[str, Any]:
        """Plain values, as check.json holds them."""
        return {
            "verdict": self.state.value,
            "exit_code": self.exit_code,
            "headline": self.headline(),
            "lines": [dataclasses.asdict(line) for line in self.lines],
            "causes": [dataclasses.asdict(each) for each in self.causes],
            "worse": [dataclasses.asdict(each) for each in self.worse],
            "notes": list(self.notes),
        }
