"""A real libjpeg round trip (Artifact removal GAN), by Pillow's encoder."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from degradations.base import Degradation, Degraded, Task, check_image
from degradations.jpegfile import read_planes

TASK = Task(
    name="jpeg",
    lost="The whole picture is compressed by JPEG at low quality.",
    source="Artifact removal GAN (mameli/Artifact_Removal_GAN)",
    tells_mask=False,
    content=frozenset({"scenes"}),
    train="jpeg_q10to60",
    levels=("jpeg_q10", "jpeg_q20", "jpeg_q30", "jpeg_q40"),
)
_PILLOW_CODES = {"4:4:4": 0, "4:2:0": 2}


def round_trip(image: np.ndarray, quality: int, subsampling: str) -> np.ndarray:
    """Compress and decompress: uint8 H×W×3 (or a single gray plane H×W) to the same shape.

    quality: libjpeg's 1..100. subsampling: "4:2:0" or "4:4:4". Baseline Huffman, standard tables, so only
    the quantisation decides; builds of libjpeg may differ by one grey level.
    """
    with Image.open(io.BytesIO(compress(image, quality, subsampling))) as picture:
        return np.array(picture)


def compress(image: np.ndarray, quality: int, subsampling: str) -> bytes:
    """The file of a round trip."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=_PILLOW_CODES[subsampling])
    return file.getvalue()


@dataclass(frozen=True)
class Jpeg(Degradation):
    """JPEG at one quality, or at a quality and subsampling drawn from the seed (for training)."""

    quality: int = 10  # libjpeg's 1..100
    subsampling: str | None = "4:2:0"  # None: drawn, "4:2:0" or "4:4:4"
    quality_max: int | None = None  # given: quality is drawn from quality..quality_max, both included

    grid: ClassVar[int] = 8

    def __post_init__(self) -> None:
        top = self.quality if self.quality_max is None else self.quality_max
        if not 1 <= self.quality <= top <= 100:
            raise ValueError(f"JPEG quality must lie in 1..100 and rise, got {self.quality}..{top}")
        if self.subsampling is not None and self.subsampling not in _PILLOW_CODES:
            raise ValueError(f"unknown JPEG subsampling {self.subsampling!r}; known: {', '.join(_PILLOW_CODES)}")

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. The mask is all ones."""
        check_image(image)
        return Degraded(round_trip(image, *self._drawn(seed)), np.ones(image.shape[:2], np.uint8))

    def evidence(self, image: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """The quantised DCT coefficients of all components in the file itself: "coefficients", int32 blocks×64."""
        check_image(image)
        planes = read_planes(compress(image, *self._drawn(seed)))
        return {"coefficients": np.concatenate([plane.indices for plane in planes])}

    def _drawn(self, seed: int) -> tuple[int, str]:
        """Quality and subsampling."""
        rng = np.random.Generator(np.random.PCG64(seed))
        quality, subsampling = self.quality, self.subsampling
        if self.quality_max is not None:
            quality = int(rng.integers(self.quality, self.quality_max + 1))
        if subsampling is None:
            subsampling = ("4:2:0", "4:4:4")[int(rng.integers(2))]
        return quality, subsampling


LEVELS: dict[str, Degradation] = {
    **{f"jpeg_q{quality}": Jpeg(quality) for quality in (10, 20, 30, 40)},
    **{f"jpeg_q{quality}_444": Jpeg(quality, "4:4:4") for quality in (10, 20, 30, 40)},
    "jpeg_q10to60": Jpeg(10, None, quality_max=60),
}
