"""Every data set's layout, on a tree of a few pictures made as its makers hand it out."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bench.cli import main
from bench.config import load_suite
from bench.data import sets
from bench.data.pack import write_pack
from bench.data.pictures import UnreadablePicture, save_png
from bench.data.sets import SETS, check_files
from bench.data.sets.layout import inside_of
from bench.data.sources import KINDS, open_source
from bench.discovery import discover
from bench.errors import UserError
from bench.listing import listing
from bench.plan import plan_suite
from bench.training.engine import choose_engine
from tests.data.samples import huge_png, photo

POINTS = [20.0, 15, 40, 16, 30, 25, 22, 33, 38, 34]


def put(path: Path, seed: int = 0, height: int = 48, width: int = 64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo(seed, height, width)).save(path)


def many(folder: Path, names: list[str]) -> None:
    for seed, name in enumerate(names):
        put(folder / name, seed)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def sides(spec: str) -> tuple[set[str], set[str]]:
    return set(open_source(spec, "train").ids), set(open_source(spec, "test").ids)


def celeba(root: Path, people: tuple[int, ...] = (1, 1, 2, 3, 3)) -> str:
    names = [f"{n:06d}.jpg" for n in range(1, 6)]
    many(root / "img_align_celeba", names)
    text(root / "list_eval_partition.txt", *(f"{n} {side}" for n, side in zip(names, "00122", strict=True)))
    text(root / "identity_CelebA.txt", *(f"{n} {who}" for n, who in zip(names, people, strict=True)))
    header = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    rows = (f"{n}  " + "  ".join(str(int(p) + i) for p in POINTS) for i, n in enumerate(names))
    text(root / "list_landmarks_align_celeba.txt", "5", header, *rows)
    return f"celeba:{root}"


def test_celeba(tmp_path):
    spec = celeba(tmp_path)
    assert sides(spec) == ({"000001", "000002"}, {"000004", "000005"})
    train = open_source(spec, "train")
    assert train.content == "faces" and train.read("000002").landmarks.tolist()[0] == [21, 16]
    assert any("1 pictures belong to neither" in line for line in train.problems)
    assert any("2 pictures to train with; the published set has 162770" in line for line in train.problems)
    assert open_source(spec, "all").ids == tuple(f"{n:06d}" for n in range(1, 6))
    assert open_source(spec, "test").digest() != train.digest()


def test_celeba_in_the_folders_of_its_makers(tmp_path):
    celeba(tmp_path)
    for name, where in (
        ("list_eval_partition", "Eval"),
        ("identity_CelebA", "Anno"),
        ("list_landmarks_align_celeba", "Anno"),
    ):
        (tmp_path / where).mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").rename(tmp_path / where / f"{name}.txt")
    (tmp_path / "Img").mkdir()
    (tmp_path / "img_align_celeba").rename(tmp_path / "Img" / "img_align_celeba")
    assert sides(f"celeba:{tmp_path}") == ({"000001", "000002"}, {"000004", "000005"})


def test_nobody_is_on_both_sides(tmp_path):
    spec = celeba(tmp_path, people=(1, 3, 2, 3, 3))
    train, test = sides(spec)
    assert train == {"000001"} and test == {"000004", "000005"}
    assert any(
        "1 training pictures show somebody of the test side" in each for each in open_source(spec, "train").problems
    )


def test_celeba_hq(tmp_path):
    many(tmp_path / "CelebA-HQ-img", ["0.jpg", "1.jpg", "2.jpg"])
    text(tmp_path / "CelebA-HQ-to-CelebA-mapping.txt", "idx    orig_idx    orig_file",
         "0    162769    162770.jpg", "1    162770    162771.jpg", "2    182637    182638.jpg")  # fmt: skip
    assert sides(f"celeba_hq:{tmp_path}") == ({"0"}, {"2"})  # the limits of CelebA's own partition
    assert open_source(f"celeba_hq:{tmp_path}", "all").content == "faces"
    text(tmp_path / "CelebA-HQ-to-CelebA-mapping.txt", "0 1 ../../x.jpg")
    with pytest.raises(UserError, match="not the name of a picture of CelebA"):
        open_source(f"celeba_hq:{tmp_path}", "train")


def ffhq(root: Path, folder: str = "images1024x1024", size: int = 64) -> dict:
    key = "image" if folder.startswith("images") else "thumbnail"
    points = np.tile([[512.0, 512.0]], (68, 1))
    for places, at in (
        (range(36, 42), (400, 450)),
        (range(42, 48), (600, 450)),
        ((48,), (430, 700)),
        ((54,), (590, 700)),
    ):
        points[list(places)] = at
    records = {}
    for number, category in ((0, "training"), (59999, "training"), (60000, "validation")):
        name = f"{folder}/{number // 1000 * 1000:05d}/{number:05d}.png"
        put(root / name, number, size, size)
        md5 = hashlib.md5((root / name).read_bytes()).hexdigest()
        records[str(number)] = {"category": category, "image": {"face_landmarks": points.tolist()}}
        records[str(number)].setdefault(key, {}).update({"file_path": name, "file_md5": md5})
    (root / "ffhq-dataset-v2.json").write_text(json.dumps(records))
    return records


def test_ffhq_with_and_without_its_json(tmp_path):
    ffhq(tmp_path)
    spec = f"ffhq:{tmp_path}"
    with_list = sides(spec)
    assert [len(each) for each in with_list] == [2, 1] and with_list[1] == {"60000__60000"}
    assert open_source(spec, "test").read("60000__60000").landmarks.tolist() == [
        [400, 450], [600, 450], [512, 512], [430, 700], [590, 700]]  # fmt: skip
    found = {each.file: each.state for each in check_files(spec)}
    assert (
        found.pop("ffhq-dataset-v2.json") == "DIFFERS" and set(found.values()) == {"as published"} and len(found) == 3
    )
    (tmp_path / "ffhq-dataset-v2.json").unlink()
    assert sides(spec) == with_list and open_source(spec, "test").read("60000__60000").landmarks is None


def test_ffhq_thumbnails_shrink_the_landmarks(tmp_path):
    ffhq(tmp_path, "thumbnails128x128", 128)
    eye = open_source(f"ffhq:{tmp_path}", "test").read("60000__60000").landmarks[0]
    assert eye.tolist() == [(400 + 0.5) / 8 - 0.5, (450 + 0.5) / 8 - 0.5]


def test_ffhq_json_that_leads_out_or_is_damaged(tmp_path):
    records = ffhq(tmp_path / "set")
    put(tmp_path / "secret.png")
    records["0"]["image"]["file_path"] = "../secret.png"
    records["59999"]["image"]["face_landmarks"] = [[1, 2]]
    records["60000"]["image"] = 7
    (tmp_path / "set/ffhq-dataset-v2.json").write_text(json.dumps(records))
    source = open_source(f"ffhq:{tmp_path / 'set'}", "train")
    assert source.ids == ("59000__59999",)
    for words in ("leads out of the folder", "landmarks of picture 59999 are damaged", "record 60000 is damaged"):
        assert sum(words in line for line in source.problems) == 1, source.problems
    (tmp_path / "set/ffhq-dataset-v2.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        open_source(f"ffhq:{tmp_path / 'set'}", "train")


def test_lfw_by_people_and_by_pairs(tmp_path):
    for person, count in (("Ann_A", 2), ("Bob_B", 1), ("Cy_C", 1)):
        many(tmp_path / "lfw" / person, [f"{person}_{n:04d}.jpg" for n in range(1, count + 1)])
    text(tmp_path / "peopleDevTrain.txt", "1", "Ann_A\t2")
    text(tmp_path / "peopleDevTest.txt", "1", "Bob_B\t1")
    spec = f"lfw:{tmp_path}"
    wanted = ({"Ann_A__Ann_A_0001", "Ann_A__Ann_A_0002"}, {"Bob_B__Bob_B_0001"})
    assert sides(spec) == wanted
    assert any("1 pictures belong to neither" in line for line in open_source(spec, "test").problems)
    for side, line in (("Train", "Ann_A\t1\t2"), ("Test", "Bob_B\t1\tBob_B\t1")):
        (tmp_path / f"peopleDev{side}.txt").unlink()
        text(tmp_path / f"pairsDev{side}.txt", "1", line)
    assert sides(spec) == wanted


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("div2k", "DIV2K_train_HR/0001.png", "DIV2K_valid_HR/0801.png"),
        ("bsds500", "BSDS500/data/images/train/100075.jpg", "BSDS500/data/images/test/100007.jpg"),
        ("places2", "data_256/a/airfield/00000001.jpg", "val_256/Places365_val_00000001.jpg"),
        ("paris", "paris_train_original/48.8_2.3_90_-004.JPG", "paris_eval/paris_eval_gt/001_im.png"),
        ("flickr2k", "Flickr2K/Flickr2K_HR/000001.png", ""),
        ("kodak", "", "kodim01.png"),
        ("live1", "", "refimgs/bikes.bmp"),
        ("classic5", "", "lena.bmp"),
    ],
)  # fmt: skip
def test_scenes_in_folders(tmp_path, name, train, test):
    spec = f"{name}:{tmp_path}"
    for seed, file in enumerate((train, test)):
        if file:
            put(tmp_path / file, seed)
    for split, file in (("train", train), ("test", test)):
        if file:
            source = open_source(spec, split)
            assert len(source.ids) == 1 and source.ids[0].endswith(Path(file).stem) and source.content == "scenes"
            assert source.read(source.ids[0]).pixels.shape == (48, 64, 3)
            assert any("1 pictures to" in line and "the published set has" in line for line in source.problems)
        else:
            with pytest.raises(UserError, match=f"nothing to {split} with"):
                open_source(spec, split)
    assert len(open_source(spec, "all").ids) == bool(train) + bool(test)


def test_bsds_validation_pictures_train(tmp_path):
    for side in ("train", "val", "test"):
        put(tmp_path / "images" / side / f"{side}.jpg")
    assert sides(f"bsds500:{tmp_path}") == ({"train", "val"}, {"test"})


def dataturks(root: Path) -> str:
    put(root / "images/a___one.jpg", 1, 100, 200)
    put(root / "two.jpeg", 2)
    put(root.parent / "secret.jpg", 3)
    box = {"label": ["Face"], "points": [{"x": 0.5, "y": 0.2}, {"x": 0.6, "y": 0.6}]}
    damaged = {"label": ["Face"], "points": [{"x": "?", "y": 0}]}
    outside = {"label": ["Face"], "points": [{"x": 0.5, "y": 0.2}, {"x": 1.6, "y": 0.6}]}
    lines = [
        {"content": "http://bucket.example/x/a___one.jpg", "annotation": [box, damaged, outside], "extras": None},
        {"content": "http://bucket.example/two.jpeg", "annotation": [box, box]},
        {"content": "../../secret.jpg", "annotation": [box]}, {"content": "http://[x", "annotation": 3},
        {"content": "http://bucket.example/two.jpeg", "annotation": [box]}, [1],
    ]  # fmt: skip
    text(root / "face_detection.json", *(json.dumps(line) for line in lines), "{not json")
    return f"dataturks:{root}"


def test_dataturks_crops_every_face(tmp_path):
    spec = dataturks(tmp_path / "set")
    source = open_source(spec, "all")
    assert source.ids == ("images__a___one_f0", "two_f0", "two_f1")
    whole = np.array(Image.open(tmp_path / "set/images/a___one.jpg"))
    # the box is 20×40 px about (110, 40): a square of 40 px there
    assert np.array_equal(source.read("images__a___one_f0").pixels, whole[20:60, 90:130])
    told = "\n".join(source.problems)
    for words in (
        "box 1 is damaged",
        "box 2 is empty or leaves",
        "'secret.jpg' is not below",
        "named before",
        "not a JSON object",
    ):
        assert words in told
    train, test = sides(spec)
    assert {"two_f0", "two_f1"} in (train, test) and not train & test


def shard(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def png(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.fromarray(photo(seed)).save(data, "PNG")
    return data.getvalue()


def test_webdataset_reads_in_place(tmp_path):
    about = json.dumps({"landmarks": np.reshape(POINTS, (5, 2)).tolist(), "identity": "ann"}).encode()
    shard(
        tmp_path / "train-000.tar", {"a/0001.png": png(1), "a/0001.json": about, "0002.jpg": png(2), "0002.cls": b"3"}
    )
    shard(tmp_path / "test-000.tar", {"0003.png": png(3)})
    spec = f"webdataset:{tmp_path}"
    assert sides(spec) == ({"a__0001", "0002"}, {"0003"})
    source = open_source(spec, "train")
    picture = source.read("a__0001")
    assert np.array_equal(picture.pixels, photo(1)) and picture.landmarks.ravel().tolist() == POINTS
    assert source.content == "faces" and open_source(spec, "test").content == "scenes"
    first = source.digest()
    shard(tmp_path / "train-000.tar", {"a/0001.png": png(9), "a/0001.json": about, "0002.jpg": png(2)})
    assert open_source(spec, "train").digest() != first


def test_webdataset_splits_by_identity(tmp_path):
    members: dict[str, bytes] = {}
    for number in range(30):
        members |= {
            f"{number:04d}.png": png(number),
            f"{number:04d}.json": json.dumps({"identity": number // 3}).encode(),
        }
    shard(tmp_path / "000.tar", members)
    train, test = sides(f"webdataset:{tmp_path}")
    assert len(train | test) == 30 and test and not {int(i) // 3 for i in train} & {int(i) // 3 for i in test}


def test_webdataset_hostile_members_are_told(tmp_path):
    deep = tmp_path / "a" / "b"
    members = {"good.png": png(), "../../escape.png": png(), "/abs.png": png(), "bomb.png": huge_png()}
    members |= {"empty.png": b"", "text.png": b"no picture", "good.json": b"[1", "cut.png": png()[:200]}
    shard(deep / "0.tar", members)
    with tarfile.open(deep / "0.tar", "a") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    source = open_source(f"webdataset:{deep}", "all")
    assert source.ids == ("bomb", "cut", "good", "text")
    told = "\n".join(source.problems)
    assert told.count("leads out of the archive") == 2 and "link or special" in told and "empty" in told
    for image_id, word in (("bomb", "megapixels"), ("text", "not a picture"), ("cut", "truncated")):
        with pytest.raises(UnreadablePicture, match=word):
            source.read(image_id)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["0.tar"]  # nothing was unpacked


def test_webdataset_shards_cut_or_compressed(tmp_path):
    shard(tmp_path / "0.tar", {f"{n}.png": png(n) for n in range(4)})
    whole = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(whole[: len(whole) // 2])
    source = open_source(f"webdataset:{tmp_path}", "all")
    assert 0 < len(source.ids) < 4 and any("0.tar" in line for line in source.problems)
    assert all(np.array_equal(source.read(i).pixels, photo(int(i))) for i in source.ids)
    (tmp_path / "0.tar").rename(tmp_path / "0.tar.gz")
    with pytest.raises(UserError, match="compressed"):
        open_source(f"webdataset:{tmp_path}", "all")


def test_shards_of_the_webdataset_library(tmp_path):
    library = pytest.importorskip("webdataset", reason="extra: pip install webdataset")
    with library.ShardWriter(f"{tmp_path}/train-%06d.tar", maxcount=2, verbose=0) as writer:
        for number in range(3):
            writer.write({"__key__": f"{number:04d}", "png": photo(number), "json": {"landmarks": POINTS}})
    source = open_source(f"webdataset:{tmp_path}", "all")
    assert source.ids == ("0000", "0001", "0002")
    assert all(np.array_equal(source.read(i).pixels, photo(int(i))) for i in source.ids)
    assert source.read("0002").landmarks.ravel().tolist() == POINTS


@pytest.fixture
def cached(tmp_path, monkeypatch):
    library = pytest.importorskip("datasets", reason="extra: pip install 'restorebench[huggingface]'")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    library.disable_progress_bars()
    return library


def test_huggingface_saved_to_disk(tmp_path, cached):
    def table(numbers, **more):
        pictures = [{"bytes": png(n), "path": None} for n in numbers]
        features = cached.Features({"label": cached.Value("int64"), "image": cached.Image(),
                                    **{name: cached.List(cached.Value("float64")) for name in more}})  # fmt: skip
        return cached.Dataset.from_dict({"label": list(numbers), "image": pictures, **more}, features=features)

    halves = {"train": table([1, 2], landmarks=[POINTS, [1.0]]), "validation": table([3])}
    cached.DatasetDict(halves).save_to_disk(tmp_path / "set")
    spec = f"huggingface:{tmp_path / 'set'}"
    assert sides(spec) == ({"train__0000000", "train__0000001"}, {"validation__0000000"})
    train = open_source(spec, "train")
    assert np.array_equal(train.read("train__0000001").pixels, photo(2))
    assert train.read("train__0000000").landmarks.ravel().tolist() == POINTS
    assert any("train__0000001: its landmarks are not five points" in line for line in train.problems)
    assert open_source(spec, "test").digest() != train.digest()


def test_huggingface_parquet_and_paths_that_lead_out(tmp_path, cached):
    root = tmp_path / "set"
    put(root / "inside.png", 5)
    put(tmp_path / "secret.png", 6)
    cells = [{"bytes": png(1), "path": "a.png"}, {"bytes": None, "path": "inside.png"},
             {"bytes": None, "path": "../secret.png"}, {"bytes": huge_png(), "path": None}]  # fmt: skip
    features = cached.Features({"image": cached.Image()})
    arrow = pa.table({"image": pa.array(cells, pa.struct({"bytes": pa.binary(), "path": pa.string()}))})
    arrow = arrow.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features.to_dict()}})})
    (root / "data").mkdir()
    pq.write_table(arrow, root / "data" / "train-00000-of-00001.parquet")
    source = open_source(f"huggingface:{root}", "all")
    ids = source.ids
    assert len(ids) == 4 and np.array_equal(source.read(ids[0]).pixels, photo(1))
    assert np.array_equal(source.read(ids[1]).pixels, photo(5))
    for image_id, word in ((ids[2], "leads out"), (ids[3], "megapixels")):
        with pytest.raises(UnreadablePicture, match=word):
            source.read(image_id)
    (root / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match="cannot be read as a data set"):
        open_source(f"huggingface:{root}", "all")


def test_huggingface_without_the_extra_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(UserError, match=r"restorebench\[huggingface\]"):
        open_source(f"huggingface:{tmp_path}", "all")


# what holds for all


@pytest.mark.parametrize("name", SETS)
def test_absent_and_empty_sets_say_how_to_get_them(tmp_path, name):
    if name == "huggingface":
        pytest.importorskip("datasets", reason="extra: pip install 'restorebench[huggingface]'")
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError) as caught:
            open_source(f"{name}:{path}", "train")
        message = str(caught.value)
        assert SETS[name].obtain in message and SETS[name].homepage in message and "\n" not in message


@pytest.mark.parametrize("declared", SETS.values(), ids=SETS)
def test_declarations_are_whole(declared):
    assert declared.content in ("faces", "scenes", "") and declared.homepage.startswith("http")
    assert all((declared.title, declared.split, declared.licence, declared.citation, declared.obtain))
    assert all(len(md5) == 32 and set(md5) <= set("0123456789abcdef") for md5 in declared.digests.values())
    assert bool(declared.digests) == bool(declared.digests_from)


def test_digests_are_torchvisions():
    """The only digests of ours with a second copy in a package we depend on."""
    from torchvision import datasets as peers

    peer = {name: md5 for _, md5, name in peers.CelebA.file_list}
    assert all(peer[file] == md5 for file, md5 in SETS["celeba"].digests.items())
    lfw = dict(each[1:] for each in peers.LFWPeople.file_dict.values()) | peers.LFWPeople.checksums
    assert all(lfw[file] == md5 for file, md5 in SETS["lfw"].digests.items())
    places = dict(peers.Places365._IMAGES_META.values())
    assert all(places[file] == md5 for file, md5 in SETS["places2"].digests.items())


def test_files_are_compared_with_the_published(tmp_path, monkeypatch):
    spec = celeba(tmp_path)
    partition = tmp_path / "list_eval_partition.txt"
    states = {each.file: each.state for each in check_files(spec)}
    assert states["list_eval_partition.txt"] == "DIFFERS" and states["img_align_celeba.zip"] == "not here"
    md5 = hashlib.md5(partition.read_bytes()).hexdigest()
    monkeypatch.setitem(sets.SETS["celeba"].digests, "list_eval_partition.txt", md5)
    assert {each.file: each.state for each in check_files(spec)}["list_eval_partition.txt"] == "as published"


def test_list_data_tells_licence_citation_and_source():
    rows = {row["name"]: row for row in listing("data")}
    assert set(rows) == set(KINDS) and len({tuple(row) for row in rows.values()}) == 1
    assert rows["celeba"]["licence"].startswith("non-commercial") and "Liu" in rows["celeba"]["citation"]
    assert rows["kodak"]["digests_from"] == "none is published" and rows["celeba"]["digests"]
    json.dumps(list(rows.values()))


def test_the_page_has_every_source():
    page = Path(__file__).parent.parent.joinpath("docs", "data.md").read_text()
    assert all(f"| `{name}:" in page for name in KINDS)


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/../../x", "..\\x"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    assert inside_of(tmp_path, name) is None
    assert inside_of(tmp_path, "a/b.png") == tmp_path / "a/b.png"


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    save_png(tmp_path / "secret/x.png", photo())
    (tmp_path / "set").mkdir()
    (tmp_path / "set/out").symlink_to(tmp_path / "secret")
    assert inside_of(tmp_path / "set", "out/x.png") is None


def test_lists_that_are_not_the_published_ones(tmp_path):
    celeba(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("image,partition\n")
    with pytest.raises(UserError, match="no line has 2 columns"):
        open_source(f"celeba:{tmp_path}", "train")
    (tmp_path / "list_eval_partition.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as a list"):
        open_source(f"celeba:{tmp_path}", "train")


# the command line


def call(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    monkeypatch.setattr("sys.argv", ["restorebench", *arguments])
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as caught:
        main()
    told = capsys.readouterr()
    return int(caught.value.code or 0), told.out, told.err


def test_pack_check_and_list_on_the_command_line(tmp_path, monkeypatch, capsys):
    spec = celeba(tmp_path / "celeba")
    code, out, err = call(monkeypatch, capsys, "pack", spec, str(tmp_path / "a.pack"))
    assert code == 0 and "5 pictures" in out and f"pack:{tmp_path / 'a.pack'}" in out and "the published set has" in err
    code, out, _ = call(monkeypatch, capsys, "check-data", spec)
    assert code == 1 and "DIFFERS" in out and open_source(spec, "all").digest() in out
    code, out, _ = call(monkeypatch, capsys, "check-data", f"pack:{tmp_path / 'a.pack'}")
    assert code == 0 and "no digest of pack is published" in out and open_source(spec, "all").digest() in out
    code, out, _ = call(monkeypatch, capsys, "list", "data")
    assert code == 0 and all(name in out for name in KINDS) and "Liu et al." in out
    for arguments in (("pack", "celebA:x", "y"), ("check-data", "celeba:/no/such"), ("pack", "kodak:", "y"),
                      ("landmarks", str(tmp_path), "out.txt")):  # fmt: skip
        code, _, err = call(monkeypatch, capsys, *arguments)
        assert code == 2 and err.count("\n") == 1 and "Traceback" not in err


SUITE = """
[data.scenes]
source = "{spec}"
short_side = 40

[train]
images = 4
batch = 2
crop = 16

[score]
size = 32
metrics = ["psnr"]

[tasks.mosaic]
data = "scenes"
methods = ["identity"]
train = "mosaic_c4"
levels = ["mosaic_c4"]
"""


def test_a_suite_names_a_data_set_or_its_pack(tmp_path):
    put(tmp_path / "DIV2K_train_HR/0001.png", 1)
    put(tmp_path / "DIV2K_valid_HR/0801.png", 2)
    write_pack(f"div2k:{tmp_path}", tmp_path / "d.pack")
    runs = []
    for number, spec in enumerate((f"div2k:{tmp_path}", f"pack:{tmp_path / 'd.pack'}")):
        suite = tmp_path / f"s{number}.toml"
        suite.write_text(SUITE.format(spec=spec))
        chosen = load_suite(str(suite))
        jobs = plan_suite(chosen, discover(), choose_engine("cpu", chosen.train.precision))
        runs.append(jobs[0].run)
    assert runs[0].run_id == runs[1].run_id and runs[0].digests == runs[1].digests
