"""Face-mask removal, version 2: published sizes, the three phases, what each network is given, VGG19."""

from __future__ import annotations

import pytest
import torch
import torchvision

from methods.parts import vgg
from methods.parts.maskclean import dilate
from methods.parts.strided import Aspp, SqueezeExcite
from methods.unmask import METHODS, Unmask, UnmaskOracle
from tests.small_methods import same, small, state, striped


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
    method = small(name, mask_levels=mask_levels, face_levels=face_levels)
    picture = torch.rand(1, 3, method.multiple_of, method.multiple_of)
    for training in (True, False):
        method.train(training)
        with torch.no_grad():
            assert method.mask_net(picture).shape == (1, 1, *picture.shape[2:])
            assert method.restore(picture, torch.ones_like(picture[:, :1])).isfinite().all()


def test_phases_bring_in_one_critic_after_the_other():
    method = small("unmask_v2")
    weights = [method.critic_weights(progress) for progress in (0.0, 0.099, 0.1, 0.399, 0.4, 0.99)]
    both = {"critic_whole": 0.3, "critic_region": 0.7}
    assert weights == [{}, {}, {"critic_whole": 1.0}, {"critic_whole": 1.0}, both, both]
    names = ("critic_whole", "critic_region")
    moved = []
    for progress in (0.05, 0.2, 0.7):
        before = [state(method.get_submodule(name)) for name in names]
        method.train().step(striped(), progress)
        after = [state(method.get_submodule(name)) for name in names]
        moved.append([not same(*pair) for pair in zip(before, after, strict=True)])
    assert moved == [[False, False], [True, False], [True, True]]


def test_face_network_sees_true_then_soft_then_hard_mask():
    method, batch, given = small("unmask_v2").train(), striped(), []
    method.face_net.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0][:, 3:].detach().clone()))
    method.step(batch, 0.0)
    method.step(batch, 0.5)
    with torch.inference_mode():
        method.eval().restore(batch.degraded, None)
    assert torch.equal(given[0], batch.mask)
    assert ((given[1] > 0) & (given[1] < 1)).all()
    assert set(given[2].unique().tolist()) <= {0.0, 1.0}


def test_finder_learns_from_its_own_loss_alone():
    with_critics, without = small("unmask_v2").train(), small("unmask_v2").train()
    with_critics.step(striped(), 0.9)
    without.step(striped(), 0.0)
    assert same(state(with_critics.mask_net), state(without.mask_net))
    assert not same(state(with_critics.face_net), state(without.face_net))


@pytest.mark.parametrize("perceptual", ["critic", "none"])
def test_critics_teach_the_face_network(perceptual):
    heard, unheard = (small("unmask_v2", perceptual=perceptual, adversarial=factor).train() for factor in (1.0, 0.0))
    for method in (heard, unheard):
        method.step(striped(), 0.5)
    assert not same(state(heard.face_net), state(unheard.face_net))
    assert same(state(heard.critic_whole), state(unheard.critic_whole))


def test_finder_finds_and_only_what_it_found_changes():
    method = small("unmask_v2", lr=3e-3).train()
    for index in range(60):
        method.step(striped(8, seed=index), index / 60)
    batch = striped(8, seed=1000)
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
    method, batch = small("unmask_v2", composite=False).eval(), striped()
    with torch.inference_mode():
        output = method.restore(batch.degraded, batch.mask)
    assert (output != batch.degraded).float().mean() > 0.9


def test_picture_in_which_nothing_is_found_is_left_alone():
    method, picture = small("unmask_v2").eval(), striped().clean
    with torch.inference_mode():
        for weight in method.mask_net.out.parameters():
            weight.zero_()  # logits of 0: nowhere above the threshold
        assert not method.predict_mask(picture).any()
        assert torch.equal(method.restore(picture, None), picture)


def test_oracle_is_v2_with_the_mask_it_must_be_given():
    method, oracle, batch = small("unmask_v2").eval(), small("unmask_v2_oracle").eval(), striped()
    assert UnmaskOracle.needs_mask and not Unmask.needs_mask
    with torch.inference_mode():
        assert torch.equal(oracle.restore(batch.degraded, batch.mask), method.restore(batch.degraded, batch.mask))
        assert not torch.equal(oracle.restore(batch.degraded, batch.mask), method.restore(batch.degraded, None))
        with pytest.raises(ValueError, match="give it the mask"):
            oracle.restore(batch.degraded, None)


@pytest.mark.parametrize("whole", [False, True])
def test_a_part_can_be_loaded_alone(whole):
    target, source = small("unmask_v2"), small("unmask_v2", seed=1)
    before = {name: state(target.get_submodule(name)) for name in target.parts}
    target.load_part("mask_net", source.state_dict() if whole else source.mask_net.state_dict())
    assert same(state(target.mask_net), state(source.mask_net))
    assert all(same(before[name], state(target.get_submodule(name))) for name in target.parts[1:])


def test_a_part_that_does_not_fit_is_refused_in_one_line():
    method = small("unmask_v2")
    with pytest.raises(ValueError, match=r"\Apart must be one of mask_net, .*got 'config'\Z"):
        method.load_part("config", {})
    with pytest.raises(ValueError, match=r"\Aweights of face_net do not fit its network: [^\n]*\Z"):
        method.load_part("face_net", method.mask_net.state_dict())


@pytest.fixture
def no_vgg(no_weights):
    """No weights are to be had, and none are remembered; returns the folder where they are looked for."""
    vgg.vgg19.cache_clear()
    yield no_weights
    vgg.vgg19.cache_clear()


def test_missing_vgg19_stops_the_first_step_in_one_line(no_vgg):
    method = small("unmask_v2", perceptual="vgg19").train()
    before = state(method)
    with pytest.raises(ValueError, match=r"\A[^\n]*vgg19[^\n]*RESTOREBENCH_WEIGHTS[^\n]*\Z"):
        method.step(striped(), 0.0)
    assert same(before, state(method))


def test_vgg19_is_torchvisions_and_teaches_the_output_alone(no_vgg):
    """The reference layers are drawn, not trained: what is compared is their order, and where features are taken."""
    torch.manual_seed(0)
    reference = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    tensors = {f"features.{name}": each for name, each in reference.state_dict().items()}
    torch.save(tensors, no_vgg / "vgg19_features.pth")
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
    method = small("unmask_v2", perceptual="vgg19").train()
    assert method.step(striped(2), 0.5)["perceptual"] > 0
    assert not any("vgg" in name or "features" in name for name in method.state_dict())


@pytest.mark.parametrize(
    "build",
    [
        lambda: small("unmask_v2", form="round"),
        lambda: small("unmask_v2", perceptual="lpips"),
        lambda: small("unmask_v2", reconstruct_until=0.5, whole_until=0.4),
        lambda: small("unmask_v2", threshold=1.0),
        lambda: small("unmask_v2", kernel=2),
        lambda: small("unmask_v2", rates=(0, 2)),
        lambda: small("unmask_v2_j", rates=(0, 2)),
        lambda: small("unmask_v2", mask_levels=1),
        lambda: small("unmask_v2_j", face_levels=0),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A[^\n]*(got|is needed)[^\n]*\Z"):
        build()
