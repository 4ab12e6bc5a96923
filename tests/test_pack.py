"""A pack gives what its source gave, bit for bit, and says in one line when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.data import pack as packing
from bench.data.batches import PictureCache, Recipe, TrainingData
from bench.data.pack import index_of, open_pack, write_pack
from bench.data.pictures import UnreadablePicture, save_png
from bench.data.sources import open_source
from bench.errors import UserError
from degradations.mosaic import Mosaic
from tests.data.samples import COLUMNS, folder_of, photo, write_csv
from tests.test_data_sets import celeba


@pytest.fixture
def packed(tmp_path) -> tuple[str, str]:
    """Specs of a folder with landmarks and a damaged picture, and of its pack."""
    folder = folder_of(tmp_path / "photos", 12)
    save_png(folder / "tall.png", photo(40, 90, 50))
    (folder / "broken.png").write_bytes(b"no picture")
    rows = [[f"p{i:03d}.png", *np.random.default_rng(i).uniform(5, 40, 10)] for i in range(12)]
    write_csv(folder / "landmarks.csv", ["image_id", *COLUMNS], rows)
    out = tmp_path / "out" / "photos.pack"
    report = write_pack(f"folder:{folder}", out)
    assert report.written == 13 and report.size == 12 * 48 * 64 * 3 + 90 * 50 * 3
    assert any("broken.png" in line for line in report.problems)
    return f"folder:{folder}", f"pack:{out}"


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_a_pack_is_its_source(packed, split):
    source, pack = (open_source(spec, split) for spec in packed)
    assert pack.ids == source.ids and pack.digest() == source.digest()
    assert (pack.content, pack.problems) == (source.content, source.problems)
    for image_id in source.ids:
        if image_id == "broken":
            with pytest.raises(UnreadablePicture, match="not a picture"):
                pack.read(image_id)
            continue
        ours, theirs = pack.read(image_id), source.read(image_id)
        assert np.array_equal(ours.pixels, theirs.pixels) and ours.pixels.dtype == np.uint8
        assert (ours.landmarks is None) == (theirs.landmarks is None)
        if ours.landmarks is not None:
            assert ours.landmarks.tobytes() == theirs.landmarks.tobytes() and ours.landmarks.dtype == np.float32


def test_batches_are_bit_equal(packed):
    recipe = Recipe(Mosaic(4), 24, 4)
    data = [TrainingData(PictureCache(open_source(spec, "train"), "scenes", 40), recipe, 7) for spec in packed]
    for step in range(12):  # several epochs, and the damaged picture on the way
        ours, theirs = (each.batch(step) for each in data)
        assert all((getattr(ours, name) == getattr(theirs, name)).all() for name in ("clean", "degraded", "mask"))


def test_a_callers_scribbling_stays_his_own(packed):
    source = open_source(packed[1], "all")
    source.read("p000").pixels[:] = 0
    assert np.array_equal(source.read("p000").pixels, photo(0))


def test_a_data_set_keeps_its_own_split(tmp_path):
    spec = celeba(tmp_path / "celeba")
    write_pack(spec, tmp_path / "c.pack")
    for split in ("train", "test", "all"):
        pack, source = open_source(f"pack:{tmp_path / 'c.pack'}", split), open_source(spec, split)
        assert (pack.ids, pack.digest(), pack.content) == (source.ids, source.digest(), "faces")


def test_a_side_that_the_source_lacks_is_lacking_in_the_pack(tmp_path):
    folder_of(tmp_path / "kodak", 2)
    write_pack(f"kodak:{tmp_path}", tmp_path / "k.pack")
    assert len(open_source(f"pack:{tmp_path / 'k.pack'}", "test").ids) == 2
    with pytest.raises(UserError, match="nothing to train with"):
        open_source(f"pack:{tmp_path / 'k.pack'}", "train")


def one_line(call, words: str) -> None:
    with pytest.raises(UserError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value), caught.value


def test_truncated_grown_absent_or_without_index(packed):
    file = Path(packed[1].removeprefix("pack:"))
    whole, index = file.read_bytes(), index_of(file).read_bytes()

    def reopen():
        return open_source(packed[1], "train")

    for data, words in ((whole[:-1], "truncated"), (b"", "truncated"), (whole + b"x", "not the file its index")):
        file.write_bytes(data)
        one_line(reopen, words)
    file.write_bytes(whole)
    for text in (b"", b"[]", b"{}", index[: len(index) // 2], b"[" * 100_000):
        index_of(file).write_bytes(text)
        one_line(reopen, "damaged or of another version")
    index_of(file).unlink()
    one_line(reopen, "has no index")
    file.unlink()
    one_line(reopen, "no such file; make it with: restorebench pack")


@pytest.mark.parametrize(
    "change",
    [{"offset": -1}, {"offset": 10**9}, {"height": 10**6}, {"height": 0}, {"id": "../../x"}, {"id": ".x"},
     {"landmarks": [1]}, {"width": "a"}],
)  # fmt: skip
def test_an_index_that_points_elsewhere_is_refused(packed, change):
    file = index_of(Path(packed[1].removeprefix("pack:")))
    index = json.loads(file.read_text())
    next(each for each in index["pictures"] if each["id"] == "p003").update(change)
    file.write_text(json.dumps(index))
    one_line(lambda: open_source(packed[1], "train"), "damaged")


def test_changed_pixels_are_an_unreadable_picture(packed):
    file = Path(packed[1].removeprefix("pack:"))
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)
    source = open_source(packed[1], "all")
    wrong = []
    for image_id in set(source.ids) - {"broken"}:
        try:
            source.read(image_id)
        except UnreadablePicture as error:
            wrong.append(str(error))
    assert len(wrong) == 1 and "have changed; pack it again" in wrong[0]


def test_what_is_no_pack_is_not_overwritten(tmp_path):
    folder_of(tmp_path / "photos", 3)
    mine = tmp_path / "photos" / "p000.png"
    before = mine.read_bytes()
    for out in (mine, tmp_path / "photos"):
        one_line(lambda out=out: write_pack(f"folder:{tmp_path / 'photos'}", out), "is no pack")
    assert mine.read_bytes() == before
    write_pack(f"folder:{tmp_path / 'photos'}", tmp_path / "a.pack")
    folder_of(tmp_path / "photos", 4)
    write_pack(f"folder:{tmp_path / 'photos'}", tmp_path / "a.pack")  # a pack is made again
    assert len(open_source(f"pack:{tmp_path / 'a.pack'}", "all").ids) == 4


def test_a_failure_leaves_nothing_half_made(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"x")
    one_line(lambda: write_pack(f"folder:{tmp_path / 'photos'}", tmp_path / "a.pack"), "not one picture could be read")
    folder_of(tmp_path / "photos", 2)
    monkeypatch.setattr(packing, "write_atomic", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError):
        write_pack(f"folder:{tmp_path / 'photos'}", tmp_path / "a.pack")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.pack", "photos"]
    one_line(lambda: open_pack("pack:a", str(tmp_path / "a.pack"), "all"), "has no index")


def test_a_killed_pack_is_never_taken_for_a_whole_one(tmp_path):
    folder_of(tmp_path / "photos", 40)
    out = tmp_path / "a.pack"
    slow = (
        "import time, sys\nfrom bench.data import pack, files\nold = files.Entry.pixels\n"
        "files.Entry.pixels = lambda self: (time.sleep(0.2), old(self))[1]\n"
        f"from pathlib import Path\npack.write_pack('folder:{tmp_path / 'photos'}', Path({str(out)!r}))\n"
    )
    running = subprocess.Popen([sys.executable, "-c", slow], env={**os.environ, "PYTHONPATH": os.getcwd()})
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".unfinished~*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    one_line(lambda: open_source(f"pack:{out}", "all"), "no such file")
    write_pack(f"folder:{tmp_path / 'photos'}", out)
    assert len(open_source(f"pack:{out}", "all").ids) == 40
    assert not list(tmp_path.glob(".unfinished~*"))  # what the killed one left is gone
