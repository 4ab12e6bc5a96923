"""Blur: the whole picture is averaged over small squares, edges and all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from degradations.base import Degradation, Degraded, Task, check_image


@dataclass(frozen=True)
class BoxBlur(Degradation):
    """Means of side×side pixels, repeated at the border; exact integer arithmetic, so equal on every machine."""

    side: int  # odd

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        check_image(image)
        reach, (height, width) = self.side // 2, image.shape[:2]
        padded = np.pad(image.astype(np.int64), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        shifts = [(down, right) for down in range(self.side) for right in range(self.side)]
        total = sum(padded[down : down + height, right : right + width] for down, right in shifts)
        blurred = ((2 * total + len(shifts)) // (2 * len(shifts))).astype(np.uint8)  # rounded half up
        return Degraded(blurred, np.ones((height, width), np.uint8))


TASK = Task(
    name="blur",
    lost="Every pixel is the mean of its neighbourhood.",
    source="this example",
    tells_mask=False,
    content=frozenset({"scenes", "faces"}),
    train="blur_3",
    levels=("blur_3", "blur_5"),
    like="jpeg",
)
LEVELS = {"blur_3": BoxBlur(3), "blur_5": BoxBlur(5)}
