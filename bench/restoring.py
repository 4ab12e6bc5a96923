"""Applies a stored run's method to pictures of one's own: damaged ones, or clean ones damaged first (triplets)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.data.batches import PictureCache
from bench.data.pictures import Picture, UnreadablePicture, read_pixels, resize_short_side, save_png
from bench.data.sources import Source, open_source
from bench.discovery import Found
from bench.errors import UserError
from bench.results.store import DONE, TRAINED, Run, read_run
from bench.scoring.folders import index
from bench.scoring.restore import BadOutput, predict_masks, restore
from bench.seeds import seed_for
from bench.training import checkpoint
from bench.training.engine import Engine, choose_engine
from degradations.base import Degradation, Task
from methods.base import Method

GAP = 4  # white pixels between the pictures of a triplet


@dataclass(frozen=True)
class Restored:
    """How many pictures were written, and a line for each that was not, or that a reader must know."""

    written: int
    problems: list[str]


@dataclass(frozen=True)
class StoredMethod:
    """A run's method with its trained weights, on a device."""

    run: Run
    task: Task
    method: Method
    engine: Engine
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path, found: Found, device: str = "auto") -> StoredMethod:
        """From a run's folder, runs/TASK/METHOD/ID. Raises UserError when it holds no run that can restore."""
        run = read_run(folder)
        engine = choose_engine(device, run.config.get("train", {}).get("precision", "auto"))
        if run.source != "ours":
            raise UserError(f"{folder}: its pictures were restored elsewhere; there is no method to apply")
        if run.status not in (TRAINED, DONE):
            raise UserError(f"{folder}: this run is {run.status}, not trained to its end; finish it first")
        entry = found.method(run.method).override(run.config["method"]["config"])
        changed = entry.code_digest() != run.config["method"]["code"]
        method = entry.build()
        if run.trained:
            checkpoint.load_weights(folder, method, engine.device)
        engine.place(method)
        note = f"{run.method}: its code has changed since this run was trained"
        return cls(run, found.task(run.task), method, engine, (note,) if changed else ())

    @property
    def told(self) -> bool:
        """Whether it is given the mask."""
        return self.task.tells_mask or self.method.needs_mask

    def restore(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """One picture: uint8 H×W×3; mask uint8 H×W of 0/1, or None. Raises ValueError when the output is no picture."""
        pictures, finite = restore(self.method, image[None], None if mask is None else mask[None], self.engine)
        if not finite[0]:
            raise BadOutput("the method returned NaN or infinity")
        return pictures[0]

    def found(self, image: np.ndarray) -> np.ndarray | None:
        """The lost region as the method sees it, uint8 H×W of 0/1, or None when it does not say."""
        masks = predict_masks(self.method, image[None], self.engine)
        return None if masks is None else masks[0]


def restore_source(
    stored: StoredMethod, source: Source, masks: Path | None, out: Path, short_side: int = 0
) -> Restored:
    """Restore the damaged pictures of a source to OUT/ID.png; a found mask goes to OUT/mask/ID.png.

    masks: folder of masks of the same names, not black where something was lost. short_side: pictures and masks are
    first brought to it; 0 leaves them. Raises UserError when the method needs masks and there are none, when not one
    picture could be restored, or OUT cannot be written.
    """
    if stored.told and masks is None:
        raise UserError(f"{stored.run.method} on {stored.run.task} must be told what was lost; give --mask FOLDER")
    paths = index(masks) if masks is not None and stored.told else {}

    def one(image_id: str) -> Iterator[tuple[str, np.ndarray]]:
        picture = source.read(image_id)
        mask = _mask(paths, picture) if stored.told else None
        if short_side:
            picture = resize_short_side(picture, short_side)
            mask = None if mask is None else _resized(mask, picture)
        yield f"{image_id}.png", stored.restore(picture.pixels, mask)
        seen = stored.found(picture.pixels)
        if seen is not None:
            yield f"mask/{image_id}.png", seen * np.uint8(255)

    trained_at = stored.run.config.get("train", {}).get("short_side", 0)
    hint = f"trained on pictures of short side {trained_at}; --short-side {trained_at} brings yours there"
    return _write(one, source, out, stored.notes + ((hint,) if trained_at not in (0, short_side) else ()))


def triplets(
    stored: StoredMethod, source: Source, level: tuple[str, Degradation], out: Path, short_side: int = 0
) -> Restored:
    """Damage clean pictures as an evaluation would, restore them, and write what was, what became of it and what is.

    OUT/triplets/ID.png shows original, damaged and restored side by side; they are in OUT/original, OUT/damaged,
    OUT/mask and OUT/restored too. Pictures are first brought to short_side, or if that is 0, to the size that the run
    was trained at. level: name and degradation. Raises UserError as restore_source does.
    """
    plain, degradation = level
    trained_on = stored.run.config.get("train", {})
    content = "faces" if stored.task.needs_landmarks else source.content
    side = short_side or trained_on.get("short_side", 0)
    cache = PictureCache(source, content, side, trained_on.get("scale", 1.0))

    def one(image_id: str) -> Iterator[tuple[str, np.ndarray]]:
        picture = cache.get(image_id, stored.task.needs_landmarks)
        if picture is None:
            raise UnreadablePicture(cache.problems[-1].removeprefix(f"{image_id}: ").removesuffix("; left out"))
        seed = seed_for("eval", stored.run.task, plain, image_id)
        damaged, mask = degradation(picture.pixels, seed, picture.landmarks)
        restored = stored.restore(damaged, mask if stored.told else None)
        strip = side_by_side([picture.pixels, damaged, restored])
        parts = {"original": picture.pixels, "damaged": damaged, "restored": restored, "triplets": strip}
        for kind, pixels in (parts | {"mask": mask * np.uint8(255)}).items():
            yield f"{kind}/{image_id}.png", pixels

    return _write(one, source, out, stored.notes)


def side_by_side(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one height, uint8 H×W×3, in a row with a white gap."""
    gap = np.full((len(pictures[0]), GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)


def scored_levels(run: Run) -> list[str]:
    """The levels a run is scored on."""
    return [key.removeprefix("level ") for key in run.digests if key.startswith("level ")]


def open_pictures(folder: Path) -> Source:
    """All pictures of a folder. Raises UserError."""
    return open_source(f"folder:{folder}", "all")


def _mask(paths: dict[str, Path], picture: Picture) -> np.ndarray:
    path = paths.get(picture.id)
    if path is None:
        raise UnreadablePicture("has no mask of its name")
    mask = (read_pixels(path).max(axis=2) > 0).astype(np.uint8)
    if mask.shape != picture.pixels.shape[:2]:
        (height, width), (high, wide) = mask.shape, picture.pixels.shape[:2]
        raise UnreadablePicture(f"its mask is {width}×{height}, the picture {wide}×{high}")
    return mask


def _resized(mask: np.ndarray, picture: Picture) -> np.ndarray:
    """A mask at a picture's size: lost wherever anything lost falls on a pixel."""
    height, width = picture.pixels.shape[:2]
    return (cv2.resize(mask * np.float32(1), (width, height), interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)


def _write(
    one: Callable[[str], Iterator[tuple[str, np.ndarray]]], source: Source, out: Path, notes: tuple[str, ...]
) -> Restored:
    """Write what `one` makes of each picture. A picture that fails is a line, not the end."""
    written, problems = 0, list(notes)
    for image_id in source.ids:
        try:
            for name, pixels in one(image_id):
                save_png(out / name, pixels)
            written += 1
        except ValueError as error:  # unreadable, no landmarks, no mask, or an output that is no picture
            problems.append(f"{image_id}: {error}; left out")
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}; choose another folder") from None
    if not written:
        raise UserError(f"{source.name}: no picture was restored; e.g. {(problems or ['it is empty'])[-1]}")
    return Restored(written, problems + list(source.problems))
