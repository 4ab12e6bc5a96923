"""A photograph with what belongs to it beside its pixels: alpha channel, EXIF, ICC profile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps

from bench.data.pictures import UnreadablePicture
from bench.results.atomic import unfinished

OUTPUTS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
QUALITY = 95  # of a JPEG, colour at full resolution
# What a TIFF's own directory says of the photograph; the rest describes how its pixels lie in that file.
_OF_THE_PHOTOGRAPH = {
    ExifTags.Base[name]
    for name in (
        "ImageDescription", "Make", "Model", "XResolution", "YResolution", "ResolutionUnit", "Software", "DateTime",
        "Artist", "Copyright", "ExifOffset", "GPSInfo",
    )
}  # fmt: skip


@dataclass(frozen=True)
class Keepsakes:
    """What a restored photograph keeps of its original. EXIF without orientation, size and thumbnail."""

    exif: bytes = b""
    icc: bytes = b""

    @classmethod
    def of(cls, path: Path) -> Keepsakes:
        """Of a picture that can be read. A damaged block, or a profile of other than RGB pixels, is left out."""
        with Image.open(path) as image:
            icc = image.info.get("icc_profile") or b""
            return cls(_exif(image), icc if icc[16:20] == b"RGB " else b"")


def _exif(image: Image.Image) -> bytes:
    """EXIF that holds for upright pixels of any size: `read_pixels` has turned them as the orientation says."""
    try:
        exif = image.getexif()
        for tag in list(exif):
            if tag == ExifTags.Base.Orientation or (image.format == "TIFF" and tag not in _OF_THE_PHOTOGRAPH):
                del exif[tag]
        details = exif.get_ifd(ExifTags.IFD.Exif)
        for name in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight):
            details.pop(name, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # Pillow raises anything from struct.error to KeyError on a damaged block
        return b""


def read_alpha(path: Path) -> np.ndarray:
    """The alpha channel, uint8 H×W, 0 = transparent, turned as read_pixels does. Raises UnreadablePicture on none."""
    with Image.open(path) as image:
        image.load()
        if not image.has_transparency_data:
            raise UnreadablePicture("has no alpha channel")
        return np.asarray(ImageOps.exif_transpose(image.convert("RGBA")).getchannel("A"))


def save_photo(path: Path, pixels: np.ndarray, keepsakes: Keepsakes | None = None) -> None:
    """Write uint8 H×W×3 (or H×W) as the suffix says, PNG or JPEG; the file appears whole or not at all."""
    kept = keepsakes or Keepsakes()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    kind = OUTPUTS[path.suffix.lower()]
    options: dict[str, Any] = {"quality": QUALITY, "subsampling": 0} if kind == "JPEG" else {}
    options |= {name: data for name, data in (("exif", kept.exif), ("icc_profile", kept.icc)) if data}
    try:
        Image.fromarray(pixels).save(temporary, format=kind, **options)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
