"""Face masks, drawn and from templates, fitted to landmarks."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest
from PIL import Image

from degradations import facemask
from degradations.facefit import fit
from degradations.files import pictures_in
from degradations.maskdrawing import draw
from degradations.masktemplate import choose_template, outline_points
from tests.degradations.samples import (
    FACE,
    LEVELS,
    face_in,
    picture,
    template_picture,
)


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
