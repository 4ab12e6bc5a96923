"""A video restored frame by frame, with the memory that one frame takes; interrupted, it goes on where it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np

from bench.data.files import file_digest
from bench.data.pictures import UnreadablePicture
from bench.errors import UserError
from bench.restoring.masks import read_mask
from bench.restoring.photos import Restored, cut_note, size_hint
from bench.restoring.stored import StoredMethod
from bench.restoring.truth import against_truth, battery_of, means, write_frames
from bench.scoring.battery import Battery
from bench.video.flicker import flicker_of, pair_flicker
from bench.video.parts import SEGMENT, Judged, Parts, unfinished_video
from bench.video.reading import Form, Frame, form_of, is_video, read_frames
from bench.video.writing import OUTPUTS, join

Progress = Callable[[int, int], None]  # frames done, frames in all (0 = not known)


def silent(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Clip:
    """A video to restore. mask: a picture for all frames, or a video of as many frames, white where lost.

    truth: the undamaged video; every frame is scored against it by these metrics (none: psnr and ssim).
    """

    source: Path
    out: Path
    mask: Path | None = None
    truth: Path | None = None
    metrics: tuple[str, ...] = ()

    @property
    def scores(self) -> Path:
        """Where the scores of the frames go."""
        return self.out.with_suffix(".scores.csv")


@dataclass(frozen=True)
class Given:
    """A frame, its mask, uint8 H×W of 0/1, where the method is told, and its truth, uint8 H×W×3, where it is known."""

    frame: Frame
    mask: np.ndarray | None
    truth: np.ndarray | None


def restore_clip(stored: StoredMethod, clip: Clip, progress: Progress = silent) -> Restored:
    """Restore every frame; frame times, pixel aspect and colour tags stay, audio is copied.

    What is finished lies in OUT.parts until all is: the same call later goes on from there, to the same result. With a
    truth, flicker and scores of each frame go to OUT's name with .scores.csv.
    Raises UserError on a file that is no video, is damaged, has no mask where one is needed, or cannot be written.
    """
    form = _checked(stored, clip)
    try:
        parts = Parts.open(clip.out, _key(stored, clip))
        resumed = len(parts.finished())
        _finish(stored, clip, form, parts, lambda done: progress(done, form.frames))
        judged = parts.judged()
        if clip.truth is not None:
            write_frames(clip.scores, judged)
        _joined(parts, clip, form)
    except OSError as error:
        raise UserError(f"cannot write {clip.out}: {error.strerror or error}; choose another place") from None
    parts.remove()
    notes = [*stored.notes, *size_hint(stored, 0), *cut_note(stored, (form.height, form.width), clip.source.name)]
    if resumed:
        notes.append(f"{clip.out.name}: went on after frame {min(resumed * SEGMENT, len(judged))}")
    return Restored(len(judged), notes, flicker_of([each.flicker for each in judged]), means(judged))


def _checked(stored: StoredMethod, clip: Clip) -> Form:
    if clip.out.suffix.lower() not in OUTPUTS:
        raise UserError(f"{clip.out}: a video is written as {', '.join(OUTPUTS)}; name it so")
    if clip.out.resolve() == clip.source.resolve():
        raise UserError(f"{clip.out} would be written over; give another OUT")
    if stored.told and clip.mask is None:
        raise UserError(f"{stored.run.method} on {stored.run.task} must be told what was lost; give --mask FILE")
    battery_of(clip.metrics)
    return form_of(clip.source)


def _key(stored: StoredMethod, clip: Clip) -> dict[str, object]:
    """What decides the result."""
    weights = hashlib.sha256()
    for name, value in sorted(stored.method.state_dict().items()):
        weights.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    mask = file_digest(clip.mask) if clip.mask and stored.told else None
    truth = [file_digest(clip.truth), *clip.metrics] if clip.truth else None
    return {
        "source": file_digest(clip.source), "mask": mask, "run": stored.run.run_id, "weights": weights.hexdigest(),
        "tile": stored.tile, "device": stored.engine.device.type, "segment": SEGMENT,
        "truth": truth,
    }  # fmt: skip


def _finish(stored: StoredMethod, clip: Clip, form: Form, parts: Parts, tell: Callable[[int], None]) -> None:
    """Make the segments that are not there yet."""
    number = len(parts.finished())
    frames = islice(_given(stored, clip, form), max(number * SEGMENT - 1, 0), None)
    walk = _restored(stored, clip, frames)
    done = number * SEGMENT
    if number:
        next(walk, None)  # once more the last finished frame: the next one's flicker is against it
    for first in walk:
        parts.write(number, form, _told(chain([first], islice(walk, SEGMENT - 1)), done, tell))
        number, done = number + 1, done + SEGMENT


def _told(
    frames: Iterator[tuple[Frame, Judged]], done: int, tell: Callable[[int], None]
) -> Iterator[tuple[Frame, Judged]]:
    for each in frames:
        yield each
        done += 1
        tell(done)


def _restored(stored: StoredMethod, clip: Clip, frames: Iterator[Given]) -> Iterator[tuple[Frame, Judged]]:
    """Restored frames, each with the flicker against the one before and its scores."""
    battery = battery_of(clip.metrics)
    before: tuple[np.ndarray, np.ndarray] | None = None
    for given in frames:
        frame = given.frame
        try:
            pixels = stored.restore(frame.pixels, given.mask)
        except ValueError as error:
            raise UserError(f"{clip.source}: the frame at time {frame.pts} cannot be restored: {error}") from None
        pair = None if before is None else pair_flicker((before[0], frame.pixels), (before[1], pixels))
        before = frame.pixels, pixels
        yield Frame(pixels, frame.pts), Judged(pair, _scores(battery, given, pixels))


def _scores(battery: Battery, given: Given, pixels: np.ndarray) -> dict[str, tuple[float, float]]:
    if given.truth is None:
        return {}
    return against_truth(battery, given.frame.pixels, pixels, given.truth, given.mask)


def _given(stored: StoredMethod, clip: Clip, form: Form) -> Iterator[Given]:
    """The frames, each with its mask where the method is told, and its truth where there is one."""
    masks: Iterator[np.ndarray | None] = repeat(None)
    truths: Iterator[np.ndarray | None] = repeat(None)
    if stored.told and clip.mask is not None:
        masks = _masks(clip.mask, form)
    if clip.truth is not None:
        truths = _frames(clip.truth, form)
    for number, frame in enumerate(read_frames(clip.source)):
        yield Given(frame, _nth(masks, number, clip.mask, clip), _nth(truths, number, clip.truth, clip))


def _nth(frames: Iterator[np.ndarray | None], number: int, path: Path | None, clip: Clip) -> np.ndarray | None:
    try:
        return next(frames)
    except StopIteration:
        raise UserError(f"{path}: ends before frame {number} of {clip.source}; give one for each") from None


def _masks(path: Path, form: Form) -> Iterator[np.ndarray]:
    if not is_video(path):
        try:
            yield from repeat(read_mask(path, (form.height, form.width)))
        except UnreadablePicture as error:
            raise UserError(f"{path}: {error}".replace(f"{path}: {path}", str(path))) from None
    for pixels in _frames(path, form):
        yield (pixels.max(axis=2) > 127).astype(np.uint8)  # coding leaves black not quite black


def _frames(path: Path, form: Form) -> Iterator[np.ndarray]:
    """Frames of another video, uint8 H×W×3. Raises UserError where its size is not that of the first."""
    for frame in read_frames(path):
        if frame.pixels.shape[:2] != (form.height, form.width):
            height, width = frame.pixels.shape[:2]
            raise UserError(f"{path}: is {width}×{height}, the video {form.width}×{form.height}")
        yield frame.pixels


def _joined(parts: Parts, clip: Clip, form: Form) -> None:
    temporary = unfinished_video(clip.out)
    try:
        join(parts.finished(), clip.source, temporary, form)
        os.replace(temporary, clip.out)
    finally:
        temporary.unlink(missing_ok=True)
