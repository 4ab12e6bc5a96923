"""Folders as sources: ids, splits, landmarks, digests."""

from __future__ import annotations

import pytest
from PIL import Image

from bench.data.folder import split_by_hash
from bench.data.pictures import UnreadablePicture, read_pixels, save_png
from bench.data.sources import open_source
from bench.errors import UserError
from tests.data.samples import COLUMNS, bad_files, folder_of, photo, write_csv


def test_ids_are_unique_and_safe(tmp_path):
    for name in ("a.png", "a.jpg", "b/c.png", "b__c.png", "d e#1.png", ".hidden.png", ".git/x.png", "E.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(photo()).save(tmp_path / name, format="JPEG" if name.endswith("jpg") else "PNG")
    (tmp_path / "notes.txt").write_text("ignored")
    source = open_source(f"folder:{tmp_path}", "all")
    assert {"a.png", "a.jpg", "d_e_1", "E"} <= set(source.ids)
    assert len(source.ids) == 6 and len({i.casefold() for i in source.ids}) == 6
    assert all(not set(image_id) & set('/\\:*?"<>|# ') for image_id in source.ids)
    assert all(source.read(image_id).id == image_id for image_id in source.ids)
    assert source.ids == open_source(f"folder:{tmp_path}", "all").ids
    assert source.content == "scenes" and source.problems == ()


def test_problems_are_named_and_damage_shows_when_read(tmp_path):
    folder_of(tmp_path, 3)
    bad_files(tmp_path)
    (tmp_path / "phone.heic").write_bytes(b"x")
    source = open_source(f"folder:{tmp_path}", "all")
    assert len(source.problems) == 2
    assert any("zero.png" in line and "0 bytes" in line for line in source.problems)
    assert any("phone.heic" in line for line in source.problems)
    assert "zero" not in source.ids
    unreadable = []
    for image_id in source.ids:
        try:
            source.read(image_id)
        except UnreadablePicture:
            unreadable.append(image_id)
    assert set(unreadable) == {"cut.jpg", "cut.png", "cut16", "huge", "text"}
    assert source.digest()  # damaged files have contents too


@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_hash_split_covers_and_is_disjoint(tmp_path, count):
    folder_of(tmp_path, count)
    train, test, everything = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test", "all"))
    assert train.ids and test.ids and not set(train.ids) & set(test.ids)
    assert set(train.ids) | set(test.ids) == set(everything.ids)
    assert train.digest() != test.digest()


def test_hash_split_shares_and_stability():
    keys = {f"p{i}": f"p{i}" for i in range(5000)}
    sides = split_by_hash(keys)
    share = sum(side == "test" for side in sides.values()) / 5000
    assert 0.17 < share < 0.23  # 0.2 within five standard errors
    more = split_by_hash(keys | {"another": "another"})
    assert all(more[image_id] == side for image_id, side in sides.items())


def test_split_does_not_depend_on_where_the_folder_lies_nor_on_the_suffix(tmp_path):
    first, second = folder_of(tmp_path / "one", 12), tmp_path / "two"
    for path in first.iterdir():
        save_png(second / path.name, read_pixels(path))
    save_png(second / "p000.webp.png", photo(99))
    assert set(open_source(f"folder:{first}", "test").ids) <= set(open_source(f"folder:{second}", "test").ids)


def test_split_by_subfolders(tmp_path):
    folder_of(tmp_path / "train", 2)
    folder_of(tmp_path / "val", 3)
    save_png(tmp_path / "loose.png", photo())
    train, test = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test"))
    assert train.ids == ("train__p000", "train__p001") and len(test.ids) == 3
    assert "1 picture" in train.problems[0]
    assert len(open_source(f"folder:{tmp_path}", "all").ids) == 6


def test_split_by_identity_keeps_people_whole(tmp_path):
    folder_of(tmp_path / "faces", 40)
    write_csv(tmp_path / "identity.csv", ["image_id", "identity"], [[f"p{i:03d}.png", i // 4] for i in range(40)])
    sides = [
        {int(i[1:]) // 4 for i in open_source(f"folder:{tmp_path / 'faces'}", side).ids} for side in ("train", "test")
    ]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_landmarks_come_with_the_right_picture(tmp_path):
    for side, shift in (("train", 0), ("test", 100)):
        folder_of(tmp_path / side, 2)  # equal file names on both sides
        rows = [[f"p{i:03d}.png", *(shift + 10 * i + k for k in range(10))] for i in range(2)]
        write_csv(tmp_path / f"landmarks_{side}.csv", ["image_id", *COLUMNS], rows)
    train, test = (open_source(f"folder:{tmp_path}", side) for side in ("train", "test"))
    assert train.content == test.content == "faces"
    assert train.read("train__p001").landmarks.tolist() == [[10, 11], [12, 13], [14, 15], [16, 17], [18, 19]]
    assert test.read("test__p000").landmarks[0].tolist() == [100, 101]
    assert open_source(f"folder:{tmp_path / 'test'}", "all").read("p000").landmarks[0, 0] == 100


def test_left_is_the_smaller_x_and_missing_rows_are_said(tmp_path):
    folder_of(tmp_path, 2)
    write_csv(tmp_path / "landmarks.csv", ["image_id", *COLUMNS], [["p000.png", 50, 1, 20, 2, 35, 3, 48, 4, 22, 5]])
    source = open_source(f"folder:{tmp_path}", "all")
    assert source.read("p000").landmarks[:, 0].tolist() == [20, 50, 35, 22, 48]
    assert source.read("p001").landmarks is None
    assert "1 of 2 pictures have no landmarks" in source.problems[0]


def test_digest_follows_contents_names_and_landmarks(tmp_path):
    folder_of(tmp_path, 3)
    source = open_source(f"folder:{tmp_path}", "all")
    first = source.digest()
    assert first == open_source(f"folder:{tmp_path}", "all").digest() and len(first) == 64
    save_png(tmp_path / "p001.png", photo(77))
    second = source.digest()
    (tmp_path / "p001.png").rename(tmp_path / "q001.png")
    third = open_source(f"folder:{tmp_path}", "all").digest()
    write_csv(tmp_path / "landmarks.csv", ["image_id", *COLUMNS], [["p000.png", *range(10)]])
    fourth = open_source(f"folder:{tmp_path}", "all").digest()
    assert len({first, second, third, fourth}) == 4


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("folder:/no/such/place", "no such folder"),
        ("folder:", "incomplete"),
        ("folder:$NO_SUCH_VARIABLE_HERE/x", "not set"),
        ("flder:x", "did you mean 'folder'"),
        ("embedded:scnes", "did you mean 'embedded:scenes'"),
        ("embedded", "incomplete"),
        ("nonsense-kind:x", "known: bsds500, celeba"),
    ],
)
def test_bad_specs_are_one_line(spec, words):
    with pytest.raises(UserError) as caught:
        open_source(spec, "all")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_folders_that_cannot_serve(tmp_path):
    with pytest.raises(UserError, match="no pictures"):
        open_source(f"folder:{tmp_path}", "all")
    folder_of(tmp_path, 1)
    assert open_source(f"folder:{tmp_path}", "train").ids == ("p000",)
    with pytest.raises(UserError, match="cannot be split"):
        open_source(f"folder:{tmp_path}", "test")
    with pytest.raises(UserError, match="is a file"):
        open_source(f"folder:{tmp_path / 'p000.png'}", "all")
    write_csv(tmp_path / "landmarks.csv", ["image_id", "x"], [])
    with pytest.raises(UserError, match="no column"):
        open_source(f"folder:{tmp_path}", "all")


def test_a_link_back_up_does_not_loop(tmp_path):
    folder_of(tmp_path, 2)
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(open_source(f"folder:{tmp_path}", "all").ids) == 2
