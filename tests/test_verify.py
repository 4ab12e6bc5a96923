"""The contract's checks: each catches the fault it is meant for, and says how to mend it."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from bench.discovery import MethodEntry
from bench.verify import CHECKS, verify
from methods.base import Batch, Method


class Toy(Method):
    """A small residual network that keeps the contract."""

    tasks = frozenset({"jpeg", "hole"})

    @dataclass(frozen=True)
    class Config:
        """Nothing to set."""

        width: int = 8

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        width = config.width
        self.network = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)

    def optimizers(self):
        return {"only": self.optimizer}

    def step(self, batch: Batch, progress: float):
        loss = (batch.degraded + self.network(batch.degraded) - batch.clean).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}

    def restore(self, degraded, mask):
        return (degraded + self.network(degraded)).clamp(0, 1)


class ForgottenWeights(Toy):
    """Half of the network is in no optimizer."""

    def __init__(self, config):
        super().__init__(config)
        self.optimizer = torch.optim.Adam(self.network[0].parameters(), lr=1e-2)


class NewOptimizers(Toy):
    """Makes optimizers anew at every call."""

    def optimizers(self):
        return {"only": torch.optim.Adam(self.network.parameters())}


class StateOutside(Toy):
    """Its learning rate follows a counter that no checkpoint holds."""

    steps = 0

    def step(self, batch, progress):
        self.steps += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-2 / self.steps
        return super().step(batch, progress)


class AttachedScalar(Toy):
    """Returns a scalar that drags its graph along."""

    def step(self, batch, progress):
        super().step(batch, progress)
        return {"loss": self.network(batch.degraded).mean()}


class BatchStatistics(Toy):
    """One picture changes what another gets."""

    def restore(self, degraded, mask):
        return (super().restore(degraded, mask) + 0.2 * degraded.mean()).clamp(0, 1)


class FreshNoise(Toy):
    """Draws noise when it restores."""

    def restore(self, degraded, mask):
        return (super().restore(degraded, mask) + 0.1 * torch.rand_like(degraded)).clamp(0, 1)


class Unclamped(Toy):
    """Returns what no picture holds."""

    def restore(self, degraded, mask):
        return degraded * 2


class InPlace(Toy):
    """Scribbles over what it was given."""

    def restore(self, degraded, mask):
        return degraded.mul_(0.5)


class WrongShape(Toy):
    """Loses a row."""

    def restore(self, degraded, mask):
        return degraded[..., :-1, :]


class MaskHungry(Toy):
    """Uses the mask without saying that it needs it."""

    def restore(self, degraded, mask):
        return degraded * (1 - mask)


class OddSizes(Toy):
    """Halves and doubles, and does not say what sizes it needs."""

    def restore(self, degraded, mask):
        half = nn.functional.avg_pool2d(degraded, 2)
        return (nn.functional.interpolate(half, scale_factor=2) + degraded) / 2


class Unlearning(Toy):
    """Climbs where it should descend."""

    def step(self, batch, progress):
        loss = -(batch.degraded + self.network(batch.degraded) - batch.clean).abs().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}


class SameStart(Toy):
    """Every seed starts from the same weights."""

    def __init__(self, config):
        torch.manual_seed(5)
        super().__init__(config)


FAULTS = [
    (ForgottenWeights, "moves every weight", "in no optimizer"),
    (ForgottenWeights, "holds every weight once", "hand every weight to one"),
    (NewOptimizers, "holds every weight once", "make them in __init__"),
    (StateOutside, "resumes exactly", "keep lasting numbers in buffers"),
    (AttachedScalar, "moves every weight", "return it detached"),
    (BatchStatistics, "keeps pictures apart", "no batch statistics"),
    (FreshNoise, "repeats itself", "two results"),
    (Unclamped, "restores pictures", "clamp to [0, 1]"),
    (InPlace, "restores pictures", "work on a copy"),
    (WrongShape, "restores pictures", "return the shape it was given"),
    (MaskHungry, "works with and without a mask", "needs_mask = True"),
    (OddSizes, "takes any size", "set multiple_of"),
    (Unlearning, "learns one batch", "is the loss on the right scale"),
    (SameStart, "starts from its seed", "do not fix the seed"),
]


def problems(cls: type[Method]) -> dict[str, str]:
    """What the checks say of a class: check -> problem, "" where it holds."""
    return {each.check: each.problem for each in verify(MethodEntry("toy", cls, Toy.Config(), "tests"))}


def test_a_method_that_keeps_the_contract_passes_every_check():
    found = problems(Toy)
    assert set(found) == {check.name for check in CHECKS}
    assert not any(found.values()), found


@pytest.mark.parametrize(("cls", "check", "says"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_fault_is_caught_by_its_check_and_explained(cls, check, says):
    problem = problems(cls)[check]
    assert says in problem and "\n" not in problem


def test_every_check_has_a_fault_that_it_catches():
    untested = {"declares itself", "leaves its batch alone", "takes empty and full masks"}  # below
    assert {check for _, check, _ in FAULTS} | untested == {check.name for check in CHECKS}


def test_declarations_batches_and_masks():
    class Mute(Toy):
        tasks = frozenset({"jpgs"})

    class Scribbler(Toy):
        """Writes into its batch."""

        def step(self, batch, progress):
            batch.degraded.mul_(0.9)
            return super().step(batch, progress)

    class Divider(Toy):
        """Divides by the area lost."""

        def restore(self, degraded, mask):
            return degraded if mask is None else degraded / mask.sum() * 0 + degraded * 0 + mask.mean() / mask.mean()

    assert "do not exist" in problems(Mute)["declares itself"]
    assert "work on a copy" in problems(Scribbler)["leaves its batch alone"]
    assert "NaN or infinity" in problems(Divider)["takes empty and full masks"]


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
