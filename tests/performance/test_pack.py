"""Training batches from a pack beside the same batches decoded from files, where pictures do not fit the cache.

`tox -e performance -- tests/performance/test_pack.py` prints the ratio of batches per second. Asserts that the batches
are the same, never a time.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from bench.data import batches
from bench.data.batches import PictureCache, Recipe, TrainingData
from bench.data.pack import write_pack
from bench.data.sources import open_source
from degradations.mosaic import Mosaic
from tests.conftest import draw

BATCH, CROP, ROUNDS = 16, 64, 3
SHAPES = {  # what stands for: number of pictures, height, width, suffix, batches in a round
    "celeba": (200, 218, 178, ".jpg", 20),
    "div2k": (16, 1404, 2040, ".png", 2),
    "ffhq": (32, 1024, 1024, ".png", 4),
}


def rate(data: TrainingData, steps: range) -> float:
    """Batches per second."""
    start = time.perf_counter()
    for step in steps:
        data.batch(step)
    return len(steps) / (time.perf_counter() - start)


@pytest.mark.parametrize("name", SHAPES)
def test_pack_beside_decoding(tmp_path, monkeypatch, name):
    monkeypatch.setattr(batches, "CACHE_BYTES", 0)  # a data set much larger than the memory kept for it
    count, height, width, suffix, steps = SHAPES[name]
    (tmp_path / "pictures").mkdir()
    for seed in range(count):
        Image.fromarray(draw(seed, height, width)).save(tmp_path / "pictures" / f"{seed:04d}{suffix}", quality=95)
    specs = f"folder:{tmp_path / 'pictures'}", f"pack:{tmp_path / 'a.pack'}"
    write_pack(specs[0], tmp_path / "a.pack")
    recipe = Recipe(Mosaic(8), CROP, BATCH)
    decoded, packed = (TrainingData(PictureCache(open_source(spec, "all"), "scenes"), recipe, 0) for spec in specs)
    assert all((decoded.batch(step).degraded == packed.batch(step).degraded).all() for step in range(3))
    rounds = [range(turn * steps, (turn + 1) * steps) for turn in range(ROUNDS)]
    rates = np.array([[rate(data, each) for data in (decoded, packed)] for each in rounds])
    files, pack = np.median(rates, axis=0)
    print(
        f"\n{name} {width}×{height}{suffix}: {pack:.1f} batches/s packed, {files:.1f} decoded: {pack / files:.1f} times"
    )
