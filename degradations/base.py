"""What every degradation is: a pure function of (picture, seed) with a name, and the task it belongs to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

TASKS_CONTENT = frozenset({"scenes", "faces"})


class Degraded(NamedTuple):
    """A damaged picture and where it was damaged.

    image: uint8 H×W×3, RGB. mask: uint8 H×W, 1 where information was lost, 0 elsewhere.
    """

    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Task:
    """One of the board's tasks: what is lost, and whether a method is told where."""

    name: str
    lost: str  # one sentence for people
    source: str  # the project the task comes from
    tells_mask: bool  # False: the method must find the damage itself, and the harness must not leak it
    content: frozenset[str]  # which pictures make sense: "scenes", "faces"
    train: str  # level drawn from while training, unless a suite names another
    levels: tuple[str, ...]  # levels scored, unless a suite names others
    needs_landmarks: bool = False
    like: str = ""  # another task: methods that can be put to that one can be put to this


class Degradation(ABC):
    """One named setting of a task's damage; concrete classes are frozen dataclasses of its parameters.

    A setting never changes its meaning: another parameter is another name in the module's LEVELS.
    """

    grid: ClassVar[int] = 1  # period in pixels of the damage (JPEG: 8); training crops start at a random phase of it

    @abstractmethod
    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """Damage a picture.

        image: uint8 H×W×3 RGB, left untouched. seed: any non-negative int; same (image, seed, landmarks), same
        result on every machine. landmarks: float 5×2 (x, y) in pixels: left eye, right eye, nose tip, left and right
        mouth corner, left being the smaller x; only face tasks look at them.
        Raises ValueError when the image is not uint8 H×W×3, or landmarks are needed and missing.
        """

    def evidence(self, image: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """What can still be told of the lost part, by kind: arrays whose shapes depend on the picture's shape and seed.

        image, seed: as in __call__. The evidence of the truth is in the damaged picture for all to see, so that of a
        restored picture should equal it. Nothing where what is lost is lost; "cells" and "coefficients" are scored.
        """
        return {}

    def digest(self) -> str:
        """Text that decides the damage: parameters, and the content of any files used."""
        return repr(self)


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless image is uint8 H×W×3 with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected a uint8 H×W×3 picture, got {image.dtype} {image.shape}")
