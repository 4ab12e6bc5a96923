"""scripts/dncnn3_predictions.py: an outside program's road to the board, from damaged folder to predictions."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from bench.data.degrade import degrade_source
from bench.data.sources import open_source
from bench.discovery import discover
from bench.scoring.folders import FolderRestorer

SCRIPT = Path(__file__).parent.parent / "scripts" / "dncnn3_predictions.py"


def script():
    spec = importlib.util.spec_from_file_location("dncnn3_predictions", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def damaged(tmp_path):
    """One photograph, 96 pixels, as `restorebench degrade jpeg` leaves it."""
    (tmp_path / "photos").mkdir()
    Image.fromarray(skimage.data.astronaut()).resize((96, 96)).save(tmp_path / "photos" / "astronaut.png")
    levels = dict(discover().level("jpeg", name) for name in ("jpeg_q10", "jpeg_q40"))
    degrade_source(open_source(f"folder:{tmp_path / 'photos'}", "all"), "jpeg", levels, tmp_path / "damaged")
    return tmp_path / "damaged"


def test_restores_what_degrade_made(damaged, tmp_path):
    weights = Path(os.environ.get("RESTOREBENCH_WEIGHTS", ""), "dncnn3_gray.pth")
    if not weights.is_file():
        pytest.skip("needs dncnn3_gray.pth in RESTOREBENCH_WEIGHTS")
    module = script()
    device = torch.device("cpu")
    assert module.restore_folder(module.load_network(weights), damaged, tmp_path / "out", device) == 2
    files = FolderRestorer.open(tmp_path / "out", ["jpeg_q10", "jpeg_q40"]).files
    for level, found in files.items():
        clean, degraded = (np.asarray(Image.open(damaged / level / kind / "astronaut.png"), float)
                           for kind in ("clean", "degraded"))  # fmt: skip
        restored = np.asarray(Image.open(found["astronaut"]), float)
        errors = [np.square(each - clean).mean() for each in (restored, degraded)]
        assert errors[0] < 0.93 * errors[1]  # 0.3 dB


def test_tells_in_one_line_what_is_missing(damaged, tmp_path, monkeypatch, capsys):
    (tmp_path / "theirs").mkdir()
    torch.save({"other": torch.zeros(1)}, tmp_path / "theirs" / "dncnn3_gray.pth")
    monkeypatch.setattr("sys.argv", ["dncnn3_predictions.py", str(damaged), str(tmp_path / "out")])
    for folder, says in ((tmp_path, "put dncnn3_gray.pth there"), (tmp_path / "theirs", "does not hold")):
        monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(folder))
        assert script().main() == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1


def test_tells_when_there_is_nothing_to_restore(tmp_path):
    module = script()
    with pytest.raises(ValueError, match="restorebench degrade jpeg"):
        module.restore_folder(module.ResidualCnn(1, 2, 2), tmp_path, tmp_path / "out", torch.device("cpu"))
