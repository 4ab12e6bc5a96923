"""The battery: what every metric must obey, in one table, then reference values, regions, traps and weights."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import piq
import pytest
import skimage.data
import skimage.metrics
import torch

from bench.errors import UserError
from bench.metrics import (
    METRICS,
    Unavailable,
    collect,
    distribution,
    load,
    perceptual,
    regions,
    unavailable,
)
from bench.metrics.__main__ import page
from bench.metrics.apply import score_pair
from pretrained.perceptual import build_features, lpips_network

ROOT = Path(__file__).parents[1]
DATA = os.environ.get("RESTOREBENCH_DATA")
CPU = torch.device("cpu")

# id: value of identical pictures, lowest and highest legal value, symmetric?
PAIRS = {
    "psnr": (100, 0, 100, True),
    "psnr_y": (100, 0, 100, True),
    "psnr_b": (None, 0, 100, False),  # the truth's own edges may lie on the grid
    "ssim": (1, -1, 1, True),
    "ssim_y": (1, -1, 1, True),
    "ssim_uniform8": (1, -1, 1, True),
    "ms_ssim": (1, 0, 1, True),
    "lpips_alex": (0, 0, 2, True),
    "lpips_vgg": (0, 0, 2, True),
    "lpips_squeeze": (0, 0, 2, True),
    "dists": (0, 0, 1, True),
    "fsim": (1, 0, 1, True),
    "vif": (1, 0, 2, False),
    "gmsd": (0, 0, 1, True),
    "haarpsi": (1, 0, 1, True),
}
SINGLES = ("brisque", "brisque_pybrisque", "niqe", "niqe_live", "niqe_skvideo")  # in test_naturalness.py
SETS = ("fid", "kid", "fid_squeeze")
BY_REGION = ("psnr", "psnr_y", "psnr_b", "ssim", "ssim_y", "ssim_uniform8", "ms_ssim", "lpips_squeeze")
FEW = 1e-5  # order of summation in float32 networks and in vectorised loops


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "1")


def need(metric_id):
    """Skip, with the reason, where a metric's weights are not here."""
    reason = unavailable(METRICS[metric_id])
    if reason:
        pytest.skip(reason)
    return load(metric_id)


def photographs(*, height=200, width=208):
    """Three crops of the astronaut photograph, float 3×3×H×W in [0, 1]."""
    picture = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1) / 255
    corners = ((0, 60), (100, 250), (290, 120))
    return torch.stack([picture[:, top : top + height, left : left + width] for top, left in corners])


def noisy(pictures, strength, seed=0):
    """Pictures with Gaussian noise, clipped."""
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed))
    return (pictures + strength * noise).clamp(0, 1)


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_covers_the_battery():
    elsewhere = {"mask_iou", "face_identity", "consistency_mosaic", "consistency_jpeg", "consistency_kept"}
    assert {each.id for each in METRICS.values() if each.kind != "cost"} == {*PAIRS, *SINGLES, *SETS, *elsewhere}


def test_mask_iou_by_hand():
    """Values by hand: 4 of 12 pixels shared, 0 shared, equal, both empty."""
    true, predicted = torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8)
    true[:3, :, 0:2, 0:4] = 1
    predicted[0, :, 0:2, 2:6] = 1
    predicted[1, :, 5:7, 0:4] = 1
    predicted[2] = true[2]
    score = load("mask_iou")
    assert score(predicted, true).tolist() == pytest.approx([4 / 12, 0, 1, 1])
    assert score(predicted, true).tolist() == score(true, predicted).tolist(), "symmetric"


@pytest.mark.parametrize("metric_id", PAIRS)
def test_pair(metric_id):
    score = need(metric_id)
    identity, low, high, symmetric = PAIRS[metric_id]
    truth = photographs()
    slight, strong = noisy(truth, 0.02), noisy(truth, 0.1)

    if identity is not None:
        assert score(truth, truth).tolist() == pytest.approx([identity] * 3, abs=3e-6), "float32 in piq"
    near, far = score(slight, truth), score(strong, truth)
    assert near.shape == (3,) and near.dtype == torch.float64 and near.device == CPU
    for values in (near, far):
        assert ((values >= low) & (values <= high)).all()
    gain = near - far if METRICS[metric_id].higher_is_better else far - near
    assert (gain > METRICS[metric_id].matters).all(), "five times the noise must be clearly worse"
    swapped = (score(truth, strong) - far).abs().max().item()
    assert swapped < 1e-6 * max(1, high) if symmetric else swapped > 1e-3
    alone = torch.cat([score(strong[i : i + 1], truth[i : i + 1]) for i in range(3)])
    assert torch.allclose(alone, far, rtol=0, atol=FEW)


@pytest.mark.parametrize("metric_id", SETS)
def test_set(metric_id):
    score = need(metric_id)
    truth = torch.cat([photographs(height=64, width=64), photographs(height=64, width=64).flip(3)])
    slight, strong = noisy(truth, 0.02), noisy(truth, 0.2)
    near, far = score(slight, truth), score(strong, truth)
    assert near.shape == () and near.dtype == torch.float64
    assert near < far
    assert score(truth, strong).item() == pytest.approx(far.item(), rel=1e-6)
    assert score(truth, truth[:, :, :32, :32]).isfinite(), "the sets may differ in size"
    metric = METRICS[metric_id]
    alone = torch.cat([metric.features(each[None]) for each in truth])
    together = metric.features(truth)
    assert torch.allclose(alone, together, rtol=0, atol=FEW * together.abs().max().item())
    assert score(truth, truth).item() == pytest.approx(0, abs=1e-6) or metric_id == "kid"


@pytest.mark.parametrize("metric_id", [*PAIRS, *SETS])
def test_smallest_side(metric_id):
    score, side = need(metric_id), METRICS[metric_id].min_side

    def call(height, width):
        picture = noisy(torch.full((2, 3, height, width), 0.5), 0.1)
        return score(picture, noisy(picture, 0.05, seed=1))

    assert call(side, side + 3).isfinite().all()
    if side > 1:
        with pytest.raises(ValueError, match=f"{metric_id} needs at least {side} px"):
            call(side + 3, side - 1)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_declaration(metric):
    assert len(metric.fingerprint()) == 12 and metric.matters > 0 and metric.library and metric.source
    assert "\n" not in metric.definition and metric.definition.strip() == metric.definition
    assert replace(metric, definition=metric.definition + ".").fingerprint() != metric.fingerprint()


# --- values from outside ---------------------------------------------------------------------------------------------


def test_psnr_equals_scikit_image():
    truth = photographs(height=97, width=121)
    restored = noisy(truth, 0.07).mul(255).round().div(255)
    for ours, x, y in zip(load("psnr")(restored, truth), restored.numpy(), truth.numpy(), strict=True):
        theirs = skimage.metrics.peak_signal_noise_ratio(y.astype(float), x.astype(float), data_range=1)
        assert ours.item() == pytest.approx(theirs, rel=1e-12)


# --- regions ---------------------------------------------------------------------------------------------------------


def box(shape, top, left, bottom, right):
    """A mask N×1×H×W that is 1 in a rectangle."""
    mask = torch.zeros(shape[0], 1, *shape[2:])
    mask[:, :, top:bottom, left:right] = 1
    return mask


@pytest.mark.parametrize("metric_id", BY_REGION)
def test_regions(metric_id):
    score = need(metric_id)
    metric = METRICS[metric_id]
    truth = photographs(height=222, width=262)  # ms_ssim needs centres beside the damage
    mask = box(truth.shape, 30, 30, 150, 120)
    damaged = torch.where(mask == 1, noisy(truth, 0.2), truth).mul(255).round().div(255)
    parts = regions(mask)
    maps = torch.cat([*parts.values(), torch.zeros_like(mask)], dim=1)
    scores = dict(zip([*parts, "empty"], metric.compute(damaged, truth, maps).T, strict=True))

    assert torch.allclose(scores["whole"], score(damaged, truth), rtol=0, atol=1e-9)
    assert torch.equal(score(damaged, truth, torch.ones_like(mask)), score(damaged, truth))
    assert torch.allclose(score(damaged, truth, mask), scores["lost"], rtol=0, atol=1e-9)
    assert scores["empty"].isnan().all()
    better = torch.gt if metric.higher_is_better else torch.lt
    assert better(scores["whole"], scores["lost"]).all() and better(scores["kept"], scores["whole"]).all()
    if metric_id in ("psnr", "psnr_y", "ssim", "ssim_y", "ssim_uniform8"):
        untouched = box(truth.shape, 0, 126, 222, 262)  # no window from here reaches the damage
        assert score(damaged, truth, untouched).tolist() == pytest.approx([PAIRS[metric_id][0]] * 3, abs=1e-12)


def test_pixel_and_window_regions_equal_crops():
    truth = photographs()
    restored = noisy(truth, 0.1)
    mask = box(truth.shape, 40, 50, 100, 130)
    for metric_id, before, after in (
        ("psnr", 0, 0), ("psnr_y", 0, 0), ("ssim", 5, 5), ("ssim_y", 5, 5), ("ssim_uniform8", 4, 3),
    ):  # fmt: skip
        inside = (..., slice(40 - before, 100 + after), slice(50 - before, 130 + after))
        score = load(metric_id)
        part, crop = score(restored, truth, mask), score(restored[inside], truth[inside])
        assert torch.allclose(part, crop, rtol=0, atol=1e-7), f"{metric_id}: float32 rows of other lengths"


def test_lpips_region_is_the_mean_of_its_spatial_map():
    need("lpips_squeeze")
    truth = photographs(height=70, width=90)
    restored = noisy(truth, 0.1)
    mask = box(truth.shape, 10, 20, 50, 80)
    model = lpips_network("squeeze", CPU)
    x, y = (each.mul(255).round().div(255) * 2 - 1 for each in (restored, truth))
    model.spatial = True
    try:
        spatial = model(x, y)
    finally:
        model.spatial = False
    wanted = (spatial * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    assert torch.allclose(load("lpips_squeeze")(restored, truth, mask), wanted.double(), rtol=0, atol=1e-6)
    assert torch.allclose(load("lpips_squeeze")(restored, truth), model(x, y).flatten().double(), rtol=0, atol=1e-7)


def test_blocking_is_seen_where_it_is():
    truth = torch.full((1, 3, 64, 64), 0.5)
    blocks = truth.clone()
    blocks[..., 8:16] += 0.1  # two upright edges on the grid
    shifted = truth.clone()
    shifted[..., 12:20] += 0.1  # the same off the grid
    assert load("psnr")(blocks, truth) == load("psnr")(shifted, truth)
    assert load("psnr_b")(blocks, truth) < load("psnr")(blocks, truth) - 0.5
    assert load("psnr_b")(shifted, truth) == load("psnr")(shifted, truth)
    away = box(truth.shape, 0, 0, 64, 8)  # left of the first edge: no pair of neighbours crosses the damage
    assert load("psnr_b")(blocks, truth, away) == 100
    colour = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1)
    assert load("psnr_b")(blocks * colour, truth * colour) < load("psnr")(blocks * colour, truth * colour)


def test_region_masks():
    dot = box((2, 3, 40, 50), 20, 25, 21, 26)
    parts = regions(dot)
    sizes = {name: part.sum((1, 2, 3)).tolist() for name, part in parts.items()}
    assert sizes == {"whole": [2000] * 2, "lost": [1] * 2, "boundary": [17 * 17 - 1] * 2, "kept": [1999] * 2}
    assert torch.equal(parts["boundary"] + parts["lost"], box((2, 3, 40, 50), 12, 17, 29, 34))
    assert all(part.dtype == torch.float32 and part.shape == dot.shape for part in parts.values())
    everywhere = regions(torch.ones(1, 1, 9, 9))
    assert [name for name, part in everywhere.items() if part.any()] == ["whole", "lost"]
    nowhere = regions(torch.zeros(1, 1, 9, 9))
    assert [name for name, part in nowhere.items() if part.any()] == ["whole", "kept"]
    with pytest.raises(ValueError, match="N×1×H×W"):
        regions(torch.ones(1, 3, 9, 9))


# --- traps -----------------------------------------------------------------------------------------------------------

PICTURE = photographs(height=32, width=36)
BAD = {
    "0 to 255": (PICTURE * 255, "divide"),
    "-1 to 1": (PICTURE * 2 - 1, r"\(x \+ 1\) / 2"),
    "a little over": (PICTURE + 0.5, "clip"),
    "uint8": ((PICTURE * 255).to(torch.uint8), "float"),
    "nan": (torch.where(PICTURE > 0.5, torch.nan, PICTURE), "NaN"),
    "gray": (PICTURE[:, :1], "RGB"),
    "alpha": (torch.cat([PICTURE, PICTURE[:, :1]], 1), "no alpha"),
    "no batch": (PICTURE[0], "N×3×H×W"),
    "no pictures": (PICTURE[:0], "N×3×H×W"),
    "array": (PICTURE.numpy(), "tensor"),
}


@pytest.mark.parametrize("bad", BAD)
def test_wrong_input_is_one_clear_line(bad):
    pictures, hint = BAD[bad]
    for call in (lambda: load("psnr")(pictures, PICTURE), lambda: load("brisque")(pictures)):
        with pytest.raises(ValueError, match=f"^restored: .*{hint}") as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=f"^reference: .*{hint}"):
        load("ssim")(PICTURE, pictures)


def test_wrong_pairs_and_masks():
    with pytest.raises(ValueError, match="differ: 3×3×32×36 on cpu and 3×3×32×35 on cpu"):
        load("psnr")(PICTURE, PICTURE[..., :35])
    with pytest.raises(ValueError, match="mask: expected 3×1×32×36"):
        load("psnr")(PICTURE, PICTURE, torch.ones(3, 3, 32, 36))
    with pytest.raises(ValueError, match="only 0 and 1"):
        load("psnr")(PICTURE, PICTURE, torch.full((3, 1, 32, 36), 0.5))
    with pytest.raises(UserError, match="did you mean 'ssim'"):
        load("sim")
    with pytest.raises(UserError, match="'flops' is a cost"):
        load("flops")


def test_scores_are_those_of_the_saved_picture():
    """A hair over the range is clipped, a difference below half a grey level vanishes, float64 is welcome."""
    exact = PICTURE.mul(255).round().div(255)
    assert (load("psnr")(exact + 0.0015 * (exact < 0.9), exact) == 100).all()
    assert (load("psnr")(PICTURE * 0 + 1.0009, PICTURE * 0 + 1) == 100).all()
    doubled = load("ssim")(noisy(exact, 0.1).double(), exact.double())
    assert torch.equal(doubled, load("ssim")(noisy(exact, 0.1), exact))


@pytest.mark.parametrize("metric_id", PAIRS)
def test_flat_pictures(metric_id):
    """Black against black is perfect; black against white is finite and not."""
    score = need(metric_id)
    black, white = torch.zeros(1, 3, 176, 176), torch.ones(1, 3, 176, 176)
    assert score(black, black).item() == pytest.approx(100 if metric_id == "psnr_b" else PAIRS[metric_id][0], abs=1e-6)
    assert score(black, white).isfinite().all()
    if metric_id == "psnr":
        assert score(black, white).item() == 0


def test_a_metric_without_weights_is_unavailable(no_weights):
    assert "not found: vgg16-397923af.pth" in unavailable(METRICS["lpips_vgg"])
    assert "not found: pt_inception" in unavailable(METRICS["fid"])
    assert unavailable(METRICS["ssim"]) is None and unavailable(METRICS["flops"]) is None
    with pytest.raises(Unavailable, match="not found: alexnet"):
        load("lpips_alex")(PICTURE, PICTURE)


@pytest.mark.parametrize(("net", "builder"), [("alex", "alexnet"), ("vgg", "vgg16"), ("squeeze", "squeezenet1_1")])
def test_lpips_is_built_as_its_package_builds_it(net, builder, monkeypatch):
    """Weights made up here: this checks the wiring, whose real weights may be absent."""
    import lpips
    import torchvision

    torch.manual_seed(0)
    whole = torchvision.models.squeezenet1_1(weights=None) if net == "squeeze" else None
    with torch.device("meta") if whole is None else torch.device("cpu"):
        whole = whole or getattr(torchvision.models, builder)(weights=None)
    trunk = {name: torch.randn(each.shape) * 0.05 for name, each in whole.features.state_dict().items()}
    whole.features.load_state_dict(trunk, assign=True)
    monkeypatch.setattr(lpips.pretrained_networks.tv, builder, lambda pretrained: whole)
    theirs = lpips.LPIPS(net=net, verbose=False)
    x, y = (each * 2 - 1 for each in (PICTURE, noisy(PICTURE, 0.1)))
    half = box(x.shape, 0, 0, 32, 18)
    maps = torch.cat([torch.ones_like(half), half], 1)
    ours = perceptual.lpips_scores(build_features(net, trunk), *((each + 1) / 2 for each in (x, y)), maps)
    theirs.spatial = True
    wanted = (theirs(x, y) * half).sum((1, 2, 3)) / half.sum((1, 2, 3))
    theirs.spatial = False
    assert torch.allclose(ours[:, 0].float(), theirs(x, y).flatten(), rtol=1e-5)
    assert torch.allclose(ours[:, 1].float(), wanted, rtol=1e-5)


def test_dists_is_built_as_piq_builds_it(monkeypatch):
    """Weights made up here: this checks the wiring, whose real weights may be absent."""
    import torchvision

    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        whole = torchvision.models.vgg16(weights=None)
    shapes = {name: each.shape for name, each in whole.features.state_dict().items()}
    trunk = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes.items()}
    channels = {name: torch.rand((1, 1475, 1, 1), generator=generator) / 2950 for name in ("alpha", "beta")}
    whole.features.load_state_dict(trunk, assign=True)
    ours = perceptual.build_dists(trunk, channels)(PICTURE, noisy(PICTURE, 0.1))
    monkeypatch.setattr(piq.perceptual, "vgg16", lambda **_: whole)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: channels)
    assert torch.equal(ours, piq.DISTS(reduction="none")(PICTURE, noisy(PICTURE, 0.1)))


def test_inception_takes_the_weights_it_is_given():
    """Weights made up here: this checks the wiring, whose real weights may be absent."""
    import torchvision
    from pytorch_fid import inception

    download = inception.load_state_dict_from_url
    with torch.device("meta"):
        plain = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.rand(each.shape, generator=generator) if each.ndim < 2 else torch.randn(each.shape) * 0.05
        for name, each in plain.state_dict().items()
    }
    network = distribution.build_inception(state)
    assert torch.equal(network.blocks[0][0].conv.weight, state["Conv2d_1a_3x3.conv.weight"]) and not network.training
    assert network(PICTURE[:1])[0].shape == (1, 2048, 1, 1)
    state.pop("Conv2d_1a_3x3.conv.weight")
    with pytest.raises(Unavailable, match="pt_inception-2015-12-05-6726825d.pth do not fit"):
        distribution.build_inception(state)
    assert inception.load_state_dict_from_url is download


# --- the battery as a whole ------------------------------------------------------------------------------------------


def test_heavy_packages_wait_until_they_are_needed():
    heavy = ("lpips", "piq", "skvideo", "brisque", "libsvm", "pytorch_fid", "torchvision", "scipy")
    code = f"import bench.metrics, sys; print(*[name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_an_id_belongs_to_one_metric():
    with pytest.raises(ValueError, match="'psnr' is defined twice, the second time in bench.metrics.fidelity"):
        collect([sys.modules["bench.metrics.fidelity"]] * 2)


def test_a_broken_metric_gives_its_reason():
    def fails(*_):
        raise RuntimeError("out of\norder")

    broken = replace(METRICS["psnr"], compute=fails)
    assert unavailable(broken) == "RuntimeError: out of order"
    with pytest.raises(RuntimeError):
        score_pair(broken, PICTURE, PICTURE)


def test_the_page_is_up_to_date():
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m bench.metrics > docs/metrics.md"
