"""A stored run's method with its trained weights, ready for pictures of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.discovery import Found
from bench.errors import UserError
from bench.results.store import DONE, TRAINED, Run, read_run
from bench.scoring.restore import BadOutput, predict_masks, restore
from bench.tiling import Grid, Window, bytes_a_pixel, in_tiles, room_on, side_for
from bench.training import checkpoint
from bench.training.engine import Engine, choose_engine
from degradations.base import Task
from methods.base import Method

AUTO = -1  # tiles where the memory asks for it


@dataclass(frozen=True)
class StoredMethod:
    """A run's method with its trained weights, on a device.

    tile: side of the tiles that larger pictures are cut into, 0 for none, or AUTO: see bench.tiling.
    """

    run: Run
    task: Task
    method: Method
    engine: Engine
    notes: tuple[str, ...] = ()
    tile: int = AUTO

    @classmethod
    def open(cls, folder: Path, found: Found, device: str = "auto", tile: int = AUTO) -> StoredMethod:
        """From a run's folder, runs/TASK/METHOD/ID. Raises UserError when it holds no run that can restore."""
        run = read_run(folder)
        engine = choose_engine(device, run.config.get("train", {}).get("precision", "auto"))
        if run.source != "ours":
            raise UserError(f"{folder}: its pictures were restored elsewhere; there is no method to apply")
        if run.status not in (TRAINED, DONE):
            raise UserError(f"{folder}: this run is {run.status}, not trained to its end; finish it first")
        entry = found.method(run.method).override(run.config["method"]["config"])
        changed = entry.code_digest() != run.config["method"]["code"]
        method = entry.build()
        if run.trained:
            checkpoint.load_weights(folder, method, engine.device)
        engine.place(method)
        note = f"{run.method}: its code has changed since this run was trained"
        return cls(run, found.task(run.task), method, engine, (note,) if changed else (), tile)

    @property
    def told(self) -> bool:
        """Whether it is given the mask."""
        return self.task.tells_mask or self.method.needs_mask

    def restore(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """One picture: uint8 H×W×3; mask uint8 H×W of 0/1, or None. Raises ValueError when the output is no picture."""

        def one(window: Window) -> np.ndarray:
            told = None if mask is None else mask[window][None]
            pictures, finite = restore(self.method, image[window][None], told, self.engine)
            if not finite[0]:
                raise BadOutput("the method returned NaN or infinity")
            return pictures[0]

        return self._tiled(one, image.shape)

    def found(self, image: np.ndarray) -> np.ndarray | None:
        """The lost region as the method sees it, uint8 H×W of 0/1, or None when it does not say."""
        if type(self.method).predict_mask is Method.predict_mask:
            return None

        def one(window: Window) -> np.ndarray:
            masks = predict_masks(self.method, image[window][None], self.engine)
            return np.full((*image[window].shape[:2], 1), 2, np.uint8) if masks is None else masks[0][..., None]

        seen = self._tiled(one, image.shape)[..., 0]
        return None if (seen > 1).any() else seen

    def side(self, shape: tuple[int, ...]) -> int:
        """Side of the tiles for a picture of that height and width; 0 where it is restored whole."""
        height, width = shape[:2]
        if self.tile != AUTO:
            return self.tile if self.tile < max(height, width) else 0
        room = room_on(self.engine)
        return side_for(height * width, self._bytes_a_pixel, room, self._grid)

    def _tiled(self, one: Callable[[Window], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        return in_tiles(one, (shape[0], shape[1]), self.side(shape), self._grid)

    @property
    def _grid(self) -> Grid:
        return Grid.of(self.method.multiple_of)

    @cached_property
    def _bytes_a_pixel(self) -> float:
        return bytes_a_pixel(self.method, self.told, self.engine)


def scored_levels(run: Run) -> list[str]:
    """The levels a run is scored on."""
    return [key.removeprefix("level ") for key in run.digests if key.startswith("level ")]
