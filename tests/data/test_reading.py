"""Reading and saving pictures of every kind, and what is said of damaged ones."""

from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data.pictures import UnreadablePicture, read_pixels, save_png
from tests.data.samples import bad_files, photo


@pytest.mark.parametrize(("name", "most"), [("a.png", 0), ("a.bmp", 0), ("a.ppm", 0), ("a.tif", 0), ("a.jpg", 12)])
def test_common_formats_keep_the_pixels(tmp_path, name, most):
    image = photo()
    Image.fromarray(image).save(tmp_path / name, **({"quality": 95, "subsampling": 0} if most else {}))
    read = read_pixels(tmp_path / name)
    assert read.dtype == np.uint8 and read.flags.c_contiguous
    assert np.abs(read.astype(int) - image).max() <= most  # JPEG at quality 95 is off by a few levels


def test_lossless_webp_and_first_frame_of_gif(tmp_path):
    image = photo()
    Image.fromarray(image).save(tmp_path / "a.webp", lossless=True)
    assert np.array_equal(read_pixels(tmp_path / "a.webp"), image)
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_pixels(tmp_path / "a.gif") == (255, 0, 0)).all()


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = photo()[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), ramp)
    assert np.array_equal(read_pixels(tmp_path / f"a{suffix}")[..., 1], np.arange(256).reshape(16, 16))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_colour_is_rounded_to_the_nearest(tmp_path, suffix):
    rng = np.random.default_rng(3)
    deep = rng.integers(0, 65536, (9, 7, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep[..., ::-1])
    expected = np.floor(deep / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(read_pixels(tmp_path / f"a{suffix}"), expected)
    assert not np.array_equal(expected, deep >> 8)  # what dropping the low byte would give


def test_16_bit_alpha_over_white(tmp_path):
    deep = np.zeros((4, 4, 4), np.uint16)
    deep[..., 2] = 65535  # red in BGRA
    deep[:2, :, 3] = 65535
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    read = read_pixels(tmp_path / "a.png")
    assert (read[:2] == (255, 0, 0)).all() and (read[2:] == 255).all()


def test_cmyk_jpeg(tmp_path):
    Image.new("RGB", (16, 16), (200, 40, 60)).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_pixels(tmp_path / "a.jpg").astype(int) - (200, 40, 60)).max() <= 4  # JPEG rounding


def test_transparency_is_laid_over_white(tmp_path):
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 128, 0, 10, 20, 30])
    palette.putpixel((0, 0), 1)
    palette.save(tmp_path / "p.png", transparency=0)
    read = read_pixels(tmp_path / "p.png")
    assert tuple(read[0, 0]) == (10, 20, 30) and (read[1:] == 255).all()
    Image.new("LA", (4, 4), (100, 0)).save(tmp_path / "la.png")
    assert (read_pixels(tmp_path / "la.png") == 255).all()
    Image.new("RGBA", (4, 4), (0, 0, 0, 128)).save(tmp_path / "rgba.png")
    assert np.abs(read_pixels(tmp_path / "rgba.png").astype(int) - 127).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied(tmp_path, orientation, deep):
    """Against the definition: the stored picture is the shown one turned by the inverse of the tag."""
    shown = photo(height=20, width=32)
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    stored = np.ascontiguousarray(turns[orientation](shown))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    if deep:
        cv2.imwrite(str(path), stored[..., ::-1].astype(np.uint16) * 257)
        path.write_bytes(_with_chunk(path.read_bytes(), b"eXIf", exif.tobytes()[6:]))
    else:
        Image.fromarray(stored).save(path, exif=exif)
    assert np.array_equal(read_pixels(path), shown)


def _with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk right behind its header (which ends at byte 33)."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("bits", [8, 16])
def test_orientation_of_a_tiff_is_applied_once(tmp_path, bits):
    tifffile = pytest.importorskip("tifffile")  # comes with scikit-image
    shown = photo(height=20, width=32)
    stored = np.ascontiguousarray(np.rot90(shown, 1)).astype(np.uint8 if bits == 8 else np.uint16)
    values = stored if bits == 8 else stored * 257
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert np.array_equal(read_pixels(tmp_path / "a.tif"), shown)


def test_one_pixel_is_a_legal_picture(tmp_path):
    save_png(tmp_path / "a.png", np.full((1, 1, 3), 9, np.uint8))
    assert read_pixels(tmp_path / "a.png").tolist() == [[[9, 9, 9]]]


def test_damaged_files_give_one_clear_line(tmp_path):
    for name, word in bad_files(tmp_path).items():
        with pytest.raises(UnreadablePicture) as caught:
            read_pixels(tmp_path / name)
        message = str(caught.value)
        assert name in message and word in message and "\n" not in message, message


def test_float_pictures_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadablePicture, match="floating-point"):
        read_pixels(tmp_path / "a.tif")


def test_saving_leaves_no_temporary_file_even_when_it_fails(tmp_path):
    save_png(tmp_path / "deep" / "a.png", photo())
    assert os.listdir(tmp_path / "deep") == ["a.png"]
    with pytest.raises(TypeError):
        save_png(tmp_path / "deep" / "b.png", np.zeros((3, 3, 7)))
    assert os.listdir(tmp_path / "deep") == ["a.png"]
