"""The contract of a method, as checks that say in a sentence what is wrong and how to mend it.

`restorebench verify METHOD` runs them on anybody's method; tests/test_contract.py runs them on every method found.
"""

from __future__ import annotations

import inspect
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.discovery import MethodEntry
from bench.verify import restoring, training
from bench.verify.expense import Expense, expense
from bench.verify.fixes import FIXES
from bench.verify.subject import TASKS, Broken, Subject

RAISED = "the method raised"


@dataclass(frozen=True)
class Check:
    """One clause of the contract. applies: to "all" methods, or to those "trained", or "blind" (needing no mask)."""

    name: str
    run: Callable[[Subject], None]
    applies: str = "all"

    def fits(self, subject: Subject) -> bool:
        """Whether the clause is one for this method."""
        if self.applies == "blind":
            return not subject.entry.cls.needs_mask
        return self.applies == "all" or subject.trained

    def problem(self, subject: Subject) -> str:
        """What is wrong, in a sentence; "" when the clause holds. What the method's code raises counts as wrong."""
        try:
            self.run(subject)
        except Broken as broken:
            return str(broken)
        except Exception as error:  # a method's code may raise anything
            return f"{RAISED} {_told(error)}{_place(error, subject)}"
        return ""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _place(error: Exception, subject: Subject) -> str:
    """Where in the method's own file an exception came from, "" where it did not."""
    file = inspect.getfile(subject.entry.cls)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", in line {own[-1].lineno} of {Path(file).name}: {own[-1].line}" if own else ""


CHECKS = (
    Check("declares itself", restoring.declares_itself),
    Check("moves every weight", training.moves_every_weight, "trained"),
    Check("holds every weight once", training.holds_every_weight_once, "trained"),
    Check("resumes exactly", training.resumes_exactly, "trained"),
    Check("starts from its seed", training.starts_from_its_seed, "trained"),
    Check("restores pictures", restoring.restores_pictures),
    Check("leaves its batch alone", training.leaves_its_batch_alone, "trained"),
    Check("keeps pictures apart", restoring.keeps_pictures_apart),
    Check("repeats itself", restoring.repeats_itself),
    Check("takes empty and full masks", restoring.takes_empty_and_full_masks),
    Check("works with and without a mask", restoring.works_with_and_without_a_mask, "blind"),
    Check("takes any size", restoring.takes_any_size),
    Check("learns one batch", training.learns_one_batch, "trained"),
)


@dataclass(frozen=True)
class Finding:
    """What a check found: problem is "" when it holds. fix: code that keeps the clause, where one was broken."""

    check: str
    problem: str
    fix: str = ""


def verify(entry: MethodEntry, crop: int = 64, tasks: frozenset[str] = TASKS) -> list[Finding]:
    """Run every check that applies. crop: side of the pictures it is trained on here; tasks: those there are.

    Raises UserError when the method cannot be built.
    """
    subject = Subject(entry, crop, tasks)
    problems = {check.name: check.problem(subject) for check in CHECKS if check.fits(subject)}
    return [Finding(name, problem, _fix(name, problem)) for name, problem in problems.items()]


def estimate(entry: MethodEntry, crop: int = 64) -> Expense | None:
    """What the method costs; None where its code raises instead, which `verify` explains."""
    try:
        return expense(Subject(entry, crop))
    except Exception:
        return None


def _fix(check: str, problem: str) -> str:
    """Nothing for code that raises: its own line is what must change."""
    return "" if not problem or problem.startswith(RAISED) else textwrap.dedent(FIXES[check]).strip("\n")
