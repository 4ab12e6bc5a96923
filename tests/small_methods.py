"""Every method found, in a configuration small enough to be trained in a test."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.discovery import MethodEntry, discover
from bench.verify.subject import Subject
from methods.base import Batch, Method

ROWS: dict[str, MethodEntry] = discover().methods
_UNMASK = {"mask_levels": 3, "mask_base": 8, "face_levels": 2, "face_base": 8, "rates": (1, 2), "critic_base": 8}
_UNMASK |= {"patch_layers": 2, "perceptual": "critic", "lr": 3e-3}
SMALL: dict[str, dict] = {  # class -> changes; the default configuration where none is given
    "Pix2Pix": {"levels": 4, "base": 8, "dropout_blocks": 2, "patch_layers": 2, "critic_base": 8, "lr": 3e-3},
    "DnCnn": {"depth": 4, "width": 8},
    "DotCsv": {"levels": 4, "base": 8, "dropout_blocks": 2, "patch_layers": 2, "critic_base": 8, "lr": 3e-3},
    "ImageCompletion": {
        "size": 64,
        "local": 32,
        "base": 8,
        "dilations": (2, 4),
        "critic_base": 8,
        "features": 16,
        "lr": 3e-3,
    },
    "NafNet": {"width": 8, "enc": (1, 1), "mid": 1, "dec": (1, 1)},
    "Lama": {"base": 8, "downs": 2, "blocks": 2, "critic_base": 8, "critic_layers": 3, "lr": 3e-3},
    "ARNet": {
        "width": 32,
        "encoder": "scratch",
        "encoder_width": 0.25,
        "perceptual": "none",
        "critic_base": 4,
        "lr": 2e-2,
    },
    "Unmask": _UNMASK,
    "UnmaskOracle": _UNMASK,
    "UnmaskV1": {"mask_levels": 2, "face_levels": 4, "base": 8, "critic_base": 8, "patch_layers": 2, "lr": 3e-3},
}
SMALLER = {  # row -> changes on top of its class's
    "unmask_v2_j": {"mask_levels": 2, "mask_base": 4, "face_levels": 1, "critic_base": 4, "lr": 5e-3},
}


def small_entry(name: str, **changes: object) -> MethodEntry:
    """A row in its small form, with further changes."""
    entry = ROWS[name]
    return entry.override(SMALL.get(entry.cls.__name__, {}) | SMALLER.get(name, {}) | changes)


@functools.cache
def subject(name: str) -> Subject:
    """The small form of a row, for the checks; what it learns for them it learns once."""
    return Subject(small_entry(name))


def small(name: str, seed: int = 0, **changes: object) -> Method:
    """A fresh small method, in train mode."""
    entry = small_entry(name, **changes)
    torch.manual_seed(seed)
    return entry.cls(entry.config)


def weights_of(network: nn.Module) -> int:
    """How many weights it has."""
    return sum(weight.numel() for weight in network.parameters())


def state(network: nn.Module) -> dict[str, Tensor]:
    """Its weights as they are now."""
    return {name: each.detach().clone() for name, each in network.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states are equal."""
    return all(torch.equal(each, second[name]) for name, each in first.items())


def blurred(side: int = 64, count: int = 2) -> Batch:
    """Noise, and its means over 3×3 pixels: damage that is everywhere."""
    clean = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))
    return Batch(clean, functional.avg_pool2d(clean, 3, 1, 1), torch.ones(count, 1, side, side))


def striped(count: int = 4, size: int = 32, seed: int = 0) -> Batch:
    """Smooth pictures, each with a striped rectangle over a part of it: damage that can be found."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 5, 5), generator=generator)
    clean = functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
    mask = torch.zeros(count, 1, size, size)
    for each, (top, left) in zip(mask, torch.randint(2, size // 2, (count, 2), generator=generator), strict=True):
        each[:, top : top + size // 3, left : left + size // 2 - 2] = 1
    stripes = (torch.arange(size) % 2).float().view(1, 1, -1, 1)
    return Batch(clean, torch.where(mask > 0, stripes, clean), mask)
