"""The DotCSV demo: TensorFlow's pix2pix tutorial on faces with erased shapes, and its author's ideas for more."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.freeze import frozen
from methods.parts.init import init_normal
from methods.parts.keras_unet import KerasUNet
from methods.parts.patchgan import PatchCritic, judged
from methods.parts.schedule import linear_decay, set_rate
from methods.parts.unet import UNetShape
from methods.parts.update import descend, signed, unsigned

MAGENTA = (255, 0, 255)


class DotCsv(Method):
    """pix2pix as miguel-rodrigo/dot-csv-pix2pix trains it: the networks of TensorFlow's tutorial.

    Differs from the notebook in: no batch norm on the innermost map, which at batch 1 it would set to a constant; batch
    norm's running statistics and one fixed dropout pattern after training, where the notebook predicts in training
    mode. `dotcsv_weighted` and `dotcsv_magenta` are what its author proposed. See docs/methods/dotcsv.md.
    """

    tasks = frozenset({"erase"})

    @dataclass(frozen=True)
    class Config:
        """Defaults are the tutorial's, for 256-pixel pictures."""

        levels: int = 8  # halvings: the side must divide by 2**levels
        base: int = 64
        dropout_blocks: int = 3
        innermost_norm: bool = False  # True: as in the tutorial; needs batches above 1
        patch_layers: int = 3  # receptive field 16, 34, 70 for 1, 2, 3; use 2 at 64 pixels
        critic_base: int = 64
        l1: float = 100.0
        beta: float = 1.0  # weight of an erased pixel in the absolute error, against 1 elsewhere; 5, 10 or 20 to try
        lr: float = 2e-4
        beta1: float = 0.5
        decay_from: float = 1.0  # part of the budget at the full rate; then linearly to 0. 1 = constant
        noise_seed: int = 0  # of the dropout pattern after training
        composite: bool = False  # keep the input wherever it is not exactly magenta

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.beta <= 0:
            raise ValueError(f"beta must be above 0, got {config.beta}")
        self.multiple_of = 2**config.levels
        shape = UNetShape(config.levels, config.base, config.dropout_blocks, "keras_batch", config.noise_seed)
        self.generator = KerasUNet(shape, config.innermost_norm)
        self.critic = PatchCritic(6, config.critic_base, config.patch_layers, "keras_batch", keras=True)
        for network in (self.generator, self.critic):
            init_normal(network)
        self._optimizers = {name: self._adam(network) for name, network in self.named_children()}

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam per network."""
        return dict(self._optimizers)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Both networks on one output, the generator first: each meets the other's old self, as in the tutorial."""
        for optimizer in self._optimizers.values():
            set_rate(optimizer, self.config.lr * linear_decay(progress, self.config.decay_from))
        condition, truth = signed(batch.degraded), signed(batch.clean)
        fake = self.generator(condition)
        l1 = self._weighted_l1(fake, truth, batch.mask)
        with frozen(self.critic) as critic:
            fooling = judged(critic(torch.cat([condition, fake], dim=1)), real=True)
            descend(self._optimizers["generator"], fooling + self.config.l1 * l1)
        critic_loss = self._update_critic(condition, truth, fake.detach())
        return {"l1": l1.detach(), "adversarial": fooling.detach(), "critic": critic_loss}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The generator's output, whole, or with `composite` only where the input is magenta. The mask is not used."""
        restored = unsigned(self.generator(signed(degraded))).to(degraded.dtype).clamp(0.0, 1.0)
        return _composite(degraded, restored) if self.config.composite else restored

    def _weighted_l1(self, fake: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
        """Absolute error averaged with weight `beta` on erased pixels, so that the weight of l1 keeps its meaning."""
        weight = 1.0 + (self.config.beta - 1.0) * mask
        return (weight * (fake - truth).abs()).sum() / (3.0 * weight.sum())

    def _update_critic(self, condition: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        real_loss = judged(self.critic(torch.cat([condition, truth], dim=1)), real=True)
        fake_loss = judged(self.critic(torch.cat([condition, fake], dim=1)), real=False)
        loss = real_loss + fake_loss  # not halved, unlike in the paper
        descend(self._optimizers["critic"], loss)
        return loss.detach()

    def _adam(self, network: nn.Module) -> Optimizer:
        return Adam(network.parameters(), lr=self.config.lr, betas=(self.config.beta1, 0.999))


def _composite(degraded: Tensor, restored: Tensor) -> Tensor:
    """The output where the input is exactly magenta at 8 bits, the input elsewhere.

    A picture without a magenta pixel was not erased in magenta: its output is used whole.
    """
    magenta = torch.tensor(MAGENTA, device=degraded.device).view(1, 3, 1, 1)
    erased = (torch.round(degraded * 255) == magenta).all(dim=1, keepdim=True)
    marked = erased.flatten(1).any(dim=1).view(-1, 1, 1, 1)
    return torch.where(erased | ~marked, restored, degraded)


METHODS = {
    "dotcsv": DotCsv.Config(),
    "dotcsv_weighted": DotCsv.Config(beta=10.0),
    "dotcsv_magenta": DotCsv.Config(composite=True),  # for suites that erase in magenta
}
