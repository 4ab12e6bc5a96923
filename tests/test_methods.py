"""The contract suite, over every method found; then what each of the first methods promises by itself."""

from __future__ import annotations

import dataclasses
import functools
import io
import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from bench.discovery import MethodEntry, discover
from methods.base import Batch, Method
from methods.classical import CellInterpolation, Inpainting, Median
from methods.parts.cells import Grid, find_grid, mosaicked_cells
from methods.parts.noise import AlwaysOnDropout
from methods.parts.patchgan import PatchCritic
from methods.parts.schedule import linear_decay
from methods.parts.unet import UNet, UNetShape
from methods.pix2pix import Pix2Pix
from methods.regressors import DnCnn, ResidualCnn

ROWS: dict[str, MethodEntry] = discover().methods
UNMASK = {"mask_levels": 3, "mask_base": 8, "face_levels": 2, "face_base": 8, "rates": (1, 2), "critic_base": 8}
UNMASK |= {"patch_layers": 2, "perceptual": "critic", "lr": 1e-3}
SMALL = {  # class -> changes that make its tests quick; the default configuration where none is given
    "Pix2Pix": {"levels": 4, "base": 8, "dropout_blocks": 2, "patch_layers": 2, "critic_base": 8, "lr": 1e-3},
    "DnCnn": {"depth": 4, "width": 8},
    "DotCsv": {"levels": 4, "base": 8, "dropout_blocks": 2, "patch_layers": 2, "critic_base": 8, "lr": 1e-3},
    "ImageCompletion": {
        "size": 64,
        "local": 32,
        "base": 8,
        "dilations": (2, 4),
        "critic_base": 8,
        "features": 16,
        "lr": 1e-3,
    },
    "NafNet": {"width": 8, "enc": (1, 1), "mid": 1, "dec": (1, 1)},
    "Lama": {"base": 8, "downs": 2, "blocks": 2, "critic_base": 8, "critic_layers": 3},
    "ARNet": {"width": 16, "encoder": "scratch", "encoder_width": 0.25, "perceptual": "none", "critic_base": 4},
    "Unmask": UNMASK,
    "UnmaskOracle": UNMASK,
    "UnmaskV1": {"mask_levels": 3, "face_levels": 4, "base": 8, "critic_base": 8, "patch_layers": 2, "lr": 1e-3},
}
PROGRESS = (0.0, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.99)  # meets every phase of a method that has phases


def small(name: str, seed: int = 0) -> Method:
    """A fresh small method."""
    torch.manual_seed(seed)
    entry = ROWS[name]
    return entry.cls(dataclasses.replace(entry.config, **SMALL.get(entry.cls.__name__, {})))


TRAINED = [name for name in ROWS if small(name).optimizers()]
BLIND = [name for name in ROWS if not ROWS[name].cls.needs_mask]
every_row = pytest.mark.parametrize("name", ROWS)
every_trained_row = pytest.mark.parametrize("name", TRAINED)


def damaged(count: int = 4, size: int = 64, seed: int = 0) -> Batch:
    """Smooth pictures on the 8-bit grid, each with a grey hole of its own."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 6, 6), generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    clean = (clean.clamp(0, 1) * 255).round() / 255
    mask = torch.zeros(count, 1, size, size)
    for each, (top, left) in zip(mask, torch.randint(0, size // 2, (count, 2), generator=generator), strict=True):
        each[:, top : top + size // 3, left : left + size // 3] = 1
    return Batch(clean, torch.where(mask > 0, 128 / 255, clean), mask)


@functools.cache
def taught(name: str) -> Method:
    """A small method after two steps, in eval mode; not to be changed by a test."""
    method = small(name).train()
    for progress in (0.0, 0.5):
        method.step(damaged(), progress)
    return method.eval()


def restored(method: Method, degraded: Tensor, mask: Tensor | None) -> Tensor:
    """As the harness does: padded to the method's multiple, restored, cropped."""
    height, width = degraded.shape[2:]
    pads = ((0, 0), (0, 0), (0, -height % method.multiple_of), (0, -width % method.multiple_of))
    padded = [
        None if each is None else torch.from_numpy(np.pad(each.numpy(), pads, mode="reflect"))
        for each in (degraded, mask)
    ]
    with torch.inference_mode():
        return method.restore(padded[0], padded[1])[..., :height, :width]


def told(name: str, mask: Tensor) -> Tensor | None:
    """The mask for methods that cannot do without, None for the others."""
    return mask if ROWS[name].cls.needs_mask else None


def test_first_methods_are_found():
    names = "identity telea navier_stokes median tv cell_interpolation pix2pix unet_l1 dncnn"
    assert set(names.split()) <= set(ROWS)


@every_row
def test_declares_itself(name):
    method, entry = small(name), ROWS[name]
    assert method.tasks and method.tasks <= {"mosaic", "jpeg", "erase", "facemask", "hole"}
    assert isinstance(method.multiple_of, int) and method.multiple_of >= 1
    assert entry.cls.__doc__ and entry.cls.__doc__ != Method.__doc__
    assert dataclasses.is_dataclass(entry.config) and type(entry.config)() is not None  # every setting has a default
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.config.anything = 1


@every_trained_row
def test_training_moves_every_weight(name):
    method = small(name).train()
    before = {key: weight.detach().clone() for key, weight in method.named_parameters() if weight.requires_grad}
    for progress in PROGRESS:
        scalars = method.step(damaged(), progress)
        assert scalars
        assert all(value.isfinite() and not value.requires_grad for value in scalars.values())
    still = [key for key, weight in method.named_parameters() if key in before and torch.equal(weight, before[key])]
    assert not still
    assert all(weight.requires_grad for key, weight in method.named_parameters() if key in before)


@every_trained_row
def test_optimizers_hold_every_weight_once(name):
    method = small(name)
    held = [id(w) for each in method.optimizers().values() for group in each.param_groups for w in group["params"]]
    assert sorted(held) == sorted(id(weight) for weight in method.parameters() if weight.requires_grad)
    again = method.optimizers()
    assert all(again[key] is each for key, each in method.optimizers().items())  # else a checkpoint saves others


@every_trained_row
def test_resumed_training_equals_undisturbed(name):
    batches = [damaged(seed=seed) for seed in range(5)]
    straight = small(name).train()
    for index in range(3):
        straight.step(batches[index], index / 5)
    file = io.BytesIO()
    optimizers = {key: each.state_dict() for key, each in straight.optimizers().items()}
    torch.save((straight.state_dict(), optimizers, torch.get_rng_state()), file)
    for index in (3, 4):
        straight.step(batches[index], index / 5)

    resumed = small(name, seed=1).train()
    file.seek(0)
    weights, optimizers, rng = torch.load(file, weights_only=True)
    resumed.load_state_dict(weights)
    for key, each in resumed.optimizers().items():
        each.load_state_dict(optimizers[key])
    torch.set_rng_state(rng)
    for index in (3, 4):
        resumed.step(batches[index], index / 5)
    final = resumed.state_dict()
    assert [key for key, value in straight.state_dict().items() if not torch.equal(value, final[key])] == []


@every_trained_row
def test_other_seed_gives_other_weights(name):
    first, same, other = small(name).state_dict(), small(name).state_dict(), small(name, seed=1).state_dict()
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_row
def test_restores_pictures(name):
    method, batch = taught(name), damaged()
    kept = [each.clone() for each in (batch.degraded, batch.mask)]
    output = restored(method, batch.degraded, told(name, batch.mask))
    assert output.shape == batch.degraded.shape and output.dtype == torch.float32
    assert output.min() >= 0 and output.max() <= 1
    assert torch.equal(batch.degraded, kept[0]) and torch.equal(batch.mask, kept[1])


@every_trained_row
def test_step_leaves_its_batch_alone(name):
    batch, same = damaged(), damaged()
    small(name).train().step(batch, 0.0)
    assert torch.equal(batch.clean, same.clean) and torch.equal(batch.degraded, same.degraded)
    assert torch.equal(batch.mask, same.mask)


@every_row
def test_one_picture_does_not_affect_another(name):
    method, batch = taught(name), damaged()
    together = restored(method, batch.degraded, told(name, batch.mask))
    for index in range(4):
        one = slice(index, index + 1)
        alone = restored(method, batch.degraded[one], told(name, batch.mask[one]))
        torch.testing.assert_close(alone, together[one], rtol=0, atol=1e-5)  # another batch, another summation order


@every_row
def test_restoring_repeats_and_draws_nothing(name):
    method, batch = taught(name), damaged()
    weights = {key: value.clone() for key, value in method.state_dict().items()}
    torch.manual_seed(1)
    first = restored(method, batch.degraded, told(name, batch.mask))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(first, restored(method, batch.degraded, told(name, batch.mask)))
    assert torch.equal(state, torch.get_rng_state())  # else scoring would change the training that follows
    assert all(torch.equal(value, weights[key]) for key, value in method.state_dict().items())


@every_row
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_takes_an_empty_and_a_full_mask(name, fill):
    batch = damaged(2)
    output = restored(taught(name), batch.degraded, torch.full_like(batch.mask, fill))
    assert output.shape == batch.degraded.shape and output.isfinite().all()


@pytest.mark.parametrize("name", BLIND)
def test_blind_method_takes_the_mask_too(name):
    batch = damaged(2)
    for mask in (None, batch.mask):
        assert restored(taught(name), batch.degraded, mask).isfinite().all()


@every_row
@pytest.mark.parametrize("size", [(64, 64), (96, 96), (97, 131), (256, 256)])
def test_restores_any_size(name, size):
    batch = damaged(1, max(size), seed=3)
    degraded, mask = batch.degraded[..., : size[0], : size[1]], batch.mask[..., : size[0], : size[1]]
    assert restored(taught(name), degraded, told(name, mask)).shape[2:] == size


@pytest.mark.slow
@every_trained_row
def test_learns_one_batch(name):
    batch, method = damaged(), small(name).train()
    for index in range(200):
        method.step(batch, index / 200)
    output = restored(method.eval(), batch.degraded, told(name, batch.mask))
    assert (output - batch.clean).square().mean() < (batch.degraded - batch.clean).square().mean()


def weights_of(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(("levels", "count"), [(8, 54_413_955), (7, 41_828_995)])
def test_paper_generator_has_the_published_layers(levels, count):
    assert weights_of(UNet(UNetShape(levels=levels, norm="batch"))) == count


def test_paper_critic_has_the_published_layers():
    assert weights_of(PatchCritic(norm="batch")) == 2_768_705


def test_mossaic_is_what_erase_mosaic_runs():
    """Five levels, no dropout, biases beside batch norm (16.66 M weights), one rate to the end."""
    entry = ROWS["mossaic"]
    with torch.device("meta"):
        method = entry.cls(entry.config)
    assert weights_of(method.generator) == 16_661_507
    assert weights_of(method.critic) == 2_768_705 + 128 + 256 + 512  # the published one, with biases
    assert not any(isinstance(layer, AlwaysOnDropout) for layer in method.modules())
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in method.modules())
    assert linear_decay(0.99, entry.config.decay_from) == 1.0


@pytest.mark.parametrize("side", [64, 128, 224, 256])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_critic_map_has_one_logit_per_patch(side, layers):
    critic = PatchCritic(6, 2, layers)
    assert critic(torch.zeros(1, 6, side, side)).shape == (1, 1, side // 2**layers - 2, side // 2**layers - 2)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_critic_sees_a_patch(layers, field):
    critic = PatchCritic(1, 2, layers)
    critic.layers = torch.nn.Sequential(*(e for e in critic.layers if not isinstance(e, torch.nn.InstanceNorm2d)))
    picture = torch.rand(1, 1, 128, 128, requires_grad=True)
    logits = critic(picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = picture.grad[0, 0].abs().sum(1).nonzero()
    assert int(seen.max() - seen.min()) + 1 == field


def test_generator_has_no_norm_where_the_map_is_one_pixel():
    network = UNet(UNetShape(levels=4, base=2, dropout_blocks=1)).train()
    assert network(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    assert [type(layer).__name__ for layer in network.downs[-1]] == ["LeakyReLU", "Conv2d"]


def test_dropout_works_on_and_off_training():
    layer, features = AlwaysOnDropout(0.5, seed=3), torch.ones(4, 8, 16, 16)
    assert not torch.equal(layer(features), layer(features))
    layer.eval()
    fixed = layer(features)
    assert torch.equal(fixed, layer(features))
    assert all(torch.equal(each, fixed[0]) for each in fixed)
    assert set(fixed.unique().tolist()) == {0.0, 2.0} and abs(float(fixed.mean()) - 1) < 0.1
    assert not torch.equal(fixed, AlwaysOnDropout(0.5, seed=4).eval()(features))


def test_exported_generator_draws_the_same_noise():
    network, picture = small("pix2pix").eval().generator, damaged(1).degraded
    with torch.no_grad():
        exported = torch.export.export(network, (picture,)).module()
        for _ in range(2):
            assert torch.equal(exported(picture), network(picture))


def test_noise_seed_decides_what_a_trained_generator_draws():
    config = Pix2Pix.Config(**SMALL["Pix2Pix"])
    methods = [Pix2Pix(dataclasses.replace(config, noise_seed=seed)).eval() for seed in (0, 100)]
    methods[1].load_state_dict(methods[0].state_dict())
    outputs = [restored(method, damaged().degraded, None) for method in methods]
    assert not torch.equal(*outputs)


def test_unet_l1_is_pix2pix_without_its_critic():
    gan, regressor = small("pix2pix"), small("unet_l1")
    assert regressor.critic is None and set(regressor.optimizers()) == {"generator"}
    mine, theirs = regressor.state_dict(), gan.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in mine.items())  # one seed, one starting point


def test_critic_learns_only_from_its_own_loss():
    """The generator's update must leave no gradient in the critic."""
    method = small("pix2pix").train()
    method.step(damaged(), 0.0)
    gradients = [weight.grad.clone() for weight in method.critic.parameters()]
    batch = damaged()
    method._update_generator(batch.degraded, batch.clean, method.generator(batch.degraded))
    assert all(torch.equal(w.grad, g) for w, g in zip(method.critic.parameters(), gradients, strict=True))


def test_one_fake_serves_both_updates():
    method, calls = small("pix2pix").train(), []
    method.generator.register_forward_hook(lambda *_: calls.append(1))
    method.step(damaged(), 0.0)
    assert len(calls) == 1


def test_critic_learns_to_tell():
    method = small("pix2pix").train()
    losses = [method.step(damaged(), 0.0)["critic"].item() for _ in range(20)]
    assert losses[-1] < losses[0]


def test_composite_keeps_what_was_not_lost():
    method = Pix2Pix(Pix2Pix.Config(**SMALL["Pix2Pix"], composite=True)).eval()
    batch = damaged()
    output = restored(method, batch.degraded, batch.mask)
    outside = (batch.mask == 0).expand_as(output)
    assert torch.equal(output[outside], batch.degraded[outside])
    assert not torch.equal(output[~outside], batch.degraded[~outside])


def test_learning_rate_holds_then_falls_to_zero():
    assert [linear_decay(progress) for progress in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert linear_decay(0.99, start=1.0) == 1.0
    method = small("pix2pix").train()
    method.step(damaged(), 0.75)
    rates = {group["lr"] for each in method.optimizers().values() for group in each.param_groups}
    assert rates == {method.config.lr / 2}


@pytest.mark.parametrize(
    "build",
    [
        lambda: Pix2Pix(Pix2Pix.Config(norm="layer")),
        lambda: Pix2Pix(Pix2Pix.Config(levels=1)),
        lambda: Pix2Pix(Pix2Pix.Config(levels=6, base=4, dropout_blocks=6)),
        lambda: PatchCritic(layers=0),
        lambda: AlwaysOnDropout(1.0, 0),
        lambda: DnCnn(DnCnn.Config(loss="huber")),
        lambda: DnCnn(DnCnn.Config(depth=1)),
        lambda: Inpainting(Inpainting.Config("nearest")),
        lambda: Median(Median.Config(4)),
        lambda: CellInterpolation(CellInterpolation.Config("centre")),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A.*\d.*\Z|\A.*got.*\Z|\A.*must be.*\Z") as caught:
        build()
    assert "\n" not in str(caught.value)


def test_dncnn3_has_the_published_layers():
    """20 layers of 64 channels, gray: the sum over the authors' own file."""
    assert weights_of(ResidualCnn(1, 20, 64)) == 665_921


def test_dncnn_starts_near_the_identity():
    torch.manual_seed(0)
    pictures = damaged().degraded
    with torch.no_grad():
        change = (ResidualCnn()(pictures) - pictures).abs()
    assert 0 < float(change.mean()) < 0.05


def test_dncnn_with_batch_norm_drops_the_hidden_biases():
    plain, normed = (weights_of(ResidualCnn(3, 17, 64, batch_norm)) for batch_norm in (False, True))
    assert normed == plain + 15 * 64  # scale and shift instead of a bias


def test_dncnn3_weights_reach_the_published_gain():
    """The authors' weights in our layers: classic5, JPEG quality 10, about 28.8 -> 29.4 dB (Zhang et al. 2017)."""
    folders = [os.environ.get(key, "") for key in ("RESTOREBENCH_WEIGHTS", "RESTOREBENCH_DATA")]
    weights, pictures = Path(folders[0], "dncnn3_gray.pth"), sorted(Path(folders[1], "classic5").glob("*.png"))
    if not (all(folders) and weights.exists() and pictures):
        pytest.skip("needs dncnn3_gray.pth in RESTOREBENCH_WEIGHTS and classic5 in RESTOREBENCH_DATA")
    network = ResidualCnn(1, 20, 64).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    gains = []
    for path in pictures[:2]:
        clean = Image.open(path).convert("L").crop((128, 128, 384, 384))
        file = io.BytesIO()
        clean.save(file, "JPEG", quality=10)
        clean, degraded = (torch.from_numpy(np.asarray(each, np.float32) / 255) for each in (clean, Image.open(file)))
        with torch.inference_mode():
            output = network(degraded[None, None])[0, 0].clamp(0, 1)
        errors = [(each - clean).square().mean() for each in (degraded, output)]
        gains.append(float(10 * torch.log10(errors[0] / errors[1])))
    assert min(gains) > 0.3 and sum(gains) / len(gains) > 0.5


PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


@functools.cache
def photograph(name: str, size: int) -> np.ndarray:
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    side = min(image.size)
    return np.asarray(image.crop((0, 0, side, side)).resize((size, size), Image.Resampling.LANCZOS))


def mosaic(image: np.ndarray, grid: Grid, top_left: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A disc of cells of the grid filled, as Erase Mossaic does; returns picture and mask (bool H×W)."""
    output, lost = image.copy(), np.zeros(image.shape[:2], bool)
    height, width = lost.shape
    for top in grid.rows(height):
        for left in grid.columns(width):
            if (top - height / 2) ** 2 + (left - width / 2) ** 2 < 0.1 * height * width:
                cell = np.s_[max(top, 0) : top + grid.size, max(left, 0) : left + grid.size]
                block = image[cell]
                output[cell] = block[0, 0] if top_left else np.rint(block.mean(axis=(0, 1)))
                lost[cell] = True
    return output, lost


def psnr(image: np.ndarray, reference: np.ndarray, where: np.ndarray) -> float:
    difference = image[where].astype(float) - reference[where]
    return float(-10 * np.log10(np.square(difference).mean() / 255**2))


@pytest.mark.parametrize("picture", PHOTOGRAPHS)
@pytest.mark.parametrize("size", [4, 5, 8, 12, 16])
def test_mosaic_is_found_at_every_cell_size_and_phase(picture, size):
    for top, left in ((0, 0), (1, size - 1), (size // 2, 3)):
        image, grid = photograph(picture, 128), Grid(size, top, left)
        degraded, lost = mosaic(image, grid)
        assert find_grid(degraded) == grid
        cells = mosaicked_cells(degraded, grid)
        truth = lost[np.ix_(np.maximum(grid.rows(128), 0), np.maximum(grid.columns(128), 0))]
        assert not (cells & ~truth).any()
        missed = (truth & ~cells).sum()  # two cells of one colour side by side are left out: smooth content
        assert missed < 0.2 * truth.sum()


@pytest.mark.parametrize("picture", PHOTOGRAPHS)
@pytest.mark.parametrize("size", [64, 128, 300])
def test_picture_without_mosaic_is_left_alone(picture, size):
    image = photograph(picture, size)
    method = CellInterpolation(CellInterpolation.Config())
    assert np.array_equal(method.restore_picture(image, None), image)


@pytest.mark.parametrize(("top_left", "gain"), [(False, 0.5), (True, 1.5)])
def test_cell_interpolation_beats_the_mosaic(top_left, gain):
    """Blind to size, phase and fill. Gains in dB inside the mosaic, over 4 photographs at 128 pixels."""
    method = CellInterpolation(CellInterpolation.Config())
    gains = []
    for size in (6, 8, 16):
        for name in PHOTOGRAPHS:
            image = photograph(name, 128)
            degraded, lost = mosaic(image, Grid(size, 2, 3), top_left)
            output = method.restore_picture(degraded, None)
            assert np.array_equal(output[~lost], degraded[~lost])
            gains.append(psnr(output, image, lost) - psnr(degraded, image, lost))
    assert np.mean(gains) > gain


def test_cell_interpolation_leaves_sky_alone():
    """Something flat, its edge off the grid, beside a mosaic: only the mosaic changes."""
    image = photograph("astronaut", 128).copy()
    image[:29] = (120, 160, 220)
    image[100:, :37] = 0
    degraded, lost = mosaic(image, Grid(8, 0, 0))
    output = CellInterpolation(CellInterpolation.Config()).restore_picture(degraded, None)
    assert np.array_equal(output[~lost], degraded[~lost])
    assert psnr(output, image, lost) > psnr(degraded, image, lost)


@pytest.mark.parametrize("flat", [0, 77, 255])
def test_cell_interpolation_takes_flat_and_tiny_pictures(flat):
    method = CellInterpolation(CellInterpolation.Config())
    for size in ((3, 3), (5, 64), (64, 64)):
        image = np.full((*size, 3), flat, np.uint8)
        assert np.array_equal(method.restore_picture(image, None), image)


@pytest.mark.parametrize("name", ["telea", "navier_stokes"])
def test_inpainting_fills_only_the_hole(name):
    batch = damaged()
    output = restored(small(name), batch.degraded, batch.mask)
    lost = (batch.mask > 0).expand_as(output)
    torch.testing.assert_close(output[~lost], batch.degraded[~lost], rtol=0, atol=1e-6)  # 8 bits there and back
    errors = [(each - batch.clean).square().mean() for each in (output, batch.degraded)]
    assert errors[0] < 0.5 * errors[1]


def test_inpainting_asks_for_its_mask():
    with pytest.raises(ValueError, match="give it the mask"):
        restored(small("telea"), damaged().degraded, None)


@pytest.mark.parametrize("name", ["median", "tv"])
def test_smoothing_takes_noise_away(name):
    clean = damaged().clean
    noisy = (clean + 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))).clamp(0, 1)
    output = restored(small(name), noisy, None)
    assert (output - clean).square().mean() < 0.7 * (noisy - clean).square().mean()


def test_identity_gives_back_what_it_got():
    degraded = damaged().degraded
    assert torch.equal(restored(small("identity"), degraded, None), degraded)
