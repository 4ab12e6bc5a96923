"""Every degradation level keeps the contract of degradations/base.py; each task does what its definition says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from degradations import erase, facemask, hole, jpeg, mosaic
from degradations.facefit import fit
from degradations.files import pictures_in, read_gray
from degradations.maskdrawing import draw
from degradations.masktemplate import choose_template, outline_points
from degradations.raster import FULL, coverage, disc, filled, stroke
from degradations.shapes import CANVAS, KINDS, ink

MODULES = {
    name: importlib.import_module(f"degradations.{name}") for name in ("mosaic", "jpeg", "erase", "facemask", "hole")
}
LEVELS = {level: module.LEVELS[level] for module in MODULES.values() for level in module.LEVELS}
FOLDER_LEVELS = tuple(name for name, level in LEVELS.items() if hasattr(level, "folder"))
FIXED_JPEG = tuple(name for name in LEVELS if name.startswith("jpeg_q") and "to" not in name)
SIZES = ((1, 1), (1, 40), (7, 5), (64, 64), (97, 131))  # height, width
FACE = np.array([(0.39, 0.43), (0.62, 0.44), (0.51, 0.58), (0.40, 0.66), (0.61, 0.66)])  # of the short side
JPEG_BUILD = ("3.2.0", "6.2")  # libjpeg-turbo and its libjpeg interface, of the golden hashes


def picture(height: int, width: int) -> np.ndarray:
    """A colourful picture made of integers: slopes, checks and a bright disc."""
    y, x = np.mgrid[:height, :width]
    checks = (x // 7 + y // 5) % 2 * 40
    spot = ((x - width // 3) ** 2 + (y - height // 2) ** 2 < (min(height, width) // 4) ** 2) * 60
    planes = (40 + 2 * x + y + checks, 90 + x + spot, 150 - y + checks // 2 + spot)
    return np.stack([np.clip(plane, 0, 255) for plane in planes], axis=-1).astype(np.uint8)


def face_in(height: int, width: int, turn: float = 0.0) -> np.ndarray:
    """Landmarks of a face filling a picture; turn: the nose tip's shift over the eye distance."""
    points = FACE * min(height, width)
    points[2, 0] = points[:2, 0].mean() + turn * (points[1, 0] - points[0, 0])
    return points


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A folder of pictures for each level that wants one."""
    root = tmp_path_factory.mktemp("folders")
    made = {name: root / name for name in FOLDER_LEVELS}
    assert set(made) == {"erase_files", "hole_files", "facemask_template"}
    for folder in made.values():
        folder.mkdir()
    y, x = np.mgrid[:50, :50]
    for index, dark in enumerate((abs(x - y) < 4, (x - 25) ** 2 + (y - 20) ** 2 < 90, (y > 30) & (y < 35) & (x > 8))):
        drawing = np.where(dark, 0, 255).astype(np.uint8)
        Image.fromarray(drawing).convert("P").save(made["erase_files"] / f"m{index}.png")
    y, x = np.mgrid[:96, :96]
    for index, white in enumerate(((x // 12) % 2 == 0, (x - 40) ** 2 + (y - 50) ** 2 < 600, y > 60)):
        Image.fromarray((white * 255).astype(np.uint8)).convert("1").save(made["hole_files"] / f"{index}.png")
    for name, colour in (("blue", (90, 140, 210)), ("blue_left", (80, 130, 200)), ("dark", (40, 40, 44))):
        template_picture(name.endswith("left"), colour).save(made["facemask_template"] / f"{name}.png")
    return made


def template_picture(side: bool, colour: tuple[int, int, int]) -> Image.Image:
    """A mask template: a shield on clear ground, on a side template with two straps to the right edge."""
    y, x = np.mgrid[:120, :160]
    reach = np.where(y < 70, 68, 68 - (y - 70))
    shield = (np.abs(x - (60 if side else 80)) < reach * (0.7 if side else 1.0)) & (y > 8) & (y < 114)
    if side:
        shield |= (x > 80) & ((np.abs(y - 20) < 2) | (np.abs(y - 70) < 2))
    rgba = np.zeros((120, 160, 4), np.uint8)
    rgba[..., :3] = np.array(colour) + (y // 12 % 2 * 20)[..., None]
    rgba[..., 3] = shield * 255
    return Image.fromarray(rgba)


@pytest.fixture(params=sorted(LEVELS))
def level(request, folders):
    found = LEVELS[request.param]
    return dataclasses.replace(found, folder=folders[request.param]) if request.param in folders else found


def name_of(request) -> str:
    return request.node.callspec.params["level"]


# --- the contract, for every level


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_contract(level, size, request):
    image, landmarks = picture(*size), face_in(*size)
    kept_image, kept_landmarks = image.copy(), landmarks.copy()
    for array in (image, landmarks):
        array.flags.writeable = False
    first, second = level(image, 5, landmarks), level(image.copy(), 5, landmarks.copy())
    assert np.array_equal(image, kept_image) and np.array_equal(landmarks, kept_landmarks)
    assert first.image.dtype == np.uint8 and first.image.shape == image.shape
    assert first.mask.dtype == np.uint8 and first.mask.shape == image.shape[:2]
    assert set(np.unique(first.mask)) <= {0, 1}
    assert np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)
    assert not np.shares_memory(first.image, image) and first.image.flags.writeable
    outside = first.mask == 0
    assert np.array_equal(first.image[outside], image[outside])
    if min(size) >= 7:
        assert first.mask.any()
    if name_of(request).startswith("jpeg"):
        assert first.mask.all()


def test_global_random_state_is_neither_used_nor_changed(level):
    image, landmarks = picture(64, 64), face_in(64, 64)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = level(image, 3, landmarks)
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(2)
    assert np.array_equal(first.image, level(image, 3, landmarks).image)


def test_other_seeds_give_other_pictures_unless_nothing_is_drawn(level, request):
    image, landmarks = picture(64, 64), face_in(64, 64)
    seen = {level(image, seed, landmarks).image.tobytes() for seed in range(8)}
    if name_of(request) in FIXED_JPEG:
        assert len(seen) == 1
    else:  # the test's folders hold two or three pictures
        assert len(seen) >= (2 if name_of(request) in ("facemask_template", "hole_files") else 4)


def test_seeds_of_63_bits_are_taken(level):
    level(picture(64, 64), 2**63 - 1, face_in(64, 64))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["float", "gray", "rgba", "empty"],
)
def test_wrong_pictures_are_refused(level, wrong):
    with pytest.raises(ValueError, match="expected a uint8"):
        level(wrong, 0, face_in(8, 8))


@pytest.mark.parametrize("name", MODULES)
def test_task_names_its_own_levels(name):
    task, levels = MODULES[name].TASK, MODULES[name].LEVELS
    assert task.name == name
    assert task.train in levels and set(task.levels) <= set(levels)
    assert task.tells_mask == (name == "hole")
    assert task.needs_landmarks == (name == "facemask")
    assert task.content <= {"scenes", "faces"}
    assert len({level.digest() for level in levels.values()}) == len(levels)


# Over picture(40, 48): sha256 of picture then mask, first 16 digits. They change only with a new level name.
GOLDEN = {
    "erase_black": "c0297c24a9f1474e",
    "erase_files": "59afe524cf78b13f",
    "erase_magenta": "03cd5783ddf7c3e8",
    "facemask_drawn": "02a9fed3c0b11827",
    "facemask_template": "0b76aa396c9dc8a6",
    "hole_box": "7261bf98fccf3917",
    "hole_files": "5480aa98a0611d30",
    "hole_free": "6dc9d2045c5663fc",
    "jpeg_q10": "9af37750ac844b9d",
    "jpeg_q10_444": "1e35a37fe6d5be69",
    "jpeg_q10to60": "839936d53450beb5",
    "jpeg_q20": "c5ce83cafba5eaff",
    "jpeg_q20_444": "f4158a4b154a1dad",
    "jpeg_q30": "a3610f182cbab72b",
    "jpeg_q30_444": "39c176ac22c9b43e",
    "jpeg_q40": "fc2a9fb6267f4ec0",
    "jpeg_q40_444": "2845f40930ec750e",
    "mosaic_c10": "85ee40c9168c16f7",
    "mosaic_c10_source": "a4877a014c38e48e",
    "mosaic_c10_topleft": "4825c5a552752ead",
    "mosaic_c12": "2b36ce9b405dfa1c",
    "mosaic_c12_topleft": "81a4dfa313319c16",
    "mosaic_c16": "12b2c904b73962cd",
    "mosaic_c16_topleft": "6d11b77f5cdc3091",
    "mosaic_c4": "118750ae525f0b67",
    "mosaic_c4_topleft": "68f353b9a869154e",
    "mosaic_c4to16": "d7937222bfb4a25e",
    "mosaic_c6": "b9401ac7196d5310",
    "mosaic_c6_topleft": "5458670c20b4bad2",
    "mosaic_c8": "58b97d876ca3a323",
    "mosaic_c8_topleft": "0d1100604133b133",
}


def test_golden(level, request):
    name = name_of(request)
    if name.startswith("jpeg") and (features.version("libjpeg_turbo"), features.version("jpg")) != JPEG_BUILD:
        pytest.skip(f"hashes are of libjpeg-turbo {JPEG_BUILD[0]}; test_jpeg_stored_array holds for any build")
    result = level(picture(40, 48), 11, face_in(40, 48))
    assert hashlib.sha256(result.image.tobytes() + result.mask.tobytes()).hexdigest()[:16] == GOLDEN[name]


# --- mosaic


@pytest.mark.parametrize("fill", ["mean", "topleft"])
@pytest.mark.parametrize("cell", mosaic.CELLS)
def test_mosaic_cells(cell, fill):
    image = picture(97, 131)
    result = mosaic.LEVELS[f"mosaic_c{cell}" + ("" if fill == "mean" else "_topleft")](image, 4)
    region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(4)), 97, 131), 0.3)
    assert region.sum() == round(0.3 * 97 * 131)
    filled_cells = 0
    for y in range(0, 97, cell):
        for x in range(0, 131, cell):
            before, after = image[y : y + cell, x : x + cell], result.image[y : y + cell, x : x + cell]
            assert (result.mask[y : y + cell, x : x + cell] == region[y, x]).all()
            if region[y, x]:
                filled_cells += 1
                mean = np.floor(before.reshape(-1, 3).mean(axis=0) + 0.5)
                assert (after == (mean if fill == "mean" else before[0, 0])).all()
    assert filled_cells > 3


def test_mosaic_source_variant_is_the_sources_loops():
    image = picture(64, 70)
    result = mosaic.LEVELS["mosaic_c10_source"](image, 9)
    region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(9)), 64, 70), 0.3)
    expected = image.copy()
    for y in range(0, 64 - 10, 10):
        for x in range(0, 70 - 10, 10):
            if region[y, x]:
                expected[y : y + 10, x : x + 10] = image[y, x]
    assert np.array_equal(result.image, expected)
    assert not result.mask[60:].any() and not result.mask[:, 60:].any()


def test_mosaic_region_takes_exactly_the_highest_pixels():
    field = np.array([[5, 1, 5], [5, 5, 0]], np.float32)
    assert mosaic.top_region(field, 0.5).tolist() == [[True, False, True], [True, False, False]]
    assert mosaic.top_region(field, 1.0).all()
    assert mosaic.top_region(field, 0.01).sum() == 1


def test_mosaic_region_is_an_object_near_the_middle():
    hits, sides = np.zeros((64, 64)), []
    for seed in range(60):
        region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(seed)), 64, 64), 0.3)
        hits += region
        sides.append(np.count_nonzero(region[:, 1:] != region[:, :-1]) / 64)
    assert hits[24:40, 24:40].mean() > 3 * hits[:8].mean()
    assert np.mean(sides) < 3  # few edges per row: a blob, not noise


def test_mosaic_range_level_draws_every_cell_size():
    def made_of(mask: np.ndarray, cell: int) -> bool:
        return np.array_equal(mask, mask[::cell, ::cell].repeat(cell, 0).repeat(cell, 1)[:64, :64])

    drawn = set()
    for seed in range(120):
        mask = mosaic.LEVELS["mosaic_c4to16"](picture(64, 64), seed).mask
        drawn.add(max(cell for cell in range(4, 17) if made_of(mask, cell)))
    assert drawn == set(range(4, 17))


@pytest.mark.parametrize("wrong", [{"fill": "median"}, {"cell": 0}, {"cell_max": 3}, {"ratio": 0.0}])
def test_mosaic_refuses_wrong_parameters(wrong):
    with pytest.raises(ValueError, match="mosaic"):
        mosaic.Mosaic(**wrong)


# --- jpeg

# picture(8, 8) after quality 10: base64 of 8×8×3 bytes, from libjpeg-turbo 3.2.0
JPEG_8X8 = {
    "4:2:0": (
        "AFd5D2WIHG6TG2aND1R9Dkt3IlKCNGCRCV+CGGyQJnabJG6VGVyGGVSAK1uLPGiZF2mOKHidNoGoNHmiKGeSJl+MN2eXSXWmJ3KZ"
        "NoCnRImyQYKsNnGdNGiXQ3GiU3+wL3SdPoGrTIu2SYSwPXOhOWybSXWmWIK0M26aQXyoTYazSn6tPG+eOWeYR3GjVn6xM2OTQnKi"
        "TX2tSHanOmaXNV+RQ2icUnerMV2OQGydS3eoRXGiN1+SMVmMP2OXTnKm"
    ),
    "4:4:4": (
        "DE95G16IJmmTIGONEFN9Ck13FViCJGeRGVaCJ2SQMm+bLGmVHVqGF1SAIl+LMG2ZK1+OOm6dRXmoP3OiL2OSKV2MNGiXQ3emPmaZ"
        "THSnV3+yUXmsQmqdPGSXR2+iVX2wS2adWXSrZH+2XnmwT2qhSWSbVG+mYn20UF+aXm2oaXizY3KtVGOeTl2YWWijZ3axT1WTXmSi"
        "aW+tY2mnU1mXTVORWF6cZ22rTU6OXF2dZ2ioYWKiUVKSS0yMVleXZWam"
    ),
}


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_jpeg_stored_array(subsampling):
    stored = np.frombuffer(base64.b64decode(JPEG_8X8[subsampling]), np.uint8).reshape(8, 8, 3)
    result = jpeg.round_trip(picture(8, 8), 10, subsampling)
    assert np.abs(result.astype(int) - stored).max() <= 1  # builds of libjpeg may round otherwise, no further


@pytest.mark.parametrize("name", FIXED_JPEG)
def test_jpeg_of_gray_is_the_gray_planes(name):
    gray = picture(61, 45)[..., 1]
    result = jpeg.LEVELS[name](np.repeat(gray[..., None], 3, axis=2), 0).image
    plane = jpeg.round_trip(gray, jpeg.LEVELS[name].quality, "4:4:4")
    assert plane.ndim == 2 and not np.array_equal(plane, gray)
    assert np.array_equal(result, np.repeat(plane[..., None], 3, axis=2))


def test_jpeg_quality_and_subsampling_order():
    image = picture(64, 64)
    errors = [
        np.square(image - jpeg.LEVELS[f"jpeg_q{q}"](image, 0).image.astype(float)).mean() for q in (10, 20, 30, 40)
    ]
    assert errors == sorted(errors, reverse=True) and errors[-1] > 0
    halved, full = (jpeg.LEVELS[name](image, 0).image.astype(float) for name in ("jpeg_q10", "jpeg_q10_444"))
    assert np.square(image - full).mean() < np.square(image - halved).mean()


def test_jpeg_training_level_draws_qualities_and_both_subsamplings():
    image, level = picture(64, 64), jpeg.LEVELS["jpeg_q10to60"]
    known = {
        jpeg.round_trip(image, quality, sub).tobytes(): (quality, sub)
        for quality in range(10, 61)
        for sub in ("4:2:0", "4:4:4")
    }
    drawn = {known[level(image, seed).image.tobytes()] for seed in range(200)}
    assert len({quality for quality, _ in drawn}) > 40 and {sub for _, sub in drawn} == {"4:2:0", "4:4:4"}


@pytest.mark.parametrize("wrong", [{"quality": 0}, {"quality": 40, "quality_max": 30}, {"subsampling": "4:1:1"}])
def test_jpeg_refuses_wrong_parameters(wrong):
    with pytest.raises(ValueError, match="JPEG"):
        jpeg.Jpeg(**wrong)


def test_jpeg_classic5_psnr():
    folder = Path(os.environ.get("RESTOREBENCH_DATA", "")) / "classic5"
    if "RESTOREBENCH_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("RESTOREBENCH_DATA names no folder with classic5")
    scores = []
    for path in sorted(folder.glob("*.png")):
        image = np.array(Image.open(path).convert("RGB"))
        error = np.square(jpeg.LEVELS["jpeg_q10"](image, 0).image.astype(float) - image).mean()
        scores.append(10 * np.log10(255**2 / error))
    assert len(scores) == 5
    assert np.mean(scores) == pytest.approx(27.821, abs=0.001)  # the JPEG row of published Classic5 tables, 27.82


# --- erase


@pytest.mark.parametrize(("height", "width"), [(256, 256), (64, 64), (97, 131), (1, 1), (3, 90)])
def test_erase_boxes_lie_inside_and_keep_the_sources_scale(height, width):
    short, counts, sides = min(height, width), set(), []
    for seed in range(200):
        boxes = erase.placements(np.random.Generator(np.random.PCG64(seed)), (height, width))
        counts.add(len(boxes))
        for x, y, side in boxes:
            assert x >= 0 and x + side <= width and y >= 0 and y + side <= height
            sides.append(side)
    assert counts == {1, 2}
    assert min(sides) >= max(1, int(short * 50 / 256)) and max(sides) <= max(1, round(short * 250 / 256))
    if short == 256:
        assert min(sides) < 60 and max(sides) > 240


@pytest.mark.parametrize(("name", "fill"), [("erase_black", (0, 0, 0)), ("erase_magenta", (255, 0, 255))])
def test_erase_fill_is_pure_and_the_rest_untouched(name, fill):
    image = np.maximum(picture(128, 128), 1)
    for seed in range(20):
        result = erase.LEVELS[name](image, seed)
        assert (result.image[result.mask == 1] == fill).all()
        assert ((result.image == fill).all(axis=2) == (result.mask == 1)).all()  # no rim in between
        assert 0 < result.mask.mean() < 0.5


def test_erase_magenta_loses_what_black_loses():
    image = picture(64, 64)
    black, magenta = (erase.LEVELS[name](image, 6).mask for name in ("erase_black", "erase_magenta"))
    assert np.array_equal(black, magenta)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_vary_and_stay_on_the_canvas(kind):
    drawings = [ink(KINDS[kind](np.random.Generator(np.random.PCG64(seed)))) for seed in range(30)]
    assert len({drawing.tobytes() for drawing in drawings}) == 30
    for drawing in drawings:
        assert drawing.shape == (CANVAS, CANVAS) and drawing.max() > 200
        assert 10 < np.count_nonzero(drawing >= 128) < 0.6 * CANVAS**2
        assert not drawing[0].any() and not drawing[-1].any() and not drawing[:, 0].any() and not drawing[:, -1].any()


def test_thin_strokes_survive_shrinking():
    drawing = np.zeros((50, 50), np.uint8)
    drawing[10:40, 24:26] = 255
    assert erase.stretch(drawing, 8).any() and erase.stretch(drawing, 250).mean() == pytest.approx(0.024, abs=0.004)


def test_erase_files_takes_dark_as_erased(folders):
    level = dataclasses.replace(erase.LEVELS["erase_files"], folder=folders["erase_files"])
    image = picture(256, 256)
    areas = [level(image, seed).mask.mean() for seed in range(30)]
    assert min(areas) > 0 and max(areas) < 0.45


# --- hole


@pytest.mark.parametrize(("size", "low", "high"), [(256, 96, 128), (128, 48, 64), (64, 24, 32)])
def test_hole_box_sides(size, low, high):
    image, sides = picture(size, size), []
    for seed in range(100):
        result = hole.LEVELS["hole_box"](image, seed)
        rows, columns = np.flatnonzero(result.mask.any(axis=1)), np.flatnonzero(result.mask.any(axis=0))
        sides += [len(rows), len(columns)]
        assert result.mask.sum() == len(rows) * len(columns)  # one rectangle
        assert (result.image[result.mask == 1] == 128).all()
    assert low <= min(sides) <= low + 2 and high - 2 <= max(sides) <= high


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 64), (97, 131), (256, 256), (40, 400), (1, 1000)])
def test_hole_free_keeps_its_area_band(height, width):
    level, image = hole.LEVELS["hole_free"], picture(height, width)
    areas = []
    for seed in range(30):
        result = level(image, seed)
        assert (result.image[result.mask == 1] == 128).all()
        areas.append(result.mask.mean())
    assert level.least <= min(areas) and max(areas) <= level.most
    if min(height, width) >= 64:
        assert max(areas) - min(areas) > 0.15


def test_hole_files_are_nearest_resized_white_is_hole(folders):
    level = dataclasses.replace(hole.LEVELS["hole_files"], folder=folders["hole_files"])
    seen = set()
    for seed in range(20):
        mask = level(picture(48, 192), seed).mask
        seen.add(mask.tobytes())
    expected = set()
    for path in folders["hole_files"].iterdir():
        expected.add(np.array(Image.open(path).resize((192, 48), Image.Resampling.NEAREST)).astype(np.uint8).tobytes())
    assert seen == expected


# --- facemask


@pytest.fixture(params=["facemask_drawn", "facemask_template"])
def masker(request, folders):
    found = LEVELS[request.param]
    return dataclasses.replace(found, folder=folders[request.param]) if request.param in folders else found


@pytest.mark.parametrize("turn", [-0.5, -0.25, 0.0, 0.1, 0.25, 0.5])
def test_facemask_covers_nose_and_mouth_and_leaves_the_eyes(masker, turn):
    landmarks = face_in(128, 128, turn)
    for seed in range(12):
        mask = masker(picture(128, 128), seed, landmarks).mask
        assert [mask[int(y), int(x)] for x, y in landmarks] == [0, 0, 1, 1, 1]
        assert 0.05 < mask.mean() < 0.35


@pytest.mark.parametrize("degrees", [-35, 20, 90])
def test_facemask_follows_a_tilted_head(masker, degrees):
    angle = np.deg2rad(degrees)
    turned = (face_in(128, 128) - 64) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + 64
    mask = masker(picture(128, 128), 1, turned).mask
    assert [mask[int(y), int(x)] for x, y in turned] == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(("turn", "pose"), [(-0.3, "left"), (-0.05, "front"), (0.1, "front"), (0.3, "right")])
def test_facemask_pose_follows_the_nose(turn, pose, folders):
    face = fit(face_in(128, 128, turn))
    assert face.pose == pose and face.tilt == pytest.approx(turn, abs=0.01)
    files = pictures_in(folders["facemask_template"], "facemask_template", "masks")
    shown = {
        (file.path.stem, mirrored, shown)
        for file, mirrored, shown in (
            choose_template(files, face.pose, np.random.Generator(np.random.PCG64(seed))) for seed in range(20)
        )
    }
    blue = ("blue", False, "front") if pose == "front" else ("blue_left", pose == "right", pose)
    assert shown == {blue, ("dark", False, "front")}


def test_facemask_side_shape_reaches_further_over_the_near_cheek():
    reach = {}
    for turn in (-0.3, 0.0, 0.3):
        landmarks = face_in(128, 128, turn)
        columns = np.flatnonzero(LEVELS["facemask_drawn"](picture(128, 128), 2, landmarks).mask.any(axis=0))
        reach[turn] = (landmarks[2, 0] - columns[0], columns[-1] - landmarks[2, 0])
    left, right = reach[-0.3]
    assert right > 2 * left
    assert 0.8 < reach[0.0][0] / reach[0.0][1] < 1.25
    left, right = reach[0.3]
    assert left > 2 * right


def test_facemask_drawn_shows_every_kind_and_both_light_and_dark():
    means = [LEVELS["facemask_drawn"](np.full((64, 64, 3), 190, np.uint8), seed, face_in(64, 64)) for seed in range(40)]
    values = [int(result.image[result.mask == 1].mean()) for result in means]
    assert min(values) < 90 and max(values) > 190


def test_facemask_brightness_follows_the_face(masker):
    landmarks, values = face_in(96, 96), []
    for level in (40, 120, 200):
        result = masker(np.full((96, 96, 3), level, np.uint8), 3, landmarks)
        values.append(result.image[result.mask == 1].mean())
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize(
    "landmarks",
    [None, np.zeros((4, 2)), np.full((5, 2), np.nan), np.zeros(10)],
    ids=["missing", "four", "nan", "flat"],
)
def test_facemask_refuses_wrong_landmarks(masker, landmarks):
    with pytest.raises(ValueError, match="landmarks"):
        masker(picture(32, 32), 0, landmarks)


@pytest.mark.parametrize(
    "landmarks", [np.zeros((5, 2)), np.full((5, 2), 3.0), -1e6 * FACE, 1e7 + 100 * FACE, 3000 * FACE]
)
def test_facemask_stands_odd_landmarks(masker, landmarks):
    image = picture(24, 31)
    result = masker(image, 0, landmarks)
    assert np.array_equal(result.image[result.mask == 0], image[result.mask == 0])


def test_facemask_outside_the_picture_changes_nothing(masker):
    result = masker(picture(24, 31), 0, 30 * FACE + 500)
    assert not result.mask.any() and np.array_equal(result.image, picture(24, 31))


def test_template_outline_points_mirror():
    alpha = np.array(template_picture(True, (1, 2, 3)).getchannel("A"))
    left, right = outline_points(alpha, "left"), outline_points(alpha[:, ::-1], "right")
    assert np.array_equal(right[[2, 1, 0, 5, 4, 3]] * (-1, 1) + (160, 0), left)
    assert left[2].tolist() == [160, 20] and left[5].tolist() == [160, 70]  # the straps' ends


def test_template_without_opaque_pixels_is_refused(tmp_path):
    Image.new("RGBA", (20, 20)).save(tmp_path / "clear.png")
    with pytest.raises(ValueError, match="clear.png has no opaque pixel"):
        facemask.TemplateMask(tmp_path)(picture(32, 32), 0, face_in(32, 32))


def test_drawing_is_none_outside():
    look = importlib.import_module("degradations.maskstyles").choose(np.random.Generator(np.random.PCG64(0)))
    assert draw(fit(30 * FACE + 500), look, picture(20, 20), np.random.Generator(np.random.PCG64(0))) is None


# --- folders


@pytest.mark.parametrize("name", FOLDER_LEVELS)
def test_folder_levels_say_what_they_miss(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name} needs a folder of .*{name}@FOLDER"):
        LEVELS[name](picture(32, 32), 0, face_in(32, 32))
    assert LEVELS[name].digest() == repr(LEVELS[name])
    for folder, words in ((tmp_path, "holds no readable picture"), (tmp_path / "none", "is not a folder")):
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(LEVELS[name], folder=folder)(picture(32, 32), 0, face_in(32, 32))


@pytest.mark.parametrize("name", FOLDER_LEVELS)
def test_folder_digest_follows_contents_not_place(name, folders, tmp_path):
    copy, changed = tmp_path / "copy", tmp_path / "changed"
    for folder in (copy, changed):
        shutil.copytree(folders[name], folder)
    first = sorted(changed.iterdir())[0]
    edited = np.array(Image.open(first).convert("RGBA"))
    edited[5, 5] = (1, 2, 3, 255)
    Image.fromarray(edited).save(first)
    here, there, other = (dataclasses.replace(LEVELS[name], folder=each) for each in (folders[name], copy, changed))
    assert here.digest() == there.digest() != other.digest()
    image, landmarks = picture(64, 64), face_in(64, 64)
    assert np.array_equal(here(image, 7, landmarks).image, there(image, 7, landmarks).image)


def test_unreadable_files_are_skipped_and_named(folders, tmp_path):
    shutil.copytree(folders["hole_files"], tmp_path / "masks")
    whole = (tmp_path / "masks" / "0.png").read_bytes()
    (tmp_path / "masks" / "broken.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "masks" / "notes.txt").write_text("not a picture")
    with pytest.warns(UserWarning, match="skipped 1 unreadable: broken.png"):
        found = pictures_in(tmp_path / "masks", "hole_files", "masks")
    assert [file.path.name for file in found] == ["0.png", "1.png", "2.png"]
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no readable picture; unreadable: broken.png"):
        pictures_in(tmp_path / "only", "hole_files", "masks")


def test_transparent_parts_of_a_drawing_count_as_white(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[1, 1, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "shape.png")
    gray = read_gray(pictures_in(tmp_path, "erase_files", "shapes")[0])
    assert gray[1, 1] == 0 and (gray == 255).sum() == 15


# --- drawing polygons


def test_coverage_is_the_area_inside():
    square = np.array([(1.25, 2.0), (4.5, 2.0), (4.5, 5.0), (1.25, 5.0)])
    got = coverage([square], 7, 6)
    assert got[3].tolist() == [0, 192, 256, 256, 128, 0]
    assert got.sum() == 3.25 * 3 * FULL
    assert np.array_equal(coverage([square[::-1]], 7, 6), got)  # either way round
    other = square + (1.25, 0)
    assert coverage([square, other[::-1]], 7, 8)[3].tolist() == [0, 192, 256, 256, 256, 192, 0, 0]  # a union
    circle = coverage([disc(np.array([30.0, 30.0]), 20, 64)], 60, 60).sum() / FULL
    assert circle == pytest.approx(np.pi * 400, rel=0.005)


def test_polygons_are_cut_at_the_frame():
    big = np.array([(-50.0, -50.0), (90.0, -50.0), (90.0, 90.0), (-50.0, 90.0)])
    assert (coverage([big], 5, 8) == FULL).all()
    assert not coverage([big + 1000], 5, 8).any()
    assert not coverage([], 5, 8).any()


def test_stroke_is_as_wide_as_asked_with_round_ends():
    mask = filled(stroke(np.array([(10.0, 20.0), (40.0, 20.0)]), 8.0), 40, 50)
    assert mask[:, 25].sum() == 8
    assert mask[20].sum() == pytest.approx(38, abs=1)
