"""Makes the damaged pairs of a folder: OUT/LEVEL/{clean,degraded,mask}/ID.png."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.pictures import UnreadablePicture, save_png
from bench.data.sources import Source
from bench.errors import UserError
from bench.seeds import seed_for
from degradations.base import Degradation


@dataclass(frozen=True)
class DegradeReport:
    """What was written, and a line for each picture that could not be damaged."""

    written: int
    problems: list[str]


def degrade_source(source: Source, task: str, levels: dict[str, Degradation], out: Path) -> DegradeReport:
    """Damage every picture of a source at every level with the seed an evaluation would use.

    Raises UserError when not one picture could be damaged, or OUT cannot be written.
    """
    written, problems = 0, []
    for image_id in source.ids:
        try:
            picture = source.read(image_id)
            for level, degradation in levels.items():
                seed = seed_for("eval", task, level, image_id)
                image, mask = degradation(picture.pixels, seed, picture.landmarks)
                for kind, pixels in (("clean", picture.pixels), ("degraded", image), ("mask", mask * np.uint8(255))):
                    save_png(out / level / kind / f"{image_id}.png", pixels)
            written += 1
        except (UnreadablePicture, ValueError) as error:
            problems.append(f"{image_id}: {error}; left out")
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}; choose another folder") from None
    if not written:
        raise UserError(
            f"{source.name}: no picture could be damaged; e.g. {problems[0] if problems else 'it is empty'}"
        )
    return DegradeReport(written, problems + list(source.problems))
