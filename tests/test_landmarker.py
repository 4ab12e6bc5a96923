"""Landmarks for one's own faces: the CSV that is written, and what is said where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bench.data.landmarker import MESH, find_landmarks
from bench.data.pictures import save_png
from bench.data.sources import open_source
from bench.errors import UserError
from tests.data.samples import photo

FIVE = np.array([[20, 15], [40, 16], [30, 25], [22, 33], [38, 34]], float)  # px of a 64×48 picture


def mesh(five: np.ndarray, spread: float = 1.0) -> list[SimpleNamespace]:
    """478 points, as shares of the picture: those of MESH about the five, the others on the nose."""
    points = np.tile(five[2], (478, 1))
    for at, places in zip(five, MESH, strict=True):
        for place, shift in zip(places, ((-spread, spread) if len(places) == 2 else (0,)), strict=True):
            points[place] = at + (shift, 0)
    return [SimpleNamespace(x=x, y=y) for x, y in (points + 0.5) / (64, 48)]


class Detector:
    """Stands for MediaPipe's: finds two faces in bright pictures and none in black ones."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def detect(self, image):
        assert image.image_format == "srgb" and image.data.dtype == np.uint8 and image.data.flags.c_contiguous
        small = FIVE[2] + (FIVE - FIVE[2]) / 4
        return SimpleNamespace(face_landmarks=[mesh(small), mesh(FIVE)] if image.data.any() else [])


@pytest.fixture
def mediapipe(monkeypatch, tmp_path) -> Path:
    """A module of the names we use, and a model file; returns the model."""
    library = ModuleType("mediapipe")
    library.Image, library.ImageFormat = SimpleNamespace, SimpleNamespace(SRGB="srgb")
    tasks, vision = ModuleType("mediapipe.tasks.python"), ModuleType("mediapipe.tasks.python.vision")
    tasks.BaseOptions = lambda model_asset_path: Path(model_asset_path)
    vision.FaceLandmarkerOptions = lambda base_options, num_faces: base_options

    def create(model: Path) -> Detector:
        if model.read_bytes() != b"model":
            raise RuntimeError("Unable to open zip archive.")
        return Detector()

    vision.FaceLandmarker = SimpleNamespace(create_from_options=create)
    for module in (library, tasks, vision):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    model = tmp_path / "weights" / "face_landmarker.task"
    model.parent.mkdir()
    model.write_bytes(b"model")
    monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(model.parent))
    return model


def test_the_largest_face_is_written_and_read_back(tmp_path, mediapipe):
    faces = tmp_path / "faces"
    save_png(faces / "sub" / "a.png", photo(1))
    save_png(faces / "black.png", np.zeros((48, 64, 3), np.uint8))
    (faces / "broken.png").write_text("no picture")
    report = find_landmarks(faces, faces / "landmarks.csv")
    assert report.written == 1
    told = "\n".join(report.problems)
    assert "black: no face was found" in told and "broken.png" in told
    source = open_source(f"folder:{faces}", "all")
    assert source.content == "faces" and source.read("black").landmarks is None
    assert np.abs(source.read("sub__a").landmarks - FIVE).max() < 0.01  # written to a hundredth of a pixel


def test_what_is_missing_is_one_line(tmp_path, mediapipe, monkeypatch):
    save_png(tmp_path / "faces" / "black.png", np.zeros((48, 64, 3), np.uint8))
    out = tmp_path / "x.csv"

    def say(model: Path | None = None) -> str:
        with pytest.raises(UserError) as caught:
            find_landmarks(tmp_path / "faces", out, model)
        assert not out.exists() and "\n" not in str(caught.value)
        return str(caught.value)

    assert "no face was found in 1 pictures" in say()
    assert "no such model; get face_landmarker.task from https://" in say(tmp_path / "absent.task")
    mediapipe.write_bytes(b"?")
    assert "is no model that MediaPipe can load" in say()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert "restorebench[landmarks]" in say()


def test_mediapipe_has_the_names_we_use(tmp_path):
    """With the real package: its options take what we give, and a file that is no model is said in one line."""
    pytest.importorskip("mediapipe", reason="extra: pip install 'restorebench[landmarks]'")
    save_png(tmp_path / "faces" / "a.png", photo(1))
    (tmp_path / "bad.task").write_bytes(b"no model")
    with pytest.raises(UserError, match="is no model that MediaPipe can load"):
        find_landmarks(tmp_path / "faces", tmp_path / "x.csv", tmp_path / "bad.task")
