"""The contract of a method, as checks that say in a sentence what is wrong and how to mend it.

`restorebench verify METHOD` runs them on anybody's method; tests/test_contract.py runs them on every method found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.discovery import MethodEntry
from bench.verify import restoring, training
from bench.verify.subject import Broken, Subject


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
            return f"{type(error).__name__}: {error}".splitlines()[0]
        return ""


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
    """What a check found: problem is "" when it holds."""

    check: str
    problem: str


def verify(entry: MethodEntry, crop: int = 64) -> list[Finding]:
    """Run every check that applies. crop: side of the pictures it is trained on here."""
    subject = Subject(entry, crop)
    return [Finding(check.name, check.problem(subject)) for check in CHECKS if check.fits(subject)]
