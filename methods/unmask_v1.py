"""Face-mask removal v1: finds the mask, fills it with noise, repaints it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from methods.base import Batch
from methods.parts.freeze import frozen
from methods.parts.patchgan import PatchCritic, judged
from methods.parts.ssim import ssim
from methods.parts.strided import StridedShape, StridedUNet
from methods.parts.unmasker import NETWORKS, Unmasker
from methods.parts.update import signed, unsigned


class UnmaskV1(Unmasker):
    """Face-mask removal, version 1 (wocns1457/GAN-based-face-mask-removal), with its losses mended.

    As coded the source's critic never reaches the generator, SSIM has the wrong sign and L1 its weight twice. See
    docs/methods/unmask.md.
    """

    parts = (*NETWORKS, "critic")

    @dataclass(frozen=True)
    class Config:
        """Defaults are the source's, for 128 pixels."""

        mask_levels: int = 5
        face_levels: int = 6
        base: int = 32
        dropout_blocks: int = 2
        outer_skip: bool = True  # False: the face network's last layer does not see the noise; for small budgets
        critic_base: int = 64
        patch_layers: int = 3  # receptive field 34, 70 for 2, 3; use 2 at 64 pixels
        norm: str = "batch_instance"
        adversarial: float = 1.0  # 0: as in the source's code, where the critic teaches nobody
        l1: float = 100.0
        ssim: float = 1.0
        true_until: float = 0.1  # part of the budget in which the noise fills the true mask, not the found one
        lr: float = 2e-4
        beta1: float = 0.5
        decay_from: float = 1.0  # part of the budget at the full rate; then linearly to 0. 1 = constant
        threshold: float = 50 / 255  # probability from which a pixel counts as covered
        kernel: int = 3  # side of the square that opens and closes the found region; 1: neither, use at 64 pixels
        smallest: float = 0.005  # part of the picture below which a found region is dropped
        margin: int = 3  # pixels by which the found region grows before the picture is put together
        composite: bool = True  # False: the face network's picture as a whole, as the source shows it
        noise_seed: int = 0  # of the filling after training

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.multiple_of = 2 ** max(config.mask_levels, config.face_levels)
        mask = StridedShape(3, 1, config.mask_levels, config.base, cap=8, norm=config.norm, outer_skip=True, lean=True)
        shape = dataclasses.replace(mask, out_channels=3, levels=config.face_levels)
        face = dataclasses.replace(shape, dropout_blocks=config.dropout_blocks, outer_skip=config.outer_skip)
        self.mask_net, self.face_net = StridedUNet(mask), StridedUNet(face)
        self.critic = PatchCritic(6, config.critic_base, config.patch_layers, config.norm)
        self._begin()

    def repaint(self, images: Tensor, mask: Tensor) -> Tensor:
        """See Unmasker. The network gets the picture with uniform noise in the mask, and no mask."""
        return torch.tanh(self.face_net(self.fill(images, mask)))

    def fill(self, images: Tensor, mask: Tensor) -> Tensor:
        """N×3×H×W in [-1, 1] with uniform noise in the mask.

        Fresh in training; after it one pattern for `noise_seed`, shared by a batch, the same on every device.
        """
        if self.training:
            noise = torch.rand_like(images)
        else:
            size = (1, *images.shape[1:])
            drawn = np.random.Generator(np.random.PCG64(self.config.noise_seed)).random(size, np.float32)
            noise = torch.from_numpy(drawn).to(images)
        return torch.where(mask > 0.5, signed(noise), images)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The finder first, then the critic on noisy and repainted picture together, then the face network."""
        self._set_rates(progress)
        truth, mask = signed(batch.clean), batch.mask
        found, scalars = self._find(signed(batch.degraded), mask)
        if progress >= self.config.true_until:
            mask = (found > self.config.threshold).to(mask.dtype)
        filled = self.fill(signed(batch.degraded), mask)
        output = torch.tanh(self.face_net(filled))
        scalars["critic"] = self._update_critic(filled, truth, output.detach())
        return scalars | self._update_face(filled, truth, output)

    def _update_critic(self, filled: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        real_loss = judged(self.critic(torch.cat([filled, truth], dim=1)), real=True)
        loss = real_loss + judged(self.critic(torch.cat([filled, fake], dim=1)), real=False)
        self._descend("critic", loss)
        return loss.detach()

    def _update_face(self, filled: Tensor, truth: Tensor, output: Tensor) -> dict[str, Tensor]:
        config = self.config
        l1 = functional.l1_loss(output, truth)
        likeness = ssim(unsigned(output), unsigned(truth))
        with frozen(self.critic) as critic:
            fooling = judged(critic(torch.cat([filled, output], dim=1)), real=True)
            loss = config.l1 * l1 + config.ssim * (1 - likeness) + config.adversarial * fooling
            self._descend("face_net", loss)
        return {"l1": l1.detach(), "ssim": likeness.detach(), "adversarial": fooling.detach()}


METHODS = {"unmask_v1": UnmaskV1.Config()}
