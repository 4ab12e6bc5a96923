"""pix2pix, its twin without a critic, and Mossaic: published layers, fixed noise, who learns from what."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.verify.subject import damaged, restored
from methods.parts.noise import AlwaysOnDropout
from methods.parts.patchgan import PatchCritic
from methods.parts.schedule import linear_decay
from methods.parts.unet import UNet, UNetShape
from methods.pix2pix import Pix2Pix
from tests.small_methods import ROWS, SMALL, small, weights_of


@pytest.mark.parametrize(("levels", "count"), [(8, 54_413_955), (7, 41_828_995)])
def test_paper_generator_has_the_published_layers(levels, count):
    assert weights_of(UNet(UNetShape(levels=levels, norm="batch"))) == count


def test_paper_critic_has_the_published_layers():
    assert weights_of(PatchCritic(norm="batch")) == 2_768_705


def test_mossaic_is_what_erase_mosaic_runs():
    """Five levels, no dropout, biases beside batch norm (16.66 M weights), one rate to the end."""
    entry = ROWS["mossaic"]
    with torch.device("meta"):
        method = entry.cls(entry.config)
    assert weights_of(method.generator) == 16_661_507
    assert weights_of(method.critic) == 2_768_705 + 128 + 256 + 512  # the published one, with biases
    assert not any(isinstance(layer, AlwaysOnDropout) for layer in method.modules())
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in method.modules())
    assert linear_decay(0.99, entry.config.decay_from) == 1.0


@pytest.mark.parametrize("side", [64, 128, 224, 256])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_critic_map_has_one_logit_per_patch(side, layers):
    critic = PatchCritic(6, 2, layers)
    assert critic(torch.zeros(1, 6, side, side)).shape == (1, 1, side // 2**layers - 2, side // 2**layers - 2)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_critic_sees_a_patch(layers, field):
    critic = PatchCritic(1, 2, layers)
    critic.layers = torch.nn.Sequential(*(e for e in critic.layers if not isinstance(e, torch.nn.InstanceNorm2d)))
    picture = torch.rand(1, 1, 128, 128, requires_grad=True)
    logits = critic(picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = picture.grad[0, 0].abs().sum(1).nonzero()
    assert int(seen.max() - seen.min()) + 1 == field


def test_generator_has_no_norm_where_the_map_is_one_pixel():
    network = UNet(UNetShape(levels=4, base=2, dropout_blocks=1)).train()
    assert network(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    assert [type(layer).__name__ for layer in network.downs[-1]] == ["LeakyReLU", "Conv2d"]


def test_dropout_works_on_and_off_training():
    layer, features = AlwaysOnDropout(0.5, seed=3), torch.ones(4, 8, 16, 16)
    assert not torch.equal(layer(features), layer(features))
    layer.eval()
    fixed = layer(features)
    assert torch.equal(fixed, layer(features))
    assert all(torch.equal(each, fixed[0]) for each in fixed)
    assert set(fixed.unique().tolist()) == {0.0, 2.0} and abs(float(fixed.mean()) - 1) < 0.1
    assert not torch.equal(fixed, AlwaysOnDropout(0.5, seed=4).eval()(features))


def test_exported_generator_draws_the_same_noise():
    network, picture = small("pix2pix").eval().generator, damaged(1).degraded
    with torch.no_grad():
        exported = torch.export.export(network, (picture,)).module()
        for _ in range(2):
            assert torch.equal(exported(picture), network(picture))


def test_noise_seed_decides_what_a_trained_generator_draws():
    config = Pix2Pix.Config(**SMALL["Pix2Pix"])
    methods = [Pix2Pix(dataclasses.replace(config, noise_seed=seed)).eval() for seed in (0, 100)]
    methods[1].load_state_dict(methods[0].state_dict())
    outputs = [restored(method, damaged().degraded, None) for method in methods]
    assert not torch.equal(*outputs)


def test_unet_l1_is_pix2pix_without_its_critic():
    gan, regressor = small("pix2pix"), small("unet_l1")
    assert regressor.critic is None and set(regressor.optimizers()) == {"generator"}
    mine, theirs = regressor.state_dict(), gan.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in mine.items())  # one seed, one starting point


def test_critic_learns_only_from_its_own_loss():
    """The generator's update must leave no gradient in the critic."""
    method = small("pix2pix").train()
    method.step(damaged(), 0.0)
    gradients = [weight.grad.clone() for weight in method.critic.parameters()]
    batch = damaged()
    method._update_generator(batch.degraded, batch.clean, method.generator(batch.degraded))
    assert all(torch.equal(w.grad, g) for w, g in zip(method.critic.parameters(), gradients, strict=True))


def test_one_fake_serves_both_updates():
    method, calls = small("pix2pix").train(), []
    method.generator.register_forward_hook(lambda *_: calls.append(1))
    method.step(damaged(), 0.0)
    assert len(calls) == 1


def test_critic_learns_to_tell():
    method = small("pix2pix").train()
    losses = [method.step(damaged(), 0.0)["critic"].item() for _ in range(20)]
    assert losses[-1] < losses[0]


def test_composite_keeps_what_was_not_lost():
    method = Pix2Pix(Pix2Pix.Config(**SMALL["Pix2Pix"], composite=True)).eval()
    batch = damaged()
    output = restored(method, batch.degraded, batch.mask)
    outside = (batch.mask == 0).expand_as(output)
    assert torch.equal(output[outside], batch.degraded[outside])
    assert not torch.equal(output[~outside], batch.degraded[~outside])


def test_learning_rate_holds_then_falls_to_zero():
    assert [linear_decay(progress) for progress in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert linear_decay(0.99, start=1.0) == 1.0
    method = small("pix2pix").train()
    method.step(damaged(), 0.75)
    rates = {group["lr"] for each in method.optimizers().values() for group in each.param_groups}
    assert rates == {method.config.lr / 2}


@pytest.mark.parametrize(
    "build",
    [
        lambda: Pix2Pix(Pix2Pix.Config(norm="layer")),
        lambda: Pix2Pix(Pix2Pix.Config(levels=1)),
        lambda: Pix2Pix(Pix2Pix.Config(levels=6, base=4, dropout_blocks=6)),
        lambda: PatchCritic(layers=0),
        lambda: AlwaysOnDropout(1.0, 0),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A.*\d.*\Z|\A.*got.*\Z|\A.*must be.*\Z") as caught:
        build()
    assert "\n" not in str(caught.value)
