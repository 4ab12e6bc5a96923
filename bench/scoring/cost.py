"""What a method costs to use: weights, arithmetic, time and memory, measured on one picture."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.scoring.restore import restore_tensor
from bench.training.engine import Engine
from methods.base import Method

REPEATS = 5


def cost(method: Method, size: int, told: bool, engine: Engine) -> dict[str, float]:
    """Cost of restoring one size×size picture at batch 1, on the method's device.

    parameters: weights that take part in restoring (a critic does not). flops: as torch's counter counts them, a
    multiply-add being two. latency_ms: median of several runs. peak_memory_mb: on a GPU only; a CPU process has no
    such figure of its own.
    """
    picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(engine.device)
    mask = torch.zeros_like(picture[:, :1]) if told else None
    if mask is not None:
        mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    if engine.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(engine.device)
    used = _UsedWeights(method)
    with used, FlopCounterMode(display=False) as counter:
        restore_tensor(method, picture, mask)
    seconds = sorted(_timed(method, picture, mask, engine) for _ in range(REPEATS))[REPEATS // 2]
    result = {
        "parameters": float(used.count()),
        "flops": float(counter.get_total_flops()),
        "latency_ms": seconds * 1000,
        "images_per_second": 1 / max(seconds, 1e-9),
    }
    if engine.device.type == "cuda":
        result["peak_memory_mb"] = torch.cuda.max_memory_allocated(engine.device) / 2**20
    return result


def _timed(method: Method, picture: torch.Tensor, mask: torch.Tensor | None, engine: Engine) -> float:
    began = time.perf_counter()
    restore_tensor(method, picture, mask)
    if engine.device.type == "cuda":
        torch.cuda.synchronize(engine.device)
    return time.perf_counter() - began


class _UsedWeights:
    """While entered, notes which modules are called; `count` adds up their weights, each once."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self._called: set[nn.Module] = {method}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> _UsedWeights:
        self._hooks = [each.register_forward_pre_hook(self._note) for each in self.method.modules()]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _note(self, module: nn.Module, _inputs: object) -> None:
        self._called.add(module)

    def count(self) -> int:
        """Number of weights in the modules that were called."""
        weights = {id(w): w.numel() for each in self._called for w in each.parameters(recurse=False)}
        return sum(weights.values())
