"""Every level keeps the contract of degradations/base.py, and gives the bytes it gave."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import features

from tests.degradations.samples import (
    FIXED_JPEG,
    JPEG_BUILD,
    MODULES,
    SIZES,
    face_in,
    picture,
)


def name_of(request) -> str:
    return request.node.callspec.params["level"]


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
