"""ARNet's helpers from outside: LPIPS, and the encoder's ImageNet weights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torchvision.models import mobilenet_v2

import pretrained
from methods.arnet import METHODS
from methods.parts import perceptual
from methods.parts.mobilenet import MobileEncoder, normalised
from pretrained.perceptual import build_lpips, lpips_network
from tests.small_methods import blurred, small


@pytest.fixture
def squeeze():
    if pretrained.find("squeezenet1_1") is None:
        pytest.skip("SqueezeNet 1.1's weights are not in RESTOREBENCH_WEIGHTS nor in torch hub's cache")
    return pretrained.trunk("squeezenet1_1")


def test_lpips_loss_is_the_metric_and_draws_nothing(squeeze):
    lpips_network.cache_clear()
    state = torch.get_rng_state()
    one, other = blurred(96).degraded.requires_grad_(), blurred(96).clean
    loss = perceptual.lpips_loss("squeeze", one, other)
    assert torch.equal(state, torch.get_rng_state())  # else a resumed training would draw other numbers
    expected = build_lpips("squeeze", squeeze.tensors)(one * 2 - 1, other * 2 - 1).mean()
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-5)
    loss.backward()
    assert one.grad.abs().sum() > 0


def test_lpips_loss_has_a_gradient_at_empty_features(squeeze):
    """The package's own distance has NaN there."""
    features = torch.zeros(1, 4, 2, 2, requires_grad=True)
    (perceptual._unit(features) - 1).square().sum().backward()
    assert features.grad.isfinite().all()


def test_lpips_row_trains_and_keeps_its_network_out_of_the_checkpoint(squeeze):
    method = small("arnet_squeeze", perceptual="squeeze")
    names = set(method.state_dict())
    scalars = method.step(blurred(), 0.1)
    assert set(scalars) == {"l1", "lpips"} and set(method.state_dict()) == names
    assert not any("lpips" in name or "lin" in name for name in names)


@pytest.mark.parametrize(("changes", "file"), [
    ({"encoder": "imagenet", "encoder_width": 1.0}, "mobilenet_v2"),
    ({"perceptual": "vgg"}, "vgg16"),
    ({"perceptual": "squeeze"}, "squeezenet1_1"),
])  # fmt: skip
def test_missing_weights_stop_the_first_step_not_the_building(no_weights, changes, file):
    method = small("arnet_nolpips", **changes)
    with torch.inference_mode():
        method.eval().restore(blurred().degraded, None)
    with pytest.raises(ValueError, match=rf"\Aweights not found: {file}.*\(RESTOREBENCH_OFFLINE is set\)\Z"):
        method.train().step(blurred(), 0.0)


def test_row_without_lpips_needs_no_weights(no_weights):
    method = small("arnet_nolpips", width=16, encoder_width=0.25)
    assert method.config.encoder == METHODS["arnet_nolpips"].encoder == "scratch"
    assert METHODS["arnet_nolpips"].perceptual == "none"
    method.step(blurred(), 0.0)
    assert int(method.encoder_file) == 0


def test_encoder_takes_its_weights_once_and_says_which(no_weights, monkeypatch):
    torch.manual_seed(5)
    source = mobilenet_v2(weights=None)
    path = no_weights / "mobilenet_v2_features.pth"
    state = {name: each for name, each in source.state_dict().items() if name.startswith("features.")}
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = pretrained.Weights("an encoder", (path.name,), "", ((path.name, digest),))
    monkeypatch.setitem(pretrained.KNOWN, "mobilenet_v2", known)
    method = small("arnet_nolpips", encoder="imagenet", encoder_width=1.0)
    method.step(blurred(), 0.0)
    assert int(method.encoder_file) == int(digest[:8], 16)
    key = "blocks.17.conv.0.0.weight"
    own = method.generator.encoder.state_dict()[key]
    assert torch.equal(own, source.state_dict()[key.replace("blocks", "features")])  # held still at first
    with torch.no_grad():
        own.zero_()
    method.step(blurred(), 0.0)
    assert not own.any()


def test_real_encoder_weights_know_mirrored_pictures():
    """Features of real weights change little under mirroring; those of random weights tell nothing."""
    if pretrained.find("mobilenet_v2") is None:
        pytest.skip("MobileNetV2's weights are not in RESTOREBENCH_WEIGHTS nor in torch hub's cache")
    folder = Path(os.environ.get("RESTOREBENCH_DATA", "."), "classic5")
    encoder = MobileEncoder().eval()
    assert len(encoder.load_imagenet()) == 64
    if not folder.is_dir():
        pytest.skip("needs classic5 in RESTOREBENCH_DATA")
    from bench.data.pictures import read_pixels

    crops = [torch.from_numpy(read_pixels(path)[128:352, 128:352].copy()) for path in sorted(folder.glob("*.png"))]
    images = torch.stack(crops).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        one, other = (functional.normalize(encoder(normalised(x))[-1].mean((2, 3))) for x in (images, images.flip(3)))
    assert (one @ other.T).argmax(1).tolist() == list(range(len(images)))
