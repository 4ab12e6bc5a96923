"""Face-mask removal: published sizes, the three phases, what each network is given, and the clean-up between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.metrics
import torch
import torchvision
from torch import Tensor

from methods.base import Batch
from methods.parts import pretrained, vgg
from methods.parts.bin import BatchInstanceNorm2d
from methods.parts.facelosses import critic_features, face_loss, feature_matching, region_loss
from methods.parts.maskclean import clean_masks, dilate
from methods.parts.patchgan import PatchCritic
from methods.parts.ssim import ssim
from methods.parts.strided import Aspp, SqueezeExcite
from methods.unmask import METHODS, Unmask, UnmaskOracle
from methods.unmask_v1 import UnmaskV1

TINY = {"mask_levels": 3, "mask_base": 8, "face_levels": 2, "face_base": 8, "rates": (1, 2), "critic_base": 8}
TINY |= {"patch_layers": 2, "perceptual": "critic", "lr": 1e-3}


def tiny(name: str = "unmask_v2", seed: int = 0, **changes: object) -> Unmask:
    torch.manual_seed(seed)
    cls = UnmaskOracle if name.endswith("oracle") else Unmask
    return cls(dataclasses.replace(METHODS[name], **(TINY | changes)))


def tiny_v1(**changes: object) -> UnmaskV1:
    torch.manual_seed(0)
    small = {"mask_levels": 3, "face_levels": 4, "base": 8, "critic_base": 8, "patch_layers": 2, "lr": 1e-3}
    return UnmaskV1(UnmaskV1.Config(**(small | changes)))


def covered(count: int = 4, size: int = 32, seed: int = 0) -> Batch:
    """Smooth pictures, each with a striped rectangle over a part of it."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 5, 5), generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
    mask = torch.zeros(count, 1, size, size)
    for each, (top, left) in zip(mask, torch.randint(2, size // 2, (count, 2), generator=generator), strict=True):
        each[:, top : top + size // 3, left : left + size // 2 - 2] = 1
    stripes = (torch.arange(size) % 2).float().view(1, 1, -1, 1)
    return Batch(clean, torch.where(mask > 0, stripes, clean), mask)


def state(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in network.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(each, second[name]) for name, each in first.items())


def millions(network: torch.nn.Module) -> str:
    return f"{sum(weight.numel() for weight in network.parameters()) / 1e6:.2f}"


@pytest.mark.parametrize(
    ("name", "mask", "face", "side", "logits"),
    [("unmask_v2", "9.42", "15.98", 256, 30), ("unmask_v2_j", "5.69", "3.25", 128, 14)],
)
def test_networks_have_the_published_size(name, mask, face, side, logits):
    method = Unmask(METHODS[name])
    assert (millions(method.mask_net), millions(method.face_net)) == (mask, face)
    for critic in (method.critic_whole, method.critic_region):
        with torch.no_grad():
            assert critic(torch.zeros(1, 3, side, side)).shape == (1, 1, logits, logits)


def test_strided_form_has_gates_and_a_pyramid():
    face = Unmask(METHODS["unmask_v2"]).face_net
    assert [any(isinstance(layer, SqueezeExcite) for layer in down) for down in face.downs] == [True] * 3 + [False] * 2
    assert isinstance(face.pyramid, Aspp) and [conv.dilation[0] for conv in face.pyramid.atrous] == [2, 4, 8]


def test_dilated_form_has_a_dilated_trunk():
    middle = Unmask(METHODS["unmask_v2_j"]).face_net.middle
    assert [layer.dilation[0] for layer in middle if isinstance(layer, torch.nn.Conv2d)] == [2, 4, 8, 16]


@pytest.mark.parametrize("name", ["unmask_v2", "unmask_v2_j"])
@pytest.mark.parametrize(("mask_levels", "face_levels"), [(4, 2), (3, 3), (2, 4)])
def test_smallest_picture_passes(name, mask_levels, face_levels):
    method = tiny(name, mask_levels=mask_levels, face_levels=face_levels)
    picture = torch.rand(1, 3, method.multiple_of, method.multiple_of)
    for training in (True, False):
        method.train(training)
        with torch.no_grad():
            assert method.mask_net(picture).shape == (1, 1, *picture.shape[2:])
            assert method.restore(picture, torch.ones_like(picture[:, :1])).isfinite().all()


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
    mask = covered().mask
    assert float(region_loss((mask * 2 - 1) * 20, mask)) < 1e-3  # the source's bounded outputs never get there
    assert float(region_loss(torch.zeros_like(mask), mask)) > 1
    assert float(region_loss(-20 * torch.ones_like(mask), torch.zeros_like(mask))) < 1e-3


def test_face_loss_is_zero_for_the_truth_only():
    truth = covered().clean * 2 - 1
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


def test_dilation_grows_by_its_margin():
    mask = torch.zeros(1, 1, 16, 16)
    mask[0, 0, 8, 8] = 1
    expected = torch.zeros(1, 1, 16, 16)
    expected[0, 0, 5:12, 5:12] = 1
    assert torch.equal(dilate(mask, 3), expected) and torch.equal(dilate(mask, 0), mask)


def test_phases_bring_in_one_critic_after_the_other():
    method = tiny()
    weights = [method.critic_weights(progress) for progress in (0.0, 0.099, 0.1, 0.399, 0.4, 0.99)]
    both = {"critic_whole": 0.3, "critic_region": 0.7}
    assert weights == [{}, {}, {"critic_whole": 1.0}, {"critic_whole": 1.0}, both, both]
    names = ("critic_whole", "critic_region")
    moved = []
    for progress in (0.05, 0.2, 0.7):
        before = [state(method.get_submodule(name)) for name in names]
        method.train().step(covered(), progress)
        after = [state(method.get_submodule(name)) for name in names]
        moved.append([not same(*pair) for pair in zip(before, after, strict=True)])
    assert moved == [[False, False], [True, False], [True, True]]


def test_face_network_sees_true_then_soft_then_hard_mask():
    method, batch, given = tiny().train(), covered(), []
    method.face_net.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0][:, 3:].detach().clone()))
    method.step(batch, 0.0)
    method.step(batch, 0.5)
    with torch.inference_mode():
        method.eval().restore(batch.degraded, None)
    assert torch.equal(given[0], batch.mask)
    assert ((given[1] > 0) & (given[1] < 1)).all()
    assert set(given[2].unique().tolist()) <= {0.0, 1.0}


def test_finder_learns_from_its_own_loss_alone():
    with_critics, without = tiny().train(), tiny().train()
    with_critics.step(covered(), 0.9)
    without.step(covered(), 0.0)
    assert same(state(with_critics.mask_net), state(without.mask_net))
    assert not same(state(with_critics.face_net), state(without.face_net))


@pytest.mark.parametrize("perceptual", ["critic", "none"])
def test_critics_teach_the_face_network(perceptual):
    heard, unheard = (tiny(perceptual=perceptual, adversarial=factor).train() for factor in (1.0, 0.0))
    for method in (heard, unheard):
        method.step(covered(), 0.5)
    assert not same(state(heard.face_net), state(unheard.face_net))
    assert same(state(heard.critic_whole), state(unheard.critic_whole))


def test_finder_finds_and_only_what_it_found_changes():
    method = tiny(lr=3e-3).train()
    for index in range(60):
        method.step(covered(8, seed=index), index / 60)
    batch = covered(8, seed=1000)
    with torch.inference_mode():
        found = method.eval().predict_mask(batch.degraded)
        output = method.restore(batch.degraded, None)
    assert found.shape == batch.mask.shape and set(found.unique().tolist()) == {0.0, 1.0}
    iou = (found * batch.mask).sum() / torch.maximum(found, batch.mask).sum()
    assert iou > 0.7
    outside = (dilate(found, 3) == 0).expand_as(output)
    assert outside.any() and torch.equal(output[outside], batch.degraded[outside])
    assert (output[~outside] != batch.degraded[~outside]).float().mean() > 0.9


def test_whole_picture_comes_from_the_face_network_without_composition():
    method, batch = tiny(composite=False).eval(), covered()
    with torch.inference_mode():
        output = method.restore(batch.degraded, batch.mask)
    assert (output != batch.degraded).float().mean() > 0.9


def test_picture_in_which_nothing_is_found_is_left_alone():
    method, picture = tiny().eval(), covered().clean
    with torch.inference_mode():
        for weight in method.mask_net.out.parameters():
            weight.zero_()  # logits of 0: nowhere above the threshold
        assert not method.predict_mask(picture).any()
        assert torch.equal(method.restore(picture, None), picture)


def test_oracle_is_v2_with_the_mask_it_must_be_given():
    method, oracle, batch = tiny().eval(), tiny("unmask_v2_oracle").eval(), covered()
    assert UnmaskOracle.needs_mask and not Unmask.needs_mask
    with torch.inference_mode():
        assert torch.equal(oracle.restore(batch.degraded, batch.mask), method.restore(batch.degraded, batch.mask))
        assert not torch.equal(oracle.restore(batch.degraded, batch.mask), method.restore(batch.degraded, None))
        with pytest.raises(ValueError, match="give it the mask"):
            oracle.restore(batch.degraded, None)


@pytest.mark.parametrize("whole", [False, True])
def test_a_part_can_be_loaded_alone(whole):
    target, source = tiny(), tiny(seed=1)
    before = {name: state(target.get_submodule(name)) for name in target.parts}
    target.load_part("mask_net", source.state_dict() if whole else source.mask_net.state_dict())
    assert same(state(target.mask_net), state(source.mask_net))
    assert all(same(before[name], state(target.get_submodule(name))) for name in target.parts[1:])


def test_a_part_that_does_not_fit_is_refused_in_one_line():
    method = tiny()
    with pytest.raises(ValueError, match=r"\Apart must be one of mask_net, .*got 'config'\Z"):
        method.load_part("config", {})
    with pytest.raises(ValueError, match=r"\Aweights of face_net do not fit its network: [^\n]*\Z"):
        method.load_part("face_net", method.mask_net.state_dict())


def test_v1_fills_the_mask_with_noise():
    method, batch, given = tiny_v1(), covered(), []
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
    method, batch, taken = tiny_v1().train(), covered(), []
    original = method.fill
    method.fill = lambda images, mask: taken.append(mask) or original(images, mask)
    for progress in (0.0, 0.5):
        method.step(batch, progress)
    assert torch.equal(taken[0], batch.mask)
    assert not torch.equal(taken[1], batch.mask) and set(taken[1].unique().tolist()) <= {0.0, 1.0}


def test_v1_hands_its_largest_map_across_unless_told_otherwise():
    with_skip, without = (tiny_v1(outer_skip=skip).face_net.out.in_channels for skip in (True, False))
    assert (with_skip, without) == (16, 8)


def test_v1_critic_teaches_the_face_network():
    heard, unheard = tiny_v1().train(), tiny_v1(adversarial=0.0).train()
    for method in (heard, unheard):
        torch.manual_seed(3)
        method.step(covered(), 0.5)
    assert not same(state(heard.face_net), state(unheard.face_net))


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """Nothing to be had from a folder, torch hub's cache or the network; caches are fresh before and after."""
    monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for cached in (pretrained.trunk, vgg.vgg19):
        cached.cache_clear()
    yield tmp_path
    for cached in (pretrained.trunk, vgg.vgg19):
        cached.cache_clear()


def test_missing_vgg19_stops_the_first_step_in_one_line(no_weights):
    method = tiny(perceptual="vgg19").train()
    before = state(method)
    with pytest.raises(ValueError, match=r"\A[^\n]*vgg19[^\n]*RESTOREBENCH_WEIGHTS[^\n]*\Z"):
        method.step(covered(), 0.0)
    assert same(before, state(method))


def test_vgg19_is_torchvisions_and_teaches_the_output_alone(no_weights):
    """The reference layers are drawn, not trained: what is compared is their order, and where features are taken."""
    torch.manual_seed(0)
    reference = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    tensors = {f"features.{name}": each for name, each in reference.state_dict().items()}
    torch.save(tensors, no_weights / "vgg19_features.pth")
    network = vgg.vgg19(torch.device("cpu"))
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    features, expected = torchvision.transforms.functional.normalize(picture, vgg.MEAN, vgg.STD), []
    for first, last in ((0, 18), (18, 27), (27, 36)):
        features = reference[first:last](features)
        expected.append(features)
    for ours, theirs in zip(network(picture * 2 - 1), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    truth = torch.rand(1, 3, 32, 32, requires_grad=True)
    vgg.vgg19_distance(picture, truth).backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0 and truth.grad is None
    assert float(vgg.vgg19_distance(truth, truth).detach()) == 0
    method = tiny(perceptual="vgg19").train()
    assert method.step(covered(2), 0.5)["perceptual"] > 0
    assert not any("vgg" in name or "features" in name for name in method.state_dict())


@pytest.mark.parametrize(
    "build",
    [
        lambda: tiny(form="round"),
        lambda: tiny(perceptual="lpips"),
        lambda: tiny(reconstruct_until=0.5, whole_until=0.4),
        lambda: tiny(threshold=1.0),
        lambda: tiny(rates=(0, 2)),
        lambda: tiny("unmask_v2_j", rates=(0, 2)),
        lambda: tiny(mask_levels=1),
        lambda: tiny("unmask_v2_j", face_levels=0),
        lambda: tiny_v1(norm="layer"),
        lambda: ssim(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A[^\n]*(got|is needed)[^\n]*\Z"):
        build()
