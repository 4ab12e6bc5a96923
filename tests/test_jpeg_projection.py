"""JPEG projection: the bins it reads from pixels, against libjpeg itself; gain on JPEGs, and no harm elsewhere."""

import functools
import io

import numpy as np
import pytest
import scipy.fft
import skimage.data
import torch
from PIL import Image

from methods.jpeg_projection import JpegProjection, _is_halved
from methods.parts.jpegbins import block_dct, estimate_quality, inverse_block_dct, on_lattice, quant_tables, read_bins
from methods.parts.jpegcolour import rgb_to_ycc, undo_upsample, upsample, ycc_change_to_rgb

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}
METHOD = JpegProjection(JpegProjection.Config())


@functools.cache
def photograph(name: str, size: int = 128) -> np.ndarray:
    """Shrunk, so that no trace of the file it came from is left."""
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    side = min(image.size)
    return np.asarray(image.crop((0, 0, side, side)).resize((size, size), Image.Resampling.LANCZOS))


@functools.cache
def stretched(name: str) -> np.ndarray:
    """A photograph with much of it cut off at black and white."""
    return np.clip((photograph(name).astype(float) - 128) * 1.8 + 128, 0, 255).astype(np.uint8)


def compressed(image: np.ndarray, quality: int, subsampling: str = "4:2:0") -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=SUBSAMPLING[subsampling])
    return np.array(Image.open(file))


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def restored(image: np.ndarray) -> np.ndarray:
    """As a user would save it."""
    output = METHOD.restore(tensor(image), None)
    return (output[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(image.astype(float) - reference).mean() / 255**2))


def luma(image: np.ndarray) -> np.ndarray:
    return np.rint(rgb_to_ycc(image.astype(float))[0])


def test_tables_are_libjpegs():
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        stored = Image.open(file).quantization
        assert [stored[0], stored[1]] == [table.ravel().tolist() for table in quant_tables(quality)]


@pytest.mark.parametrize("quality", [0, 101])
def test_unknown_quality_is_refused(quality):
    with pytest.raises(ValueError, match="1 to 100"):
        quant_tables(quality)


def test_block_dct_is_orthonormal_and_comes_back():
    plane = np.random.default_rng(0).uniform(0, 255, (24, 16))
    coefficients = block_dct(plane)
    np.testing.assert_allclose(coefficients[8:16, :8], scipy.fft.dctn(plane[8:16, :8] - 128, norm="ortho"), atol=1e-9)
    np.testing.assert_allclose(inverse_block_dct(coefficients), plane, atol=1e-9)


def test_colours_are_pillows():
    image = photograph("astronaut", 64)
    planes = np.moveaxis(np.asarray(Image.fromarray(image).convert("YCbCr"), float), -1, 0)
    mine = rgb_to_ycc(image.astype(float))
    assert np.abs(mine - planes).max() < 1.01  # Pillow's are cut off to whole numbers, from tables of 6 bits
    change = np.random.default_rng(0).normal(size=(3, 64, 64))
    moved = rgb_to_ycc(image + ycc_change_to_rgb(change))
    np.testing.assert_allclose(moved, mine + change, atol=1e-4)  # the standard's matrices have that many digits


@pytest.mark.parametrize("shape", [(16, 16), (17, 24), (9, 11), (1, 2)])
def test_upsampling_can_be_undone(shape):
    half = np.random.default_rng(0).uniform(0, 255, (-(-shape[0] // 2), -(-shape[1] // 2)))
    np.testing.assert_allclose(undo_upsample(upsample(half, shape)), half, atol=1e-6)


@pytest.mark.parametrize("size", [128, 97])
def test_upsampling_is_the_decoders(size):
    """Chroma that libjpeg decoded from 4:2:0 is the upsampling of something half as large, up to its rounding."""
    image = 64 + photograph("coffee", size) // 2  # nothing saturates
    for plane in rgb_to_ycc(compressed(image, 50).astype(float))[1:]:
        assert np.abs(upsample(undo_upsample(plane), plane.shape) - plane).mean() < 0.5


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("subsampling", SUBSAMPLING)
def test_quality_and_sampling_are_read_from_the_pixels(name, subsampling):
    for quality in (10, 15, 20, 30, 40, 50, 60, 75, 90):
        image = compressed(photograph(name), quality, subsampling)
        assert estimate_quality(luma(image)) == quality
        chroma = rgb_to_ycc(image.astype(float))[1:]
        assert _is_halved(chroma, quant_tables(quality)[1]) == (subsampling == "4:2:0")


@pytest.mark.parametrize("quality", [10, 20, 40])
def test_quality_is_read_from_a_small_picture(quality):
    for name in PHOTOGRAPHS:
        assert estimate_quality(luma(compressed(photograph(name, 64), quality))) == quality


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("size", [64, 128, 203])
def test_uncompressed_pictures_come_back_as_they_were(name, size):
    image = tensor(photograph(name, size))
    assert torch.equal(METHOD.restore(image, None), image)


def test_drawings_come_back_as_they_were():
    """Flat cells on JPEG's own grid, sharp edges, noise: no lattice but that of whole numbers."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    edges = np.where(np.add.outer(np.arange(64), np.arange(64))[..., None] % 11 < 5, 30, 220).repeat(3, 2)
    for image in (cells, edges.astype(np.uint8), rng.integers(0, 256, (64, 64, 3), np.uint8)):
        assert torch.equal(METHOD.restore(tensor(image), None), tensor(image))


def test_beats_the_jpeg():
    """Gains in dB over four photographs; total variation alone, at its best weight, gains 0.4 at quality 10."""
    for quality, least, mean in ((10, 0.25, 0.5), (20, 0.2, 0.4), (40, 0.1, 0.3)):
        gains = []
        for name in PHOTOGRAPHS:
            image = photograph(name)
            degraded = compressed(image, quality)
            gains.append(psnr(restored(degraded), image) - psnr(degraded, image))
        assert min(gains) > least and np.mean(gains) > mean, (quality, gains)


@pytest.mark.parametrize("quality", [10, 20, 40, 90])
def test_does_little_harm_where_pixels_saturate(quality):
    for name in PHOTOGRAPHS:
        image = stretched(name)
        degraded = compressed(image, quality)
        assert psnr(restored(degraded), image) > psnr(degraded, image) - 0.1


def test_stays_within_the_bins():
    """The restored luma, before rounding, would be stored as the same file."""
    degraded = compressed(photograph("astronaut"), 10)
    bins = read_bins(luma(degraded), quant_tables(10)[0])
    known = on_lattice(luma(degraded), bins)
    assert known.mean() > 0.6
    output = METHOD.restore_picture(degraded.astype(float))
    again = block_dct(rgb_to_ycc(output)[0])
    assert (np.abs(again - bins.index * bins.step) <= 0.5 * bins.step)[known].all()
    assert psnr(output, degraded) < 60  # and yet something moved


def test_blocks_cut_by_the_edge_keep_their_luma():
    degraded = compressed(photograph("chelsea", 131), 10, "4:4:4")
    output = restored(degraded)
    assert np.array_equal(output[128:], degraded[128:]) and np.array_equal(output[:, 128:], degraded[:, 128:])
    assert not np.array_equal(output[:128, :128], degraded[:128, :128])


@pytest.mark.parametrize("shape", [(3, 3), (8, 8), (9, 70), (16, 16), (70, 15)])
def test_takes_tiny_and_gray_pictures(shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 1), np.uint8).repeat(3, axis=2)
    for image in (noise, compressed(noise, 10), np.full((*shape, 3), 77, np.uint8)):
        assert restored(image).shape == image.shape


@pytest.mark.parametrize("changes", [{"weight": 0.0}, {"width": 1.5}, {"iterations": 0}])
def test_impossible_settings_are_refused_in_one_line(changes):
    with pytest.raises(ValueError, match="got") as caught:
        JpegProjection(JpegProjection.Config(**changes))
    assert "\n" not in str(caught.value)
