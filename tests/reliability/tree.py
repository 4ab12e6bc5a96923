"""What a folder of runs or a site must look like after a kill: every file whole."""

import json
from pathlib import Path

import pandas as pd
import torch
from PIL import Image

from bench.results.atomic import MARK
from bench.training.checkpoint import SEAL, _whole


def check_whole(root: Path) -> int:
    """Read every file under its final name to its end; returns how many there were."""
    count = 0
    for path in root.rglob("*"):
        if path.is_file() and MARK not in "/".join(path.relative_to(root).parts):
            _READERS.get(path.suffix, lambda _: None)(path)
            count += path.suffix in _READERS
    return count


def check_no_leftovers(root: Path) -> None:
    """Nothing unfinished, and no second checkpoint of a training that ended."""
    assert [str(path) for path in root.rglob("*") if path.name.startswith(MARK)] == []
    assert [str(path) for path in root.rglob("checkpoint.previous.pt")] == []


def _checkpoint(path: Path) -> None:
    assert path.stat().st_size > SEAL and _whole(path), path
    torch.load(path, weights_only=True)


def _picture(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()


def _page(path: Path) -> None:
    assert path.read_text().rstrip().endswith("</html>"), path


_READERS = {
    ".json": lambda path: json.loads(path.read_text()),
    ".parquet": pd.read_parquet,
    ".png": _picture,
    ".pt": _checkpoint,
    ".html": _page,
}
