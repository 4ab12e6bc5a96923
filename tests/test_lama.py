"""LaMa: the Fourier convolutions, the critic's mask, and what restoring promises."""

import pytest
import torch
from torch import nn

from methods.base import Batch
from methods.lama import Lama, critic_on_fake, gradient_penalty, masked
from methods.parts.ffc import FfcGenerator, FfcLayer, FourierUnit, Pair, Split, split
from methods.parts.layercritic import LayerCritic, feature_distance
from tests import small_methods
from tests.small_methods import weights_of

SMALL = small_methods.SMALL["Lama"]


def batch(count: int = 2, size: int = 32) -> Batch:
    clean = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(count, 1, size, size)
    mask[:, :, 8:20, 10:24] = 1
    return Batch(clean, torch.where(mask > 0, 128 / 255, clean), mask)


def test_has_the_published_layers():
    """LaMa-Fourier is reported as 27 M weights."""
    with torch.device("meta"):
        assert weights_of(FfcGenerator(64, 3, 9, 0.75)) == 27_048_835
        assert weights_of(LayerCritic(64, 4)) == 6_962_369


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 5), (1, 4), (2, 1)])
def test_fourier_unit_comes_back_from_the_spectrum(size):
    """With nothing done to the spectrum the input returns, at even and at odd sizes."""
    unit, features = FourierUnit(3), torch.randn(2, 3, *size)
    unit.mix = nn.Identity()
    torch.testing.assert_close(unit(features), features)


def test_fourier_unit_mixes_real_and_imaginary_parts():
    """Parts lie side by side by channel: swapping a channel's two turns a cosine into a sine."""
    unit, x = FourierUnit(1), torch.arange(8.0) * (2 * torch.pi / 8)
    swap = nn.Conv2d(2, 2, 1, bias=False)
    swap.weight = nn.Parameter(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]).view(2, 2, 1, 1))
    unit.mix = swap
    wave = torch.cos(2 * x).expand(1, 1, 8, 8)
    torch.testing.assert_close(unit(wave), torch.sin(2 * x).expand(1, 1, 8, 8), rtol=0, atol=1e-6)


def test_fourier_unit_sees_the_whole_picture():
    torch.manual_seed(0)
    unit, features = FourierUnit(4).eval(), torch.randn(1, 4, 16, 16, requires_grad=True)
    unit(features)[0, 0, 3, 5].backward()
    assert (features.grad.abs().sum(1) > 0).all()


def test_fourier_unit_keeps_float32_under_autocast():
    torch.manual_seed(0)
    unit, features = FourierUnit(4).eval(), torch.randn(1, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = unit(features.bfloat16())
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, unit(features.bfloat16().float()))


def test_layer_without_a_global_input_forks():
    output = FfcLayer(Split(4, 0), Split(2, 6), stride=2)(Pair(torch.randn(1, 4, 8, 8), None))
    assert output.near.shape == (1, 2, 4, 4) and output.wide.shape == (1, 6, 4, 4)


def test_generator_sees_the_whole_picture():
    torch.manual_seed(0)
    network = FfcGenerator(4, 2, 1, 0.75).eval()
    picture = torch.rand(1, 4, 64, 64, requires_grad=True)
    network(picture)[0, :, 0, 0].sum().backward()
    assert (picture.grad[0, :, 56:, 56:].abs().sum() > 0).all()  # the far corner; convs alone reach 35 pixels


def test_critic_hands_out_its_layers():
    logits, features = LayerCritic(4, 4)(torch.rand(1, 3, 64, 64))
    assert logits.shape == (1, 1, 7, 7)
    assert [each.shape[1] for each in features] == [4, 8, 16, 32, 64]
    assert [each.shape[2] for each in features] == [33, 17, 9, 5, 6]


def test_feature_distance_is_a_mean_over_layers():
    ones = [torch.ones(1, 2, 4, 4), torch.ones(1, 8, 1, 1)]
    others = [torch.zeros(1, 2, 4, 4), 3 * torch.ones(1, 8, 1, 1)]
    assert feature_distance(ones, ones) == 0
    assert feature_distance(ones, others) == pytest.approx((1 + 4) / 2)


def test_critic_takes_only_the_hole_for_fake():
    logits, mask = torch.zeros(1, 1, 2, 2, requires_grad=True), torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1  # the left half is the hole
    critic_on_fake(logits, mask).backward()
    assert (logits.grad[..., 0] > 0).all() and (logits.grad[..., 1] < 0).all()  # descent: down there, up here


def test_gradient_penalty_is_the_squared_slope():
    slope, images = torch.randn(3, 4, 4), torch.rand(2, 3, 4, 4, requires_grad=True)
    logits = (images * slope).sum((1, 2, 3))
    assert gradient_penalty(logits, images).item() == pytest.approx(slope.square().sum().item(), rel=1e-5)


def test_generators_update_leaves_the_critic_alone():
    method, sample = Lama(Lama.Config(**SMALL)).train(), batch()
    before = [weight.clone() for weight in method.critic.parameters()]
    method._update_generator(method.generator(masked(sample.degraded, sample.mask)), sample.clean, sample.mask)
    assert all(weight.grad is None for weight in method.critic.parameters())
    assert all(torch.equal(w, b) for w, b in zip(method.critic.parameters(), before, strict=True))


def test_critic_learns_to_tell():
    method, sample = Lama(Lama.Config(**SMALL, critic_lr=1e-3)).train(), batch(4)
    fake = torch.full_like(sample.clean, 0.5)
    losses = [method._update_critic(fake, sample.clean, sample.mask)["critic"].item() for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


def test_steps_under_bfloat16():
    method = Lama(Lama.Config(**SMALL)).train()
    with torch.autocast("cpu", torch.bfloat16):
        scalars = method.step(batch(), 0.0)
    assert all(value.isfinite() for value in scalars.values())


def test_restores_the_hole_and_nothing_else():
    torch.manual_seed(0)
    method, sample = Lama(Lama.Config(**SMALL)).eval(), batch()
    with torch.inference_mode():
        output = method.restore(sample.degraded, sample.mask)
        refilled = method.restore(torch.where(sample.mask > 0, 0.9, sample.degraded), sample.mask)
    kept = (sample.mask == 0).expand_as(output)
    assert torch.equal(output[kept], sample.degraded[kept]) and not torch.equal(output, sample.degraded)
    assert torch.equal(output, refilled)  # what fills the hole does not matter


def test_asks_for_its_mask():
    with pytest.raises(ValueError, match="give it the mask"):
        Lama(Lama.Config(**SMALL)).eval().restore(batch().degraded, None)


@pytest.mark.parametrize(
    "build",
    [
        lambda: split(8, 0.0),
        lambda: split(8, 1.0),
        lambda: Lama(Lama.Config(blocks=0)),
        lambda: Lama(Lama.Config(**{**SMALL, "critic_layers": 0})),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\d") as caught:
        build()
    assert "\n" not in str(caught.value)
