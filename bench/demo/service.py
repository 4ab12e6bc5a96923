"""Requests in, restored pictures out: checked, queued, one at a time. Knows nothing of pages or networks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.data.pictures import Picture, resize_short_side
from bench.demo.limits import Busy, Limits, Refused, read_upload
from bench.discovery import Found
from bench.errors import UserError
from bench.restoring import StoredMethod, against_truth, battery_of
from bench.restoring.masks import HOLE, resized
from bench.results.store import DONE, TRAINED, find_runs, read_run

LOADED = 4  # methods kept in memory


@dataclass(frozen=True)
class Choice:
    """A run that can be chosen. key: its folder under the runs folder. told: it must be given a mask."""

    key: str
    task: str
    method: str
    seed: int
    told: bool


@dataclass(frozen=True)
class Request:
    """What someone sends; files as bytes. mask: not black where something was lost.

    fit: pictures are first brought to the short side that the run was trained at.
    """

    run: str
    picture: bytes
    mask: bytes | None = None
    truth: bytes | None = None
    fit: bool = False


@dataclass(frozen=True)
class Answer:
    """uint8 H×W×3 pictures; the mask that was given, or that the method found, H×W of 0/1.

    scores: metric, or "metric/region", of what was sent and of what was restored, where the truth was given.
    """

    before: np.ndarray
    after: np.ndarray
    mask: np.ndarray | None = None
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Service:
    """Stored runs, ready for requests from any number of threads."""

    def __init__(self, runs: Path, found: Found, device: str = "auto", limits: Limits | None = None) -> None:
        """Raises UserError when the folder has no run that can restore."""
        self.limits = limits or Limits()
        self._found, self._device = found, device
        self._battery = battery_of(())
        self._folders, self.choices = _usable(runs, found)
        if not self.choices:
            raise UserError(f"{runs}: no run that can restore; train some with `restorebench run --runs {runs}`")
        self._loaded: OrderedDict[str, StoredMethod] = OrderedDict()
        self._places = threading.BoundedSemaphore(self.limits.waiting)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="restorer")

    def read(self, data: bytes, what: str = "the picture") -> np.ndarray:
        """A file within the limits as pixels. Raises Refused."""
        return read_upload(data, what, self.limits)

    def submit(self, request: Request) -> Future[Answer]:
        """Queue a request. Its result is an answer, or raises Refused with one line. Raises Busy when too many wait."""
        if not self._places.acquire(blocking=False):
            raise Busy(f"busy: {self.limits.waiting} requests are waiting; try again in a minute")
        job = self._worker.submit(self._answer, request)
        job.add_done_callback(lambda _: self._places.release())
        return job

    def restore(self, request: Request) -> Answer:
        """Wait for a turn and restore. Raises Refused, with one line, for whatever cannot be answered."""
        job = self.submit(request)
        try:
            return job.result(timeout=self.limits.seconds)
        except Overdue:
            job.cancel()  # one that is at work already ends, unheard, before the next begins
            raise self.overdue() from None

    def overdue(self) -> Busy:
        """What is said when an answer takes too long."""
        return Busy(f"not done after {self.limits.seconds:g} seconds; try a smaller picture, or later")

    def close(self) -> None:
        """Take no more requests; what waits is dropped."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _answer(self, request: Request) -> Answer:
        stored = self._stored(request.run)
        picture, mask, truth = self._inputs(request, stored)
        try:
            after = stored.restore(picture, mask)
            seen = mask if stored.told else stored.found(picture)
        except ValueError as error:
            raise Refused(f"{stored.run.method} cannot restore this picture: {' '.join(str(error).split())}") from None
        except Exception as error:  # a method is not our code, and a stranger should not see its insides
            raise Refused(f"{stored.run.method} failed on this picture ({type(error).__name__})") from error
        scores = {} if truth is None else against_truth(self._battery, picture, after, truth, seen)
        return Answer(picture, after, seen, scores, (*stored.notes, *_hint(stored, picture)))

    def _stored(self, key: str) -> StoredMethod:
        """The method of a run; the last few stay loaded. Only the worker calls this."""
        if key not in self._folders:
            raise Refused("no such run; choose one of those listed")
        if key not in self._loaded:
            try:
                self._loaded[key] = StoredMethod.open(self._folders[key], self._found, self._device)
            except UserError as error:
                raise Refused(
                    f"this run cannot be opened any more: {error}".replace(str(self._folders[key]), key)
                ) from None
        self._loaded.move_to_end(key)
        while len(self._loaded) > LOADED:
            self._loaded.popitem(last=False)
        return self._loaded[key]

    def _inputs(
        self, request: Request, stored: StoredMethod
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Picture, mask where the method is told, and truth, of one size. What a mask covers is painted over."""
        picture = self.read(request.picture)
        mask = None
        if stored.told:
            mask = self._mask(request, picture)
        truth = None if request.truth is None else self.read(request.truth, "the true picture")
        if truth is not None and truth.shape != picture.shape:
            raise Refused(f"the true picture is {_size(truth)}, the picture {_size(picture)}")
        side = stored.run.config.get("train", {}).get("short_side", 0)
        if request.fit and side:
            picture = resize_short_side(Picture("", picture), side).pixels
            mask = None if mask is None else resized(mask, picture.shape)
            truth = None if truth is None else resize_short_side(Picture("", truth), side).pixels
        if mask is not None and stored.task.tells_mask:
            picture = np.where(mask[..., None] > 0, np.uint8(HOLE), picture)
        return picture, mask, truth

    def _mask(self, request: Request, picture: np.ndarray) -> np.ndarray:
        if request.mask is None:
            raise Refused("this method must be told what was lost; brush it, or send a mask")
        mask = (self.read(request.mask, "the mask").max(axis=2) > 0).astype(np.uint8)
        if mask.shape != picture.shape[:2]:
            raise Refused(f"the mask is {_size(mask)}, the picture {_size(picture)}")
        if not mask.any():
            raise Refused("the mask is all black: nothing is marked as lost; brush what is to be painted")
        return mask


def _usable(root: Path, found: Found) -> tuple[dict[str, Path], list[Choice]]:
    """Folders by key, and the choices, of runs that are trained to their end and whose method is known."""
    folders, choices = {}, []
    for folder in find_runs(root):
        try:
            run = read_run(folder)
        except UserError:
            continue
        known = run.method in found.methods and run.task in found.tasks
        if not known or run.source != "ours" or run.status not in (TRAINED, DONE) or run.method == "identity":
            continue
        key = folder.relative_to(root).as_posix()
        told = found.tasks[run.task].tells_mask or found.methods[run.method].cls.needs_mask
        folders[key] = folder
        choices.append(Choice(key, run.task, run.method, run.seed, told))
    return folders, choices


def _hint(stored: StoredMethod, picture: np.ndarray) -> tuple[str, ...]:
    side, short = stored.run.config.get("train", {}).get("short_side", 0), min(picture.shape[:2])
    if side in (0, short):
        return ()
    return (f"trained on pictures of short side {side}, this one has {short}; bring it there for a fair look",)


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}×{pixels.shape[0]}"
