"""ARNet: what each stage trains, its rows, and what it refuses."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.scoring.cost import Load, cost
from bench.training.engine import choose_engine
from methods.arnet import METHODS
from methods.base import Batch
from tests.small_methods import blurred, small, weights_of


def test_without_a_critic_all_of_it_is_pretraining():
    assert {stage.kind for stage in small("arnet_nolpips", adversarial=0.0).stages} == {"generator"}
    assert small("arnet_nolpips", adversarial=0.0).critic is None


def test_each_stage_moves_only_its_network():
    method, given = small("arnet_nolpips"), blurred()

    def moved(progress: float) -> set[str]:
        before = {key: weight.detach().clone() for key, weight in method.named_parameters()}
        method.step(given, progress)
        changed = [key for key, weight in method.named_parameters() if not torch.equal(weight, before[key])]
        return {".".join(key.split(".")[:2]) if "encoder" in key else key.split(".")[0] for key in changed}

    assert moved(0.1) == {"generator", "generator.encoder"}
    assert moved(0.65) == {"critic"}
    assert moved(0.76) == {"critic"}  # the GAN begins on the critic
    method.switch.ready.fill_(1)
    assert moved(0.76) == {"generator"}  # without its encoder
    assert moved(0.76) == {"critic"}  # one step, then back


def test_fakes_are_made_as_the_generator_restores():
    method, given = small("arnet_nolpips"), blurred()
    buffers = {key: each.clone() for key, each in method.generator.named_buffers()}
    method.step(given, 0.65)
    assert all(torch.equal(each, buffers[key]) for key, each in method.generator.named_buffers())
    assert method.generator.training


def test_gan_has_no_momentum_and_a_faster_critic():
    method, given = small("arnet_nolpips"), blurred()
    method.switch.ready.fill_(1)
    for _ in range(2):
        method.step(given, 0.76)
    groups = {name: each.param_groups[0] for name, each in method.optimizers().items()}
    assert {group["betas"] for group in groups.values()} == {(0.0, 0.9)}
    assert groups["critic"]["lr"] == pytest.approx(5 * groups["generator"]["lr"])


def test_critic_learns_to_tell():
    method = small("arnet_nolpips", critic_base=8, critic_lr=3e-3)
    given = blurred(count=8)
    given = Batch(given.clean, torch.full_like(given.clean, 0.5), given.mask)
    losses = [float(method.step(given, 0.66)["critic"]) for _ in range(25)]
    assert losses[-1] < losses[0] - 0.05


def test_crops_too_small_for_the_critic_are_refused_at_once():
    with pytest.raises(ValueError, match="crops of 64 pixels or more"):
        small("arnet_nolpips").step(blurred(32), 0.0)
    method = small("arnet_nolpips", critic_blocks=2)
    for progress in (0.0, 0.7):
        method.step(blurred(32), progress)


def test_trains_in_half_precision_too():
    method, given = small("arnet_nolpips", loss="structure"), blurred()
    for progress in (0.1, 0.65, 0.76):
        method.switch.ready.fill_(1)
        with torch.autocast("cpu", torch.bfloat16):
            scalars = method.step(given, progress)
        assert all(bool(each.isfinite()) for each in scalars.values())
    assert all(bool(weight.isfinite().all()) for weight in method.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "huber"},
        {"perceptual": "alex"},
        {"encoder": "random"},
        {"encoder": "imagenet", "encoder_width": 0.5},
        {"pretraining": 0.0},
        {"cycles": 0},
        {"gan_part": 1.0},
        {"width": 1},
        {"critic_base": 0},
        {"critic_dropout": 1.0},
        {"encoder_width": 0.0},
    ],
)
def test_impossible_settings_are_refused_in_one_line(changes):
    with pytest.raises(ValueError, match="got") as caught:
        small("arnet_nolpips", **changes)
    assert "\n" not in str(caught.value)


def test_its_cost_can_be_counted():
    """Spectral norm is a module called with a weight, and torch's counter stumbles over that under inference_mode."""
    method = small("arnet_nolpips").eval()
    figures = cost(method, Load(size=64, batch=2, told=False), choose_engine("cpu"))
    assert figures["parameters"] == weights_of(method.generator) and figures["flops"] > 0
    assert all(weight.requires_grad for weight in method.parameters())


def test_rows_are_what_they_are_called():
    assert METHODS["arnet"].perceptual == "vgg" and METHODS["arnet_squeeze"].perceptual == "squeeze"
    apart = {
        name: {key for key, value in dataclasses.asdict(config).items() if value != getattr(METHODS["arnet"], key)}
        for name, config in METHODS.items()
    }
    assert apart == {
        "arnet": set(),
        "arnet_squeeze": {"perceptual"},
        "arnet_nolpips": {"encoder", "perceptual", "loss"},
        "arnet_oneskip": {"one_skip"},
        "arnet_lpips": {"adversarial"},
        "arnet_ssim": {"adversarial", "perceptual", "loss"},
        "arnet_mse": {"adversarial", "perceptual", "loss"},
    }
    assert METHODS["arnet_mse"].loss == "mse" and METHODS["arnet_ssim"].loss == "ssim"


def test_rows_share_their_start():
    full, alone = small("arnet"), small("arnet_lpips")
    theirs = full.state_dict()
    assert all(torch.equal(each, theirs[key]) for key, each in alone.state_dict().items())
