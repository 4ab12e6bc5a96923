"""Checks of how a method trains."""

from __future__ import annotations

import io
import math

import torch

from bench.verify.subject import Broken, Subject, need, restored

PROGRESS = (0.0, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.99)  # meets every phase of a method that has phases
LESSONS = 200  # steps on one batch, within which a method must have learnt something
LOOK_EVERY = 25  # steps; it is done once its error is below the input's and below its own at the start


def moves_every_weight(subject: Subject) -> None:
    method = subject.fresh().train()
    before = {key: weight.detach().clone() for key, weight in method.named_parameters() if weight.requires_grad}
    for progress in PROGRESS:
        scalars = method.step(subject.lesson(), progress)
        need(bool(scalars), "step returned no scalars; return what is worth a curve, e.g. {'loss': loss.detach()}")
        for name, value in scalars.items():
            need(bool(value.isfinite()), f"scalar '{name}' is not finite at progress {progress}")
            need(not value.requires_grad, f"scalar '{name}' still has a graph; return it detached")
    still = [key for key, weight in method.named_parameters() if key in before and torch.equal(weight, before[key])]
    need(not still, f"{len(still)} weights never moved, e.g. {still[:1]}; is it detached, or in no optimizer?")
    switched = [key for key, weight in method.named_parameters() if key in before and not weight.requires_grad]
    need(not switched, f"step left requires_grad off on {switched[:1]}; switch it on again")


def holds_every_weight_once(subject: Subject) -> None:
    method = subject.fresh()
    optimizers = method.optimizers()
    held = [id(w) for each in optimizers.values() for group in each.param_groups for w in group["params"]]
    names = {id(weight): key for key, weight in method.named_parameters() if weight.requires_grad}
    missing = [key for place, key in names.items() if place not in held]
    need(not missing, f"no optimizer holds {missing[:1]} and {len(missing) - 1} more; hand every weight to one")
    need(len(held) == len(set(held)), "a weight is held by two optimizers; hand every weight to one")
    foreign = [place for place in held if place not in names]
    need(
        not foreign, f"{len(foreign)} weights in optimizers are not the method's; register their network as a submodule"
    )
    again = method.optimizers()
    same = again.keys() == optimizers.keys() and all(again[key] is each for key, each in optimizers.items())
    need(same, "optimizers() made new ones at the second call; make them in __init__ and return the same objects")


def resumes_exactly(subject: Subject) -> None:
    straight, file = subject.fresh().train(), io.BytesIO()
    batches = [subject.lesson(seed) for seed in range(5)]
    for index in range(3):
        straight.step(batches[index], index / 5)
    optimizers = {key: each.state_dict() for key, each in straight.optimizers().items()}
    torch.save((straight.state_dict(), optimizers, torch.get_rng_state()), file)
    for index in (3, 4):
        straight.step(batches[index], index / 5)
    resumed = subject.fresh(seed=1).train()
    file.seek(0)
    weights, optimizers, rng = torch.load(file, weights_only=True)
    resumed.load_state_dict(weights)
    for key, each in resumed.optimizers().items():
        each.load_state_dict(optimizers[key])
    torch.set_rng_state(rng)
    for index in (3, 4):
        resumed.step(batches[index], index / 5)
    final = resumed.state_dict()
    other = [key for key, value in straight.state_dict().items() if not torch.equal(value, final[key])]
    need(not other, f"saved, loaded and trained on it differs, first in {other[:1]}; keep lasting numbers in buffers")


def starts_from_its_seed(subject: Subject) -> None:
    first, same, other = (subject.fresh(seed).state_dict() for seed in (0, 0, 1))
    need(
        all(torch.equal(first[key], same[key]) for key in first),
        "one seed gave two starts; draw from torch's generator",
    )
    need(any(not torch.equal(first[key], other[key]) for key in first), "two seeds gave one start; do not fix the seed")


def leaves_its_batch_alone(subject: Subject) -> None:
    method = subject.fresh().train()
    given, same = subject.lesson(), subject.lesson()
    method.step(given, 0.0)
    for name in ("clean", "degraded", "mask"):
        need(torch.equal(getattr(given, name), getattr(same, name)), f"step changed batch.{name}; work on a copy")


def learns_one_batch(subject: Subject) -> None:
    method = subject.fresh()
    batch = subject.lesson()

    def error() -> float:
        output = restored(method.eval(), batch.degraded, subject.told(batch.mask))
        method.train()
        return float((output - batch.clean).square().mean())

    before, start, least = float((batch.degraded - batch.clean).square().mean()), error(), math.inf
    for index in range(LESSONS):
        method.step(batch, index / LESSONS)
        if (index + 1) % LOOK_EVERY == 0:
            least = min(least, error())
            if least < min(before, start):
                return
    need(
        least < before,
        f"within {LESSONS} steps on one batch its error comes to {least:.2g} at best, the input's is {before:.2g}; is "
        "the loss on the right scale, the output in [0, 1], the learning rate too high?",
    )
    raise Broken(
        f"within {LESSONS} steps on one batch its error comes to {least:.2g} at best and was {start:.2g} at the start: "
        "does the loss reach what restore returns?"
    )
