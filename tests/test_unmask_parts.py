"""What face-mask removal is made of: batch-instance norm, SSIM, losses, and the clean-up of masks."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.metrics
import torch

from methods.parts.bin import BatchInstanceNorm2d
from methods.parts.facelosses import critic_features, face_loss, feature_matching, region_loss
from methods.parts.maskclean import clean_masks, dilate
from methods.parts.patchgan import PatchCritic
from methods.parts.ssim import ssim
from tests.small_methods import striped


@pytest.mark.parametrize(("ratio", "reference"), [(1.0, "batch"), (0.0, "instance")])
def test_batch_instance_norm_mixes_the_two(ratio, reference):
    features = torch.randn(4, 6, 9, 7) * torch.rand(4, 6, 1, 1) + torch.rand(4, 6, 1, 1)
    layer = BatchInstanceNorm2d(6).train()
    layer.ratio.data.fill_(ratio)
    other = torch.nn.BatchNorm2d(6) if reference == "batch" else torch.nn.InstanceNorm2d(6)
    torch.testing.assert_close(layer(features), other.train()(features))


def test_batch_instance_norm_after_training_judges_a_picture_alone():
    layer, features = BatchInstanceNorm2d(6), torch.randn(4, 6, 8, 8)
    layer.train()(features)
    layer.eval().ratio.data.fill_(0.5)
    torch.testing.assert_close(layer(features)[:1], layer(features[:1]))


def test_batch_instance_norm_learns_its_mixture_within_bounds():
    layer = BatchInstanceNorm2d(2).train()
    features = torch.randn(4, 2, 8, 8) + 3 * torch.randn(4, 2, 1, 1)
    optimizer = torch.optim.SGD([layer.ratio], lr=1.0)
    for _ in range(20):  # the instance's own norm is wanted: ρ must leave 1 and end at 0, not beyond
        optimizer.zero_grad()
        (layer(features) - torch.nn.functional.instance_norm(features)).square().mean().backward()
        optimizer.step()
    layer(features)
    assert layer.ratio.min() >= 0 and layer.ratio.max() < 0.05


def test_ssim_is_the_usual_metric():
    generator = np.random.default_rng(0)
    first = generator.random((40, 33, 3)).astype(np.float32)
    second = np.clip(first + 0.2 * generator.standard_normal(first.shape), 0, 1).astype(np.float32)
    expected = skimage.metrics.structural_similarity(
        first, second, channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    ours = ssim(*(torch.from_numpy(each).permute(2, 0, 1)[None] for each in (first, second)))
    assert float(ours) == pytest.approx(expected, abs=1e-5)
    assert float(ssim(torch.ones(1, 3, 16, 16) / 3, torch.ones(1, 3, 16, 16) / 3)) == pytest.approx(1.0)


def test_ssim_keeps_its_precision_under_autocast():
    first, second = torch.rand(1, 3, 32, 32) * 0.01 + 0.9, torch.rand(1, 3, 32, 32) * 0.01 + 0.9
    with torch.autocast("cpu", torch.bfloat16):
        inside = ssim(first, second)
    assert inside.dtype == torch.float32 and float(inside) == pytest.approx(float(ssim(first, second)))


def test_region_loss_has_its_minimum_at_the_mask():
    mask = striped().mask
    assert float(region_loss((mask * 2 - 1) * 20, mask)) < 1e-3  # the source's bounded outputs never get there
    assert float(region_loss(torch.zeros_like(mask), mask)) > 1
    assert float(region_loss(-20 * torch.ones_like(mask), torch.zeros_like(mask))) < 1e-3


def test_face_loss_is_zero_for_the_truth_only():
    truth = striped().clean * 2 - 1
    assert float(face_loss(truth, truth)) == pytest.approx(0, abs=1e-6)
    assert float(face_loss(truth + 0.1, truth)) > 0.1


def test_critic_features_are_those_the_critic_judges_by():
    critic, pictures = PatchCritic(3, 4, 2), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        logits, maps = critic_features(critic, pictures)
    assert torch.equal(logits, critic(pictures).detach()) and [each.shape[1] for each in maps] == [4, 8, 16]
    assert float(feature_matching(maps, maps)) == 0 < float(feature_matching(maps, [each + 1 for each in maps]))


def test_clean_up_takes_specks_and_pinholes_and_small_islands():
    masks = torch.zeros(3, 1, 64, 64, dtype=torch.bool)
    masks[0, 0, 20:40, 20:40] = True
    whole = masks[0].clone()
    masks[0, 0, 30, 30] = False  # a pinhole
    masks[0, 0, 5, 5] = masks[0, 0, 50:52, 50] = True  # specks
    masks[1, 0, 8:12, 8:12] = True  # 16 pixels of 4096: below 0.5 %
    masks[2, 0, 8:13, 8:13] = True  # 25: above
    cleaned = clean_masks(masks)
    assert torch.equal(cleaned[0], whole)
    assert not cleaned[1].any() and torch.equal(cleaned[2], masks[2])
    assert torch.equal(clean_masks(masks, smallest=0.0)[1], masks[1])
    assert clean_masks(torch.ones(1, 1, 8, 8, dtype=torch.bool)).all()


def test_clean_up_keeps_what_is_narrow_only_with_a_narrow_kernel():
    masks = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    masks[0, 0, 30:50, 20:44] = True
    body = masks.clone()
    masks[0, 0, 30, 44:60] = True  # a strap, one pixel wide
    assert torch.equal(clean_masks(masks, kernel=1), masks) and torch.equal(clean_masks(masks), body)


def test_dilation_grows_by_its_margin():
    mask = torch.zeros(1, 1, 16, 16)
    mask[0, 0, 8, 8] = 1
    expected = torch.zeros(1, 1, 16, 16)
    expected[0, 0, 5:12, 5:12] = 1
    assert torch.equal(dilate(mask, 3), expected) and torch.equal(dilate(mask, 0), mask)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ssim(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A[^\n]*(got|is needed)[^\n]*\Z"):
        build()
