"""Networks that exist already as methods, without rewriting them: a class in a plug-in file, a few lines each.

    class Theirs(TorchScriptFile):
        "What it is, where it comes from."
        tasks = frozenset({"jpeg"})

    METHODS = {"theirs": Theirs.Config("theirs.pt")}

docs/adapters.md has an example of each. A file's digest is part of the settings, so another file is another run.
"""

from __future__ import annotations

import hashlib
import warnings
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.freeze import frozen
from methods.parts.patchgan import PatchCritic, judged
from methods.parts.update import descend, signed, unsigned


class Adapted(Method):
    """A network of pictures N×3×H×W -> N×3×H×W, wrapped. What it expects is said on the class."""

    mask_as: ClassVar[Literal["nothing", "argument", "channel"]] = "nothing"  # how it is given the mask, 1 = lost
    in_range: ClassVar[Literal["unit", "signed"]] = "unit"  # values in [0, 1], or in [-1, 1], in and out
    adds_to_input: ClassVar[bool] = False  # True: its output is what is added to the input

    network: nn.Module

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if self.mask_as != "nothing" and not self.needs_mask:
            raise ValueError(f"{type(self).__name__} gives its network the mask: set needs_mask = True as well")

    def run(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """Its output in [0, 1], not clipped."""
        given = signed(degraded) if self.in_range == "signed" else degraded
        if mask is None or self.mask_as == "nothing":
            output = self.network(given)
        elif self.mask_as == "argument":
            output = self.network(given, mask)
        else:
            output = self.network(torch.cat([given, mask.to(given.dtype)], dim=1))
        if self.adds_to_input:
            output = given + output
        return unsigned(output) if self.in_range == "signed" else output

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The network's output, clipped."""
        return self.run(degraded, mask).to(degraded.dtype).clamp(0.0, 1.0)


class Trained(Adapted):
    """A plain network trained here: L1, and where `adversarial` is above 0 a patch critic beside it."""

    @dataclass(frozen=True)
    class Config:
        """Of the training; a network's own settings go into a Config that inherits this one."""

        lr: float = 2e-4
        adversarial: float = 0.0
        critic_base: int = 32
        critic_layers: int = 2

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = self.build(config)
        self._optimizers: dict[str, Optimizer] = {"network": Adam(self.network.parameters(), lr=config.lr)}
        self.critic: PatchCritic | None = None
        if config.adversarial > 0:
            self.critic = PatchCritic(6, config.critic_base, config.critic_layers)
            self._optimizers["critic"] = Adam(self.critic.parameters(), lr=config.lr, betas=(0.5, 0.999))

    @abstractmethod
    def build(self, config: Config) -> nn.Module:
        """The network, with fresh weights from torch's generator."""

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam per network."""
        return self._optimizers

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The critic first, where there is one, then the network."""
        fake = self.run(batch.degraded, batch.mask)
        l1 = functional.l1_loss(fake, batch.clean)
        if self.critic is None:
            descend(self._optimizers["network"], l1)
            return {"l1": l1.detach()}
        real_logits = self.critic(torch.cat([batch.degraded, batch.clean], dim=1))
        fake_logits = self.critic(torch.cat([batch.degraded, fake.detach()], dim=1))
        critic_loss = 0.5 * (judged(real_logits, real=True) + judged(fake_logits, real=False))
        descend(self._optimizers["critic"], critic_loss)
        with frozen(self.critic) as critic:
            fooling = judged(critic(torch.cat([batch.degraded, fake], dim=1)), real=True)
            descend(self._optimizers["network"], l1 + self.config.adversarial * fooling)
        return {"l1": l1.detach(), "fooling": fooling.detach(), "critic": critic_loss.detach()}


class Ready(Adapted):
    """A network that is trained already, from a file; nothing is learned here."""

    @dataclass(frozen=True)
    class Config:
        """file: path of its weights. digest: sha256 of that file as it is now, so that a run says which it was."""

        file: str = ""
        digest: str = field(default="", init=False)

        def __post_init__(self) -> None:
            path = Path(self.file).expanduser()
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            object.__setattr__(self, "digest", found)  # the class is frozen; this is still its making

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        path = Path(config.file).expanduser()
        if not path.is_file():
            raise ValueError(f"no file {config.file or '(none named)'}; give the path of the network in its Config")
        self.network = self.load(path).eval()
        for weight in self.network.parameters():  # a scripted network cannot be told as a whole
            weight.requires_grad_(False)

    @abstractmethod
    def load(self, path: Path) -> nn.Module:
        """The network of a file. Raises ValueError (one line) when it holds none."""

    def optimizers(self) -> dict[str, Optimizer]:
        """Not trained."""
        return {}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Nothing to learn."""
        return {}


class StateDictFile(Ready):
    """Weights that `torch.save(network.state_dict())` wrote, for a network that `build` makes."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The network the weights are for."""

    def load(self, path: Path) -> nn.Module:
        """`build` with these weights."""
        network = self.build()
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:  # torch raises a dozen unrelated types on files it cannot read
            raise ValueError(f"{path}: not the weights of {type(network).__name__}: {first_line(error)}") from None
        return network


class TorchScriptFile(Ready):
    """A network that `torch.jit.save` wrote."""

    def load(self, path: Path) -> nn.Module:
        """The scripted network, on the CPU."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # torch would rather have its newer format
                return torch.jit.load(path, map_location="cpu")
        except Exception as error:
            raise ValueError(f"{path}: not a TorchScript file: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """What an exception says, in one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
