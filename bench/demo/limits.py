"""What the demo takes, and what it says to the rest."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench.data.pictures import UnreadablePicture, decode_pixels

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MEGA = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Bounds on a request."""

    bytes: int = 10 * MEGA  # of a file
    pixels: int = 4 * MEGA  # of a picture
    waiting: int = 64  # requests that wait or are at work; the next is turned away
    seconds: float = 60.0  # from a request to its answer


class Refused(ValueError):
    """A request that is not answered. The message is one line for whoever sent it, and repeats nothing of it."""


class Busy(Refused):
    """Refused for the moment: too many wait, or it took too long."""


def read_upload(data: bytes, what: str, limits: Limits) -> np.ndarray:
    """An uploaded file as uint8 H×W×3 RGB. what: "the picture", for the message. Raises Refused."""
    if not data:
        raise Refused(f"{what} is an empty file (0 bytes)")
    if len(data) > limits.bytes:
        raise Refused(f"{what} has {len(data) / MEGA:.1f} MB; at most {limits.bytes / MEGA:g} MB are taken")
    if b"<svg" in data[:4096].lower() or data[:5] == b"<?xml":
        raise Refused(f"{what} is an SVG drawing, not pixels; send one of {', '.join(FORMATS)}")
    width, height = _announced(data, what)
    if width * height > limits.pixels:
        raise Refused(
            f"{what} announces {width}×{height} pixels; at most {limits.pixels / MEGA:g} megapixels are taken"
        )
    try:
        return decode_pixels(data, what)
    except UnreadablePicture as error:
        raise Refused(" ".join(str(error).split())) from None


def _announced(data: bytes, what: str) -> tuple[int, int]:
    """Width and height as the file's header says, without decoding it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return image.size
    except Image.DecompressionBombError:
        raise Refused(f"{what} announces far too many pixels") from None
    except Exception:  # headers of damaged files raise anything
        raise Refused(f"{what} is not a picture that is read; send one of {', '.join(FORMATS)}") from None
