"""Face-mask removal, version 1: the noise, the masks it fills, and who teaches whom."""

from __future__ import annotations

import pytest
import torch

from tests.small_methods import same, small, state, striped


def test_v1_fills_the_mask_with_noise():
    method, batch, given = small("unmask_v1"), striped(), []
    method.face_net.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].detach().clone()))
    images = batch.degraded * 2 - 1
    with torch.no_grad():
        for training in (True, True, False, False):
            method.train(training).repaint(images, batch.mask)
    inside = (batch.mask > 0).expand_as(images)
    for each in given:
        assert torch.equal(each[~inside], images[~inside]) and (each[inside] != images[inside]).all()
        assert each.min() >= -1 and each.max() <= 1 and abs(float(each[inside].mean())) < 0.1
    assert not torch.equal(given[0], given[1]) and torch.equal(given[2], given[3])


def test_v1_takes_the_true_mask_first_and_its_own_later():
    method, batch, taken = small("unmask_v1").train(), striped(), []
    original = method.fill
    method.fill = lambda images, mask: taken.append(mask) or original(images, mask)
    for progress in (0.0, 0.5):
        method.step(batch, progress)
    assert torch.equal(taken[0], batch.mask)
    assert not torch.equal(taken[1], batch.mask) and set(taken[1].unique().tolist()) <= {0.0, 1.0}


def test_v1_hands_its_largest_map_across_unless_told_otherwise():
    with_skip, without = (small("unmask_v1", outer_skip=skip).face_net.out.in_channels for skip in (True, False))
    assert (with_skip, without) == (16, 8)


def test_v1_critic_teaches_the_face_network():
    heard, unheard = small("unmask_v1").train(), small("unmask_v1", adversarial=0.0).train()
    for method in (heard, unheard):
        torch.manual_seed(3)
        method.step(striped(), 0.5)
    assert not same(state(heard.face_net), state(unheard.face_net))


@pytest.mark.parametrize(
    "build",
    [
        lambda: small("unmask_v1", norm="layer"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A[^\n]*(got|is needed)[^\n]*\Z"):
        build()
