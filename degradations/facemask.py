"""Face masks put on faces (face-mask removal v1/v2, after MaskTheFace): drawn by us, or from template pictures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degradations.base import Degradation, Degraded, Task, check_image
from degradations.facefit import check_landmarks, fit
from degradations.files import PictureFile, content_digest, pictures_in
from degradations.maskdrawing import draw
from degradations.maskstyles import choose
from degradations.masktemplate import choose_template, put_on
from degradations.overlay import lay_over

TASK = Task(
    name="facemask",
    lost="A face mask, fitted to landmarks and head angle, covers nose, mouth and chin.",
    source="Face-mask removal v1/v2 (wocns1457/GAN-based-face-mask-removal), masks after aqeelanwar/MaskTheFace",
    tells_mask=False,
    content=frozenset({"faces"}),
    train="facemask_drawn",
    levels=("facemask_drawn",),
    needs_landmarks=True,
)


@dataclass(frozen=True)
class DrawnMask(Degradation):
    """A surgical, respirator or cloth mask drawn from the seed and fitted to the head."""

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. The mask marks every pixel that fabric or strap touches, soft edges included."""
        check_image(image)
        face = fit(check_landmarks(landmarks))
        rng = np.random.Generator(np.random.PCG64(seed))
        return lay_over(image, draw(face, choose(rng), image, rng))


@dataclass(frozen=True)
class TemplateMask(Degradation):
    """A mask picture from a folder of RGBA templates (NAME.png, NAME_left.png, NAME_right.png), warped to the head."""

    folder: Path | None = None

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. Raises ValueError without a folder of readable templates."""
        check_image(image)
        face = fit(check_landmarks(landmarks))
        rng = np.random.Generator(np.random.PCG64(seed))
        file, mirrored, pose = choose_template(self._files(), face.pose, rng)
        return lay_over(image, put_on(face, image, file, mirrored, pose))

    def digest(self) -> str:
        """Parameters and the templates' contents, wherever the folder lies."""
        if self.folder is None:
            return repr(self)
        return f"{dataclasses.replace(self, folder=None)!r} files={content_digest(self._files())}"

    def _files(self) -> tuple[PictureFile, ...]:
        return pictures_in(self.folder, "facemask_template", "RGBA face masks")


LEVELS: dict[str, Degradation] = {"facemask_drawn": DrawnMask(), "facemask_template": TemplateMask()}
