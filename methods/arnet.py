"""ARNet, the Artifact Removal GAN: a U-Net on MobileNetV2 taught by LPIPS, with a short NoGAN training at the end."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from methods.base import Batch, Method
from methods.parts import nogan
from methods.parts.deoldify_critic import DeOldifyCritic
from methods.parts.dynamic_unet import DynamicUnet
from methods.parts.freeze import frozen
from methods.parts.mobilenet import MobileEncoder, normalised, pictures
from methods.parts.patchgan import judged
from methods.parts.perceptual import lpips_loss
from methods.parts.schedule import set_rate
from methods.parts.structure import ms_ssim_loss, structure_loss
from methods.parts.update import descend

ALONE, AGAINST = (0.9, 0.99), (0.0, 0.9)  # Adam's betas; DeOldify's GAN phase has no momentum
CRITIC_LEAD = 5  # the critic's rate over the generator's within the GAN
LEAST = 64  # smallest side trained on where the crop allows: at 32 the encoder's last map is one pixel


class ARNet(Method):
    """Artifact Removal GAN of mameli/Artifact_Removal_GAN, built on jantic/DeOldify.

    Differs from the source in: MobileNetV2 for MobileNetV3, with all its skips and attention; losses on [0, 1]; fakes
    made as they are needed. See docs/methods/arnet.md.
    """

    tasks = frozenset({"jpeg", "mosaic"})
    multiple_of = 32
    encoder_file: Tensor

    @dataclass(frozen=True)
    class Config:
        """Every loss is added to LPIPS, unless perceptual is "none"."""

        width: int = 512  # of the decoder; 64 suits small budgets
        one_skip: bool = False  # the source's printed form: a single skip at 1/2, no attention
        encoder: str = "imagenet"  # weights it starts from, which must be found; or "scratch"
        encoder_width: float = 1.0  # "imagenet" exists for 1.0 only
        encoder_rate: float = 0.1  # of the decoder's learning rate, with "imagenet"
        encoder_held: float = 0.2  # part of the pretraining in which only the decoder learns, with "imagenet"
        perceptual: str = "vgg"  # LPIPS on that network, or "squeeze", or "none"
        loss: str = "l1"  # or "mse", "ssim" (multi-scale) or "structure": L1 + MS-SSIM + gradients at three scales
        adversarial: float = 1.0  # 0 leaves the critic out: the whole budget is pretraining
        gan_loss: float = 1.5  # weight of the loss above beside the critic's word
        pretraining: float = 0.6  # part of the budget for the generator alone
        cycles: int = 2  # of critic alone and GAN; 5 to 8 in DeOldify
        gan_part: float = 0.25  # of a cycle
        critic_base: int = 64
        critic_blocks: int = 3  # 2 for crops of 32 pixels
        critic_dropout: float = 0.15  # of whole channels; a narrow critic does not learn under it in a small budget
        lr: float = 1e-2  # generator alone, in its first stage; 3e-2 suits small budgets
        critic_lr: float = 1e-3  # critic alone
        gan_lr: float = 2e-5  # generator in the GAN; the critic has CRITIC_LEAD times as much
        threshold: float = 0.65  # of the critic's loss, below which the generator has its turn
        critic_cap: int = 10  # critic steps after which it has it anyway; 0 = never
        weight_decay: float = 1e-3

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        _check(config)
        self.generator = DynamicUnet(MobileEncoder(config.encoder_width), config.width, config.one_skip)
        self.register_buffer("encoder_file", torch.zeros((), dtype=torch.int64))  # start of its SHA-256; 0 = scratch
        self.pretraining = config.pretraining if config.adversarial > 0 else 1.0
        self.stages = nogan.schedule(self.pretraining, config.cycles, config.gan_part)
        self.switch = nogan.Switch(config.threshold, config.critic_cap)
        self._optimizers = {"generator": self._adam(_parts(self.generator))}
        self.critic: DeOldifyCritic | None = None
        if config.adversarial > 0:  # built last: with one seed, all rows start from the same generator
            self.critic = DeOldifyCritic(config.critic_base, config.critic_blocks, config.critic_dropout)
            self._optimizers["critic"] = self._adam([{"params": list(self.critic.parameters())}])

    def optimizers(self) -> dict[str, Optimizer]:
        """One AdamW for the generator, its decoder and encoder in two groups, and one for the critic."""
        return dict(self._optimizers)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One update of the generator or of the critic, as the stage asks."""
        self._load_encoder()
        stage = nogan.stage_at(self.stages, progress)
        critic = self.critic
        if critic is None:
            return self._pretrain(batch, stage, progress)
        if min(batch.clean.shape[2:]) < critic.least_side:
            raise ValueError(f"the critic needs crops of {critic.least_side} pixels or more; lower critic_blocks")
        if stage.kind == nogan.GENERATOR:
            return self._pretrain(batch, stage, progress)
        pair = nogan.cut(batch, stage.side, max(LEAST, critic.least_side))
        if stage.kind == nogan.CRITIC:
            self.switch.reset()
            return self._teach(critic, pair, self.config.critic_lr * stage.factor(progress), ALONE)
        if self.switch.generator_next():
            self.switch.reset()
            return self._challenge(critic, pair)
        scalars = self._teach(critic, pair, CRITIC_LEAD * self.config.gan_lr, AGAINST)
        self.switch.after_critic(scalars["critic"])
        return scalars

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The generator's output, clipped."""
        return self._generate(degraded).to(degraded.dtype).clamp(0.0, 1.0)

    def _load_encoder(self) -> None:
        """Before the first step, not when built: a row can be listed, planned and restored without the file."""
        if self.config.encoder == "imagenet" and not self.encoder_file.item():
            self.encoder_file.fill_(int(self.generator.encoder.load_imagenet()[:8], 16))

    def _generate(self, degraded: Tensor) -> Tensor:
        return pictures(self.generator(normalised(degraded)))

    def _pretrain(self, batch: Batch, stage: nogan.Stage, progress: float) -> dict[str, Tensor]:
        degraded, clean = nogan.cut(batch, stage.side, LEAST)
        trained = self.config.encoder == "imagenet"
        held = trained and progress < self.config.encoder_held * self.pretraining
        rate = self.config.lr * stage.factor(progress)
        optimizer = self._ready("generator", rate, ALONE)
        optimizer.param_groups[1]["lr"] = rate * (self.config.encoder_rate if trained else 1.0)
        with frozen(self.generator.encoder) if held else contextlib.nullcontext():
            loss, scalars = self._distance(self._generate(degraded), clean)
            descend(optimizer, loss)
        return scalars

    def _teach(
        self, critic: DeOldifyCritic, pair: tuple[Tensor, Tensor], rate: float, betas: tuple[float, float]
    ) -> dict[str, Tensor]:
        """The critic's update, on fakes made as the generator restores: in eval mode."""
        degraded, clean = pair
        self.generator.eval()
        with torch.no_grad():
            fake = self._generate(degraded)
        self.generator.train()
        real_logits, fake_logits = critic(normalised(torch.cat([clean, fake]))).chunk(2)
        loss = 0.5 * (judged(real_logits, real=True) + judged(fake_logits, real=False))
        descend(self._ready("critic", rate, betas), loss)
        right = torch.cat([real_logits > 0, fake_logits < 0]).float().mean()
        return {"critic": loss.detach(), "critic_accuracy": right}

    def _challenge(self, critic: DeOldifyCritic, pair: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """The decoder's update within the GAN."""
        degraded, clean = pair
        optimizer = self._ready("generator", self.config.gan_lr, AGAINST)
        with frozen(self.generator.encoder), frozen(critic):
            restored = self._generate(degraded)
            loss, scalars = self._distance(restored, clean)
            fooling = judged(critic(normalised(restored)), real=True)
            descend(optimizer, self.config.adversarial * fooling + self.config.gan_loss * loss)
        return scalars | {"adversarial": fooling.detach()}

    def _distance(self, restored: Tensor, clean: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss = _LOSSES[self.config.loss](restored, clean)
        scalars = {self.config.loss: loss.detach()}
        if self.config.perceptual == "none":
            return loss, scalars
        lpips = lpips_loss(self.config.perceptual, restored, clean)
        return loss + lpips, scalars | {"lpips": lpips.detach()}

    def _adam(self, groups: list[dict[str, Any]]) -> Optimizer:
        return AdamW(groups, weight_decay=self.config.weight_decay)

    def _ready(self, name: str, rate: float, betas: tuple[float, float]) -> Optimizer:
        optimizer = self._optimizers[name]
        set_rate(optimizer, rate)
        for group in optimizer.param_groups:
            group["betas"] = betas
        return optimizer


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "ssim": ms_ssim_loss,
    "structure": structure_loss,
}


def _check(config: ARNet.Config) -> None:
    """Raise ValueError on a setting that nothing stands for."""
    choices = {"encoder": ("imagenet", "scratch"), "perceptual": ("vgg", "squeeze", "none"), "loss": tuple(_LOSSES)}
    for name, known in choices.items():
        if getattr(config, name) not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(config, name)!r}")
    if config.encoder == "imagenet" and config.encoder_width != 1.0:
        raise ValueError(f"encoder 'imagenet' must be of encoder_width 1, got {config.encoder_width}; use 'scratch'")


def _parts(generator: DynamicUnet) -> list[dict[str, Any]]:
    """Decoder, then encoder: parameter groups, since they learn at rates of their own."""
    decoder = [weight for name, weight in generator.named_parameters() if not name.startswith("encoder.")]
    return [{"params": decoder}, {"params": list(generator.encoder.parameters())}]


_ALONE = ARNet.Config(adversarial=0.0)  # the author's ablations are of generators before the GAN
METHODS = {
    "arnet": ARNet.Config(),
    "arnet_squeeze": ARNet.Config(perceptual="squeeze"),  # where VGG16's weights cannot be had
    "arnet_nolpips": ARNet.Config(encoder="scratch", perceptual="none", loss="structure"),  # needs no weights at all
    "arnet_oneskip": ARNet.Config(one_skip=True),
    "arnet_lpips": _ALONE,
    "arnet_ssim": dataclasses.replace(_ALONE, perceptual="none", loss="ssim"),
    "arnet_mse": dataclasses.replace(_ALONE, perceptual="none", loss="mse"),
}
