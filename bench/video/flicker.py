"""Flicker: how much a frame differs from the one before it, moved along with the motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_SEEN = 0.1  # share of pixels that must be found again; below it is a cut, which says nothing of flicker
STRAY, DRIFT = 0.01, 0.5  # of the forward-backward check of Sundaram et al. 2010


@dataclass(frozen=True)
class Flicker:
    """Mean absolute difference between a frame and the warped one before it, in 8-bit levels; over how many pairs.

    The motion is that of the input for both, so that the two can be compared: restored above input means that the
    method adds flicker.
    """

    input: float
    restored: float
    pairs: int

    def __str__(self) -> str:
        return f"flicker: input {self.input:.3f}, restored {self.restored:.3f} levels over {self.pairs} pairs of frames"


def flicker_of(pairs: list[tuple[float, float] | None]) -> Flicker | None:
    """The mean over the pairs of frames that could be judged; None where there is none."""
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return None
    first, second = np.mean(known, axis=0)
    return Flicker(float(first), float(second), len(known))


def pair_flicker(
    inputs: tuple[np.ndarray, np.ndarray], restored: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float] | None:
    """Warped difference of two consecutive frames before and after restoring, uint8 H×W×3 each.

    As the warping error of Lai et al. 2018 (absolute instead of squared), the flow being OpenCV's DIS. Only pixels
    count whose way there and back agrees. None at a cut, and for frames too small for a flow.
    """
    before, after = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in inputs)
    if min(before.shape) < 16:
        return None
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = dis.calc(after, before, None)  # type: ignore[call-overload]
    forth = dis.calc(before, after, None)  # type: ignore[call-overload]
    y, x = np.indices(after.shape, dtype=np.float32)
    way = (x + back[..., 0], y + back[..., 1])
    seen = _agrees(back, cv2.remap(forth, *way, cv2.INTER_LINEAR)) & _inside(way)
    if seen.mean() < LEAST_SEEN:
        return None
    return _difference(inputs, way, seen), _difference(restored, way, seen)


def _difference(frames: tuple[np.ndarray, np.ndarray], way: tuple[np.ndarray, np.ndarray], seen: np.ndarray) -> float:
    warped = cv2.remap(frames[0], *way, cv2.INTER_LINEAR)
    return float(cv2.absdiff(frames[1], warped)[seen].mean())


def _agrees(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Where a pixel moved back and forth again comes to where it began, bool H×W."""
    lengths = (back**2).sum(-1) + (forth**2).sum(-1)
    return ((back + forth) ** 2).sum(-1) < STRAY * lengths + DRIFT


def _inside(way: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    height, width = way[0].shape
    return (way[0] >= 0) & (way[0] <= width - 1) & (way[1] >= 0) & (way[1] <= height - 1)
