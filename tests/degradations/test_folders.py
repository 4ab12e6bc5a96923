"""Levels that read files: what they say when something is missing or broken."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from degradations.files import pictures_in, read_gray
from tests.degradations.samples import (
    FOLDER_LEVELS,
    LEVELS,
    face_in,
    picture,
)


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
