"""Photographs and drawn faces that come with the packages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.data import pictures
from bench.data.drawn import draw_face
from bench.data.sources import open_source
from bench.errors import UserError


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
