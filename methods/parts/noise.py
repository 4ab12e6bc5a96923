"""Dropout as the generator's noise: on in training and on when the method is used."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class AlwaysOnDropout(nn.Module):
    """Dropout that stays on in eval mode, where its mask is fixed.

    pix2pix has no noise input; dropout, also at test, is its noise (Isola et al. 2017, section 3). Here training draws
    from the global generator. Eval draws one mask for the given seed and feature size on the CPU and shares it over the
    batch: a picture gives the same result on every device, at every call, alone or among others, exported or not.
    """

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate}")
        self.rate = rate
        self.seed = seed

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out; the kept features are scaled by 1 / (1 - rate)."""
        if self.training:
            return functional.dropout(features, self.rate, training=True)
        return features * self._fixed_mask(features.shape[1:]).to(features)

    def _fixed_mask(self, size: torch.Size) -> Tensor:
        # numpy's generator, not torch's: torch.export keeps its numbers as a constant, but would replay torch's drawing
        drawn = np.random.Generator(np.random.PCG64(self.seed)).random((1, *size), dtype=np.float32)
        return torch.from_numpy((drawn >= self.rate).astype(np.float32) / np.float32(1.0 - self.rate))
