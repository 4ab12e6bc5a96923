"""NAFNet: the paper's layers, its start as the identity, its loss and its schedule."""

import math

import pytest
import torch
from torch.nn import functional

from methods.base import Batch
from methods.nafnet import ChannelNorm, NafBlock, NafNet, NafUNet, negative_psnr
from tests import small_methods

SMALL = small_methods.SMALL["NafNet"]


def pictures(count: int = 2, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def counted(width: int, enc: tuple, mid: int, dec: tuple) -> int:
    """Weights by the source's layer table: 7c² + 33c in a block, 8c² + 2c in a step down, 8c² in a step up."""
    total = 28 * width + 27 * width + 3
    for level, (down, up) in enumerate(zip(enc, reversed(dec), strict=True)):
        c = width * 2**level
        total += (down + up) * (7 * c * c + 33 * c) + (8 * c * c + 2 * c) + 8 * c * c
    c = width * 2 ** len(enc)
    return total + mid * (7 * c * c + 33 * c)


@pytest.mark.parametrize(
    "shape",
    [
        (32, (2, 2, 4, 8), 12, (2, 2, 2, 2)),  # SIDD
        (64, (1, 1, 1, 28), 1, (1, 1, 1, 1)),  # REDS
        (16, (1, 1, 2), 2, (1, 2, 3)),
    ],
)
def test_has_the_sources_layers(shape):
    with torch.device("meta"):
        network = NafUNet(*shape)
    assert sum(weight.numel() for weight in network.parameters()) == counted(*shape)


def test_default_has_the_reported_size():
    """29.16 M is what users of the source's SIDD form of width 32 report."""
    with torch.device("meta"):
        assert sum(weight.numel() for weight in NafNet(NafNet.Config()).parameters()) == 29_159_715


def test_starts_as_the_identity():
    method, degraded = NafNet(NafNet.Config(**SMALL)).eval(), pictures()
    with torch.inference_mode():
        assert torch.equal(method.restore(degraded, None), degraded)


def test_every_weight_learns_from_the_third_step_on():
    """The last conv starts at 0, then the scales of the blocks: each holds back what lies before it by one step."""
    method = NafNet(NafNet.Config(**SMALL)).train()
    batch = Batch(pictures(), pictures().flip(3), torch.ones(2, 1, 16, 16))
    for progress in (0.0, 0.3, 0.6):
        method.step(batch, progress)
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in method.parameters())


def test_block_is_the_papers():
    """Against the two steps written out with plain functions."""
    torch.manual_seed(0)
    block, x = NafBlock(4), torch.randn(2, 4, 8, 8)
    for weight in block.parameters():
        torch.nn.init.normal_(weight, std=0.5)

    def norm(features, layer):
        centred = features - features.mean(1, keepdim=True)
        scaled = centred / (centred.square().mean(1, keepdim=True) + 1e-6).sqrt()
        return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]

    def conv(features, layer, **how):
        return functional.conv2d(features, layer.weight, layer.bias, **how)

    wide = conv(conv(norm(x, block.norm1), block.spread[0]), block.spread[1], padding=1, groups=8)
    gated = wide[:, :4] * wide[:, 4:]
    gated = gated * conv(functional.adaptive_avg_pool2d(gated, 1), block.attention)
    middle = x + conv(gated, block.gather) * block.beta
    fed = conv(norm(middle, block.norm2), block.feed[0])
    expected = middle + conv(fed[:, :4] * fed[:, 4:], block.feed[2]) * block.gamma
    torch.testing.assert_close(block(x), expected)


def test_block_starts_as_the_identity():
    features = torch.randn(1, 4, 8, 8)
    assert torch.equal(NafBlock(4)(features), features)


def test_norm_keeps_float32_under_autocast():
    features = 100 + torch.randn(1, 16, 4, 4)  # a mean that bf16's 8 bits would not tell from its neighbours
    norm = ChannelNorm(16)
    with torch.autocast("cpu", torch.bfloat16):
        output = norm(features)
    torch.testing.assert_close(output, norm(features))


def test_loss_is_minus_the_mean_psnr():
    clean = torch.full((2, 3, 4, 4), 0.5)
    restored = clean + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    assert negative_psnr(restored, clean).item() == pytest.approx(-30, abs=1e-3)  # 20 and 40 dB
    assert negative_psnr(clean, clean).item() == pytest.approx(-80, abs=1e-3)  # capped, never infinite


def test_rate_follows_a_cosine():
    method = NafNet(NafNet.Config(**SMALL))
    batch = Batch(pictures(), pictures(), torch.ones(2, 1, 16, 16))
    for progress in (0.0, 0.25, 0.5, 0.999999):
        method.step(batch, progress)
        expected = 1e-7 + (1e-3 - 1e-7) * (1 + math.cos(math.pi * progress)) / 2
        (group,) = method.optimizers()["network"].param_groups
        assert group["lr"] == pytest.approx(expected) and group["betas"] == (0.9, 0.9) and group["weight_decay"] == 0


def test_multiple_follows_the_depth():
    assert NafNet(NafNet.Config(**SMALL)).multiple_of == 4
    assert NafNet(NafNet.Config(width=2, enc=(0, 1, 0, 1), mid=0, dec=(1, 0, 0, 0))).multiple_of == 16


@pytest.mark.parametrize("changes", [{"enc": (1,)}, {"enc": (), "dec": ()}, {"width": 0}, {"mid": -1}])
def test_impossible_settings_are_refused_in_one_line(changes):
    with pytest.raises(ValueError, match="got") as caught:
        NafNet(NafNet.Config(**{**SMALL, **changes}))
    assert "\n" not in str(caught.value)
