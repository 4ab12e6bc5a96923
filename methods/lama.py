"""LaMa: inpainting by Fourier convolutions, which see the whole picture in every layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.ffc import FfcGenerator
from methods.parts.freeze import frozen
from methods.parts.layercritic import LayerCritic, feature_distance
from methods.parts.schedule import linear_decay, set_rate
from methods.parts.update import descend


class Lama(Method):
    """LaMa of Suvorov et al. 2022 (advimman/lama, `lama-fourier`), without its perceptual loss.

    Differs: no high-receptive-field perceptual loss, which needs a segmentation network's weights, and an L1 in the
    hole in its place; one generator pass per step, whose output serves both networks. See docs/methods/lama.md.
    """

    tasks = frozenset({"hole", "erase", "facemask"})
    needs_mask = True

    @dataclass(frozen=True)
    class Config:
        """Defaults are the source's. On a small budget: base 16, downs 2, blocks 4, critic_base 16, decay_from 0.5."""

        base: int = 64
        downs: int = 3  # halvings; the side must divide by 2**(downs + 1)
        blocks: int = 9
        share: float = 0.75  # of the innermost channels that are global
        critic_base: int = 64
        critic_layers: int = 4
        adversarial: float = 10.0
        r1: float = 0.001
        matching: float = 100.0  # of the critic's maps
        l1_known: float = 10.0
        l1_missing: float = 1.0  # the source's is 0, and a perceptual loss of 30
        lr: float = 1e-3
        critic_lr: float = 1e-4
        decay_from: float = 1.0  # part of the budget at the full rates; then linearly to 0. 1 = constant, as the source

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.multiple_of = 2 ** (config.downs + 1)  # one more than the halvings: reflected edges need 2 pixels
        self.generator = FfcGenerator(config.base, config.downs, config.blocks, config.share)
        self.critic = LayerCritic(config.critic_base, config.critic_layers)
        self._optimizers = {
            "generator": Adam(self.generator.parameters(), lr=config.lr),
            "critic": Adam(self.critic.parameters(), lr=config.critic_lr),
        }

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam per network."""
        return dict(self._optimizers)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Generator first, then the critic on the same output."""
        fall = linear_decay(progress, self.config.decay_from)
        set_rate(self._optimizers["generator"], self.config.lr * fall)
        set_rate(self._optimizers["critic"], self.config.critic_lr * fall)
        mask = (batch.mask > 0.5).to(batch.clean.dtype)
        fake = self.generator(masked(batch.degraded, mask))
        scalars = self._update_generator(fake, batch.clean, mask)
        return scalars | self._update_critic(fake.detach(), batch.clean, mask)

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The generator's output in the hole, the input around it. Raises ValueError without a mask."""
        if mask is None:
            raise ValueError("lama cannot find the damage itself: give it the mask")
        lost = (mask > 0.5).to(degraded.dtype)
        painted = self.generator(masked(degraded, lost)).to(degraded.dtype)
        return torch.where(lost > 0, painted, degraded)

    def _update_generator(self, fake: Tensor, clean: Tensor, mask: Tensor) -> dict[str, Tensor]:
        absolute = (fake.float() - clean).abs()
        known, missing = (absolute * (1 - mask)).mean(), (absolute * mask).mean()
        with frozen(self.critic) as critic:
            with torch.no_grad():
                _, targets = critic(clean)
            logits, features = critic(fake)
            fooling = functional.softplus(-logits.float()).mean()
            matching = feature_distance(features, targets)
            loss = self.config.l1_known * known + self.config.l1_missing * missing
            loss = loss + self.config.adversarial * fooling + self.config.matching * matching
            descend(self._optimizers["generator"], loss)
        scalars = {"l1_known": known, "l1_missing": missing, "adversarial": fooling, "matching": matching}
        return {name: value.detach() for name, value in scalars.items()}

    def _update_critic(self, fake: Tensor, clean: Tensor, mask: Tensor) -> dict[str, Tensor]:
        real = clean.detach().requires_grad_(True)
        real_logits = self.critic(real)[0].float()
        penalty = gradient_penalty(real_logits, real)
        judged = functional.softplus(-real_logits).mean() + critic_on_fake(self.critic(fake)[0].float(), mask)
        descend(self._optimizers["critic"], judged + self.config.r1 * penalty)
        return {"critic": judged.detach(), "r1": penalty.detach()}


def masked(images: Tensor, mask: Tensor) -> Tensor:
    """N×4×H×W: the picture with zeros in the hole, and the mask."""
    return torch.cat([images * (1 - mask), mask], dim=1)


def critic_on_fake(logits: Tensor, mask: Tensor) -> Tensor:
    """The critic's loss on a completed picture: patches in the hole are fake, those outside it are as good as real.

    logits: N×1×h×w. mask: N×1×H×W, brought to the logits' size by its nearest pixel.
    """
    hole = functional.interpolate(mask, size=logits.shape[2:], mode="nearest")
    return (hole * functional.softplus(logits) + (1 - hole) * functional.softplus(-logits)).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): mean over the pictures of the squared norm of the logits' gradient by the picture."""
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.float().square().sum((1, 2, 3)).mean()


METHODS = {"lama": Lama.Config()}
