"""Data sets of faces: lists of sides, identities and landmarks beside the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.data.files import Entry
from bench.data.sets.dataturks import dataturks
from bench.data.sets.ffhq import ffhq, ffhq_digests
from bench.data.sets.layout import DataSet, Layout, first, lines_of, need, pictures, table_of
from bench.data.tables import five_points, landmarks
from bench.errors import UserError

CELEBA_SIDES = {"0": "train", "2": "test"}  # 1 is the validation part: neither
LAST_TRAIN, LAST_VALIDATION = 162_770, 182_637  # numbers of CelebA's files, by list_eval_partition.txt
LFW_FOLDERS = ("lfw", "lfw_funneled", "lfw-deepfunneled", "lfw-py/lfw", ".")


def celeba(root: Path) -> Layout:
    """img_align_celeba with list_eval_partition.txt; identity and landmark lists where they are given.

    The lists lie beside the pictures' folder, or in Eval and Anno as they are handed out.
    """
    notes: list[str] = []
    folder = need(root, ("img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba"))
    entries = pictures(folder, notes)
    parts = table_of(need(root, ("list_eval_partition.txt", "Eval/list_eval_partition.txt")), 2)
    sides = {i: CELEBA_SIDES.get(parts.get(entry.inside, ["1"])[0], "") for i, entry in entries.items()}
    marks = first(root, ("list_landmarks_align_celeba.txt", "Anno/list_landmarks_align_celeba.txt"))
    if marks is None:
        notes.append(f"{root}: has no list_landmarks_align_celeba.txt; faces have no landmarks")
    return Layout(entries, sides, _celeba_marks(marks, entries) if marks else {}, _celeba_people(root, entries), notes)


def _celeba_marks(path: Path, entries: Mapping[str, Entry]) -> dict[str, np.ndarray]:
    rows = table_of(path, 11)
    return {
        image_id: five_points(rows[entry.inside], f"{path}, picture {entry.inside}")
        for image_id, entry in entries.items()
        if entry.inside in rows
    }


def _celeba_people(root: Path, entries: Mapping[str, Entry]) -> dict[str, str]:
    path = first(root, ("identity_CelebA.txt", "Anno/identity_CelebA.txt"))
    rows = table_of(path, 2) if path else {}
    return {image_id: rows[entry.inside][0] for image_id, entry in entries.items() if entry.inside in rows}


def celeba_hq(root: Path) -> Layout:
    """CelebA-HQ-img with CelebA-HQ-to-CelebA-mapping.txt, as CelebAMask-HQ packs them.

    Sides are CelebA's, by the number of the file that a picture was made from. identity_CelebA.txt is used if given.
    """
    notes: list[str] = []
    base = first(root, ("CelebAMask-HQ",)) or root
    entries = pictures(need(base, ("CelebA-HQ-img",)), notes)
    path = need(base, ("CelebA-HQ-to-CelebA-mapping.txt",))
    rows = {number: row[1] for number, row in table_of(path, 3).items() if number.isdigit()}
    originals = {image_id: rows[entry.stem] for image_id, entry in entries.items() if entry.stem in rows}
    names = {i: Entry(name, entries[i].path) for i, name in originals.items()}
    sides = {image_id: _celeba_side(name, path) for image_id, name in originals.items()}
    return Layout(entries, sides, landmarks(root, entries), _celeba_people(base, names), notes)


def _celeba_side(name: str, where: Path) -> str:
    """Side of CelebA's file NUMBER.jpg."""
    try:
        number = int(Path(name).stem)
    except ValueError as error:
        raise UserError(f"{where}: '{name}' is not the name of a picture of CelebA") from error
    return "train" if number <= LAST_TRAIN else "test" if number > LAST_VALIDATION else ""


def lfw(root: Path) -> Layout:
    """A folder for each person; peopleDevTrain.txt and peopleDevTest.txt (or pairsDev...) give the sides."""
    notes: list[str] = []
    folder = need(root, LFW_FOLDERS)
    entries = pictures(folder, notes)
    people = {image_id: entry.inside.split("/")[0] for image_id, entry in entries.items()}
    train, test = (_lfw_names(root, side) for side in ("DevTrain", "DevTest"))
    sides = {i: "train" if name in train else "test" if name in test else "" for i, name in people.items()}
    return Layout(entries, sides, landmarks(root, entries), people, notes)


def _lfw_names(root: Path, side: str) -> frozenset[str]:
    """Who is in one half of LFW's view 1, by its list of people, or by its pairs (NAME N N, or NAME N NAME N)."""
    path = need(root, (f"people{side}.txt", f"pairs{side}.txt", f"lfw-py/people{side}.txt"))
    rows = [words for words in lines_of(path) if len(words) > 1]
    return frozenset(name for words in rows for name in words if not name.isdigit())


FACES = (
    DataSet(
        "celeba", "CelebA, aligned and cropped", "faces", celeba,
        "list_eval_partition.txt: 0 to train, 2 to test; its validation part to neither; identities do not overlap",
        "non-commercial research; no redistribution",
        "Liu et al., Deep Learning Face Attributes in the Wild, ICCV 2015",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        "download img_align_celeba.zip, list_eval_partition.txt, identity_CelebA.txt and "
        "list_landmarks_align_celeba.txt from the home page into PATH and unpack the pictures there",
        {"train": 162_770, "test": 19_962},
        {"img_align_celeba.zip": "00d2c5bc6d35e252742224ab0c1e8fcb",
         "list_eval_partition.txt": "d32c9cbf5e040fd4025c592c306e6668",
         "identity_CelebA.txt": "32bd1bd63d3c78cd57e08160ec5ed1e2",
         "list_landmarks_align_celeba.txt": "cc24ecafdb5b50baae59b03474781f8c"}, "torchvision.datasets.CelebA",
    ),
    DataSet(
        "celeba_hq", "CelebA-HQ, as in CelebAMask-HQ", "faces", celeba_hq,
        "CelebA's, through CelebA-HQ-to-CelebA-mapping.txt; its validation part to neither",
        "non-commercial research; no redistribution",
        "Karras et al., Progressive Growing of GANs, ICLR 2018; Lee et al., MaskGAN, CVPR 2020",
        "https://github.com/switchablenorms/CelebAMask-HQ",
        "download CelebAMask-HQ.zip as the home page says and unpack it; PATH holds CelebA-HQ-img",
        {"train": 24_183, "test": 2_824},
    ),
    DataSet(
        "ffhq", "Flickr-Faces-HQ", "faces", ffhq,
        "the first 60,000 to train, the last 10,000 to test, as its authors do",
        "CC BY-NC-SA 4.0 for the set; each picture its own, named in ffhq-dataset-v2.json",
        "Karras, Laine and Aila, A Style-Based Generator Architecture for GANs, CVPR 2019",
        "https://github.com/NVlabs/ffhq-dataset",
        "run the home page's download_ffhq.py --json --images (or --thumbs) in PATH",
        {"train": 60_000, "test": 10_000},
        {"ffhq-dataset-v2.json": "425ae20f06a4da1d4dc0f46d40ba5fd6"}, "its authors' download_ffhq.py and JSON",
        ffhq_digests,
    ),
    DataSet(
        "lfw", "Labeled Faces in the Wild", "faces", lfw,
        "view 1: peopleDevTrain.txt to train, peopleDevTest.txt to test (or pairsDev...); nobody is in both",
        "research; the pictures are of the press and belong to their authors",
        "Huang et al., Labeled Faces in the Wild, University of Massachusetts TR 07-49, 2007",
        "https://vis-www.cs.umass.edu/lfw/",
        "download lfw.tgz (or lfw-deepfunneled.tgz), peopleDevTrain.txt and peopleDevTest.txt into PATH and unpack",
        {"train": 9_525, "test": 3_708},
        {"lfw.tgz": "a17d05bd522c52d84eca14327a23d494",
         "lfw-funneled.tgz": "1b42dfed7d15c9b2dd63d5e5840c86ad",
         "lfw-deepfunneled.tgz": "68331da3eb755a505a502b5aacb3c201",
         "peopleDevTrain.txt": "54eaac34beb6d042ed3a7d883e247a21",
         "peopleDevTest.txt": "e4bf5be0a43b5dcd9dc5ccfcb8fb19c5",
         "pairsDevTrain.txt": "4f27cbf15b2da4a85c1907eb4181ad21",
         "pairsDevTest.txt": "5132f7440eb68cf58910c8a45a2ac10b"}, "torchvision.datasets.LFWPeople and LFWPairs",
    ),
    DataSet(
        "dataturks", "Face Detection in Images (Dataturks): every boxed face is a picture", "faces", dataturks,
        "none is published; one source picture in five is test, by hash of its name, with all its faces",
        "no licence is stated; the pictures are of the web",
        "Dataturks, Face Detection in Images, 2018",
        "https://www.kaggle.com/datasets/dataturks/face-detection-in-images",
        "put face_detection.json and the pictures it names into PATH; nothing is downloaded from its links",
    ),
)  # fmt: skip
