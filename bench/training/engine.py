"""Where and how precisely a method runs: device, memory format, autocast."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass

import torch
from torch import nn

from bench.errors import UserError
from bench.training.share import Share


@dataclass(frozen=True)
class Engine:
    """A device and its habits. In bf16 training runs in autocast and channels_last; what is restored is float32."""

    device: torch.device
    precision: str = "float32"  # or "bf16": of the training; part of what decides a result
    share: Share = Share()  # of every training batch, that this process does

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of pictures: the one that the fast kernels of this precision want."""
        return torch.channels_last if self.precision == "bf16" else torch.contiguous_format

    def place(self, method: nn.Module) -> nn.Module:
        """Move a method here, in this device's memory format."""
        return method.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context a training step runs in."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def describe(self) -> str:
        """The machine in words."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def choose_engine(name: str = "auto", precision: str = "auto") -> Engine:
    """An engine for "auto", "cpu" or "cuda". Raises UserError when there is no such device.

    precision: "float32", "bf16", or "auto", which is bf16 on a GPU and float32 on a CPU. On a GPU this switches TF32
    off for the process: scores and restored pictures are float32 on every device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device '{name}'; use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda': torch sees no GPU; use --device cpu, or see `restorebench doctor`")
    use_gpu = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    if use_gpu:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if precision == "auto":
        precision = "bf16" if use_gpu else "float32"
    return Engine(torch.device("cuda" if use_gpu else "cpu"), precision)
