"""The method protocol: six things a restorer says about itself; the harness does the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass(frozen=True)
class Batch:
    """A batch of training pairs: float32 in [0, 1].

    clean, degraded: N×3×H×W RGB. mask: N×1×H×W, 1 where information was lost. While training the mask is always the
    true one: a method that must find the damage may learn from it, but is not given it by `restore`.
    """

    clean: Tensor
    degraded: Tensor
    mask: Tensor

    def to(self, device: torch.device, memory_format: torch.memory_format = torch.contiguous_format) -> Batch:
        """The same batch on a device."""
        parts = (self.clean, self.degraded, self.mask)
        return Batch(*(part.to(device, non_blocking=True, memory_format=memory_format) for part in parts))


class Method(nn.Module, ABC):
    """A restorer. Networks are submodules and lasting numbers are buffers, so state_dict() is all its memory.

    Not a method's business: device, data order, seeds, logging, checkpoints, padding, precision, metrics, time.
    """

    tasks: ClassVar[frozenset[str]]  # the tasks it can be put to
    needs_mask: ClassVar[bool] = False  # True: on a task that does not tell it is an oracle row
    multiple_of: int = 1  # H and W must divide by this; the harness pads and crops. May be set in __init__

    @dataclass(frozen=True)
    class Config:
        """Every hyper-parameter, each with a default; saved in the checkpoint."""

    config: Any

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def optimizers(self) -> dict[str, Optimizer]:
        """All optimizers by name, the same objects at every call; together they hold each trainable weight once.

        {} means that the method is not trained.
        """

    @abstractmethod
    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One whole update, on the optimizers returned by `optimizers()`; returns detached scalars to log.

        progress in [0, 1) is the part of the budget already spent; phases follow from it.
        """

    @abstractmethod
    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored pictures, same shape as degraded (N×3×H×W, [0, 1]).

        mask (N×1×H×W, 1 = lost) is None on a task that does not tell. Called in eval mode under inference_mode;
        deterministic, and one picture never affects another of the batch.
        """

    def predict_mask(self, degraded: Tensor) -> Tensor | None:
        """Where the method thinks that information was lost, N×1×H×W of 0/1; None when it does not say.

        Called as `restore` is, on degraded N×3×H×W in [0, 1]. Scored as mask_iou.
        """
        return None
