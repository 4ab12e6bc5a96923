"""Checks of what a method says about itself, and of how it restores."""

from __future__ import annotations

import dataclasses

import torch

from bench.verify.subject import Broken, Subject, damaged, need, restored
from methods.base import Method

SIZES = ((64, 64), (96, 96), (97, 131), (256, 256))


def declares_itself(subject: Subject) -> None:
    method, entry = subject.fresh(), subject.entry
    tasks = subject.tasks
    need(bool(method.tasks), "tasks is empty; name the tasks it can be put to, e.g. frozenset({'jpeg'})")
    need(method.tasks <= tasks, f"tasks has {sorted(method.tasks - tasks)}, which do not exist; known: {sorted(tasks)}")
    need(
        isinstance(method.multiple_of, int) and method.multiple_of >= 1, "multiple_of must be a whole number, 1 or more"
    )
    own = entry.cls.__doc__ and entry.cls.__doc__ != Method.__doc__
    need(bool(own), "the class has no docstring; say what it is, its source and what differs from it")
    frozen = dataclasses.is_dataclass(entry.config) and vars(type(entry.config))["__dataclass_params__"].frozen
    need(frozen, "Config must be a frozen dataclass: @dataclass(frozen=True)")
    try:
        type(entry.config)()
    except TypeError as error:
        raise Broken(f"Config cannot be made without arguments ({error}); give every setting a default") from None


def restores_pictures(subject: Subject) -> None:
    batch = damaged()
    degraded, mask = batch.degraded.clone(), batch.mask.clone()
    output = restored(subject.taught, degraded, subject.told(mask))
    need(output.dtype == torch.float32, f"restore returned {output.dtype}; return float32")
    low, high = float(output.min()), float(output.max())
    need(low >= 0 and high <= 1, f"restore returned values {low:.3g} to {high:.3g}; clamp to [0, 1]")
    untouched = torch.equal(degraded, batch.degraded) and torch.equal(mask, batch.mask)
    need(untouched, "restore changed its input; work on a copy")


def keeps_pictures_apart(subject: Subject) -> None:
    batch = damaged()
    together = restored(subject.taught, batch.degraded, subject.told(batch.mask))
    for index in range(len(batch.degraded)):
        one = slice(index, index + 1)
        alone = restored(subject.taught, batch.degraded[one], subject.told(batch.mask[one]))
        apart = float((alone - together[one]).abs().max())
        need(
            apart <= 1e-5,  # another batch, another summation order
            f"a picture restored alone differs by {apart:.2g} from it in a batch; use no batch statistics in eval",
        )


def repeats_itself(subject: Subject) -> None:
    method, batch = subject.taught, damaged()
    weights = {key: value.clone() for key, value in method.state_dict().items()}
    torch.manual_seed(1)
    first = restored(method, batch.degraded, subject.told(batch.mask))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again = restored(method, batch.degraded, subject.told(batch.mask))
    same = torch.equal(first, again)
    need(same, "restoring twice gave two results; keep nothing between pictures, and fix the seed of any noise")
    need(torch.equal(state, torch.get_rng_state()), "restore drew from torch's global generator; use one of its own")
    changed = [key for key, value in method.state_dict().items() if not torch.equal(value, weights[key])]
    need(not changed, f"restore changed {changed[:1]}; a method keeps nothing from one picture to the next")


def takes_empty_and_full_masks(subject: Subject) -> None:
    batch = damaged(2)
    for fill in (0.0, 1.0):
        output = restored(subject.taught, batch.degraded, torch.full_like(batch.mask, fill))
        need(bool(output.isfinite().all()), f"restore gave NaN or infinity for a mask that is {fill:.0f} everywhere")


def works_with_and_without_a_mask(subject: Subject) -> None:
    method, batch = subject.taught, damaged(2)
    for mask in (None, batch.mask):
        try:
            output = restored(method, batch.degraded, mask)
        except (TypeError, AttributeError, ValueError) as error:
            fate = "without" if mask is None else "with"
            raise Broken(f"restore failed {fate} a mask ({error}); or set needs_mask = True") from None
        need(bool(output.isfinite().all()), "restore gave NaN or infinity")


def takes_any_size(subject: Subject) -> None:
    method = subject.taught
    for height, width in SIZES:
        batch = damaged(1, max(height, width), seed=3)
        degraded, mask = batch.degraded[..., :height, :width], batch.mask[..., :height, :width]
        try:
            output = restored(method, degraded, subject.told(mask))
        except RuntimeError as error:
            line = str(error).splitlines()[0]
            raise Broken(f"restore failed at {height}x{width} ({line}); set multiple_of to what it needs") from None
        need(bool(output.isfinite().all()), f"restore gave NaN or infinity at {height}x{width}")
