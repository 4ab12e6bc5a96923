"""Near-duplicates, found and absent."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.near import near_duplicates, perceptual_hash
from bench.data.pictures import save_png
from bench.data.sources import open_source
from tests.data.samples import photo


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
