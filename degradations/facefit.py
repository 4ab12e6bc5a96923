"""Where a mask sits on a face, from five landmarks: a frame fixed to the head, its turn, and the face's edges.

Stands in for the 68 points that MaskTheFace takes from dlib. The proportions were set by eye on portraits turned by up
to some 45 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE_TILT = 0.12  # beyond it the head counts as turned; stands for MaskTheFace's 13 degrees

Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """An origin and two unit vectors in the picture; lengths stay pixels."""

    origin: Point
    across: Point
    down: Point

    def to_pixels(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Frame to picture coordinates: two arrays of n to n×2."""
        (ox, oy), (ax, ay), (dx, dy) = self.origin, self.across, self.down
        return np.stack((ox + x * ax + y * dx, oy + x * ay + y * dy), axis=-1)

    def from_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Picture to frame coordinates; x and y broadcast."""
        (ox, oy), (ax, ay), (dx, dy) = self.origin, self.across, self.down
        area = ax * dy - ay * dx
        x, y = x - ox, y - oy
        return x * (dy / area) - y * (dx / area), y * (ax / area) - x * (ay / area)


@dataclass(frozen=True)
class FaceFit:
    """A head in its own frame: origin between the eyes, x towards the right eye, y towards the mouth, in pixels."""

    frame: Frame
    size: float  # distance between the eyes if the head were not turned
    tilt: float  # sideways shift of the nose tip over the distance between the eyes; negative: towards the left
    nose: Point  # the nose's tip
    left: float  # x of the cheeks' edges, where a mask ends
    right: float
    ear_left: float  # x of the ears
    ear_right: float
    bridge: float  # y of a mask's top on the nose
    mouth: float  # y of the mouth
    chin: float  # y of a mask's bottom

    @property
    def pose(self) -> str:
        """The head's turn: "front", or the side of the picture it looks to, "left" or "right"."""
        if abs(self.tilt) <= SIDE_TILT:
            return "front"
        return "left" if self.tilt < 0 else "right"

    def six_points(self) -> np.ndarray:
        """MaskTheFace's a..f in pixels, 6×2: left cheek, bridge, right cheek, left jaw, chin, right jaw.

        On a turned head the near cheek and jaw are taken at the ear, where a side template's straps end.
        """
        left, right = self.left, self.right
        left_jaw, right_jaw = 0.88 * left, 0.88 * right
        if self.pose == "left":
            right = right_jaw = self.ear_right
        elif self.pose == "right":
            left = left_jaw = self.ear_left
        x = (left, 0.55 * self.nose[0], right, left_jaw, 0.1 * self.nose[0], right_jaw)
        cheek, jaw = 0.5 * self.mouth, 1.25 * self.mouth
        y = (cheek, self.bridge, cheek, jaw, self.chin, jaw)
        return self.frame.to_pixels(np.array(x), np.array(y))


def check_landmarks(landmarks: np.ndarray | None) -> np.ndarray:
    """Landmarks as float64 5×2; ValueError unless five finite points are given."""
    if landmarks is None:
        raise ValueError("facemask needs landmarks: five (x, y) points per face (eyes, nose tip, mouth corners)")
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected five finite (x, y) landmarks, got shape {points.shape}: {points.tolist()}")
    return points


def fit(landmarks: np.ndarray) -> FaceFit:
    """The head that five landmarks (float 5×2, base.Degradation's order) belong to.

    Points that coincide give an upright head about a pixel large.
    """
    left_eye, right_eye, nose_tip = landmarks[:3]
    frame, eyes, mouth = _frame((left_eye + right_eye) / 2, right_eye - left_eye, (landmarks[3] + landmarks[4]) / 2)
    mouth = max(mouth, 0.7 * eyes, 0.7)
    eyes = max(eyes, 0.25 * mouth)
    size = max(eyes, 0.95 * mouth)
    nose_x, nose_y = (float(value) for value in frame.from_pixels(nose_tip[0], nose_tip[1]))
    tilt = min(max(nose_x / eyes, -0.6), 0.6)
    nose_x, turn = tilt * eyes, abs(tilt)
    far = max(eyes / 2 + max(0.46 - 0.75 * turn, 0.05) * size, abs(nose_x) + 0.12 * size)  # wide enough for the nose
    near, far_ear, near_ear = (eyes / 2 + margin * size for margin in (0.46 + 0.65 * turn, 0.54, 0.54 + 1.7 * turn))
    left, right, ear_left, ear_right = (far, near, far_ear, near_ear) if tilt < 0 else (near, far, near_ear, far_ear)
    bridge = min(max(0.5 * nose_y, 0.22 * mouth), 0.36 * mouth)
    return FaceFit(frame, size, tilt, (nose_x, nose_y), -left, right, -ear_left, ear_right, bridge, mouth, 1.88 * mouth)


def _frame(middle: np.ndarray, eye_to_eye: np.ndarray, mouth: np.ndarray) -> tuple[Frame, float, float]:
    """The head's frame, and the lengths from eye to eye and from their middle to the mouth."""
    across, eyes = _direction(eye_to_eye, (1.0, 0.0))
    below = (-across[1], across[0])
    down, drop = _direction(mouth - middle, below)
    if across[0] * down[1] - across[1] * down[0] < 0.5:  # mouth beside or above the eyes: no usable frame
        down = below
    return Frame((float(middle[0]), float(middle[1])), across, down), eyes, drop


def _direction(vector: np.ndarray, otherwise: Point) -> tuple[Point, float]:
    """Unit vector and length; the other direction when the vector is shorter than a thousandth of a pixel."""
    x, y = float(vector[0]), float(vector[1])
    length = (x * x + y * y) ** 0.5
    return ((x / length, y / length), length) if length > 1e-3 else (otherwise, 0.0)
