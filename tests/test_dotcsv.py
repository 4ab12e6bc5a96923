"""DotCSV's demo: the tutorial's published layers, its losses, and the author's three ideas."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional

from methods.base import Batch
from methods.dotcsv import METHODS, DotCsv
from methods.parts.keras_unet import KerasUNet
from methods.parts.patchgan import PatchCritic
from methods.parts.unet import UNetShape

SMALL = {"levels": 3, "base": 4, "dropout_blocks": 1, "patch_layers": 1, "critic_base": 4, "lr": 1e-3}
MAGENTA = torch.tensor([1.0, 0.0, 1.0]).view(1, 3, 1, 1)


def small(name: str = "dotcsv", **changes) -> DotCsv:
    torch.manual_seed(0)
    return DotCsv(dataclasses.replace(METHODS[name], **{**SMALL, **changes}))


def batch(fill: torch.Tensor | float = 0.0, count: int = 2) -> Batch:
    clean = (torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    mask = torch.zeros(count, 1, 32, 32)
    mask[:, :, 8:20, 4:16] = 1
    return Batch(clean, torch.where(mask > 0, fill, clean), mask)


def keras_count(network: torch.nn.Module) -> int:
    """As Keras counts: weights, and batch norm's moving mean and variance."""
    moving = (each for name, each in network.named_buffers() if "running" in name)
    return sum(each.numel() for each in (*network.parameters(), *moving))


def test_tutorial_networks_have_the_published_size():
    shape = UNetShape(norm="keras_batch")
    assert keras_count(KerasUNet(shape, innermost_norm=True)) == 54_425_859
    assert keras_count(KerasUNet(shape)) == 54_425_859 - 4 * 512  # without the innermost batch norm
    assert keras_count(PatchCritic(6, 64, 3, "keras_batch", keras=True)) == 2_770_433


@pytest.mark.parametrize(("side", "layers", "map_side"), [(256, 3, 30), (128, 3, 14), (128, 2, 30), (64, 2, 14)])
def test_critic_gives_the_published_map(side, layers, map_side):
    critic = PatchCritic(6, 2, layers, "keras_batch", keras=True)
    assert critic(torch.zeros(1, 6, side, side)).shape == (1, 1, map_side, map_side)


def test_layers_are_kerass():
    method = small()
    slopes = {each.negative_slope for each in method.modules() if isinstance(each, torch.nn.LeakyReLU)}
    norms = [each for each in method.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert slopes == {0.3} and {each.eps for each in norms} == {1e-3}
    names = [type(each).__name__ for each in method.generator.ups[0]]
    assert names == ["ConvTranspose2d", "BatchNorm2d", "AlwaysOnDropout", "ReLU"]
    assert [type(each).__name__ for each in method.generator.downs[1]] == ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert method.critic.layers[0].bias is None


def test_innermost_norm_is_left_out_unless_asked_for():
    bare, tutorial = small(), small(innermost_norm=True)
    assert [type(each).__name__ for each in bare.generator.downs[-1]] == ["Conv2d", "LeakyReLU"]
    assert [type(each).__name__ for each in tutorial.generator.downs[-1]] == ["Conv2d", "BatchNorm2d", "LeakyReLU"]


def test_skips_keep_their_negative_values():
    """The tutorial's decoder meets them after LeakyReLU; pix2pix's other forms cut them off with a ReLU."""
    generator, met = small().eval().generator, []
    generator.last.register_forward_pre_hook(lambda _, inputs: met.append(inputs[0]))
    generator(torch.rand(1, 3, 32, 32) * 2 - 1)
    decoded, skip = met[0].chunk(2, dim=1)
    assert decoded.min() >= 0 and skip.min() < 0


def test_innermost_level_is_used():
    generator = small().eval().generator
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    before = generator(picture)
    with torch.no_grad():
        generator.downs[-1][0].weight.mul_(2)
    assert not torch.equal(before, generator(picture))


@pytest.mark.parametrize("beta", [1.0, 5.0, 10.0, 20.0])
def test_erased_pixels_count_beta_times(beta):
    data = batch()
    fake = data.clean.clone().requires_grad_()
    method = small(beta=beta)
    off = fake + 0.25
    error = method._weighted_l1(off, data.clean, data.mask)
    assert error.item() == pytest.approx(0.25)  # divided by all weights
    error.backward()
    lost = (data.mask > 0).expand_as(fake)
    assert float(fake.grad[lost].mean() / fake.grad[~lost].mean()) == pytest.approx(beta)
    if beta == 1.0:
        assert error.item() == pytest.approx(functional.l1_loss(off, data.clean).item())


def test_rows_differ_as_named():
    assert METHODS["dotcsv"] == DotCsv.Config()
    assert METHODS["dotcsv_weighted"] == DotCsv.Config(beta=10.0)
    assert METHODS["dotcsv_magenta"] == DotCsv.Config(composite=True)


def test_magenta_row_repaints_only_exact_magenta():
    method, data = small("dotcsv_magenta").eval(), batch(MAGENTA)
    data.degraded[:, :, 0, 0] = torch.tensor([1.0, 0.0, 254 / 255])  # nearly magenta is not magenta
    with torch.inference_mode():
        output = method.restore(data.degraded, None)
    outside = (data.mask == 0).expand_as(output)
    assert torch.equal(output[outside], data.degraded[outside])
    assert not torch.equal(output[~outside], data.degraded[~outside])


def test_picture_without_magenta_gets_the_whole_output():
    method, plain, data = small("dotcsv_magenta").eval(), small().eval(), batch()
    with torch.inference_mode():
        assert torch.equal(method.restore(data.degraded, None), plain.restore(data.degraded, None))
        mixed = torch.cat([batch(MAGENTA).degraded[:1], data.degraded[:1]])  # each picture by itself
        torch.testing.assert_close(method.restore(mixed, None)[1:], plain.restore(mixed[1:], None), rtol=0, atol=1e-6)


def test_mask_is_not_used_when_restoring():
    data = batch()
    for name in METHODS:
        method = small(name).eval()
        with torch.inference_mode():
            assert torch.equal(method.restore(data.degraded, None), method.restore(data.degraded, data.mask))


def test_critic_loss_is_not_halved():
    """Against a critic that says 0 everywhere, each half is ln 2."""
    method = small(lr=0.0).train()
    with torch.no_grad():
        for weight in method.critic.layers[-1].parameters():
            weight.zero_()
    assert float(method.step(batch(), 0.0)["critic"]) == pytest.approx(2 * 0.693147, abs=1e-4)


def test_both_networks_meet_the_others_old_self():
    method, seen = small().train(), []
    method.critic.register_forward_pre_hook(lambda critic, _: seen.append(critic.layers[0].weight.detach().clone()))
    method.generator.register_forward_hook(lambda *_: seen.append("generated"))
    method.step(batch(), 0.0)
    assert seen[0] == "generated" and len(seen) == 4  # one output serves generator, real and fake
    assert all(torch.equal(each, seen[1]) for each in seen[2:])


def test_critic_learns_only_from_its_own_loss():
    method = small().train()
    method.step(batch(), 0.0)
    kept = [weight.grad.clone() for weight in method.critic.parameters()]
    method._update_critic = lambda *_: torch.zeros(())
    method.step(batch(), 0.1)
    assert all(torch.equal(w.grad, g) for w, g in zip(method.critic.parameters(), kept, strict=True))


@pytest.mark.parametrize("changes", [{"beta": 0.0}, {"levels": 1}, {"dropout_blocks": 3}, {"patch_layers": 0}])
def test_impossible_settings_are_refused_in_one_line(changes):
    with pytest.raises(ValueError, match=r"\A[^\n]*got -?\d[^\n]*\Z"):
        small(**changes)
