"""Frames of a video file, one at a time, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import UserError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

INPUTS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv"})
LIMITED, FULL = 1, 2  # ranges of colour, as FFmpeg counts them
# FFmpeg's colour matrices as its scaler counts them; what is not known is taken for BT.601, as its programs do.
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
BT601 = 5


@dataclass(frozen=True)
class Frame:
    """One frame: uint8 H×W×3 RGB, upright, and when it is shown, in the video's time base."""

    pixels: np.ndarray
    pts: int


@dataclass(frozen=True)
class Colour:
    """What a video says of its colours, in FFmpeg's numbers; 2 (range: 0) = nothing."""

    matrix: int
    range: int
    primaries: int
    transfer: int

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Colour:
        """As decoded."""
        return cls(int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc))

    @property
    def scaler(self) -> tuple[int, int]:
        """Matrix and range to convert with."""
        return MATRICES.get(self.matrix, BT601), self.range or LIMITED


@dataclass(frozen=True)
class Form:
    """How a video is laid out in space, time and colour; width, height and pixel aspect as shown.

    frames: how many, as announced or estimated from the duration; 0 = not known.
    """

    width: int
    height: int
    aspect: Fraction
    time_base: Fraction
    rate: Fraction
    colour: Colour
    frames: int


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is one."""
    return path.suffix.lower() in INPUTS


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A video to read. Raises UserError when PyAV is missing, or this is no file with frames in it."""
    try:
        import av
    except ImportError:
        raise UserError("videos need PyAV; pip install 'restorebench[video]'") from None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise UserError(f"{path}: not a video that can be read ({reason(error)})") from None
    with container:
        if not container.streams.video:
            raise UserError(f"{path}: has no video in it")
        yield container


def form_of(path: Path) -> Form:
    """Read from the header and the first frame. Raises UserError."""
    with opened(path) as container:
        stream = container.streams.video[0]
        frame = next(_decoded(container, path), None)
        if frame is None:
            raise UserError(f"{path}: has no frame that can be read")
        width, height = frame.width, frame.height
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if _quarters(frame) % 2:
            width, height, aspect = height, width, 1 / aspect
        base, rate = _clock(stream)
        seconds = stream.duration * base if stream.duration else Fraction(container.duration or 0, 1_000_000)
        return Form(width, height, aspect, base, rate, Colour.of(frame), stream.frames or round(seconds * rate))


def read_frames(path: Path) -> Iterator[Frame]:
    """Every frame in the order shown, turned the way the file says, its times rising.

    Raises UserError where the file is damaged, or its frames change their size.
    """
    shape: tuple[int, ...] | None = None
    last = 0
    with opened(path) as container:
        base, rate = _clock(container.streams.video[0])
        step = max(round(1 / (rate * base)), 1)
        for number, frame in enumerate(_decoded(container, path)):
            pixels = _pixels(frame)
            if shape not in (None, pixels.shape):
                raise UserError(f"{path}: frame {number} has another size than those before; split the video there")
            told = frame.pts
            if told is not None and (shape is None or told > last):
                last = told
            elif shape is not None:
                last += step
            shape = pixels.shape
            yield Frame(pixels, last)


def _clock(stream: av.VideoStream) -> tuple[Fraction, Fraction]:
    """Time base, and frames a second."""
    return Fraction(stream.time_base or Fraction(1, 90_000)), Fraction(stream.average_rate or stream.guessed_rate or 25)


def scaling() -> int:
    """How colours are converted: rounded, not cut off, which would darken a video by a level each way."""
    from av.video.reformatter import Interpolation

    return Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def reason(error: Exception) -> str:
    """What FFmpeg says, in its own words."""
    return str(getattr(error, "strerror", None) or error)


def _decoded(container: InputContainer, path: Path) -> Iterator[av.VideoFrame]:
    import av

    try:
        yield from container.decode(container.streams.video[0])
    except av.error.FFmpegError as error:
        raise UserError(f"{path}: damaged ({reason(error)}); mend it or cut it there") from None


def _pixels(frame: av.VideoFrame) -> np.ndarray:
    matrix, levels = Colour.of(frame).scaler
    pixels = frame.to_ndarray(
        format="rgb24", src_colorspace=matrix, src_color_range=levels, dst_color_range=FULL, interpolation=scaling()
    )
    return np.ascontiguousarray(np.rot90(pixels, _quarters(frame)))


def _quarters(frame: av.VideoFrame) -> int:
    """How many quarter turns to the left make a frame upright."""
    return round(frame.rotation / 90)
