"""Pictures to damaged training batches and to the fixed cases that are scored.

A training batch is a pure function of (seed, step), so a resumed run sees what an undisturbed one would have seen, and
every method of a task sees the same pictures with the same damage in the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from bench.data.pictures import Picture, UnreadablePicture, centre_crop, flip, resize_short_side
from bench.data.sources import Source
from bench.errors import UserError
from bench.seeds import seed_for
from degradations.base import Degradation, Task
from methods.base import Batch

CACHE_BYTES = 1 << 30


@dataclass(frozen=True)
class Case:
    """One scored picture: what it was, what it became, and where. All uint8; mask H×W of 0/1.

    seed: of the damage. landmarks: float 5×2 in pixels, where known.
    """

    image_id: str
    clean: np.ndarray
    degraded: np.ndarray
    mask: np.ndarray
    seed: int = 0
    landmarks: np.ndarray | None = None


class PictureCache:
    """Prepared pictures of a source, kept decoded while they fit; unreadable ones are remembered as None."""

    def __init__(self, source: Source, content: str, short_side: int = 0, scale: float = 1.0) -> None:
        self.source, self.content, self.short_side, self.scale = source, content, short_side, scale
        self.problems: list[str] = []
        self._kept: dict[str, Picture | None] = {}
        self._bytes = 0

    def get(self, image_id: str, landmarks: bool = False) -> Picture | None:
        """The picture at its working size, or None when its file cannot be read, or lacks the landmarks asked for."""
        picture = self._kept[image_id] if image_id in self._kept else self._prepare(image_id)
        if landmarks and picture is not None and picture.landmarks is None:
            self._note(f"{image_id}: has no landmarks; left out where they are needed")
            return None
        return picture

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _prepare(self, image_id: str) -> Picture | None:
        """Read and size a picture, and keep it while there is room."""
        picture = self._read(image_id)
        size = picture.pixels.nbytes if picture else 0
        if self._bytes + size <= CACHE_BYTES:
            self._kept[image_id] = picture
            self._bytes += size
        return picture

    def _read(self, image_id: str) -> Picture | None:
        try:
            picture = self.source.read(image_id)
        except UnreadablePicture as error:
            self._note(f"{image_id}: {error}; left out")
            return None
        if self.content == "faces":  # faces stay whole: the middle square, whatever the picture's shape
            picture = centre_crop(picture, min(picture.pixels.shape[:2]))
        side = self.short_side or max(1, round(self.scale * min(picture.pixels.shape[:2])))
        return resize_short_side(picture, side)


@dataclass(frozen=True)
class Recipe:
    """How pictures become training batches."""

    degradation: Degradation
    crop: int
    batch: int
    needs_landmarks: bool = False


class TrainingData:
    """Endless damaged batches of square crops."""

    def __init__(self, pictures: PictureCache, recipe: Recipe, seed: int) -> None:
        self.pictures, self.recipe, self.seed = pictures, recipe, seed
        self.margin = recipe.degradation.grid - 1  # damage a little more and cut, so that the grid's phase varies
        if not any(self._get(each) is not None for each in pictures.source.ids):
            need = " with landmarks" if recipe.needs_landmarks else ""
            raise UserError(f"{pictures.source.name}: no readable picture{need} to train on")
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def batch(self, step: int, places: range | None = None) -> Batch:
        """The batch of one step, or these places of it, on the CPU."""
        first = step * self.recipe.batch
        samples = [self._sample(first + place) for place in (range(self.recipe.batch) if places is None else places)]
        clean, degraded, mask = (np.stack(part) for part in zip(*samples, strict=True))
        return Batch(to_tensor(clean), to_tensor(degraded), torch.from_numpy(mask[:, None]).float())

    def _sample(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed_for("sample", self.seed, number))
        picture = self._picture(number)
        picture = self._crop(picture, self.recipe.crop + self.margin, rng)
        if rng.random() < 0.5:
            picture = flip(picture)
        image, mask = self.recipe.degradation(picture.pixels, int(rng.integers(1 << 62)), picture.landmarks)
        y, x = rng.integers(0, self.margin + 1, size=2)
        window = np.s_[y : y + self.recipe.crop, x : x + self.recipe.crop]
        return picture.pixels[window], image[window], mask[window]

    def _get(self, image_id: str) -> Picture | None:
        return self.pictures.get(image_id, self.recipe.needs_landmarks)

    def _picture(self, number: int) -> Picture:
        """The picture of a sample; the next readable one when its own cannot be read."""
        ids = self.pictures.source.ids
        while True:
            epoch, place = divmod(number, len(ids))
            if self._order[0] != epoch:
                rng = np.random.default_rng(seed_for("order", self.seed, epoch))
                self._order = (epoch, rng.permutation(len(ids)))
            picture = self._get(ids[self._order[1][place]])
            if picture is not None:
                return picture
            number += 1

    @staticmethod
    def _crop(picture: Picture, side: int, rng: np.random.Generator) -> Picture:
        if min(picture.pixels.shape[:2]) < side:
            picture = resize_short_side(picture, side)
        height, width = picture.pixels.shape[:2]
        y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        landmarks = None if picture.landmarks is None else picture.landmarks - np.array([x, y], dtype=np.float32)
        return replace(picture, pixels=picture.pixels[y : y + side, x : x + side], landmarks=landmarks)


class EvaluationSet:
    """The pictures a task is scored on. Damage is seeded by (task, level, image id) alone."""

    def __init__(self, pictures: PictureCache, task: Task, size: int, count: int) -> None:
        self.pictures, self.task, self.size = pictures, task, size
        ids = pictures.source.ids
        places = np.linspace(0, len(ids) - 1, count).round().astype(int) if 0 < count < len(ids) else range(len(ids))
        self.ids = [ids[place] for place in places]

    def case(self, level: str, degradation: Degradation, image_id: str) -> Case | None:
        """One damaged picture, or None when its file cannot be read, or lacks landmarks that the task needs."""
        picture = self.pictures.get(image_id, self.task.needs_landmarks)
        if picture is None:
            return None
        if self.size:
            if min(picture.pixels.shape[:2]) < self.size:
                picture = resize_short_side(picture, self.size)
            picture = centre_crop(picture, self.size)
        pixels = np.ascontiguousarray(picture.pixels)
        seed = seed_for("eval", self.task.name, level, image_id)
        image, mask = degradation(pixels, seed, picture.landmarks)
        return Case(image_id, pixels, image, mask, seed, picture.landmarks)

    def cases(self, level: str, degradation: Degradation) -> Iterator[tuple[str, Case | None]]:
        """All pictures of a level in a fixed order."""
        for image_id in self.ids:
            yield image_id, self.case(level, degradation, image_id)

    def digest(self, level: str, degradation: Degradation) -> str:
        """Digest of every pixel a level is scored on: clean, degraded and mask."""
        total = hashlib.sha256()
        for image_id, case in self.cases(level, degradation):
            total.update(image_id.encode())
            if case is not None:
                for part in (case.clean, case.degraded, case.mask):
                    total.update(str(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        return total.hexdigest()


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 N×H×W×3 to float32 N×3×H×W in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).contiguous().float() / 255
