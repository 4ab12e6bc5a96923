"""The training loop: data in, one method.step after another, scalars and checkpoints out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from bench.data.batches import TrainingData
from bench.results import store
from bench.training import checkpoint, log
from bench.training.average import WeightAverage
from bench.training.engine import Engine
from bench.training.share import Share
from bench.training.step import SharedStep
from methods.base import Batch, Method

AHEAD = 3  # batches prepared in the background
SAMPLED = (25, 50, 75)  # percent of the budget after which pictures are kept; those at its end are scored anyway
FEWEST = 80  # steps of a training worth looking at; in a shorter one pictures would cost more than 1 % of it


@dataclass(frozen=True)
class Budget:
    """How long to train, counted in pictures seen."""

    images: int
    batch: int
    ema: float = 0.0
    checkpoint_seconds: float = 30.0

    @property
    def steps(self) -> int:
        """Updates in the whole budget; the last batch may overshoot it."""
        return math.ceil(self.images / self.batch)


@dataclass(frozen=True)
class Outcome:
    """How a training ended. status is one of bench.results.store's."""

    status: str
    reason: str
    images_seen: int
    seconds: float


def train(method: Method, data: TrainingData, budget: Budget, engine: Engine, trace: log.TrainingLog) -> Outcome:
    """Train a method to the end of its budget, from its last checkpoint in the log's folder if there is one.

    On a CPU a resumed training ends with the same bits as an undisturbed one. A scalar or weight that is not finite
    ends it as diverged, with the last good checkpoint kept.
    """
    engine.place(method).train()
    average = WeightAverage(method, budget.ema) if budget.ema else None
    step, before = _resume(method, average, trace, engine)
    trace.begin(step * budget.batch)
    began = saved = time.monotonic()
    ended = False
    try:
        update = SharedStep(method, engine, data.seed)
        for batch in _batches(data, step, budget.steps, engine.share):
            trace.add(update(batch, step / budget.steps, step))
            step += 1
            if average is not None:
                average.update(method, step)
            _sample(method, average, step, budget, trace)
            last = step == budget.steps
            if step % log.EVERY and not last:
                continue
            trace.gather(step * budget.batch)
            now = time.monotonic()
            due = engine.share.leads and (last or now - saved > budget.checkpoint_seconds)
            broken = trace.broken or (due and _broken_weight(method))
            if broken:
                trace.write()
                return _diverged(broken, step, budget, before + now - began)
            if due:
                trace.write()
                checkpoint.save(trace.folder, method, average, {"step": step, "seconds": before + now - began})
                saved = time.monotonic()
        ended = True
    finally:
        trace.close(ended)
    return Outcome(store.DONE, "", step * budget.batch, before + time.monotonic() - began)


def _resume(method: Method, average: WeightAverage | None, trace: log.TrainingLog, engine: Engine) -> tuple[int, float]:
    """Load the last checkpoint, if any: steps done and seconds spent."""
    stored = checkpoint.read(trace.folder, engine.device)
    if stored is None:
        return 0, 0.0
    state = checkpoint.resume(stored, method, average)
    return int(state["step"]), state["seconds"]


def _batches(data: TrainingData, first: int, last: int, share: Share) -> Iterator[Batch]:
    """This process's shares of batches first..last-1 in order, prepared ahead by one background thread."""
    places = share.of(data.recipe.batch)
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = [pool.submit(data.batch, step, places) for step in range(first, min(first + AHEAD, last))]
        for step in range(first, last):
            batch = waiting.pop(0).result()
            if step + AHEAD < last:
                waiting.append(pool.submit(data.batch, step + AHEAD, places))
            yield batch


def _sample(method: Method, average: WeightAverage | None, step: int, budget: Budget, trace: log.TrainingLog) -> None:
    """Let pictures be kept when a step ends one of the parts of the budget in SAMPLED."""
    percent = next((each for each in SAMPLED if step == math.ceil(budget.steps * each / 100)), 0)
    if percent and budget.steps >= FEWEST and trace.sampler is not None:
        trace.sampler(percent, method.state_dict() if average is None else average.weights)


def _broken_weight(method: Method) -> str:
    """Name of a weight or buffer that is not finite, or ""."""
    floats = ((name, each) for name, each in method.state_dict().items() if each.is_floating_point())
    return next((name for name, each in floats if not bool(torch.isfinite(each).all())), "")


def _diverged(broken: str, step: int, budget: Budget, seconds: float) -> Outcome:
    seen = step * budget.batch
    reason = f"{broken} was not finite at {100 * step / budget.steps:.0f} % of the budget ({seen} pictures)"
    return Outcome(store.DIVERGED, reason, seen, seconds)
