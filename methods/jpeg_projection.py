"""What is known of a JPEG without learning: its smoothest picture whose coefficients keep to the file's bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor
from torch.optim import Optimizer

from methods.base import Batch, Method
from methods.parts.jpegbins import (
    BLOCK,
    block_dct,
    estimate_quality,
    evidence,
    inverse_block_dct,
    on_lattice,
    quant_tables,
    read_bins,
)
from methods.parts.jpegcolour import rgb_to_ycc, undo_upsample, upsample, ycc_change_to_rgb


class JpegProjection(Method):
    """Alternates smoothing with projection on the quantisation bins (POCS; Zakhor 1992), untrained.

    The file's tables are not given: the quality is estimated from the lattice on which the DCT coefficients lie, for
    libjpeg's standard tables and a grid that starts at the picture's corner. A picture for which no quality is found
    is returned as it came. See docs/methods/jpeg_projection.md.
    """

    tasks = frozenset({"jpeg"})

    @dataclass(frozen=True)
    class Config:
        """Chosen on training photographs; see the method's page."""

        weight: float = 0.015  # strength of the total-variation smoothing
        width: float = 0.4  # part of each bin, about its centre, that is allowed; 1 = the whole bin
        iterations: int = 3

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.weight <= 0 or not 0 <= config.width <= 1 or config.iterations < 1:
            raise ValueError(
                "jpeg_projection needs weight > 0, width in [0, 1] and iterations >= 1, "
                f"got {config.weight}, {config.width} and {config.iterations}"
            )

    def optimizers(self) -> dict[str, Optimizer]:
        """Not trained."""
        return {}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Nothing to learn."""
        return {}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """Each picture by itself, on the CPU, read as 8 bits. The mask is not looked at."""
        return torch.stack([self._restore_one(each) for each in degraded])

    def _restore_one(self, degraded: Tensor) -> Tensor:
        levels = (degraded.clamp(0, 1) * 255).round().permute(1, 2, 0).cpu().numpy().astype(float)
        restored = self.restore_picture(levels)
        if restored is None:
            return degraded
        return (torch.from_numpy(restored).permute(2, 0, 1).to(degraded) / 255).clamp(0, 1)

    def restore_picture(self, image: np.ndarray) -> np.ndarray | None:
        """H×W×3 RGB, whole levels 0..255, to its restoration, neither rounded nor clipped; None = not a JPEG."""
        planes = rgb_to_ycc(image)
        planes[0] = np.rint(planes[0])  # what the decoder held: RGB's rounding moves Y by less than half a level
        quality = estimate_quality(planes[0])
        if quality is None:
            return None
        luma, chroma = quant_tables(quality)
        halved = _is_halved(planes[1:], chroma)
        change = self._change_halved if halved else self._change
        changes = [self._change(planes[0], luma), *(change(plane, chroma) for plane in planes[1:])]
        return image + ycc_change_to_rgb(np.stack(changes))

    def _change(self, plane: np.ndarray, table: np.ndarray) -> np.ndarray:
        """What smoothing and clipping to the bins, repeated, adds to a plane.

        Nothing in blocks cut by the picture's edge or off the lattice: their bins are not known.
        """
        if min(plane.shape) < BLOCK:
            return np.zeros_like(plane)
        whole = np.s_[: plane.shape[0] // BLOCK * BLOCK, : plane.shape[1] // BLOCK * BLOCK]
        restored = plane.copy()
        bins = read_bins(plane[whole], table)
        known = on_lattice(plane[whole], bins)
        for _ in range(self.config.iterations):
            smooth = 255 * denoise_tv_chambolle((restored / 255).astype(np.float32), weight=self.config.weight)
            projected = inverse_block_dct(bins.clip(block_dct(smooth[whole]), self.config.width))
            restored[whole] = np.where(known, projected, plane[whole])
        return restored - plane

    def _change_halved(self, plane: np.ndarray, table: np.ndarray) -> np.ndarray:
        """The same for chroma that was stored at half size, upsampled as the decoder does."""
        return upsample(self._change(undo_upsample(plane), table), plane.shape)


def _is_halved(chroma: np.ndarray, table: np.ndarray) -> bool:
    """Whether chroma (2×H×W) was stored as 4:2:0 rather than 4:4:4: at which size it lies better on the lattice."""
    full = sum(evidence(plane, table) for plane in chroma)
    return sum(evidence(undo_upsample(plane), table) for plane in chroma) >= full


METHODS = {"jpeg_projection": JpegProjection.Config()}
