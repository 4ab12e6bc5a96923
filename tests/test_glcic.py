"""Image completion: published layers, windows, mean fill, the three phases, compositing and blending."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch

from methods.base import Batch
from methods.glcic import METHODS, ImageCompletion
from methods.parts.blend import poisson_fill
from methods.parts.completion import CompletionNet, CompletionShape, GlobalLocalCritic, Tower
from methods.parts.norm import NORMS, norm_layer
from methods.parts.windows import cut, hole_corners, random_corners
from tests.small_methods import weights_of

SMALL = {"size": 32, "local": 16, "base": 4, "dilations": (2,), "critic_base": 4, "features": 8, "lr": 1e-3}


def small(name: str = "glcic", **changes) -> ImageCompletion:
    torch.manual_seed(0)
    return ImageCompletion(dataclasses.replace(METHODS[name], **{**SMALL, **changes}))


def batch(count: int = 3, size: int = 32, fill: float = 128 / 255) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(count, 3, size, size, generator=generator)
    mask = torch.zeros(count, 1, size, size)
    for index in range(count):
        mask[index, :, 3 + index : 12 + index, 5 : 12 + 2 * index] = 1
    return Batch(clean, torch.where(mask > 0, fill, clean), mask)


def moved(network: torch.nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {name.split(".")[0] for name, each in network.named_parameters() if not torch.equal(each, before[name])}


def test_paper_networks_have_the_published_size():
    """6.07 M; 25.8 M at 256 pixels, 19.3 M at 128, and 2,049 where they meet."""
    assert weights_of(CompletionNet(CompletionShape())) == 6_069_155
    assert weights_of(CompletionNet(CompletionShape(3, norm="none", output="linear"))) == 6_064_579  # the seed's 6.06 M
    assert weights_of(Tower(256, 64, 1024, "batch")) == 25_806_400
    assert weights_of(Tower(128, 64, 1024, "batch")) == 19_251_776
    assert weights_of(torch.nn.Linear(2048, 1)) == 2_049


def test_completion_network_has_17_layers_and_the_papers_dilations():
    layers = CompletionNet(CompletionShape()).layers
    convs = [block[0] for block in layers]
    assert len(layers) == 17
    assert [conv.dilation[0] for conv in convs] == [1] * 6 + [2, 4, 8, 16] + [1] * 7
    assert [conv.out_channels for conv in convs] == [64, 128, 128] + [256] * 9 + [128, 128, 64, 32, 3]
    assert [each for each in range(17) if convs[each].stride == (2, 2)] == [1, 3, 12, 14]


@pytest.mark.parametrize(("side", "convs"), [(256, 6), (160, 6), (128, 5), (64, 4), (32, 3), (96, 5)])
def test_tower_ends_at_four_pixels_or_less(side, convs):
    tower = Tower(side, 2, 4, "none")
    assert len(tower.convs) == convs
    assert tower.convs(torch.zeros(1, 3, side, side)).shape[-1] in (3, 4)
    assert tower(torch.zeros(1, 3, side, side)).shape == (1, 4)


def test_critic_looks_at_both_views():
    critic = GlobalLocalCritic(32, 16, 4, 8, "none")
    images, windows = torch.rand(2, 3, 32, 32, requires_grad=True), torch.rand(2, 3, 16, 16, requires_grad=True)
    logits = critic(images, windows)
    logits.sum().backward()
    assert logits.shape == (2, 1)
    assert images.grad.abs().sum() > 0 and windows.grad.abs().sum() > 0


@pytest.mark.parametrize("norm", NORMS)
def test_every_norm_works(norm):
    layer = norm_layer(norm, 12)
    assert layer(torch.rand(2, 12, 4, 4)).shape == (2, 12, 4, 4)


@pytest.mark.parametrize(
    ("box", "corner"),
    [
        ((10, 20, 10, 20), (7, 7)),  # centred: 3 pixels around a side of 10
        ((0, 4, 28, 32), (0, 16)),  # moved inside
        ((5, 6, 0, 32), (0, 8)),  # wider than the window: its middle
        (None, (8, 8)),  # nothing lost: the middle
    ],
)
def test_window_lies_over_the_hole(box, corner):
    mask = torch.zeros(1, 1, 32, 32)
    if box:
        mask[..., box[0] : box[1], box[2] : box[3]] = 1
    assert hole_corners(mask, 16).tolist() == [list(corner)]


def test_every_small_hole_is_inside_its_window():
    generator = np.random.default_rng(0)
    masks = torch.zeros(200, 1, 40, 56)
    for mask in masks:
        height, width = generator.integers(1, 17, 2)
        y, x = generator.integers(0, (41 - height, 57 - width))
        mask[:, y : y + height, x : x + width] = 1
    assert torch.equal(cut(masks, hole_corners(masks, 16), 16).sum((1, 2, 3)), masks.sum((1, 2, 3)))


def test_windows_are_cut_where_told():
    images = torch.rand(3, 3, 20, 24)
    corners = torch.tensor([[0, 0], [12, 16], [3, 5]])
    windows = cut(images, corners, 8)
    for image, window, (y, x) in zip(images, windows, corners.tolist(), strict=True):
        assert torch.equal(window, image[:, y : y + 8, x : x + 8])


def test_random_windows_reach_every_place():
    corners = random_corners(torch.zeros(3000, 3, 10, 12), 8)
    assert set(corners[:, 0].tolist()) == {0, 1, 2} and set(corners[:, 1].tolist()) == {0, 1, 2, 3, 4}


def test_phases_train_what_they_say():
    data = batch()
    for progress, networks in ((0.0, {"completion"}), (0.17, {"completion"}), (0.19, {"critics"}), (0.2, None)):
        method = small().train()
        before = {name: each.detach().clone() for name, each in method.named_parameters()}
        scalars = method.step(data, progress)
        assert moved(method, before) == (networks or {"completion", "critics"})
        assert ("mse" in scalars) == (networks != {"critics"}) and ("critics" in scalars) == (
            networks != {"completion"}
        )


def test_mean_colour_is_learnt_in_the_first_phase_and_kept():
    method, first, second = small().train(), batch(), batch(5)
    method.step(first, 0.0)
    method.step(second, 0.1)
    mean = torch.cat([first.clean, second.clean]).mean((0, 2, 3))
    torch.testing.assert_close(method.fill.flatten(), mean)
    for progress in (0.19, 0.5, 0.99):
        method.step(Batch(first.clean * 0, first.degraded, first.mask), progress)
    torch.testing.assert_close(method.fill.flatten(), mean)
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    other = small()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other.fill, method.fill) and int(other.seen) == 8


def test_colour_found_in_the_hole_does_not_matter():
    method = small().eval()
    with torch.inference_mode():
        grey, black = (method.restore(each.degraded, each.mask) for each in (batch(), batch(fill=0.0)))
    assert torch.equal(grey, black)


def test_network_is_told_the_hole_where_it_is_black():
    """Without the mask's channel a black hole is black content; with it, the two differ."""
    data = batch()
    black = torch.where(data.mask > 0, 0.0, data.clean)
    nothing = torch.zeros_like(data.mask)
    with torch.inference_mode():
        seed, paper = small("glcic_seed").eval(), small().eval()
        assert torch.equal(seed._complete(black, data.mask), seed._complete(black, nothing))
        assert not torch.equal(paper._complete(black, data.mask), paper._complete(black, nothing))
    assert not seed.fill.any()


@pytest.mark.parametrize("name", METHODS)
def test_only_the_hole_changes(name):
    method, data = small(name).eval(), batch()
    with torch.inference_mode():
        output = method.restore(data.degraded, data.mask)
    outside = (data.mask == 0).expand_as(output)
    assert torch.equal(output[outside], data.degraded[outside])
    assert not torch.equal(output[~outside], data.degraded[~outside])


@pytest.mark.parametrize(("loss", "each"), [("mse", 0.25), ("l1", 0.5)])
def test_error_is_averaged_over_each_hole(loss, each):
    data = batch()
    output = data.clean + 0.5
    assert float(small(loss=loss)._error(output, data)) == pytest.approx(each)
    share = float(data.mask.mean())
    assert float(small(loss=loss, average="picture")._error(output, data)) == pytest.approx(each * share)
    unhurt = Batch(data.clean, data.clean, torch.zeros_like(data.mask))
    assert float(small(loss=loss)._error(output, unhurt)) == 0


def test_critic_sees_the_composite_and_real_windows_as_configured():
    data, seen = batch(), []
    for where in ("random", "same"):
        method = small(real_window=where).train()
        method.critics.register_forward_hook(lambda _, views, __: seen.append(views))
        method.step(data, 0.5)
        fake, real, again = seen[-3:]
        outside = (data.mask == 0).expand_as(fake[0])
        assert torch.equal(fake[0][outside], data.degraded[outside]) and torch.equal(again[0], fake[0])
        assert torch.equal(real[0], data.clean)
        here = cut(data.clean, hole_corners(data.mask, 16), 16)
        assert torch.equal(real[1], here) == (where == "same")


def test_critics_get_no_gradient_from_the_completion_networks_update():
    method = small().train()
    method.step(batch(), 0.19)
    kept = [weight.grad.clone() for weight in method.critics.parameters()]
    method._update_critics = lambda *_: torch.zeros(())
    method.step(batch(), 0.5)
    assert all(torch.equal(w.grad, g) for w, g in zip(method.critics.parameters(), kept, strict=True))


def test_optimizer_can_be_the_papers():
    method = small(optimizer="adadelta", lr=1.0).train()
    for progress in (0.0, 0.19, 0.5):
        assert all(value.isfinite() for value in method.step(batch(), progress).values())
    assert {type(each).__name__ for each in method.optimizers().values()} == {"Adadelta"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fill": "white"}, "fill must be one of mean, black, got 'white'"),
        ({"loss": "huber"}, "loss must be one of"),
        ({"norm": "layer"}, "norm must be one of"),
        ({"output": "tanh"}, "output must be one of"),
        ({"optimizer": "sgd"}, "optimizer must be one of"),
        ({"dilations": (2, 0)}, "dilations must be"),
        ({"base": 1}, "base must be"),
        ({"local": 64}, "local must be at most size = 32, got 64"),
        ({"local": 4}, "at least 8 pixels wide, got 4"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(changes, words):
    with pytest.raises(ValueError, match=words) as caught:
        small(**changes)
    assert "\n" not in str(caught.value)


def test_crop_that_the_critics_do_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\Aglcic's critics are built for crops of 32 pixels, got 64×64; set size\Z"):
        small().train().step(batch(size=64), 0.0)


def test_restoring_asks_for_the_mask():
    with pytest.raises(ValueError, match="give it the mask"):
        small().eval().restore(batch().degraded, None)


def scene(size: int = 96) -> np.ndarray:
    """Smooth colours with an edge in them."""
    y, x = np.mgrid[:size, :size] / size
    waves = np.stack([np.sin(5 * x + 3 * y), np.cos(4 * y), np.sin(6 * x * y)], axis=2)
    picture = 128 + 60 * waves
    picture[:, : size // 2] *= 0.7
    return np.rint(picture).clip(0, 255).astype(np.uint8)


HOLES = {"inside": np.s_[30:61, 20:60], "corner": np.s_[:30, :30], "band": np.s_[:, 40:60], "line": np.s_[20:23, 9:70]}
LIMITS = {"inside": 3, "corner": 5, "band": 3.5, "line": 2.5}  # mean grey levels; the rim of 3 pixels is Telea's guess


@pytest.mark.parametrize("place", HOLES)
@pytest.mark.parametrize("shift", [0, 25])
def test_blending_keeps_gradients_and_takes_the_rims_colours(place, shift):
    """A filling that is right save for its brightness comes out right, wherever the hole is."""
    image, hole = scene(), np.zeros((96, 96), bool)
    hole[HOLES[place]] = True
    filling = np.clip(image.astype(int) + shift, 0, 255).astype(np.uint8)
    degraded = np.where(hole[..., None], 128, image).astype(np.uint8)
    kept = [each.copy() for each in (degraded, filling, hole)]
    output = poisson_fill(degraded, filling, hole)
    assert np.array_equal(output[~hole], image[~hole])
    assert np.abs(output[hole].astype(int) - image[hole]).mean() < LIMITS[place]
    assert all(np.array_equal(a, b) for a, b in zip(kept, (degraded, filling, hole), strict=True))


def test_blending_puts_details_where_they_belong():
    """A dot in the filling's middle is found at the same pixel, whatever the parity of the hole's sides."""
    image = np.full((64, 64, 3), 100, np.uint8)
    for height, width in ((20, 20), (21, 20), (20, 21), (21, 21)):
        hole, filling = np.zeros((64, 64), bool), image.copy()
        hole[15 : 15 + height, 30 : 30 + width] = True
        filling[24, 41] = 200
        output = poisson_fill(image, filling, hole)[..., 0]
        assert np.unravel_index(output.argmax(), output.shape) == (24, 41) and output[24, 41] > 190
        output[24, 41] = 100
        assert np.abs(output.astype(int) - 100).max() <= 2


@pytest.mark.parametrize("lost", [False, True])
def test_blending_takes_an_empty_and_a_full_hole(lost):
    image, filling = scene(), scene()[::-1].copy()
    output = poisson_fill(image, filling, np.full((96, 96), lost))
    assert np.array_equal(output, filling if lost else image)
