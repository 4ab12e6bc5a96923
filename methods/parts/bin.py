"""Batch-instance norm: each channel learns how much of a picture's own contrast and tint to keep."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class BatchInstanceNorm2d(nn.Module):
    """scale · (ρ · batch-normed + (1 − ρ) · instance-normed) + shift, ρ in [0, 1] for each channel, at first 1.

    Source: Nam and Kim 2018, as in the face-mask removal project. Differs from the latter: after training the batch
    half takes running statistics, where the source takes those of the test batch, so that no picture affects another.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.ratio = nn.Parameter(torch.ones(channels))
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out. H·W must be at least 2."""
        if self.training:  # pull ρ back itself: clamp passes no gradient at its bounds, and ρ begins at one
            self.ratio.data.clamp_(0.0, 1.0)
        ratio = (self.ratio if self.training else self.ratio.clamp(0.0, 1.0)).view(1, -1, 1, 1)
        batch = functional.batch_norm(
            features, self.running_mean, self.running_var, training=self.training, momentum=self.momentum
        )
        mixed = torch.lerp(functional.instance_norm(features), batch, ratio.to(batch.dtype))
        return mixed * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
