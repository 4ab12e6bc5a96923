"""What a method costs to use: weights, arithmetic, time and memory, measured on one picture."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.scoring.memory import attempt
from bench.scoring.restore import restore_tensor
from bench.training.engine import Engine
from methods.base import Method
from methods.parts.freeze import frozen

REPEATS = 5  # timings, of which the median counts


@dataclass(frozen=True)
class Load:
    """What a method is timed on: size×size pictures, alone and so many at once, with the mask where it is told."""

    size: int
    batch: int
    told: bool


def cost(method: Method, load: Load, engine: Engine) -> dict[str, float]:
    """Cost of restoring pictures on the method's device.

    parameters: weights that take part in restoring (a critic does not). flops, latency_ms: of one picture alone, flops
    as torch's counter counts them, a multiply-add being two. images_per_second: with a whole batch. peak_memory_mb: of
    one picture, on a GPU only; a CPU process has no such figure of its own.
    """
    picture, mask = _example(load, 1, engine)
    if engine.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(engine.device)
    used = _UsedWeights(method)
    # torch's counter asks a weight that a parametrization handles for its graph, which there is none of in inference
    with used, frozen(method), FlopCounterMode(display=False) as counter:
        restore_tensor(method, picture, mask)
    alone = _median_seconds(method, picture, mask, engine)
    result = {
        "parameters": float(used.count()),
        "flops": float(counter.get_total_flops()),
        "latency_ms": alone * 1000,
    }
    if engine.device.type == "cuda":
        result["peak_memory_mb"] = torch.cuda.max_memory_allocated(engine.device) / 2**20
    return {**result, "images_per_second": _rate(method, load, load.batch, engine)}


def _rate(method: Method, load: Load, batch: int, engine: Engine) -> float:
    """Pictures a second, so many at once or half as many where memory runs out, and so on."""
    if batch == 1:
        return 1 / _median_seconds(method, *_example(load, 1, engine), engine)
    seconds = attempt(lambda: _median_seconds(method, *_example(load, batch, engine), engine))
    return batch / seconds if seconds is not None else _rate(method, load, batch // 2, engine)


def _example(load: Load, count: int, engine: Engine) -> tuple[Tensor, Tensor | None]:
    """Noise pictures with a square hole."""
    size = load.size
    pictures = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0)).to(engine.device)
    if not load.told:
        return pictures, None
    mask = torch.zeros_like(pictures[:, :1])
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    return pictures, mask


def _median_seconds(method: Method, pictures: Tensor, mask: Tensor | None, engine: Engine) -> float:
    def once() -> float:
        began = time.perf_counter()
        restore_tensor(method, pictures, mask)
        if engine.device.type == "cuda":
            torch.cuda.synchronize(engine.device)
        return max(time.perf_counter() - began, 1e-9)

    return sorted(once() for _ in range(REPEATS))[REPEATS // 2]


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
