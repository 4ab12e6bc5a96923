"""A task of a suite as an outside program meets it: pictures, levels, metrics; no method of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.config import Suite, load_suite
from bench.discovery import Found, discover
from bench.errors import UserError
from bench.plan import TaskPlan, plan_task


@dataclass(frozen=True)
class OpenTask:
    """One task of a suite with its evaluation pictures."""

    suite: Suite
    found: Found
    plan: TaskPlan

    @classmethod
    def of(cls, suite: str, task: str, plugins: tuple[Path, ...] = ()) -> OpenTask:
        """Open it. Raises UserError on a suite or task that does not exist, or a suite without that task."""
        found, chosen = discover(plugins), load_suite(suite)
        found.task(task)
        if task not in chosen.tasks:
            raise UserError(f"suite {chosen.name} does not have task '{task}'; it has {', '.join(chosen.tasks)}")
        return cls(chosen, found, plan_task(chosen, found, task))

    @property
    def levels(self) -> list[str]:
        """The levels scored, in the suite's order."""
        return list(self.plan.exam.levels)
