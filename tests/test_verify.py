"""The contract's checks: each catches the fault it is meant for, and says how to mend it."""

import inspect
import re

import pytest
import torch

from bench.discovery import MethodEntry
from bench.verify import CHECKS, restoring, training, verify
from bench.verify.subject import Subject, damaged
from methods.base import Method
from tests.faults.restoring import FAULTS as RESTORING
from tests.faults.restoring import InPlace
from tests.faults.toy import Toy
from tests.faults.training import FAULTS as TRAINING
from tests.faults.training import Scribbler

FAULTS = TRAINING + RESTORING


def entry(cls: type[Method]) -> MethodEntry:
    own = vars(cls).get("Config", Toy.Config)
    return MethodEntry("toy", cls, own(width=8), "tests")


def test_a_method_that_keeps_the_contract_passes_every_check():
    found = verify(entry(Toy))
    assert [each.check for each in found] == [check.name for check in CHECKS]
    assert not [each for each in found if each.problem]


@pytest.mark.parametrize(("cls", "name", "says"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_fault_is_caught_by_its_check_and_explained(cls, name, says):
    check = next(check for check in CHECKS if check.name == name)
    problem = check.problem(Subject(entry(cls)))
    assert says in problem and "\n" not in problem


def test_every_sentence_of_every_check_has_a_fault_that_provokes_it():
    assert {name for _, name, _ in FAULTS} == {check.name for check in CHECKS}
    for check in CHECKS:
        sentences = len(re.findall(r"\bneed\(|\braise Broken\(", inspect.getsource(check.run)))
        assert len({says for _, name, says in FAULTS if name == check.name}) >= sentences, check.name


def test_checks_are_asked_where_they_apply():
    class Told(Toy):
        """Needs its mask."""

        needs_mask = True

    class Untrained(Toy):
        """Has nothing to learn."""

        def optimizers(self):
            return {}

    asked = {cls: {each.check for each in verify(entry(cls))} for cls in (Toy, Told, Untrained)}
    assert asked[Toy] - asked[Told] == {"works with and without a mask"}
    assert asked[Toy] - asked[Untrained] == {check.name for check in CHECKS if inspect.getmodule(check.run) is training}
    assert {inspect.getmodule(check.run) for check in CHECKS} == {training, restoring}


@pytest.mark.parametrize("cls", [InPlace, Scribbler])
def test_a_method_that_writes_into_its_input_spoils_no_later_check(cls):
    before, subject = damaged(), Subject(entry(cls))
    for check in CHECKS:
        if check.name != "learns one batch":  # hundreds of steps that would show no more
            check.problem(subject)
    assert torch.equal(damaged().degraded, before.degraded)


def test_lessons_are_of_a_size_that_the_method_takes():
    class Large(Toy):
        """Works on whole blocks of 48."""

        multiple_of = 48

    assert Subject(entry(Toy)).lesson().clean.shape == (4, 3, 64, 64)
    assert Subject(entry(Toy), 32).lesson().clean.shape == (4, 3, 32, 32)
    assert Subject(entry(Large)).lesson().mask.shape == (4, 1, 96, 96)


def test_verify_from_the_command_line(capsys, monkeypatch):
    from tests.test_cli import call

    code, out, _ = call(capsys, monkeypatch, "verify", "median")
    assert code == 0 and "median keeps the contract" in out
    code, _, err = call(capsys, monkeypatch, "verify", "medan")
    assert code == 2 and "did you mean 'median'?" in err


def test_verify_exits_1_for_a_broken_method(capsys, monkeypatch, tmp_path):
    from tests.test_cli import call
    from tests.test_run import BAD_METHOD

    plugin = tmp_path / "bad.py"
    plugin.write_text(BAD_METHOD)
    code, out, _ = call(capsys, monkeypatch, "verify", "makes_shape", "--plugin", plugin)
    assert code == 1 and "broken  restores pictures" in out
