"""Five landmarks for one's own faces, found by MediaPipe's Face Landmarker (extra [landmarks]) and written as CSV.

https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker. The package carries no model: its file
face_landmarker.task is given, or lies in RESTOREBENCH_WEIGHTS. Points found by anything else serve as well: see
docs/data.md for the columns.
"""

from __future__ import annotations

import csv
import importlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.folder import open_folder, resolve
from bench.data.pictures import UnreadablePicture
from bench.data.tables import COLUMNS, five_points
from bench.errors import UserError
from bench.results.atomic import write_atomic

MODEL = "face_landmarker.task"
MODEL_PAGE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker#models"
MOST_FACES = 8  # looked at in a picture; the largest is taken
# Points of MediaPipe's face mesh: the corners of both eyes, the tip of the nose, the corners of the mouth.
MESH = ((33, 133), (362, 263), (1,), (61,), (291,))


@dataclass(frozen=True)
class LandmarkReport:
    """How many faces were found, and a line for each picture without."""

    written: int
    problems: list[str]


def find_landmarks(folder: Path, out: Path, model: Path | None = None) -> LandmarkReport:
    """Write landmarks.csv for a folder's pictures; the file appears whole or not at all.

    Raises UserError without the extra, without a model, or when no face is found in any picture.
    """
    root = resolve(f"folder:{folder}", str(folder))
    source = open_folder(f"folder:{folder}", str(folder), "all")
    library, detector = _detector(model)
    problems = list(source.problems)
    rows: list[list[object]] = []
    with detector:
        for image_id in source.ids:
            try:
                points = _points(library, detector, source.read(image_id).pixels)
            except UnreadablePicture as error:
                problems.append(f"{error}; left out")
                continue
            if points is None:
                problems.append(f"{image_id}: no face was found; left out")
            else:
                rows.append(
                    [
                        source.path(image_id).relative_to(root).as_posix(),
                        *(round(float(each), 2) for each in points.ravel()),
                    ]
                )
    if not rows:
        raise UserError(f"{folder}: no face was found in {len(source.ids)} pictures; nothing was written")
    _write(out, rows)
    return LandmarkReport(len(rows), problems)


def _detector(model: Path | None) -> tuple[Any, Any]:
    """The library, and its detector ready to be entered."""
    try:
        library = importlib.import_module("mediapipe")
        tasks, vision = (importlib.import_module(f"mediapipe.tasks.python{part}") for part in ("", ".vision"))
    except (ImportError, OSError) as error:
        raise UserError(
            "landmarks: needs the extra: pip install 'restorebench[landmarks]'; or write the CSV by hand (docs/data.md)"
        ) from error
    path = model or Path(os.environ.get("RESTOREBENCH_WEIGHTS", "."), MODEL)
    if not path.is_file():
        raise UserError(f"{path}: no such model; get {MODEL} from {MODEL_PAGE} and give it with --model")
    try:
        base = tasks.BaseOptions(model_asset_path=str(path))
        options = vision.FaceLandmarkerOptions(base_options=base, num_faces=MOST_FACES)
        return library, vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{path}: is no model that MediaPipe can load ({error})") from error


def _points(library: Any, detector: Any, pixels: np.ndarray) -> np.ndarray | None:
    """Float32 5×2 of the largest face in uint8 H×W×3, pixel centres at whole numbers; None where there is none."""
    image = library.Image(image_format=library.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
    size = np.array(pixels.shape[1::-1])
    faces = [np.array([[p.x, p.y] for p in face]) * size - 0.5 for face in detector.detect(image).face_landmarks]
    if not faces:
        return None
    largest = max(faces, key=lambda mesh: float(np.ptp(mesh, axis=0).prod()))
    five = np.stack([largest[list(part)].mean(axis=0) for part in MESH])
    return five_points(five.ravel().tolist(), "face")


def _write(out: Path, rows: list[list[object]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["image_id", *COLUMNS], *rows])
    write_atomic(out, text.getvalue().encode())
