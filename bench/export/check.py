"""Whether a file restores as the run does: on noise and on damaged pictures, of several shapes where it takes any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.batches import to_tensor
from bench.data.sources import open_source
from bench.discovery import Found
from bench.export.formats import CannotExport, Inputs, Restorer
from bench.restoring import StoredMethod
from bench.scoring.restore import pad_to_multiple
from bench.seeds import seed_for

TOLERANCE = 1e-3  # of values in [0, 1]: a quarter of one of 255 levels
FEW = 1e-4  # share of values that may be further off: a method that decides (is this pixel lost?) may decide otherwise
PICTURES = 3
NOISE = 64  # side, at least


@dataclass(frozen=True)
class Agreement:
    """How far a file's outputs were from the run's. worst: the largest difference; share: of values off by more."""

    worst: float
    share: float
    inputs: int

    @property
    def holds(self) -> bool:
        """Whether the file may stand for the run."""
        return self.share <= FEW


def samples(stored: StoredMethod, found: Found, side: int) -> list[Inputs]:
    """Inputs to compare on, the first a batch of two: noise, then pictures with the task's own damage.

    side: of all of them; 0 gives several shapes.
    """
    multiple = stored.method.multiple_of
    base = side or -(-NOISE // multiple) * multiple
    shapes = (
        [(2, base, base), (1, base, base)] if side else [(2, base, base + multiple), (1, base + multiple, 2 * base)]
    )
    generator = torch.Generator().manual_seed(0)
    noise = [
        (torch.rand(n, 3, h, w, generator=generator), torch.rand(n, 1, h, w, generator=generator).round())
        for n, h, w in shapes
    ]
    pairs = noise + [_fitted(pair, side, multiple) for pair in _damaged(stored, found)]
    return [pair if stored.told else pair[:1] for pair in pairs]


def compare(restorer: Restorer, inputs: Sequence[Inputs], expected: Sequence[Tensor]) -> Agreement:
    """Run a file on inputs whose outputs are known. Raises CannotExport where it does not run, or answers in shape."""
    worst, off, total = 0.0, 0, 0
    for given, known in zip(inputs, expected, strict=True):
        try:
            with torch.no_grad():
                answer = restorer(*given)
        except Exception as error:  # a traced file may fail in any way on a size that it was not made for
            raise CannotExport(f"the file fails on {tuple(given[0].shape)}: {type(error).__name__}") from error
        if answer.shape != known.shape:
            raise CannotExport(f"the file answers {tuple(answer.shape)} to {tuple(given[0].shape)}")
        difference = (answer - known).abs().nan_to_num(nan=1.0)
        worst = max(worst, float(difference.max()))
        off, total = off + int((difference > TOLERANCE).sum()), total + difference.numel()
    return Agreement(worst, off / total, len(inputs))


def _damaged(stored: StoredMethod, found: Found) -> list[tuple[Tensor, Tensor]]:
    """Pictures that come with the package, damaged on the task's first level."""
    task = stored.task
    source = open_source("embedded:faces" if "faces" in task.content else "embedded:scenes", "test")
    level, degradation = found.level(task.name, task.levels[0])
    pairs = []
    for image_id in source.ids[:PICTURES]:
        picture = source.read(image_id)
        image, mask = degradation(picture.pixels, seed_for("eval", task.name, level, image_id), picture.landmarks)
        pairs.append((to_tensor(image[None]), torch.from_numpy(mask)[None, None].float()))
    return pairs


def _fitted(pair: tuple[Tensor, Tensor], side: int, multiple: int) -> tuple[Tensor, Tensor]:
    """A pair padded as the harness does, or brought to a fixed side by repeating or cutting its edges."""
    if not side:
        return pad_to_multiple(pair[0], multiple), pad_to_multiple(pair[1], multiple)
    height, width = pair[0].shape[-2:]
    room = (0, max(side - width, 0), 0, max(side - height, 0))
    image, mask = (torch.nn.functional.pad(each, room, mode="replicate")[..., :side, :side] for each in pair)
    return image, mask
