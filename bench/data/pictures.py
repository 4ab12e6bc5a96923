"""One picture: read from any common file as uint8 RGB, write it, resize and crop it with its landmarks."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.results.atomic import unfinished

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
)
MAX_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs (about 13,400 × 13,400), kept here explicitly
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")
_ORIENTATION = 0x0112  # EXIF tag
_DEPTH = 258  # TIFF tag BitsPerSample
_WHITE = 255


class UnreadablePicture(ValueError):
    """A file that cannot be read as a picture. The message is one line: which file, and what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A clean picture.

    id: safe as a file name. pixels: uint8 H×W×3 RGB. landmarks: float32 5×2 (x, y), pixel centres at whole numbers:
    left eye, right eye, nose tip, left and right mouth corner, left being the smaller x; None where unknown.
    """

    id: str
    pixels: np.ndarray
    landmarks: np.ndarray | None = None


def read_pixels(path: Path) -> np.ndarray:
    """Decode a picture file to uint8 H×W×3 RGB, turned the way its EXIF orientation says.

    Grey becomes three equal channels, 16 bits are scaled to 8 with rounding, transparency is laid over white, CMYK is
    converted, the first frame of an animation is taken; ICC profiles are ignored. Raises UnreadablePicture.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UnreadablePicture(f"{path}: cannot be opened ({error.strerror or error})") from error
    return decode_pixels(data, str(path))


def decode_pixels(data: bytes, where: str) -> np.ndarray:
    """Decode a picture's bytes as read_pixels does; where names it in UnreadablePicture."""
    if not data:
        raise UnreadablePicture(f"{where}: empty file (0 bytes)")
    try:
        return _decode(data)
    except UnreadablePicture as error:
        raise UnreadablePicture(f"{where}: {error}") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"{where}: announces more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except UnidentifiedImageError as error:
        raise UnreadablePicture(f"{where}: not a picture in a format that is read, or its header is damaged") from error
    except Exception as error:  # decoders raise anything from struct.error to SyntaxError on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        word = "truncated" if "trunc" in reason.lower() or isinstance(error, EOFError) else "damaged"
        raise UnreadablePicture(f"{where}: {word} ({reason})") from error


def _decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UnreadablePicture(f"announces {image.width}×{image.height} pixels, more than is read")
        deep = _is_deep_colour(image, data)
        image.load()  # before any other decoder: only Pillow tells when a file ends too early
        orientation = _orientation(image)  # after loading, which turns a TIFF by itself (OpenCV does the same)
        pixels = _deep_pixels(data) if deep else _plain_pixels(image)
    return np.ascontiguousarray(_turn(pixels, orientation))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block is no reason to refuse the picture
        return 1


def _is_deep_colour(image: Image.Image, data: bytes) -> bool:
    """Whether this is 16-bit colour, of which Pillow would keep the high byte only."""
    if image.format == "PNG":
        return len(data) > 25 and data[24] == 16 and data[25] in (2, 4, 6)
    if image.format == "TIFF" and image.mode in ("RGB", "RGBA"):
        return 16 in tuple(getattr(image, "tag_v2", {}).get(_DEPTH, ()))
    return False


def _deep_pixels(data: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise UnreadablePicture("16-bit colour in a layout that is not read; save it as 16-bit RGB PNG or 8 bits")
    if decoded.ndim == 2:
        decoded = decoded[..., None]
    colour, alpha = (decoded[..., :3], decoded[..., 3:]) if decoded.shape[2] >= 3 else np.split(decoded, [1], axis=2)
    values: np.ndarray = np.broadcast_to(colour, (*decoded.shape[:2], 3))[..., ::-1].astype(np.float64)
    if alpha.size:
        values = 65535 + (values - 65535) * (alpha / 65535.0)
    return _to_8_bit(values)


def _plain_pixels(image: Image.Image) -> np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.float64)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadablePicture("32-bit integer pixels beyond 0..65535; save it as 8 or 16 bits")
        return np.repeat(_to_8_bit(values)[..., None], 3, axis=2)
    if image.mode == "F":
        raise UnreadablePicture("floating-point pixels have no fixed range; save it as 8 or 16 bits")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        image = Image.alpha_composite(white, over)
    return np.array(image.convert("RGB"))


def _to_8_bit(values: np.ndarray) -> np.ndarray:
    """0..65535 to 0..255; 65535 / 255 is 257 exactly."""
    return np.floor(values / 257.0 + 0.5).astype(np.uint8)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation (1 to 8; anything else is taken as 1)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def save_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 H×W×3 (or H×W) as PNG; the file appears whole or not at all. Makes the folder if need be."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    try:
        Image.fromarray(pixels).save(temporary, format="PNG")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def resize_short_side(picture: Picture, size: int) -> Picture:
    """Scale so that the shorter side is size pixels, keeping the aspect (Pillow's antialiased bicubic)."""
    if size < 1:
        raise ValueError(f"a picture cannot be {size} px small")
    height, width = picture.pixels.shape[:2]
    short = min(height, width)
    if short == size:
        return picture
    new = (max(round(width * size / short), 1), max(round(height * size / short), 1))
    pixels = np.array(Image.fromarray(picture.pixels).resize(new, Image.Resampling.BICUBIC))
    scale = np.array([new[0] / width, new[1] / height])
    return replace(picture, pixels=pixels, landmarks=_moved(picture.landmarks, scale, np.zeros(2)))


def centre_crop(picture: Picture, size: int) -> Picture:
    """The middle size×size pixels. Raises ValueError when the picture is smaller."""
    height, width = picture.pixels.shape[:2]
    if min(height, width) < size:
        raise ValueError(f"'{picture.id}' is {width}×{height}: too small for a {size} px crop; resize it first")
    top, left = (height - size) // 2, (width - size) // 2
    pixels = np.ascontiguousarray(picture.pixels[top : top + size, left : left + size])
    return replace(picture, pixels=pixels, landmarks=_moved(picture.landmarks, np.ones(2), np.array([left, top])))


def square(picture: Picture, size: int) -> Picture:
    """Scale the shorter side to size, then keep the middle square."""
    return centre_crop(resize_short_side(picture, size), size)


def flip(picture: Picture) -> Picture:
    """Mirror left and right; the landmarks keep their order by x."""
    pixels = np.ascontiguousarray(picture.pixels[:, ::-1])
    landmarks = picture.landmarks
    if landmarks is not None:
        landmarks = landmarks[[1, 0, 2, 4, 3]].copy()
        landmarks[:, 0] = picture.pixels.shape[1] - 1 - landmarks[:, 0]
    return replace(picture, pixels=pixels, landmarks=landmarks)


def _moved(landmarks: np.ndarray | None, scale: np.ndarray, offset: np.ndarray) -> np.ndarray | None:
    """Scale about the corner of the first pixel (half a pixel off its centre), then shift."""
    if landmarks is None:
        return None
    return ((landmarks + 0.5) * scale - 0.5 - offset).astype(np.float32)
