"""Losses of face-mask removal: for the found region, for the face, and in place of VGG19."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from methods.parts.patchgan import PatchCritic
from methods.parts.ssim import ssim
from methods.parts.update import unsigned


def region_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy plus 1 − Dice of N×1×H×W logits against a mask of 0/1; Dice of each picture, then the mean."""
    logits, mask = logits.float(), mask.float()
    found = logits.sigmoid()
    overlap = (found * mask).sum((1, 2, 3))
    dice = (2 * overlap + 1) / (found.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)
    return functional.binary_cross_entropy_with_logits(logits, mask) + (1 - dice).mean()


def face_loss(output: Tensor, truth: Tensor) -> Tensor:
    """(1 − SSIM) + mean absolute error of pictures in [-1, 1]; SSIM on [0, 1], where its constants belong."""
    return 1 - ssim(unsigned(output), unsigned(truth)) + functional.l1_loss(output, truth)


def critic_features(critic: PatchCritic, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """A critic's logits, and its maps behind each activation."""
    maps: list[Tensor] = []
    features = images
    for layer in critic.layers:
        features = layer(features)
        if isinstance(layer, nn.LeakyReLU):
            maps.append(features)
    return features, maps


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean absolute error of a critic's maps, averaged over its layers (Salimans et al. 2016; as in pix2pixHD)."""
    errors = [functional.l1_loss(one, other.detach()) for one, other in zip(fake, real, strict=True)]
    return torch.stack(errors).mean()
