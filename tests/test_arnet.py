"""ARNet: the published sizes, the schedule, its losses, and where its weights come from."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenet_v2

from bench.metrics.perceptual import build_lpips
from bench.metrics.structure import ssim
from bench.scoring.cost import Load, cost
from bench.training.engine import choose_engine
from methods.arnet import METHODS, ARNet
from methods.base import Batch
from methods.parts import nogan, perceptual, pretrained
from methods.parts.deoldify_critic import DeOldifyCritic
from methods.parts.dynamic_unet import DynamicUnet, PixelShuffle
from methods.parts.mobilenet import MobileEncoder, normalised, pictures
from methods.parts.spectral import CHUNK, SelfAttention
from methods.parts.structure import WINDOW, gradient_loss, ms_ssim_loss, scales, similarity

SCRATCH = {"width": 16, "encoder": "scratch", "encoder_width": 0.25, "perceptual": "none", "critic_base": 4}


def small(name: str = "arnet_nolpips", **changes: object) -> ARNet:
    torch.manual_seed(0)
    return ARNet(dataclasses.replace(METHODS[name], **(SCRATCH | changes))).train()


def batch(side: int = 64, count: int = 2) -> Batch:
    clean = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))
    degraded = functional.avg_pool2d(clean, 3, 1, 1)
    return Batch(clean, degraded, torch.ones(count, 1, side, side))


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


class Sized(nn.Module):
    """An encoder of given channels whose maps hold nothing."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images):
        sides = [(images.shape[2] >> level, images.shape[3] >> level) for level in range(1, len(self.channels) + 1)]
        return [images.new_zeros(len(images), c, *side) for c, side in zip(self.channels, sides, strict=True)]


# Sizes


@pytest.mark.parametrize(("base", "weights"), [(256, 94_555_649), (64, 5_919_617), (16, 372_449)])
def test_critic_has_the_published_size(base, weights):
    """94.6 M, 5.9 M and 0.37 M: counted from the layers of DeOldify's custom_gan_critic."""
    assert count(DeOldifyCritic(base)) == weights


@pytest.mark.parametrize(("side", "logits"), [(64, 1), (128, 25), (192, 81), (256, 169)])
def test_critic_gives_the_published_number_of_logits(side, logits):
    assert DeOldifyCritic(2).eval()(torch.zeros(1, 3, side, side)).numel() == logits


def test_critic_sees_154_pixels():
    critic = DeOldifyCritic(2).eval()  # gamma is 0: its attention adds nothing yet
    picture = torch.rand(1, 3, 256, 256, requires_grad=True)
    critic(picture)[0, 0, 6, 6].backward()
    rows = picture.grad[0].abs().sum((0, 2)).nonzero()
    assert int(rows[-1] - rows[0]) + 1 == 154


def test_printed_form_has_the_published_size():
    """13,215,148 weights in the source's printed summary, of which 428,888 are its MobileNetV3-small-minimal's."""
    decoder = DynamicUnet(Sized(16, 24, 40, 48, 576), width=256, one_skip=True)
    assert count(decoder) + 428_888 == 13_215_148
    assert not any(isinstance(each, SelfAttention) for each in decoder.modules())


def test_full_form_has_every_skip_and_attention_at_an_eighth():
    network = DynamicUnet(Sized(16, 24, 32, 96, 320), width=32).eval()
    seen = {}
    for block in network.blocks:
        block.register_forward_hook(lambda block, given, made: seen.update({block: (given[1].shape[1], made.shape)}))
    assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
    maps = [(skip, tuple(shape)) for skip, shape in seen.values()]
    assert maps == [(96, (1, 32, 4, 6)), (32, (1, 32, 8, 12)), (24, (1, 32, 16, 24)), (16, (1, 16, 32, 48))]
    attends = [any(isinstance(each, SelfAttention) for each in block.modules()) for block in network.blocks]
    assert attends == [False, True, False, False]


def test_the_picture_itself_is_the_fifth_skip():
    """With every map empty only the picture can reach the output."""
    network = DynamicUnet(Sized(16, 24, 32, 96, 320), width=8).eval()
    black, white = (network(torch.full((1, 3, 32, 32), value)) for value in (-2.0, 2.0))
    assert (black - white).abs().max() > 0.1
    assert max(black.abs().max(), white.abs().max()) < 3


def test_encoder_is_torchvisions_without_the_classifier():
    encoder = MobileEncoder()
    assert encoder.channels == (16, 24, 32, 96, 320)
    whole = mobilenet_v2(weights=None).features
    whole.load_state_dict(encoder.blocks.state_dict(), strict=False)
    picture = torch.rand(1, 3, 64, 64)
    maps = encoder.eval()(picture)
    assert [each.shape[2] for each in maps] == [32, 16, 8, 4, 2]
    torch.testing.assert_close(maps[-1], whole[:18].eval()(picture))


# Layers


def test_pixel_shuffle_starts_as_nearest_enlargement():
    shuffle, features = PixelShuffle(8, 4, plain=True), torch.rand(2, 8, 5, 6)
    enlarged = shuffle(features)
    assert enlarged.shape == (2, 4, 10, 12) and enlarged.std() > 0
    assert torch.equal(enlarged, functional.interpolate(enlarged[..., ::2, ::2], scale_factor=2, mode="nearest"))


def test_blur_averages_each_pixel_with_those_before_it():
    torch.manual_seed(0)
    blurred = PixelShuffle(8, 4)
    blurred.eval()
    features = torch.rand(1, 8, 4, 4)
    plain = functional.pixel_shuffle(torch.relu(blurred.norm(blurred.conv(features))), 2)
    expected = (plain[..., 1:, 1:] + plain[..., :-1, 1:] + plain[..., 1:, :-1] + plain[..., :-1, :-1]) / 4
    torch.testing.assert_close(blurred(features)[..., 1:, 1:], expected)


def test_spectral_norm_holds_every_convolution_of_decoder_and_critic():
    networks = [DynamicUnet(Sized(8, 8, 8, 8, 8), width=8), DeOldifyCritic(4)]
    convs = [each for network in networks for each in network.modules() if isinstance(each, nn.Conv2d)]
    for conv in convs:
        weight = conv.eval().weight.detach().flatten(1)
        assert (
            abs(float(torch.linalg.matrix_norm(weight, 2)) - 1) < 0.2
        )  # 15 rounds of power iteration; without the norm it is 1.4 to 3
    assert len(convs) == 2 + 4 * 2 + 3 + 1 + 2 + 1 + 12


def test_attention_begins_as_nothing_and_then_sees_all():
    layer, features = SelfAttention(16).eval(), torch.rand(1, 16, 6, 7)
    assert torch.equal(layer(features), features)
    nn.init.ones_(layer.gamma)
    query, key, value = (conv(features).flatten(2)[0] for conv in (layer.query, layer.key, layer.value))
    expected = value @ torch.softmax(query.T @ key, dim=1).T
    torch.testing.assert_close(layer(features)[0], features[0] + expected.view(16, 6, 7))


def test_attention_in_chunks_is_the_same():
    layer = SelfAttention(8).eval()
    nn.init.ones_(layer.gamma)
    features = torch.rand(1, 8, 40, 40)
    assert features[0, 0].numel() > CHUNK
    query, key, value = (conv(features).flatten(2)[0] for conv in (layer.query, layer.key, layer.value))
    expected = value @ torch.softmax(query.T @ key, dim=1).T
    torch.testing.assert_close(layer(features)[0], features[0] + expected.view(8, 40, 40))


def test_normalised_and_back():
    images = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(pictures(normalised(images)), images)
    assert normalised(torch.zeros(1, 3, 1, 1)).min() > -3 and normalised(torch.ones(1, 3, 1, 1)).max() < 3


# Schedule


def test_stages_cover_the_budget_in_order():
    stages = nogan.schedule(0.6, 2, 0.25)
    kinds = [stage.kind for stage in stages]
    assert kinds == ["generator"] * 3 + ["critic", "critic", "gan", "critic", "gan"]
    assert stages[0].start == 0 and abs(stages[-1].end - 1) < 1e-9
    assert all(one.end == other.start for one, other in zip(stages, stages[1:], strict=False))
    lengths = {kind: sum(s.end - s.start for s in stages if s.kind == kind) for kind in kinds}
    assert [round(lengths[kind], 6) for kind in ("generator", "critic", "gan")] == [0.6, 0.3, 0.1]
    assert nogan.stage_at(stages, 0.0) is stages[0] and nogan.stage_at(stages, 0.999999) is stages[-1]


def test_without_a_critic_all_of_it_is_pretraining():
    assert {stage.kind for stage in small(adversarial=0.0).stages} == {"generator"}
    assert small(adversarial=0.0).critic is None


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
    whole = batch(side)
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


def test_each_stage_moves_only_its_network():
    method, given = small(), batch()

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
    method, given = small(), batch()
    buffers = {key: each.clone() for key, each in method.generator.named_buffers()}
    method.step(given, 0.65)
    assert all(torch.equal(each, buffers[key]) for key, each in method.generator.named_buffers())
    assert method.generator.training


def test_gan_has_no_momentum_and_a_faster_critic():
    method, given = small(), batch()
    method.switch.ready.fill_(1)
    for _ in range(2):
        method.step(given, 0.76)
    groups = {name: each.param_groups[0] for name, each in method.optimizers().items()}
    assert {group["betas"] for group in groups.values()} == {(0.0, 0.9)}
    assert groups["critic"]["lr"] == pytest.approx(5 * groups["generator"]["lr"])


def test_critic_learns_to_tell():
    method = small(critic_base=8, critic_lr=3e-3)
    given = batch(count=8)
    given = Batch(given.clean, torch.full_like(given.clean, 0.5), given.mask)
    losses = [float(method.step(given, 0.66)["critic"]) for _ in range(25)]
    assert losses[-1] < losses[0] - 0.05


def test_crops_too_small_for_the_critic_are_refused_at_once():
    with pytest.raises(ValueError, match="crops of 64 pixels or more"):
        small().step(batch(32), 0.0)
    method = small(critic_blocks=2)
    for progress in (0.0, 0.7):
        method.step(batch(32), progress)


def test_trains_in_half_precision_too():
    method, given = small(loss="structure"), batch()
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
        small(**changes)
    assert "\n" not in str(caught.value)


# Losses


def test_similarity_is_the_metrics():
    one, other = (torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    luminance, contrast = similarity(one, other)
    expected = ssim(one, other, torch.ones(2, 1, 40, 48))[:, 0]
    torch.testing.assert_close((luminance * contrast).mean((1, 2, 3)).double(), expected, rtol=0, atol=1e-5)


def test_ms_ssim_loss_on_one_scale_is_half_the_distance():
    one, other = batch(16).clean, batch(16).degraded
    luminance, contrast = similarity(one, other)
    expected = 1 - (((luminance * contrast).mean((2, 3)) + 1) / 2).mean()
    torch.testing.assert_close(ms_ssim_loss(one, other), expected)
    assert [scales(side) for side in (11, 21, 22, 64, 175, 176, 500)] == [1, 1, 2, 3, 4, 5, 5]
    with pytest.raises(ValueError, match="at least 11"):
        scales(WINDOW - 1)


def test_losses_know_the_clean_picture_and_have_a_gradient():
    clean = batch().clean
    assert abs(float(ms_ssim_loss(clean, clean))) < 1e-6 and float(gradient_loss(clean, clean)) == 0
    assert gradient_loss(clean + 0.1, clean) < 1e-6  # blind to brightness: L1 sees to that
    flat = torch.zeros(1, 3, 64, 64, requires_grad=True)
    (ms_ssim_loss(flat, 1 - clean[:1]) + gradient_loss(flat, clean[:1])).backward()
    assert flat.grad.isfinite().all() and flat.grad.abs().sum() > 0


@pytest.fixture
def squeeze():
    if pretrained.find("squeezenet1_1") is None:
        pytest.skip("SqueezeNet 1.1's weights are not in RESTOREBENCH_WEIGHTS nor in torch hub's cache")
    return pretrained.trunk("squeezenet1_1")


def test_lpips_loss_is_the_metric_and_draws_nothing(squeeze):
    perceptual.lpips_network.cache_clear()
    state = torch.get_rng_state()
    one, other = batch(96).degraded.requires_grad_(), batch(96).clean
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
    scalars = method.step(batch(), 0.1)
    assert set(scalars) == {"l1", "lpips"} and set(method.state_dict()) == names
    assert not any("lpips" in name or "lin" in name for name in names)


def test_its_cost_can_be_counted():
    """Spectral norm is a module called with a weight, and torch's counter stumbles over that under inference_mode."""
    method = small().eval()
    figures = cost(method, Load(size=64, batch=2, told=False), choose_engine("cpu"))
    assert figures["parameters"] == count(method.generator) and figures["flops"] > 0
    assert all(weight.requires_grad for weight in method.parameters())


# Weights


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    caches = (pretrained.trunk, perceptual.lpips_network)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize(("changes", "file"), [
    ({"encoder": "imagenet", "encoder_width": 1.0}, "mobilenet_v2"),
    ({"perceptual": "vgg"}, "vgg16"),
    ({"perceptual": "squeeze"}, "squeezenet1_1"),
])  # fmt: skip
def test_missing_weights_stop_the_first_step_not_the_building(nowhere, changes, file):
    method = small(**changes)
    with torch.inference_mode():
        method.eval().restore(batch().degraded, None)
    with pytest.raises(ValueError, match=rf"\Aweights not found: {file}.*\(RESTOREBENCH_OFFLINE is set\)\Z"):
        method.train().step(batch(), 0.0)


def test_row_without_lpips_needs_no_weights(nowhere):
    method = small(width=16, encoder_width=0.25)
    assert method.config.encoder == METHODS["arnet_nolpips"].encoder == "scratch"
    assert METHODS["arnet_nolpips"].perceptual == "none"
    method.step(batch(), 0.0)
    assert int(method.encoder_file) == 0


def test_encoder_takes_its_weights_once_and_says_which(nowhere, monkeypatch):
    torch.manual_seed(5)
    source = mobilenet_v2(weights=None)
    path = nowhere / "mobilenet_v2_features.pth"
    state = {name: each for name, each in source.state_dict().items() if name.startswith("features.")}
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(pretrained.DIGESTS, path.name, digest)
    method = small(encoder="imagenet", encoder_width=1.0)
    method.step(batch(), 0.0)
    assert int(method.encoder_file) == int(digest[:8], 16)
    key = "blocks.17.conv.0.0.weight"
    own = method.generator.encoder.state_dict()[key]
    assert torch.equal(own, source.state_dict()[key.replace("blocks", "features")])  # held still at first
    with torch.no_grad():
        own.zero_()
    method.step(batch(), 0.0)
    assert not own.any()


def test_damaged_weights_are_refused(nowhere):
    (nowhere / "mobilenet_v2-b0353104.pth").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"\Aweights damaged: .*expected b0353104; replace it\Z"):
        pretrained.trunk("mobilenet_v2")
    (nowhere / "vgg16_features.pth").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"\Aweights unreadable: .*; replace the file\Z"):
        pretrained.trunk("vgg16")


def test_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match="weights of MobileNetV2 do not fit its network"):
        pretrained.Trunk({"0.0.weight": torch.zeros(1)}, "").fill(MobileEncoder(0.25).blocks, "MobileNetV2")


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
