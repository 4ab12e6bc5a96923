"""What ARNet is trained by: the NoGAN schedule, and its losses on structure."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench.metrics.structure import ssim
from methods.parts import nogan
from methods.parts.structure import WINDOW, gradient_loss, ms_ssim_loss, scales, similarity
from tests.small_methods import blurred


def test_stages_cover_the_budget_in_order():
    stages = nogan.schedule(0.6, 2, 0.25)
    kinds = [stage.kind for stage in stages]
    assert kinds == ["generator"] * 3 + ["critic", "critic", "gan", "critic", "gan"]
    assert stages[0].start == 0 and abs(stages[-1].end - 1) < 1e-9
    assert all(one.end == other.start for one, other in zip(stages, stages[1:], strict=False))
    lengths = {kind: sum(s.end - s.start for s in stages if s.kind == kind) for kind in kinds}
    assert [round(lengths[kind], 6) for kind in ("generator", "critic", "gan")] == [0.6, 0.3, 0.1]
    assert nogan.stage_at(stages, 0.0) is stages[0] and nogan.stage_at(stages, 0.999999) is stages[-1]


def test_rate_rises_then_falls_in_a_stage():
    stage = nogan.Stage("generator", 0.2, 0.4, 1.0, 0.5)
    assert stage.factor(0.2) == pytest.approx(0.5 / 25)
    assert stage.factor(0.2 + 0.3 * 0.2) == pytest.approx(0.5)
    assert stage.factor(0.4) == pytest.approx(0.5e-4)
    assert nogan.Stage("gan", 0.2, 0.4, 1.0, 1.0).factor(0.3) == 1.0


@pytest.mark.parametrize(("side", "part", "least", "expected"), [
    (128, 0.5, 64, 64), (128, 0.75, 64, 96), (128, 1.0, 64, 128), (64, 0.5, 64, 64), (64, 0.5, 32, 32),
    (32, 0.5, 64, 32),
])  # fmt: skip
def test_windows_grow_with_the_stages(side, part, least, expected):
    whole = blurred(side)
    degraded, clean = nogan.cut(whole, part, least)
    assert clean.shape == degraded.shape == (2, 3, expected, expected)
    places = whole.clean.unfold(2, expected, 1).unfold(3, expected, 1)
    spots = [(places[:, :, y, x] == clean).all() for y in range(places.shape[2]) for x in range(places.shape[3])]
    assert sum(spots) == 1
    same = functional.avg_pool2d(clean, 3, 1, 1)[..., 1:-1, 1:-1]
    torch.testing.assert_close(degraded[..., 1:-1, 1:-1], same)  # cut at one place


def test_switch_gives_the_generator_one_step_when_the_critic_is_good_enough():
    switch, turns = nogan.Switch(0.65, cap=0), []
    for loss in (0.7, 0.66, 0.6, 0.6, 0.7):
        switch.after_critic(torch.tensor(loss))
        turns.append(switch.generator_next())
        if turns[-1]:
            switch.reset()
    assert turns == [False, False, True, True, False]


def test_switch_gives_it_anyway_after_the_cap():
    switch = nogan.Switch(0.65, cap=3)
    turns = []
    for _ in range(3):
        switch.after_critic(torch.tensor(0.7))
        turns.append(switch.generator_next())
    assert turns == [False, False, True]


def test_similarity_is_the_metrics():
    one, other = (torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    luminance, contrast = similarity(one, other)
    expected = ssim(one, other, torch.ones(2, 1, 40, 48))[:, 0]
    torch.testing.assert_close((luminance * contrast).mean((1, 2, 3)).double(), expected, rtol=0, atol=1e-5)


def test_ms_ssim_loss_on_one_scale_is_half_the_distance():
    one, other = blurred(16).clean, blurred(16).degraded
    luminance, contrast = similarity(one, other)
    expected = 1 - (((luminance * contrast).mean((2, 3)) + 1) / 2).mean()
    torch.testing.assert_close(ms_ssim_loss(one, other), expected)
    assert [scales(side) for side in (11, 21, 22, 64, 175, 176, 500)] == [1, 1, 2, 3, 4, 5, 5]
    with pytest.raises(ValueError, match="at least 11"):
        scales(WINDOW - 1)


def test_losses_know_the_clean_picture_and_have_a_gradient():
    clean = blurred().clean
    assert abs(float(ms_ssim_loss(clean, clean))) < 1e-6 and float(gradient_loss(clean, clean)) == 0
    assert gradient_loss(clean + 0.1, clean) < 1e-6  # blind to brightness: L1 sees to that
    flat = torch.zeros(1, 3, 64, 64, requires_grad=True)
    (ms_ssim_loss(flat, 1 - clean[:1]) + gradient_loss(flat, clean[:1])).backward()
    assert flat.grad.isfinite().all() and flat.grad.abs().sum() > 0
