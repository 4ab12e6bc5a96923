"""Photographs restored: one or a folder, masks from alpha, EXIF and ICC profile, output formats, tiles."""

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from bench.data.photo import Keepsakes, read_alpha, save_photo
from bench.data.pictures import read_pixels
from bench.discovery import discover
from bench.errors import UserError
from bench.restoring import Masks, Output, StoredMethod, open_pictures, restore_source
from bench.results.store import Run
from bench.training.engine import choose_engine
from tests.conftest import draw

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, ARTIST = ExifTags.Base.Orientation, ExifTags.Base.Artist


@pytest.fixture
def stored():
    """An untrained method on a task, as a stored run would hold it."""

    def build(name: str, task: str, tile: int = -1) -> StoredMethod:
        found = discover()
        method, engine = found.method(name).build(), choose_engine("cpu", "float32")
        return StoredMethod(Run("", "", task, name, 0, "0"), found.task(task), method, engine, tile=tile)

    return build


def photograph(path, orientation=6, icc=SRGB):
    """40×60 as stored, with EXIF, a GPS place, an exposure time and a profile."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = orientation, "me"
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.ExposureTime: 0.25, ExifTags.Base.ExifImageWidth: 60})
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(draw(0, 40, 60)).save(path, exif=exif, icc_profile=icc, quality=95)
    return path


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.tif", "photo.webp"])
@pytest.mark.parametrize("out", ["out.png", "out.jpg"])
def test_exif_and_profile_are_kept_and_the_picture_is_turned_once(stored, tmp_path, name, out):
    source = photograph(tmp_path / name)
    restore_source(stored("identity", "jpeg"), open_pictures(source), Masks(), Output(tmp_path / out))
    with Image.open(tmp_path / out) as image:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert image.size == (40, 60) and image.info["icc_profile"] == SRGB
        assert ORIENTATION not in exif and exif[ARTIST] == "me"
        if not name.endswith("tif"):  # into which Pillow writes no directories
            assert float(details[ExifTags.Base.ExposureTime]) == 0.25 and ExifTags.Base.ExifImageWidth not in details
            assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    off = read_pixels(tmp_path / out).astype(int) - read_pixels(source)
    assert np.abs(off).max() <= (0 if out.endswith("png") else 20)


def test_a_profile_of_other_pixels_and_a_damaged_block_are_left_out(tmp_path):
    gray = SRGB[:16] + b"GRAY" + SRGB[20:]
    assert Keepsakes.of(photograph(tmp_path / "gray.png", icc=gray)).icc == b""
    path = photograph(tmp_path / "bad.jpg")
    data = path.read_bytes()
    place = data.index(b"Exif\0\0") + 6
    path.write_bytes(data[:place] + b"\xff" * 20 + data[place + 20 :])
    assert Keepsakes.of(path).exif == b""
    Image.fromarray(draw(0)).save(tmp_path / "plain.png")
    assert Keepsakes.of(tmp_path / "plain.png") == Keepsakes()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "gif"])
def test_what_is_transparent_is_filled(stored, tmp_path, suffix):
    clean = draw(5, 48, 60)
    alpha = np.full((48, 60), 255, np.uint8)
    alpha[12:22, 20:30] = 0
    (tmp_path / "in").mkdir()
    image = Image.fromarray(np.dstack([clean, alpha]))
    image.save(tmp_path / "in" / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    restore_source(stored("telea", "hole"), open_pictures(tmp_path / "in"), Masks(alpha=True), Output(tmp_path / "out"))
    before, after = read_pixels(tmp_path / "in" / f"a.{suffix}"), read_pixels(tmp_path / "out" / "a.png")
    assert np.array_equal(before[alpha > 0], after[alpha > 0])
    assert np.abs(after[alpha == 0].astype(int) - clean[alpha == 0]).mean() < 40
    assert (after[alpha == 0] == 255).mean() < 0.2 and (after[alpha == 0] == 128).mean() < 0.2


def test_alpha_is_turned_with_its_picture(tmp_path):
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:10, :10] = 0
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(np.dstack([draw(0, 40, 60), alpha])).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_alpha(tmp_path / "a.png"), np.rot90(alpha, -1))


def test_a_picture_without_alpha_is_a_line(stored, tmp_path):
    with pytest.raises(UserError, match="photo: has no alpha channel; left out"):
        source = open_pictures(photograph(tmp_path / "photo.jpg"))
        restore_source(stored("telea", "hole"), source, Masks(alpha=True), Output(tmp_path / "out"))


def test_a_folder_is_written_as_png_or_jpeg(stored, tmp_path, photos):
    done = restore_source(stored("median", "jpeg"), open_pictures(photos), Masks(), Output(tmp_path / "out", ".jpg"))
    files = sorted((tmp_path / "out").iterdir())
    assert done.written == len(files) == 12 and all(path.read_bytes()[:2] == b"\xff\xd8" for path in files)


def test_nothing_is_written_over(stored, tmp_path, photos):
    method, path = stored("median", "jpeg"), photograph(tmp_path / "in" / "a.png")
    for source, out, says in ((path, path, "written over"), (path.parent, path.parent, "written over")):
        with pytest.raises(UserError, match=says):
            restore_source(method, open_pictures(source), Masks(), Output(out))
    with pytest.raises(UserError, match="give a folder"):
        restore_source(method, open_pictures(photos), Masks(), Output(tmp_path / "one.png"))


def test_tiles_are_used_where_memory_asks_for_it(stored, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(draw(1, 530, 640)).save(folder / "large.png")
    Image.fromarray(draw(2)).save(folder / "small.png")
    outputs = {}
    for tile, work in ((-1, 1 << 29), (-1, 1 << 22), (256, 1 << 29), (0, 1)):
        monkeypatch.setattr("bench.tiling.WORK", work)
        out = tmp_path / f"{tile}_{work}"
        done = restore_source(stored("median", "jpeg", tile), open_pictures(folder), Masks(), Output(out))
        outputs[tile, work] = read_pixels(out / "large.png")
        told = "1 of 2 pictures, e.g. large: restored in overlapping tiles" in " ".join(done.problems)
        assert told == (work == 1 << 22)
    first, *rest = outputs.values()
    assert all(np.array_equal(first, each) for each in rest)


def test_a_photograph_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def full(self, file, **_):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_photo(tmp_path / "a.png", draw(0))
    assert not list(tmp_path.iterdir())
