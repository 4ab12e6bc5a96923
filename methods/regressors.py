"""Plain regression networks: the bar a GAN must argue with. Highest PSNR, least invention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.schedule import linear_decay, set_rate

LOSSES = {"mse": functional.mse_loss, "l1": functional.l1_loss}


class ResidualCnn(nn.Module):
    """DnCNN's layers: conv3+ReLU, (depth - 2) × (conv3 [+ batch norm] + ReLU), conv3. Predicts what is to be removed.

    Source: Zhang et al. 2017, "Beyond a Gaussian Denoiser"; cszn/KAIR `network_dncnn.py`. Without batch norm this is
    also the form its authors release, with the norm folded into the convolutions. Hidden layers start from He's normal
    distribution; the last a hundred times smaller, so that training starts near the identity and still has a gradient.
    """

    def __init__(self, channels: int = 3, depth: int = 17, width: int = 64, batch_norm: bool = False) -> None:
        super().__init__()
        if depth < 2 or width < 1:
            raise ValueError(f"a residual CNN needs depth >= 2 and width >= 1, got {depth} and {width}")
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers.append(nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
        layers.append(nn.Conv2d(width, channels, 3, padding=1))
        self.model = nn.Sequential(*layers)
        self._init_weights()

    def forward(self, images: Tensor) -> Tensor:
        """N×C×H×W in [0, 1] to the restored pictures, not clipped."""
        # wide maps at full size: this layout trains 1.3 to 1.9 times faster on a CPU, and suits a GPU
        return images - self.model(images.contiguous(memory_format=torch.channels_last))

    def _init_weights(self) -> None:
        convs = [layer for layer in self.model if isinstance(layer, nn.Conv2d)]
        for conv in convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
        with torch.no_grad():
            convs[-1].weight.mul_(0.01)


class DnCnn(Method):
    """DnCNN trained on the task at hand, in colour.

    Differs from the source: no batch norm by default (it needs larger batches than small budgets allow, and changes
    what one picture gets with what lies beside it while training), Adam instead of SGD, a linear decay of the rate.
    See docs/methods/dncnn.md.
    """

    tasks = frozenset({"mosaic", "jpeg", "erase", "facemask", "hole"})

    @dataclass(frozen=True)
    class Config:
        """depth counts convolutions; 8 and width 32 suit a small budget."""

        depth: int = 17
        width: int = 64
        batch_norm: bool = False
        loss: str = "mse"  # or "l1"
        lr: float = 1e-3
        decay_from: float = 0.5  # part of the budget at the full rate; then linearly to 0. 1 = constant

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {config.loss!r}")
        self.network = ResidualCnn(3, config.depth, config.width, config.batch_norm)
        self._optimizer = Adam(self.network.parameters(), lr=config.lr)

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam."""
        return {"network": self._optimizer}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One regression update."""
        set_rate(self._optimizer, self.config.lr * linear_decay(progress, self.config.decay_from))
        loss = LOSSES[self.config.loss](self.network(batch.degraded), batch.clean)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return {self.config.loss: loss.detach()}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The input less the predicted damage, clipped."""
        return self.network(degraded).to(degraded.dtype).clamp(0.0, 1.0)


METHODS = {"dncnn": DnCnn.Config()}
