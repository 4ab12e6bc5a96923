"""Damaged pictures of one's own, restored: a folder of them or one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.files import Entry
from bench.data.folder import FolderSource, name_entries, open_folder
from bench.data.photo import OUTPUTS, Keepsakes, save_photo
from bench.data.pictures import EXTENSIONS, resize_short_side
from bench.data.sources import Source
from bench.errors import UserError
from bench.restoring.masks import Masks, resized
from bench.restoring.stored import AUTO, StoredMethod
from bench.restoring.truth import Mean
from bench.video.flicker import Flicker


@dataclass(frozen=True)
class Restored:
    """How many pictures, or frames, were written, and a line for each that was not, or that a reader must know.

    flicker: of a video; scores: of a video whose truth was given.
    """

    written: int
    problems: list[str]
    flicker: Flicker | None = None
    scores: tuple[Mean, ...] = ()


@dataclass(frozen=True)
class Output:
    """Where restored pictures go: OUT/ID.png or OUT/ID.jpg, or one file of that suffix. short_side: 0 leaves sizes."""

    out: Path
    suffix: str = ".png"
    short_side: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it names one picture."""
        return self.out.suffix.lower() in OUTPUTS and not self.out.is_dir()

    def path(self, image_id: str) -> Path:
        """The file of a picture."""
        return self.out if self.is_file else self.out / f"{image_id}{self.suffix}"

    def mask_path(self, image_id: str) -> Path:
        """The file of the mask that a method found in a picture."""
        return self.out.with_suffix(".mask.png") if self.is_file else self.out / "mask" / f"{image_id}.png"


def open_pictures(path: Path) -> FolderSource:
    """One picture, or all pictures of a folder. Raises UserError."""
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        return FolderSource(str(path), name_entries([Entry(path.name, path)]), {}, [])
    return open_folder(f"folder:{path}", str(path), "all")


def restore_source(stored: StoredMethod, source: FolderSource, masks: Masks, output: Output) -> Restored:
    """Restore the damaged pictures of a source; a mask that the method found goes to OUT/mask/ID.png.

    EXIF and ICC profile go with a picture. Raises UserError when the method needs masks and there are none, when not
    one picture could be restored, or nothing can be written.
    """
    if stored.told and not masks:
        raise UserError(f"{stored.run.method} on {stored.run.task} must be told what was lost; give --mask FOLDER")
    _check(source, output)
    cut: dict[str, tuple[int, ...]] = {}

    def one(image_id: str) -> None:
        path = source.path(image_id)
        picture, mask = masks.of(source.read(image_id), path)
        if output.short_side:
            picture = resize_short_side(picture, output.short_side)
            mask = None if mask is None else resized(mask, picture.pixels.shape)
        if stored.side(picture.pixels.shape):
            cut[image_id] = picture.pixels.shape
        restored = stored.restore(picture.pixels, mask if stored.told else None)
        save_photo(output.path(image_id), restored, Keepsakes.of(path))
        seen = stored.found(picture.pixels)
        if seen is not None:
            save_photo(output.mask_path(image_id), seen * np.uint8(255))

    done = write(one, source, output.out, stored.notes + size_hint(stored, output.short_side))
    notes: list[str] = []
    for image_id, shape in list(cut.items())[:1]:
        notes = cut_note(stored, shape, f"{len(cut)} of {len(source.ids)} pictures, e.g. {image_id}")
    return Restored(done.written, done.problems + notes)


def size_hint(stored: StoredMethod, short_side: int) -> tuple[str, ...]:
    """A line for the reader whose pictures are not of the size that the run was trained at."""
    trained_at = stored.run.config.get("train", {}).get("short_side", 0)
    if trained_at in (0, short_side):
        return ()
    return (f"trained on pictures of short side {trained_at}; --short-side {trained_at} brings yours there",)


def write(one: Callable[[str], None], source: Source, out: Path, notes: tuple[str, ...]) -> Restored:
    """Do each picture. One that fails is a line, not the end. Raises UserError when none succeeds or a disk is full."""
    written, problems = 0, list(notes)
    for image_id in source.ids:
        try:
            one(image_id)
            written += 1
        except ValueError as error:  # unreadable, no landmarks, no mask, or an output that is no picture
            problems.append(f"{image_id}: {error}; left out")
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}; choose another folder") from None
    if not written:
        raise UserError(f"{source.name}: no picture was restored; e.g. {(problems or ['it is empty'])[-1]}")
    return Restored(written, problems + list(source.problems))


def _check(source: FolderSource, output: Output) -> None:
    """Raises UserError where the output would fall on the input, or many pictures into one file."""
    if output.is_file and len(source.ids) > 1:
        raise UserError(f"{output.out} is one picture, {source.name} has {len(source.ids)}; give a folder")
    for image_id in source.ids:
        if output.path(image_id).resolve() == source.path(image_id).resolve():
            raise UserError(f"{output.path(image_id)} would be written over; give another OUT")


def cut_note(stored: StoredMethod, shape: tuple[int, ...], what: str) -> list[str]:
    """A line on what was restored in tiles without being asked for."""
    side = stored.side(shape) if stored.tile == AUTO else 0
    return [f"{what}: restored in overlapping tiles of up to {side} px; --tile 0 takes all whole"] if side else []
