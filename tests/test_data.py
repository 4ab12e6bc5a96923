"""Reading pictures, opening sources, splits, digests, drawn faces, near-duplicates."""

from __future__ import annotations

import csv
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data import pictures
from bench.data.drawn import draw_face
from bench.data.folder import split_by_hash
from bench.data.near import near_duplicates, perceptual_hash
from bench.data.pictures import Picture, UnreadablePicture, read_pixels, save_png
from bench.data.sources import open_source
from bench.errors import UserError

COLUMNS = [f"{p}_{a}" for p in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for a in "xy"]


def photo(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth colourful picture, so that JPEG and resizing keep it recognisable."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def write_csv(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def folder_of(path: Path, count: int, start: int = 0) -> Path:
    for index in range(start, start + count):
        save_png(path / f"p{index:03d}.png", photo(index))
    return path


# reading


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


def huge_png() -> bytes:
    """A PNG of a few bytes whose header announces 20000×20000 pixels."""
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def bad_files(folder: Path) -> dict[str, str]:
    """Damaged files and a word that the message must hold."""
    good = folder / "good.jpg"
    Image.fromarray(photo(height=200, width=200)).save(good, quality=95)
    Image.fromarray(photo(height=200, width=200)).save(folder / "whole.png")
    cv2.imwrite(str(folder / "deep.png"), photo(1, 200, 200).astype(np.uint16) * 257)
    cut = {name: (folder / name).read_bytes() for name in ("good.jpg", "whole.png", "deep.png")}
    (folder / "cut.jpg").write_bytes(cut["good.jpg"][: len(cut["good.jpg"]) // 2])
    (folder / "cut.png").write_bytes(cut["whole.png"][: len(cut["whole.png"]) // 2])
    (folder / "cut16.png").write_bytes(cut["deep.png"][: len(cut["deep.png"]) // 2])
    (folder / "zero.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture at all\n")
    (folder / "huge.png").write_bytes(huge_png())
    return {
        "cut.jpg": "truncated", "cut.png": "truncated", "cut16.png": "truncated", "zero.png": "0 bytes",
        "text.png": "not a picture", "huge.png": "megapixels", "absent.png": "cannot be opened",
    }  # fmt: skip


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


# geometry


def marked(height: int = 60, width: int = 90) -> Picture:
    """Black, with a bright 3×3 dot centred on every landmark."""
    points = np.array([[30, 20], [55, 22], [43, 30], [33, 42], [52, 43]], np.float32)
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y in points.astype(int):
        pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
    return Picture("m", pixels, points)


def dot_near(picture: Picture, index: int, reach: int) -> np.ndarray:
    """Centre of brightness in a window around a landmark."""
    x, y = np.rint(picture.landmarks[index]).astype(int)
    window = picture.pixels[y - reach : y + reach + 1, x - reach : x + reach + 1, 0].astype(float)
    rows, columns = np.mgrid[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return np.array([(window * columns).sum(), (window * rows).sum()]) / window.sum()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p,
        lambda p: pictures.resize_short_side(p, 120),
        lambda p: pictures.resize_short_side(p, 41),
        lambda p: pictures.centre_crop(p, 50),
        lambda p: pictures.square(p, 55),
        pictures.flip,
    ],
)
def test_landmarks_stay_on_their_features(change):
    changed = change(marked())
    reach = 5 if changed.pixels.shape[0] > 100 else 3
    for index in range(5):
        # a fifth of a pixel: bicubic rounding of an 8-bit dot moves its centre less than that
        assert np.abs(dot_near(changed, index, reach) - changed.landmarks[index]).max() < 0.2
    assert changed.landmarks[0, 0] < changed.landmarks[1, 0] and changed.landmarks[3, 0] < changed.landmarks[4, 0]


def test_sizes_after_resize_and_crop():
    picture = Picture("a", photo(height=50, width=101))
    assert pictures.resize_short_side(picture, 25).pixels.shape == (25, 50, 3)
    assert pictures.square(picture, 32).pixels.shape == (32, 32, 3)
    assert pictures.resize_short_side(picture, 50) is picture
    with pytest.raises(ValueError, match="too small"):
        pictures.centre_crop(picture, 51)


def test_shrinking_averages_instead_of_skipping():
    """A 1-pixel checkerboard shrunk fourfold is grey; sampling without a filter would be black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = pictures.resize_short_side(Picture("c", np.repeat(board[..., None], 3, axis=2)), 16).pixels
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2


# folders


def test_ids_are_unique_and_safe(tmp_path):
    for name in ("a.png", "a.jpg", "b/c.png", "b__c.png", "d e#1.png", ".hidden.png", ".git/x.png", "E.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(photo()).save(tmp_path / name, format="JPEG" if name.endswith("jpg") else "PNG")
    (tmp_path / "notes.txt").write_text("ignored")
    source = open_source(f"folder:{tmp_path}", "all")
    assert {"a.png", "a.jpg", "d_e_1", "E"} <= set(source.ids)
    assert len(source.ids) == 6 and len({i.casefold() for i in source.ids}) == 6
    assert all(not set(image_id) & set('/\\:*?"<>|# ') for image_id in source.ids)
    assert all(source.read(image_id).id == image_id for image_id in source.ids)
    assert source.ids == open_source(f"folder:{tmp_path}", "all").ids
    assert source.content == "scenes" and source.problems == ()


def test_problems_are_named_and_damage_shows_when_read(tmp_path):
    folder_of(tmp_path, 3)
    bad_files(tmp_path)
    (tmp_path / "phone.heic").write_bytes(b"x")
    source = open_source(f"folder:{tmp_path}", "all")
    assert len(source.problems) == 2
    assert any("zero.png" in line and "0 bytes" in line for line in source.problems)
    assert any("phone.heic" in line for line in source.problems)
    assert "zero" not in source.ids
    unreadable = []
    for image_id in source.ids:
        try:
            source.read(image_id)
        except UnreadablePicture:
            unreadable.append(image_id)
    assert set(unreadable) == {"cut.jpg", "cut.png", "cut16", "huge", "text"}
    assert source.digest()  # damaged files have contents too


@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_hash_split_covers_and_is_disjoint(tmp_path, count):
    folder_of(tmp_path, count)
    train, test, everything = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test", "all"))
    assert train.ids and test.ids and not set(train.ids) & set(test.ids)
    assert set(train.ids) | set(test.ids) == set(everything.ids)
    assert train.digest() != test.digest()


def test_hash_split_shares_and_stability():
    keys = {f"p{i}": f"p{i}" for i in range(5000)}
    sides = split_by_hash(keys)
    share = sum(side == "test" for side in sides.values()) / 5000
    assert 0.17 < share < 0.23  # 0.2 within five standard errors
    more = split_by_hash(keys | {"another": "another"})
    assert all(more[image_id] == side for image_id, side in sides.items())


def test_split_does_not_depend_on_where_the_folder_lies_nor_on_the_suffix(tmp_path):
    first, second = folder_of(tmp_path / "one", 12), tmp_path / "two"
    for path in first.iterdir():
        save_png(second / path.name, read_pixels(path))
    save_png(second / "p000.webp.png", photo(99))
    assert set(open_source(f"folder:{first}", "test").ids) <= set(open_source(f"folder:{second}", "test").ids)


def test_split_by_subfolders(tmp_path):
    folder_of(tmp_path / "train", 2)
    folder_of(tmp_path / "val", 3)
    save_png(tmp_path / "loose.png", photo())
    train, test = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test"))
    assert train.ids == ("train__p000", "train__p001") and len(test.ids) == 3
    assert "1 picture" in train.problems[0]
    assert len(open_source(f"folder:{tmp_path}", "all").ids) == 6


def test_split_by_identity_keeps_people_whole(tmp_path):
    folder_of(tmp_path / "faces", 40)
    write_csv(tmp_path / "identity.csv", ["image_id", "identity"], [[f"p{i:03d}.png", i // 4] for i in range(40)])
    sides = [
        {int(i[1:]) // 4 for i in open_source(f"folder:{tmp_path / 'faces'}", side).ids} for side in ("train", "test")
    ]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_landmarks_come_with_the_right_picture(tmp_path):
    for side, shift in (("train", 0), ("test", 100)):
        folder_of(tmp_path / side, 2)  # equal file names on both sides
        rows = [[f"p{i:03d}.png", *(shift + 10 * i + k for k in range(10))] for i in range(2)]
        write_csv(tmp_path / f"landmarks_{side}.csv", ["image_id", *COLUMNS], rows)
    train, test = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test"))
    assert train.content == test.content == "faces"
    assert train.read("train__p001").landmarks.tolist() == [[10, 11], [12, 13], [14, 15], [16, 17], [18, 19]]
    assert test.read("test__p000").landmarks[0].tolist() == [100, 101]
    assert open_source(f"folder:{tmp_path / 'test'}", "all").read("p000").landmarks[0, 0] == 100


def test_left_is_the_smaller_x_and_missing_rows_are_said(tmp_path):
    folder_of(tmp_path, 2)
    write_csv(tmp_path / "landmarks.csv", ["image_id", *COLUMNS], [["p000.png", 50, 1, 20, 2, 35, 3, 48, 4, 22, 5]])
    source = open_source(f"folder:{tmp_path}", "all")
    assert source.read("p000").landmarks[:, 0].tolist() == [20, 50, 35, 22, 48]
    assert source.read("p001").landmarks is None
    assert "1 of 2 pictures have no landmarks" in source.problems[0]


def test_digest_follows_contents_names_and_landmarks(tmp_path):
    folder_of(tmp_path, 3)
    source = open_source(f"folder:{tmp_path}", "all")
    first = source.digest()
    assert first == open_source(f"folder:{tmp_path}", "all").digest() and len(first) == 64
    save_png(tmp_path / "p001.png", photo(77))
    second = source.digest()
    (tmp_path / "p001.png").rename(tmp_path / "q001.png")
    third = open_source(f"folder:{tmp_path}", "all").digest()
    write_csv(tmp_path / "landmarks.csv", ["image_id", *COLUMNS], [["p000.png", *range(10)]])
    fourth = open_source(f"folder:{tmp_path}", "all").digest()
    assert len({first, second, third, fourth}) == 4


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("folder:/no/such/place", "no such folder"),
        ("folder:", "incomplete"),
        ("folder:$NO_SUCH_VARIABLE_HERE/x", "not set"),
        ("flder:x", "did you mean 'folder'"),
        ("embedded:scnes", "did you mean 'embedded:scenes'"),
        ("embedded", "incomplete"),
        ("nonsense-kind:x", "known: bsds500, celeba"),
    ],
)
def test_bad_specs_are_one_line(spec, words):
    with pytest.raises(UserError) as caught:
        open_source(spec, "all")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_folders_that_cannot_serve(tmp_path):
    with pytest.raises(UserError, match="no pictures"):
        open_source(f"folder:{tmp_path}", "all")
    folder_of(tmp_path, 1)
    assert open_source(f"folder:{tmp_path}", "train").ids == ("p000",)
    with pytest.raises(UserError, match="cannot be split"):
        open_source(f"folder:{tmp_path}", "test")
    with pytest.raises(UserError, match="is a file"):
        open_source(f"folder:{tmp_path / 'p000.png'}", "all")
    write_csv(tmp_path / "landmarks.csv", ["image_id", "x"], [])
    with pytest.raises(UserError, match="no column"):
        open_source(f"folder:{tmp_path}", "all")


def test_a_link_back_up_does_not_loop(tmp_path):
    folder_of(tmp_path, 2)
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(open_source(f"folder:{tmp_path}", "all").ids) == 2


# embedded


def test_scenes_are_split_by_photograph():
    train, test = open_source("embedded:scenes", "train"), open_source("embedded:scenes", "test")
    photographs = [{image_id.split("_r")[0].split(".")[0] for image_id in side.ids} for side in (train, test)]
    assert photographs[1] == {"chelsea", "coffee", "rocket"} and not photographs[0] & photographs[1]
    assert {"motorcycle_left", "motorcycle_right"} <= set(train.ids)
    assert "chelsea_r0_c1" in test.ids and len(test.ids) >= 15
    assert set(open_source("embedded:scenes", "all").ids) == set(train.ids) | set(test.ids)
    assert train.digest() != test.digest()


def test_scene_tiles_are_square_lively_and_apart():
    test = open_source("embedded:scenes", "test")
    tiles = {image_id: test.read(image_id).pixels for image_id in test.ids}
    assert {tile.shape for tile in tiles.values()} == {(128, 128, 3)}
    assert min(tile.mean(axis=2).std() for tile in tiles.values()) >= 8
    assert len({tile.tobytes() for tile in tiles.values()}) == len(tiles)
    first = test.ids[0]
    test.read(first).pixels[:] = 0  # a caller's scribbling must not reach the next reader
    assert np.array_equal(test.read(first).pixels, tiles[first])


def test_faces_source():
    train, test = open_source("embedded:faces", "train"), open_source("embedded:faces", "test")
    assert (len(train.ids), len(test.ids)) == (600, 100) and not set(train.ids) & set(test.ids)
    assert train.content == "faces" and train.digest() != test.digest()
    picture = test.read("face_test_007")
    assert picture.pixels.shape == (128, 128, 3) and picture.pixels.dtype == np.uint8
    assert not np.array_equal(picture.pixels, train.read("face_train_007").pixels)
    with pytest.raises(UserError):
        test.read("face_train_007")


def test_drawn_landmarks_are_a_face():
    for seed in range(60):
        points = draw_face(seed, 64).landmarks
        assert points.dtype == np.float32 and points.shape == (5, 2)
        assert points.min() > 6 and points.max() < 58
        left, right, nose, mouth_left, mouth_right = points
        assert left[0] + 8 < right[0] and mouth_left[0] + 4 < mouth_right[0]
        assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
        assert left[0] - 3 < nose[0] < right[0] + 3


def test_drawn_eyes_lie_where_the_landmarks_say():
    """The pupil is the darkest thing near an eye: it must be within the eye's own width of its landmark."""
    misses = 0
    for seed in range(40):
        face = draw_face(seed, 128)
        grey = cv2.GaussianBlur(face.pixels.mean(axis=2).astype(np.float32), (0, 0), 0.8)
        for x, y in np.rint(face.landmarks[:2]).astype(int):
            window = grey[y - 4 : y + 5, x - 8 : x + 9]
            row, column = np.unravel_index(window.argmin(), window.shape)
            misses += abs(column - 8) > 5
    assert misses <= 8  # of 80: a lash, a dark rim or a shadow may be darker still


def test_the_same_seed_is_the_same_person_at_every_size():
    assert np.array_equal(draw_face(5, 96).pixels, draw_face(5, 96).pixels)
    assert not np.array_equal(draw_face(5, 96).pixels, draw_face(6, 96).pixels)
    small, large = draw_face(5, 64), draw_face(5, 128)
    assert np.abs((small.landmarks + 0.5) * 2 - (large.landmarks + 0.5)).max() < 1e-3
    shrunk = pictures.resize_short_side(large, 64).pixels.astype(int)
    assert np.abs(shrunk - small.pixels).mean() < 12  # grain and strands differ, the picture does not
    with pytest.raises(ValueError, match="16 or more"):
        draw_face(5, 8)


def test_drawn_faces_are_varied_and_not_trivial():
    faces = np.stack([draw_face(seed, 64).pixels for seed in range(40)]).astype(np.float32)
    assert faces.mean(axis=(1, 2, 3)).std() > 8  # light and dark pictures
    cheeks = faces[:, 34:38, 30:34].mean(axis=(1, 2, 3))
    assert cheeks.max() - cheeks.min() > 90  # skin from deep to light
    detail = np.abs(np.diff(faces, axis=2)).mean(axis=(1, 2, 3))
    assert detail.min() > 2.0  # none is a flat drawing


# near-duplicates


def test_near_duplicates_are_found_through_resizing_and_jpeg(tmp_path):
    for index in range(8):
        save_png(tmp_path / "a" / f"a{index}.png", photo(index, 96, 128))
        save_png(tmp_path / "b" / f"b{index}.png", photo(100 + index, 96, 128))
    copy = Image.fromarray(photo(3, 96, 128)).resize((200, 150))
    copy.save(tmp_path / "b" / "copy.jpg", quality=60)
    (tmp_path / "b" / "broken.png").write_text("skipped")
    a, b = (open_source(f"folder:{tmp_path / side}", "all") for side in "ab")
    pairs = near_duplicates(a, b)
    assert [(x, y) for x, y, _ in pairs] == [("a3", "copy")]
    assert pairs[0][2] <= 6
    assert len(near_duplicates(a, a)) == 8


def test_hash_is_64_bits_and_blind_to_brightness():
    first = perceptual_hash(photo(1, 96, 128))
    assert first.dtype == np.uint64
    brighter = np.clip(photo(1, 96, 128).astype(int) * 0.8 + 20, 0, 255).astype(np.uint8)
    assert int(np.bitwise_count(first ^ perceptual_hash(brighter))) <= 2
    far = [int(np.bitwise_count(first ^ perceptual_hash(photo(seed, 96, 128)))) for seed in range(2, 12)]
    assert min(far) > 10


def test_embedded_sources_do_not_leak():
    assert near_duplicates(open_source("embedded:scenes", "train"), open_source("embedded:scenes", "test")) == []


def test_shared_faces_open_with_landmarks_and_disjoint_sides():
    root = os.environ.get("RESTOREBENCH_DATA")
    if not root or not Path(root, "faces").is_dir():
        pytest.skip("RESTOREBENCH_DATA is not set: no shared pictures here")
    train, test = (open_source("folder:$RESTOREBENCH_DATA/faces", side) for side in ("train", "test"))
    assert (len(train.ids), len(test.ids)) == (5000, 955)
    assert train.problems == test.problems == () and train.content == "faces"
    for source in (train, test):
        picture = source.read(source.ids[0])
        height, width = picture.pixels.shape[:2]
        assert (picture.landmarks > 0).all() and (picture.landmarks < (width, height)).all()
