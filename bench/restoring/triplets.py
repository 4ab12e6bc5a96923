"""Clean pictures damaged as an evaluation would, and restored: what was, what became of it and what is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.data.batches import PictureCache
from bench.data.photo import save_photo
from bench.data.pictures import UnreadablePicture
from bench.data.sources import Source
from bench.restoring.photos import Restored, write
from bench.restoring.stored import StoredMethod
from bench.seeds import seed_for
from degradations.base import Degradation

GAP = 4  # white pixels between the pictures of a triplet


def triplets(
    stored: StoredMethod, source: Source, level: tuple[str, Degradation], out: Path, short_side: int = 0
) -> Restored:
    """Damage clean pictures as an evaluation would, restore them, and write all of it.

    OUT/triplets/ID.png shows original, damaged and restored side by side; they are in OUT/original, OUT/damaged,
    OUT/mask and OUT/restored too. Pictures are first brought to short_side, or if that is 0, to the size that the run
    was trained at. level: name and degradation. Raises UserError as restore_source does.
    """
    plain, degradation = level
    trained_on = stored.run.config.get("train", {})
    content = "faces" if stored.task.needs_landmarks else source.content
    side = short_side or trained_on.get("short_side", 0)
    cache = PictureCache(source, content, side, trained_on.get("scale", 1.0))

    def one(image_id: str) -> None:
        picture = cache.get(image_id, stored.task.needs_landmarks)
        if picture is None:
            raise UnreadablePicture(cache.problems[-1].removeprefix(f"{image_id}: ").removesuffix("; left out"))
        seed = seed_for("eval", stored.run.task, plain, image_id)
        damaged, mask = degradation(picture.pixels, seed, picture.landmarks)
        restored = stored.restore(damaged, mask if stored.told else None)
        parts = {"original": picture.pixels, "damaged": damaged, "restored": restored}
        strip = side_by_side(list(parts.values()))
        for kind, pixels in (parts | {"triplets": strip, "mask": mask * np.uint8(255)}).items():
            save_photo(out / kind / f"{image_id}.png", pixels)

    return write(one, source, out, stored.notes)


def side_by_side(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one height, uint8 H×W×3, in a row with a white gap."""
    gap = np.full((len(pictures[0]), GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)
