"""The contract of a method, as checks that say in a sentence what is wrong and how to mend it.

`restorebench verify METHOD` runs them on anybody's method; the test suite runs them on every method found.
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


def verify(entry: MethodEntry) -> list[Finding]:
    """Run every check that applies. A check that itself raises counts as failed with what was raised."""
    subject = Subject(entry)
    findings = []
    for check in CHECKS:
        if (check.applies == "trained" and not subject.trained) or (check.applies == "blind" and entry.cls.needs_mask):
            continue
        problem = ""
        try:
            check.run(subject)
        except Broken as broken:
            problem = str(broken)
        except Exception as error:  # a method's code may raise anything
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
        findings.append(Finding(check.name, problem))
    return findings
