"""Restorers that learn nothing: inpainting, smoothing, and interpolation between the cells of a mosaic."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor
from torch.optim import Optimizer

from methods.base import Batch, Method
from methods.parts.cellfill import fill_cells
from methods.parts.cells import find_grid, mosaicked_cells, sampled_top_left

INPAINTERS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}


class Classical(Method):
    """A restorer of one 8-bit picture at a time, on the CPU, untrained."""

    def optimizers(self) -> dict[str, Optimizer]:
        """Not trained."""
        return {}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Nothing to learn."""
        return {}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """Each picture by itself, rounded to 8 bits on the way in and out."""
        images = torch.round(degraded.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        masks = [None] * len(images) if mask is None else list((mask[:, 0] > 0.5).cpu().numpy())
        restored = [self.restore_picture(image, each) for image, each in zip(images, masks, strict=True)]
        stacked = torch.from_numpy(np.stack(restored)).permute(0, 3, 1, 2)
        return (stacked.to(degraded.device, degraded.dtype) / 255).contiguous()

    @abstractmethod
    def restore_picture(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """uint8 H×W×3 RGB in and out; mask: bool H×W, True where information was lost. Leaves its input as it is."""


class Inpainting(Classical):
    """OpenCV's inpainting: Telea 2004 (fast marching) or Bertalmio et al. 2001 (Navier-Stokes).

    Only the lost pixels change. A picture with nothing kept is returned as it came: there is nothing to go by.
    """

    tasks = frozenset({"hole", "erase", "facemask", "mosaic"})
    needs_mask = True

    @dataclass(frozen=True)
    class Config:
        """algorithm: "telea" or "navier_stokes". radius: of the neighbourhood looked at, pixels."""

        algorithm: str = "telea"
        radius: float = 3.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.algorithm not in INPAINTERS:
            raise ValueError(f"algorithm must be one of {', '.join(INPAINTERS)}, got {config.algorithm!r}")

    def restore_picture(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """See Classical. Raises ValueError without a mask."""
        if mask is None:
            raise ValueError(f"{self.config.algorithm} cannot find the damage itself: give it the mask")
        if mask.all() or not mask.any():
            return image
        holes = mask.astype(np.uint8)
        filled = cv2.inpaint(np.ascontiguousarray(image), holes, self.config.radius, INPAINTERS[self.config.algorithm])
        return np.where(mask[..., None], filled, image)


class Median(Classical):
    """Median of a square window, each channel by itself."""

    tasks = frozenset({"jpeg", "mosaic"})

    @dataclass(frozen=True)
    class Config:
        """size: side of the window, 3 or 5; chosen on training pictures, see docs/methods/classical.md."""

        size: int = 3

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.size not in (3, 5):
            raise ValueError(f"size of the median's window must be 3 or 5, got {config.size}")

    def restore_picture(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """See Classical."""
        return cv2.medianBlur(np.ascontiguousarray(image), self.config.size)


class TotalVariation(Classical):
    """Total-variation denoising (Chambolle 2004), as in scikit-image, colours coupled."""

    tasks = frozenset({"jpeg", "mosaic"})

    @dataclass(frozen=True)
    class Config:
        """weight: strength; chosen on training pictures, see docs/methods/classical.md."""

        weight: float = 0.015

    def restore_picture(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """See Classical."""
        smooth = denoise_tv_chambolle(image.astype(np.float32) / 255, weight=self.config.weight, channel_axis=-1)
        return np.rint(np.clip(smooth, 0, 1) * 255).astype(np.uint8)


class CellInterpolation(Classical):
    """Undoes a mosaic as far as it can be without learning: finds the cells, interpolates between their colours.

    A picture in which no grid is found is returned as it came.
    """

    tasks = frozenset({"mosaic"})

    @dataclass(frozen=True)
    class Config:
        """samples: what a cell's colour is: "mean", "topleft", or "auto" = judged from the mosaic's rim."""

        samples: str = "auto"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.samples not in ("auto", "mean", "topleft"):
            raise ValueError(f"samples must be auto, mean or topleft, got {config.samples!r}")

    def restore_picture(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """See Classical."""
        grid = find_grid(image)
        if grid is None:
            return image
        cells = mosaicked_cells(image, grid)
        top_left = self.config.samples == "topleft"
        if self.config.samples == "auto":
            top_left = sampled_top_left(image, grid, cells)
        return fill_cells(image, grid, cells, top_left)


METHODS = {
    "telea": Inpainting.Config("telea"),
    "navier_stokes": Inpainting.Config("navier_stokes"),
    "median": Median.Config(),
    "tv": TotalVariation.Config(),
    "cell_interpolation": CellInterpolation.Config(),
}
