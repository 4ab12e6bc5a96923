"""ARNet's networks: the published sizes, and what each layer promises."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenet_v2

from methods.parts.deoldify_critic import DeOldifyCritic
from methods.parts.dynamic_unet import DynamicUnet, PixelShuffle
from methods.parts.mobilenet import MobileEncoder, normalised, pictures
from methods.parts.spectral import CHUNK, SelfAttention
from tests.small_methods import weights_of


class Sized(nn.Module):
    """An encoder of given channels whose maps hold nothing."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images):
        sides = [(images.shape[2] >> level, images.shape[3] >> level) for level in range(1, len(self.channels) + 1)]
        return [images.new_zeros(len(images), c, *side) for c, side in zip(self.channels, sides, strict=True)]


@pytest.mark.parametrize(("base", "weights"), [(256, 94_555_649), (64, 5_919_617), (16, 372_449)])
def test_critic_has_the_published_size(base, weights):
    """94.6 M, 5.9 M and 0.37 M: counted from the layers of DeOldify's custom_gan_critic."""
    assert weights_of(DeOldifyCritic(base)) == weights


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
    assert weights_of(decoder) + 428_888 == 13_215_148
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
