"""What face-mask removal v1 and v2 have in common: a network that finds the mask, one that repaints, critics."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from methods.base import Method
from methods.parts.facelosses import region_loss
from methods.parts.init import init_normal
from methods.parts.maskclean import clean_masks, dilate
from methods.parts.schedule import linear_decay, set_rate
from methods.parts.update import descend, signed, unsigned

NETWORKS = ("mask_net", "face_net")


class Unmasker(Method):
    """Finds the region, cleans it, repaints it, and keeps the rest of the picture.

    A subclass builds `mask_net` (N×3×H×W in [-1, 1] to N×1×H×W logits), `face_net` and its critics, names them in
    `parts`, calls `_begin`, and says what `face_net` gets. Its Config has lr, beta1, decay_from, threshold, kernel,
    smallest, margin and composite.
    """

    tasks = frozenset({"facemask", "erase"})
    parts: ClassVar[tuple[str, ...]] = NETWORKS
    mask_net: torch.nn.Module
    face_net: torch.nn.Module

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if not 0 < config.threshold < 1:
            raise ValueError(f"threshold of the mask must be between 0 and 1, got {config.threshold}")
        if config.kernel < 1 or config.kernel % 2 == 0:
            raise ValueError(f"kernel of the clean-up must be odd, got {config.kernel}")
        self._optimizers: dict[str, Optimizer] = {}

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam per network."""
        return dict(self._optimizers)

    def load_part(self, name: str, weights: Mapping[str, Tensor]) -> None:
        """Load one network alone, from its own state_dict or from that of a whole method; optimizers stay as they are.

        Stands for the source's checkpoints per network. Raises ValueError when the name or the tensors do not fit.
        """
        if name not in self.parts:
            raise ValueError(f"part must be one of {', '.join(self.parts)}, got {name!r}")
        within = {key.removeprefix(f"{name}."): each for key, each in weights.items() if key.startswith(f"{name}.")}
        try:
            self.get_submodule(name).load_state_dict(within or weights)
        except RuntimeError as error:
            raise ValueError(
                f"weights of {name} do not fit its network: {' '.join(str(error).split())[:200]}"
            ) from None

    def predict_mask(self, degraded: Tensor) -> Tensor:
        """See Method. Thresholded, cleaned, not dilated."""
        threshold = self.config.threshold
        found = self.mask_net(signed(degraded)) > math.log(threshold / (1 - threshold))
        return clean_masks(found, self.config.smallest, self.config.kernel).to(degraded.dtype)

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """See Method. A mask that is told is used as it is; else the region is found. Outside it the input is kept."""
        found = self.predict_mask(degraded) if mask is None else (mask > 0.5).to(degraded.dtype)
        painted = unsigned(self.repaint(signed(degraded), found)).to(degraded.dtype).clamp(0, 1)
        return (
            torch.where(dilate(found, self.config.margin) > 0.5, painted, degraded)
            if self.config.composite
            else painted
        )

    @abstractmethod
    def repaint(self, images: Tensor, mask: Tensor) -> Tensor:
        """The whole picture by `face_net`: N×3×H×W in [-1, 1] and N×1×H×W in [0, 1] to N×3×H×W in [-1, 1]."""

    def _begin(self) -> None:
        """Draw all first weights and give every network its optimizer."""
        for name in self.parts:
            network = self.get_submodule(name)
            init_normal(network)
            self._optimizers[name] = Adam(network.parameters(), self.config.lr, (self.config.beta1, 0.999))

    def _set_rates(self, progress: float) -> None:
        for optimizer in self._optimizers.values():
            set_rate(optimizer, self.config.lr * linear_decay(progress, self.config.decay_from))

    def _find(self, images: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """One update of the finder; how likely it held each pixel to be covered before, and its loss."""
        logits = self.mask_net(images)
        loss = region_loss(logits, mask)
        self._descend("mask_net", loss)
        return logits.detach().float().sigmoid(), {"mask": loss.detach()}

    def _descend(self, name: str, loss: Tensor) -> None:
        descend(self._optimizers[name], loss)
