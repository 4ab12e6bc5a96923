"""Face-mask removal v2: one network finds the mask, another repaints the face, two critics judge it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.base import Batch
from methods.parts.facelosses import critic_features, face_loss, feature_matching
from methods.parts.freeze import frozen
from methods.parts.maskclean import dilate
from methods.parts.patchgan import PatchCritic, judged
from methods.parts.pooled import PooledShape, PooledUNet
from methods.parts.strided import StridedShape, StridedUNet
from methods.parts.structure import gradient_loss
from methods.parts.unmasker import NETWORKS, Unmasker
from methods.parts.update import signed
from methods.parts.vgg import vgg19, vgg19_distance

RECONSTRUCTION, MATCHING = 100.0, 10.0  # weights of SSIM + L1 + perceptual, and of the critics' features
WHOLE, REGION = 0.3, 0.7  # weights of the two critics once both are at work
PERCEPTUAL = ("vgg19", "critic", "none")


class Unmask(Unmasker):
    """Face-mask removal, version 2 (wocns1457/GAN-based-face-mask-removal-version2, after Din et al. 2020).

    Form "strided" has the layers of the source's later code (strided U-Nets, squeeze-excitation, atrous pyramid), form
    "dilated" those of the earlier code (max-pools, dilated trunk, batch-instance norm), to which its README and very
    likely its FID belong. Both with the losses mended: see docs/methods/unmask.md.
    """

    parts = (*NETWORKS, "critic_whole", "critic_region")

    @dataclass(frozen=True)
    class Config:
        """Defaults are the source's for form strided at 256 pixels; METHODS has those of form dilated."""

        form: str = "strided"  # or "dilated"
        mask_levels: int = 6
        mask_base: int = 32
        face_levels: int = 5
        face_base: int = 32
        excited: int = 3  # strided: levels of the face network with squeeze-excitation
        rates: tuple[int, ...] = (2, 4, 8)  # strided: of the atrous pyramid; dilated: of the trunk, one conv each
        critic_base: int = 64
        patch_layers: int = 3  # receptive field 34, 70 for 2, 3; use 2 at 64 pixels
        perceptual: str = "vgg19"  # or "critic": picture gradients and critic features instead; or "none"
        adversarial: float = 1.0  # factor on the critics' say; 0 tells what it adds
        reconstruct_until: float = 0.1  # parts of the budget: reconstruction alone, given the true mask,
        whole_until: float = 0.4  # then with the whole-face critic, then with both
        lr: float = 2e-4
        beta1: float = 0.5
        decay_from: float = 1.0  # part of the budget at the full rate; then linearly to 0. 1 = constant
        threshold: float = 0.5  # probability from which a pixel counts as covered
        kernel: int = 3  # side of the square that opens and closes the found region; 1: neither, use at 64 pixels
        smallest: float = 0.005  # part of the picture below which a found region is dropped
        margin: int = 3  # pixels by which the found region grows before the picture is put together
        composite: bool = True  # False: the face network's picture as a whole, as the source shows it

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.perceptual not in PERCEPTUAL:
            raise ValueError(f"perceptual must be one of {', '.join(PERCEPTUAL)}, got {config.perceptual!r}")
        if not 0 <= config.reconstruct_until <= config.whole_until <= 1:
            ends = f"{config.reconstruct_until} and {config.whole_until}"
            raise ValueError(f"0 <= reconstruct_until <= whole_until <= 1 is needed, got {ends}")
        self.mask_net, self.face_net = _networks(config)
        self.multiple_of = 2 ** (1 + max(config.mask_levels - (config.form == "strided"), config.face_levels))
        norm = "instance" if config.form == "strided" else "batch_instance"
        self.critic_whole = PatchCritic(3, config.critic_base, config.patch_layers, norm)
        self.critic_region = PatchCritic(3, config.critic_base, config.patch_layers, norm)
        self._begin()

    def repaint(self, images: Tensor, mask: Tensor) -> Tensor:
        """See Unmasker."""
        return torch.tanh(self.face_net(torch.cat([images, mask.to(images.dtype)], dim=1)))

    def critic_weights(self, progress: float) -> dict[str, float]:
        """The critics at work in a phase and their weights: none, the whole-face critic, both."""
        if progress < self.config.reconstruct_until:
            return {}
        if progress < self.config.whole_until:
            return {"critic_whole": 1.0}
        return {"critic_whole": WHOLE, "critic_region": REGION}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The finder first, then the critics at work, then the face network; one output serves both."""
        if self.config.perceptual == "vgg19":
            vgg19(batch.clean.device)  # weights that are missing stop the training before it begins
        self._set_rates(progress)
        images, truth, mask = signed(batch.degraded), signed(batch.clean), batch.mask
        found, scalars = self._find(images, mask)
        weights = self.critic_weights(progress)
        output = self.repaint(images, found if weights else mask)
        regions = {"critic_whole": dilate(mask, self.config.margin), "critic_region": mask}
        fakes = {name: torch.where(regions[name] > 0.5, output, images) for name in weights}
        for name, fake in fakes.items():
            scalars[name] = self._update_critic(name, truth, fake.detach(), weights[name])
        loss = self._reconstruction(output, truth, scalars)
        for name, fake in fakes.items():
            loss = loss + weights[name] * self._judgement(name, truth, fake, scalars)
        self._descend("face_net", loss)
        return scalars

    def _update_critic(self, name: str, truth: Tensor, fake: Tensor, weight: float) -> Tensor:
        critic = self.get_submodule(name)
        loss = judged(critic(truth), real=True) + judged(critic(fake), real=False)
        self._descend(name, weight * loss)
        return loss.detach()

    def _reconstruction(self, output: Tensor, truth: Tensor, scalars: dict[str, Tensor]) -> Tensor:
        """Weighted loss of the whole picture; adds its terms to the scalars."""
        loss = face_loss(output, truth)
        scalars["reconstruction"] = loss.detach()
        if self.config.perceptual != "none":
            distance = vgg19_distance if self.config.perceptual == "vgg19" else gradient_loss
            perceptual = distance(output, truth)
            scalars["perceptual"] = perceptual.detach()
            loss = loss + perceptual
        return RECONSTRUCTION * loss

    def _judgement(self, name: str, truth: Tensor, fake: Tensor, scalars: dict[str, Tensor]) -> Tensor:
        """What a critic, held still, makes of the output; adds its terms to the scalars."""
        critic: PatchCritic = getattr(self, name)
        with frozen(critic):
            logits, maps = critic_features(critic, fake)
            fooling = judged(logits, real=True)
            scalars[f"fooling_{name.removeprefix('critic_')}"] = fooling.detach()
            loss = self.config.adversarial * fooling
            if self.config.perceptual == "critic":
                with torch.no_grad():
                    wanted = critic_features(critic, truth)[1]
                loss = loss + MATCHING * feature_matching(maps, wanted)
        return loss


class UnmaskOracle(Unmask):
    """Face-mask removal, version 2, given the true mask: tells errors of finding from errors of repainting."""

    needs_mask = True

    @dataclass(frozen=True)
    class Config(Unmask.Config):
        """As Unmask.Config."""

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """See Unmasker. Raises ValueError without a mask."""
        if mask is None:
            raise ValueError("this is the diagnostic that is given the true mask: give it the mask")
        return super().restore(degraded, mask)


def _networks(config: Unmask.Config) -> tuple[nn.Module, nn.Module]:
    """Finder (3 channels to 1) and face network (4 to 3) of a form, without their last activations."""
    mask, face = (3, 1, config.mask_levels, config.mask_base), (4, 3, config.face_levels, config.face_base)
    if config.form == "strided":
        shape = StridedShape(*face, excited=config.excited, rates=config.rates)
        return StridedUNet(StridedShape(*mask)), StridedUNet(shape)
    if config.form == "dilated":
        return PooledUNet(PooledShape(*mask)), PooledUNet(PooledShape(*face, dilations=config.rates, mixed=True))
    raise ValueError(f"form must be strided or dilated, got {config.form!r}")


METHODS = {
    "unmask_v2": Unmask.Config(),
    "unmask_v2_novgg": Unmask.Config(perceptual="critic"),  # runs without VGG19's weights
    "unmask_v2_j": Unmask.Config(
        form="dilated", mask_levels=4, mask_base=32, face_levels=2, face_base=64, rates=(2, 4, 8, 16)
    ),
    "unmask_v2_oracle": UnmaskOracle.Config(),
    "unmask_v2_novgg_oracle": UnmaskOracle.Config(perceptual="critic"),
}
