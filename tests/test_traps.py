"""Traps that users of other tools fell into: each test names the trap, and the project and issue where they met it.

Tested elsewhere, where it belongs:
- the range [-1, 1], 0 to 255, NaN, alpha or gray tensors, refused in one line: test_metrics.test_wrong_input_...
- LPIPS and FID networks built as their packages build them: test_metrics.test_lpips_is_built_..., test_inception_...
- FID(x, x) = 0 (pytorch-fid#26), closed forms, intervals: test_distribution; one picture alone: test_metrics
- hole only or composite (EndoNeRF#11, StructureFlow#14): test_metrics.test_regions
- constant pictures, every metric: test_metrics.test_flat_pictures, test_naturalness.test_flat_pictures_fail_alone
- pictures too small, every metric: test_smallest_side of test_metrics and test_naturalness
- NIQE and BRISQUE against MATLAB and OpenCV (pyiqa#28, #175, piq#312): test_naturalness
- one NaN picture in a batch, pictures missing or corrupt: test_run.test_a_bad_method_is_a_row_..., ..._corrupt_...
- out of memory: test_memory
- 16 bits, alpha, CMYK, EXIF when a file is read: data.test_reading
- published JPEG numbers with their luma (FBCNN#7): test_battery
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.metrics
import torch
from PIL import Image
from torch.nn import functional as F

from bench import api
from bench.metrics import distribution, load
from bench.scoring.battery import Battery, Pictures
from bench.scoring.measure import Folders, Measurement, measure
from tests.conftest import draw
from tests.pictures import crops, grainy, shifted
from tests.test_cli import call, complains
from tests.test_metrics import need

CPU = torch.device("cpu")


def save(folder: Path, pictures: dict[str, np.ndarray], **options: object) -> Path:
    """A folder of pictures by file name."""
    folder.mkdir(exist_ok=True)
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / name, **options)
    return folder


def compare(ours: Path, theirs: Path, *metrics: str) -> Measurement:
    return measure(Folders(ours, theirs), metrics)


# --- luma, channels, ranges ------------------------------------------------------------------------------------------


def test_luma_is_studio_range():
    """FBCNN#7, piq#288: full-range Y of one user, MATLAB's studio range of another: 28.96 and 29.75 dB on LIVE1."""
    truth = crops(64, 70)
    restored = grainy(truth, 0.05)
    for ours, x, y in zip(load("psnr_y")(restored, truth), restored, truth, strict=True):
        studio = [skimage.color.rgb2ycbcr(each.permute(1, 2, 0).double().numpy())[..., 0] for each in (y, x)]
        wanted = skimage.metrics.peak_signal_noise_ratio(*np.round(studio), data_range=255)
        full = [cv2.cvtColor(each.permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY) for each in (y, x)]
        assert ours.item() == pytest.approx(wanted, abs=1e-9)
        gap = wanted - skimage.metrics.peak_signal_noise_ratio(*full, data_range=1)
        assert gap == pytest.approx(20 * math.log10(255 / 219), abs=0.1), "1.3 dB: what the users saw"


def test_bgr_is_not_rgb():
    """junhocho/SRGAN#1, opteroncx/SESR#5, EDSR-PyTorch#82: OpenCV's channel order shifts the luma and its PSNR."""
    truth = torch.full((1, 3, 16, 16), 128 / 255)
    errors = []
    for channel in range(3):
        restored = truth.clone()
        restored[:, channel] += 80 / 255
        errors.append(10 ** (-load("psnr_y")(restored, truth).item() / 20) * 255)
    # steps of luma for 80 levels of red, green, blue; one level of rounding
    assert errors == pytest.approx([65.481 * 80 / 255, 128.553 * 80 / 255, 24.966 * 80 / 255], abs=1)


def test_files_are_read_as_rgb(tmp_path):
    """junhocho/SRGAN#1: a picture that OpenCV wrote and one that Pillow wrote are the same picture."""
    save(tmp_path / "pillow", {"a.png": draw(0)})
    (tmp_path / "opencv").mkdir()
    cv2.imwrite(str(tmp_path / "opencv" / "a.png"), draw(0)[..., ::-1])
    assert compare(tmp_path / "opencv", tmp_path / "pillow", "psnr").summary["psnr"]["mean"] == 100


def test_ssim_has_its_own_range_and_window():
    """scikit-image#5538, pytorch-msssim#23: floats taken to range over 2, a 7×7 uniform window, sample covariance."""
    truth, restored = (
        each[0].permute(1, 2, 0).double().numpy() for each in (crops(64, 70), grainy(crops(64, 70), 0.1))
    )
    ours = load("ssim")(grainy(crops(64, 70), 0.1), crops(64, 70))[0].item()

    def theirs(**options):
        maps = skimage.metrics.structural_similarity(restored, truth, channel_axis=2, full=True, **options)[1]
        return maps[5:-5, 5:-5].mean()

    paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert ours == pytest.approx(theirs(data_range=1, **paper), abs=1e-6)
    assert abs(ours - theirs(data_range=2, **paper)) > 0.03
    assert abs(ours - theirs(data_range=1)) > 0.002, "scikit-image's default window"


def test_lpips_takes_0_to_1_and_gives_its_network_minus_1_to_1():
    """PerceptualSimilarity#83, nerfstudio#1424, RAE#25, pyiqa#271: [0, 1] fed to LPIPS looks fine and scores less."""
    from pretrained.perceptual import lpips_network

    score = need("lpips_squeeze")
    truth = crops(64, 70)
    restored = grainy(truth, 0.1)
    with torch.no_grad():
        right, wrong = (
            lpips_network("squeeze", CPU)(*pair).flatten()
            for pair in ((restored * 2 - 1, truth * 2 - 1), (restored, truth))
        )
    assert torch.allclose(score(restored, truth).float(), right, rtol=1e-5)
    assert ((right - wrong).abs() > 0.02).all(), "the trap would be seen"


# --- means -----------------------------------------------------------------------------------------------------------


def test_psnr_is_averaged_over_pictures_not_pooled(tmp_path):
    """pytorch/examples#522, Lightning#5933, DDNM#42: the PSNR of the pooled error is 0.6 dB off on LIVE1."""
    truth = {f"{number}.png": draw(number) for number in range(3)}
    levels = dict(zip(truth, (2, 8, 32), strict=True))
    save(tmp_path / "truth", truth)
    save(tmp_path / "out", {name: shifted(pixels, levels[name]) for name, pixels in truth.items()})
    each = [20 * math.log10(255 / level) for level in levels.values()]
    pooled = -10 * math.log10(np.mean([(level / 255) ** 2 for level in levels.values()]))
    summary = compare(tmp_path / "out", tmp_path / "truth", "psnr").summary["psnr"]
    assert summary["mean"] == pytest.approx(np.mean(each), abs=1e-6), "rows summed in float32"
    assert abs(summary["mean"] - pooled) > 5


def test_a_perfect_picture_is_capped_and_counted(tmp_path):
    """mmagic's AOT-GAN table prints PSNR = inf: one perfect picture swallowed the mean."""
    truth = {f"{number}.png": draw(number) for number in range(4)}
    save(tmp_path / "truth", truth)
    save(tmp_path / "out", {**{name: shifted(pixels, 8) for name, pixels in truth.items()}, "2.png": draw(2)})
    found = compare(tmp_path / "out", tmp_path / "truth", "psnr", "ssim")
    wanted = (3 * 20 * math.log10(255 / 8) + 100) / 4
    assert found.summary["psnr"]["mean"] == pytest.approx(wanted) and found.summary["psnr"]["n"] == 4
    assert found.notes == ["psnr: 1 of 4 pictures are perfect and count as 100 dB in the mean, not as infinity"]


# --- sets ------------------------------------------------------------------------------------------------------------


def added(sizes: tuple[int, ...], metric: str = "fid_squeeze") -> float:
    """A set metric over twelve pictures that come in batches of these sizes."""
    battery = Battery.of((metric,), CPU)
    pictures, start = np.stack([draw(number) for number in range(12)]), 0
    for size in sizes:
        part = pictures[start : start + size]
        battery.add(Pictures([str(n) for n in range(start, start + size)], shifted(part, 30), part, None))
        start += size
    [row] = battery.finish()
    return row["value"]


def test_fid_does_not_depend_on_the_batch():
    """torchmetrics#1620, pyiqa#188: another batch size, another FID."""
    need("fid_squeeze")
    values = [added(sizes) for sizes in ((12,), (1,) * 12, (5, 5, 2))]
    assert values == pytest.approx([values[0]] * 3, rel=1e-4) and values[0] > 0.1, "float32 networks"


class Seen(Exception):
    """Carries what a network's first layer was given."""


def test_fid_is_resized_as_pytorch_fid_resizes():
    """torchmetrics#3130, clean-fid: bilinear to 299×299 without antialiasing; another resize is another FID."""
    import torchvision

    with torch.device("meta"):
        plain = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    state = {name: torch.zeros(each.shape, dtype=each.dtype) for name, each in plain.state_dict().items()}
    network = distribution.build_inception(state)

    def stop(_, given):
        raise Seen(given[0])

    network.blocks[0].register_forward_pre_hook(stop)
    pictures = crops(400, 440)
    with pytest.raises(Seen) as caught:
        network(pictures)
    [given] = caught.value.args
    plainly, smoothly = (
        F.interpolate(pictures, (299, 299), mode="bilinear", align_corners=False, antialias=each) * 2 - 1
        for each in (False, True)
    )
    assert torch.allclose(given, plainly, atol=1e-6)
    assert (given - smoothly).abs().max() > 0.1


def test_pictures_of_several_sizes_make_one_set(tmp_path):
    """pytorch-fid#1, #81, torch-fidelity#30: mixed sizes crash."""
    need("fid_squeeze")
    truth = {f"{number}.png": draw(number, 40 + 4 * number, 60 - 4 * number) for number in range(5)}
    save(tmp_path / "truth", truth)
    save(tmp_path / "out", {name: shifted(pixels, 30) for name, pixels in truth.items()})
    summary = compare(tmp_path / "out", tmp_path / "truth", "fid_squeeze", "psnr").summary
    assert summary["fid_squeeze"]["mean"] > 0 and summary["fid_squeeze"]["n"] == 5


def test_a_set_of_few_pictures_is_told_to_the_user(capsys, monkeypatch, tmp_path, photos, tiny_suite):
    """TTUR#5, StableSR#105, stylegan2-ada#100, torch-fidelity#45: a FID of tens of pictures taken for a fact."""
    need("fid_squeeze")
    says = "fid_squeeze: taken over 12 pictures, fewer than 2,048"
    words = ("--restored", photos, "--reference", photos, "--metrics", "fid_squeeze", "--format", "json")
    code, out, err = call(capsys, monkeypatch, "measure", *words)
    assert code == 0 and err.startswith(says) and err.count("\n") == 1
    low, high = json.loads(out)["summary"]["fid_squeeze"]["ci95"]
    assert low == pytest.approx(0, abs=1e-3) and high == pytest.approx(0, abs=1e-3), "of a set and itself"
    tiny_suite.write_text(tiny_suite.read_text().replace('["psnr", "ssim"]', '["psnr", "fid_squeeze"]'))
    settings = api.Settings(tmp_path / "runs", "cpu", tasks=("jpeg",), methods=("identity",))
    [run] = api.run(str(tiny_suite), settings)
    assert any(each.startswith("fid_squeeze: taken over ") for each in run.notes), "the board shows a run's notes"


def test_many_pictures_need_no_warning():
    battery = Battery.of((), CPU)
    battery.set_sizes |= {"fid": 2048, "kid": 2047}
    from bench.scoring.notes import notes

    [line] = notes([], battery)
    assert line.startswith("kid: taken over 2047")


# --- folders ---------------------------------------------------------------------------------------------------------


def test_lossless_formats_are_one_picture_and_jpeg_another(tmp_path):
    """pytorch-fid#74, #63: PNG and JPEG folders of the same pictures differ; equal stems match, whatever the suffix."""
    need("fid_squeeze")
    pictures = {str(number): draw(number) for number in range(6)}
    save(tmp_path / "png", {f"{stem}.png": pixels for stem, pixels in pictures.items()})
    save(tmp_path / "bmp", {f"{stem}.BMP": pixels for stem, pixels in pictures.items()})
    save(tmp_path / "tif", {f"{stem}.tif": pixels for stem, pixels in pictures.items()})
    save(tmp_path / "webp", {f"{stem}.webp": pixels for stem, pixels in pictures.items()}, lossless=True)
    save(tmp_path / "jpg", {f"{stem}.jpg": pixels for stem, pixels in pictures.items()}, quality=75)
    for kind in ("bmp", "tif", "webp", "jpg"):
        summary = compare(tmp_path / kind, tmp_path / "png", "psnr", "fid_squeeze").summary
        assert summary["psnr"]["n"] == 6
        same = summary["psnr"]["mean"] == 100 and summary["fid_squeeze"]["mean"] < 1e-3
        assert same == (kind != "jpg"), f"{kind}: {summary}"


def test_two_pictures_of_one_stem_are_refused(capsys, monkeypatch, tmp_path):
    """Next to pytorch-fid#74: a folder with the PNG and the JPEG of a picture would count one of them, or both."""
    save(tmp_path / "truth", {"a.png": draw(0), "b.png": draw(1)})
    save(tmp_path / "out", {"a.png": draw(0), "b.png": draw(1), "b.jpg": draw(1)})
    for ours, theirs in (("out", "truth"), ("truth", "out")):
        words = ("--restored", tmp_path / ours, "--reference", tmp_path / theirs, "--metrics", "psnr")
        result = call(capsys, monkeypatch, "measure", *words)
        complains(result, "'b.jpg' and 'b.png' share a name; keep one of them")


def test_16_bits_and_alpha_score_as_what_they_show(tmp_path):
    """EDSR-PyTorch#82, piq#288: other types than uint8 taken for its range; likewise alpha for a channel."""
    picture = draw(0)
    save(tmp_path / "truth", {"deep.png": picture, "veiled.png": picture})
    out = save(tmp_path / "out", {"veiled.png": np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])})
    cv2.imwrite(str(out / "deep.png"), picture[..., ::-1].astype(np.uint16) * 257)
    assert [each["psnr"] for each in compare(out, tmp_path / "truth", "psnr").images] == [100, 100]
    save(out, {"veiled.png": np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)])})
    white = np.full_like(picture, 255)
    save(tmp_path / "truth", {"veiled.png": white})
    assert compare(out, tmp_path / "truth", "psnr").images[1]["psnr"] == 100, "transparency shows white"


def test_constant_and_small_pictures_fail_alone(tmp_path):
    """Next to mmagic's inf: one picture that a metric has no number for takes the mean with it."""
    truth = {"flat.png": np.full((48, 48, 3), 90, np.uint8), "photo.png": draw(0), "tiny.png": draw(1, 9, 9)}
    save(tmp_path / "truth", truth)
    save(tmp_path / "out", {name: shifted(pixels, 8) for name, pixels in truth.items()})
    found = compare(tmp_path / "out", tmp_path / "truth", "psnr", "ssim", "brisque")
    rows = {each["image"]: each for each in found.images}
    assert rows["flat"]["psnr"] == pytest.approx(20 * math.log10(255 / 8)) and 0 < rows["flat"]["ssim"] < 1
    assert rows["flat"]["brisque"] is None and rows["tiny"]["brisque"] is None and rows["tiny"]["ssim"] is None
    assert math.isfinite(rows["photo"]["brisque"]) and math.isfinite(rows["tiny"]["psnr"])
    assert {name: each["n"] for name, each in found.summary.items()} == {"psnr": 3, "ssim": 2, "brisque": 1}
