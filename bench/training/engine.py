"""Where and how precisely a method runs: device, memory format, autocast."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass

import torch
from torch import nn

from bench.errors import UserError


@dataclass(frozen=True)
class Engine:
    """A device and its habits. On a GPU training runs in bf16 autocast and channels_last; on a CPU in float32."""

    device: torch.device

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of pictures on this device."""
        return torch.channels_last if self.device.type == "cuda" else torch.contiguous_format

    @property
    def precision(self) -> str:
        """Name of the training precision; part of what decides a result."""
        return "bf16" if self.device.type == "cuda" else "float32"

    def place(self, method: nn.Module) -> nn.Module:
        """Move a method here, in this device's memory format."""
        return method.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context a training step runs in."""
        if self.device.type == "cuda":
            return torch.autocast("cuda", torch.bfloat16)
        return contextlib.nullcontext()

    def describe(self) -> str:
        """The machine in words."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def choose_engine(name: str = "auto") -> Engine:
    """An engine for "auto", "cpu" or "cuda". Raises UserError when there is no such device.

    On a GPU this switches TF32 off for the process: scores and restored pictures are float32 on every device, and
    training, which is in bf16, does not use it.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device '{name}'; use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda': torch sees no GPU; use --device cpu, or see `restorebench doctor`")
    use_gpu = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    if use_gpu:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return Engine(torch.device("cuda" if use_gpu else "cpu"))
