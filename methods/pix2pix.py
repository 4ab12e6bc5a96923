"""pix2pix: a U-Net taught by an L1 loss and by a critic that sees input and output together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.freeze import frozen
from methods.parts.init import init_normal
from methods.parts.patchgan import PatchCritic, judged
from methods.parts.schedule import linear_decay, set_rate
from methods.parts.unet import UNet, UNetShape


class Pix2Pix(Method):
    """Conditional GAN of Isola et al. 2017, the core of the Erase Mossaic project (CoinCheung/Mossaic-Handling).

    Layers after phillipi/pix2pix and junyanz/pytorch-CycleGAN-and-pix2pix. Differs from them in: affine instance norm
    by default, so that neither batch size nor mode changes a result; dropout whose pattern is fixed once training is
    over; one generator pass per step, whose output serves both critic and generator. See docs/methods/pix2pix.md.
    """

    tasks = frozenset({"mosaic", "jpeg", "erase", "facemask", "hole"})

    @dataclass(frozen=True)
    class Config:
        """Defaults are the paper's, for 256-pixel pictures. adversarial 0 leaves the critic out."""

        levels: int = 8  # halvings: the side must divide by 2**levels
        base: int = 64
        dropout_blocks: int = 3
        norm: str = "instance"  # or "batch", with the paper's bias-free convolutions; "biased_batch" keeps the biases
        patch_layers: int = 3  # receptive field 16, 34, 70, 142 for 1, 2, 3, 4; use 2 at 64 pixels
        critic_base: int = 64
        adversarial: float = 1.0
        l1: float = 100.0
        lr: float = 2e-4
        beta1: float = 0.5
        decay_from: float = 0.5  # part of the budget at the full rate; then linearly to 0. 1 = constant
        noise_seed: int = 0  # of the dropout pattern after training
        composite: bool = False  # where the mask is told: keep the input outside it

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.multiple_of = 2**config.levels
        shape = UNetShape(config.levels, config.base, config.dropout_blocks, config.norm, config.noise_seed)
        self.generator = UNet(shape)
        init_normal(self.generator)
        self._optimizers = {"generator": self._adam(self.generator)}
        self.critic: PatchCritic | None = None
        if config.adversarial > 0:  # built last: with one seed, both rows start from the same generator
            self.critic = PatchCritic(6, config.critic_base, config.patch_layers, config.norm)
            init_normal(self.critic)
            self._optimizers["critic"] = self._adam(self.critic)

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam per network."""
        return dict(self._optimizers)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Critic first, on the detached output, then the generator, on the same output."""
        for optimizer in self._optimizers.values():
            set_rate(optimizer, self.config.lr * linear_decay(progress, self.config.decay_from))
        condition, truth = _signed(batch.degraded), _signed(batch.clean)
        fake = self.generator(condition)
        scalars: dict[str, Tensor] = {}
        if self.critic is not None:
            scalars["critic"] = self._update_critic(self.critic, condition, truth, fake.detach())
        return scalars | self._update_generator(condition, truth, fake)

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The generator's output, used whole unless `composite` is set and the mask is known."""
        restored = ((self.generator(_signed(degraded)) + 1.0) / 2.0).to(degraded.dtype).clamp(0.0, 1.0)
        if self.config.composite and mask is not None:
            restored = torch.where(mask > 0.5, restored, degraded)
        return restored

    def _adam(self, network: torch.nn.Module) -> Optimizer:
        return Adam(network.parameters(), lr=self.config.lr, betas=(self.config.beta1, 0.999))

    def _update_critic(self, critic: PatchCritic, condition: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        real_loss = judged(critic(torch.cat([condition, truth], dim=1)), real=True)
        fake_loss = judged(critic(torch.cat([condition, fake], dim=1)), real=False)
        loss = 0.5 * (real_loss + fake_loss)  # halved: slows the critic against the generator
        _descend(self._optimizers["critic"], loss)
        return loss.detach()

    def _update_generator(self, condition: Tensor, truth: Tensor, fake: Tensor) -> dict[str, Tensor]:
        l1 = functional.l1_loss(fake, truth)
        loss = self.config.l1 * l1
        scalars = {"l1": l1.detach()}
        if self.critic is None:
            _descend(self._optimizers["generator"], loss)
            return scalars
        with frozen(self.critic) as critic:
            fooling = judged(critic(torch.cat([condition, fake], dim=1)), real=True)
            _descend(self._optimizers["generator"], loss + self.config.adversarial * fooling)
        return scalars | {"adversarial": fooling.detach()}


def _signed(images: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], the range of tanh."""
    return images * 2.0 - 1.0


def _descend(optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


METHODS = {
    "pix2pix": Pix2Pix.Config(),
    "unet_l1": Pix2Pix.Config(adversarial=0.0),  # the same generator without the critic: what the GAN adds
    "mossaic": Pix2Pix.Config(  # Erase Mossaic as its author runs it: see docs/methods/mossaic.md
        levels=5, dropout_blocks=0, norm="biased_batch", decay_from=1.0
    ),
}
