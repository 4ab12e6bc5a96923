"""Published weights: looked for in order, checked, never guessed."""

import pytest
import torch
from torch import nn

import pretrained
from pretrained import Unavailable
from pretrained.perceptual import build_lpips, lpips_network


def test_weights_are_looked_for_in_order(toy):
    assert pretrained.find("toy") is None
    for number, place in enumerate(("cache", "named", "explicit")):
        path = put(toy[place] / "toy_features.pth", number)
        assert pretrained.find("toy", toy["explicit"]) == path
        pretrained.trunk.cache_clear()
        assert pretrained.trunk("toy", toy["explicit"]).tensors["0.weight"].tolist() == [number, number]
    files = pretrained.KNOWN["toy"].files
    assert ("a toy", files, toy["named"] / "toy_features.pth") in pretrained.status()
    assert list(pretrained.trunk("toy").tensors) == ["0.weight"]


def test_missing_weights_say_what_to_do(toy, monkeypatch):
    with pytest.raises(
        Unavailable, match=r"not found: toy_full.pth or toy_features.pth; put it in .*checkpoints or set"
    ):
        pretrained.load("toy")
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "0")
    with pytest.raises(Unavailable, match="RESTOREBENCH_WEIGHTS .download failed: .*No such file"):
        pretrained.load("toy")
    monkeypatch.setitem(pretrained.KNOWN, "mute", pretrained.Weights("a toy", ("mute.pth",), ""))
    with pytest.raises(Unavailable, match="no address to download from"):
        pretrained.load("mute")
    assert list(toy["cache"].iterdir()) == []


def test_weights_are_downloaded_into_the_cache(toy, monkeypatch):
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "")
    put(toy["upstream"] / "toy_full.pth", 7)
    assert pretrained.trunk("toy").tensors["0.weight"].tolist() == [7, 7]
    assert pretrained.find("toy") == toy["cache"] / "toy_full.pth"


def test_damaged_weights_are_named(toy, monkeypatch):
    path = toy["named"] / "toy_features.pth"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(Unavailable, match=f"unreadable: {path}"):
        pretrained.load("toy")
    torch.save([1, 2], path)
    with pytest.raises(Unavailable, match="does not hold named tensors"):
        pretrained.load("toy")
    strict = pretrained.Weights("a toy", (path.name,), "", ((path.name, "0" * 64),))
    monkeypatch.setitem(pretrained.KNOWN, "toy", strict)
    with pytest.raises(Unavailable, match=f"damaged: {path} .*expected 00000000"):
        pretrained.load("toy")
    wrong = put(toy["named"] / "vgg16-397923af.pth")
    with pytest.raises(Unavailable, match=f"{wrong} has SHA-256 .* expected 397923af"):
        pretrained.load("vgg16")


def test_weights_of_another_network_are_refused(toy):
    put(toy["named"] / "alexnet_features.pth")
    with pytest.raises(Unavailable, match="LPIPS alex trunk do not fit"):
        build_lpips("alex", pretrained.trunk("alexnet").tensors)
    with pytest.raises(Unavailable, match="weights of a layer do not fit its network"):
        pretrained.Trunk({"bias": torch.zeros(3)}, "").fill(nn.Linear(2, 2), "a layer")


def test_networks_are_built_without_drawing_random_numbers(monkeypatch):
    """Else a resumed training would draw other numbers than an undisturbed one."""
    if pretrained.find("squeezenet1_1") is None:
        pytest.skip("SqueezeNet 1.1's weights are not in RESTOREBENCH_WEIGHTS nor in torch hub's cache")
    lpips_network.cache_clear()
    state = torch.get_rng_state()
    network = lpips_network("squeeze", torch.device("cpu"))
    assert torch.equal(state, torch.get_rng_state())
    assert not any(weight.is_meta or weight.requires_grad for weight in network.parameters())


def put(path, value=1.0):
    """A weights file as torchvision's are."""
    torch.save({"features.0.weight": torch.full((2,), value), "classifier.bias": torch.zeros(1)}, path)
    return path
