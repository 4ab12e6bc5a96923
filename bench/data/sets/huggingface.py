"""Hugging Face data sets that lie on this machine: saved by save_to_disk, or as parquet files. Extra [huggingface].

Nothing is downloaded and no data set's own code is run. The library keeps parquet as Arrow in its own cache folder.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.files import Entry
from bench.data.folder import name_entries, split_by_hash
from bench.data.pictures import UnreadablePicture, decode_pixels
from bench.data.sets.layout import DataSet, Layout
from bench.data.tables import TEST_NAMES, five_points
from bench.errors import UserError


@dataclass(frozen=True)
class Row(Entry):
    """A picture in a row of a table. inside is SPLIT/NUMBER, path the data set's folder."""

    table: Any = field(compare=False, repr=False)
    column: str
    index: int

    def pixels(self) -> np.ndarray:
        """Uint8 H×W×3 RGB. Raises UnreadablePicture."""
        return decode_pixels(self._data(), f"{self.path}, row {self.inside}")

    def digest(self) -> str:
        """Of the picture's bytes."""
        return hashlib.sha256(self._data()).hexdigest()

    def _data(self) -> bytes:
        """The bytes in the row; a row that has only a path may name a file below the data set's folder."""
        cell = self.table[self.index][self.column] or {}
        if cell.get("bytes") is not None:
            return bytes(cell["bytes"])
        where = f"{self.path}, row {self.inside}"
        file = (self.path / str(cell.get("path") or "")).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise UnreadablePicture(f"{where}: its path leads out of the folder ({cell.get('path')!r})")
        try:
            return file.read_bytes()
        except OSError as error:
            raise UnreadablePicture(f"{where}: has no bytes, and no file {cell.get('path')!r} here") from error


def huggingface(root: Path) -> Layout:
    """The first column of pictures of every split; columns landmarks (ten numbers) and identity are used where given.

    Splits train and test (or validation) are the sides; otherwise rows, or identities, are split by hash.
    """
    entries: list[Row] = []
    for split, table in sorted(_tables(root).items()):
        column, table = _undecoded(root, table)
        entries += [Row(f"{split}/{index:07d}", root, table, column, index) for index in range(len(table))]
    if not entries:
        raise UserError(f"{root}: the data set has no rows")
    notes: list[str] = []
    named = name_entries(list(entries))
    people = {image_id: str(value) for image_id, value in _cells(named, "identity").items()}
    return Layout(named, _sides(named, people), _marks(named, notes), people, notes)


def _tables(root: Path) -> dict[str, Any]:
    """The data set's splits by name."""
    try:
        library = importlib.import_module("datasets")
    except ImportError as error:
        raise UserError("huggingface: needs the extra: pip install 'restorebench[huggingface]'") from error
    try:
        if (root / "dataset_dict.json").is_file() or (root / "state.json").is_file():
            found = library.load_from_disk(str(root))
            return dict(found) if isinstance(found, dict) else {"all": found}
        files = sorted(str(path) for path in root.rglob("*.parquet"))
        if not files:
            raise UserError(f"{root}: neither saved by save_to_disk nor with *.parquet files")
        splits: dict[str, list[str]] = {}
        for file in files:  # named train-00000-of-00002.parquet, as the hub keeps them
            splits.setdefault(Path(file).name.split("-")[0].removesuffix(".parquet"), []).append(file)
        return dict(library.load_dataset("parquet", data_files=splits))
    except UserError:
        raise
    except Exception as error:  # the library and Arrow raise anything on damaged files
        raise UserError(f"{root}: cannot be read as a data set ({' '.join(str(error).split())[:200]})") from error


def _undecoded(root: Path, table: Any) -> tuple[str, Any]:
    """The picture column's name, and the table with that column as bytes: decoding is ours."""
    library = importlib.import_module("datasets")
    column = next((name for name, kind in table.features.items() if isinstance(kind, library.Image)), None)
    if column is None:
        raise UserError(f"{root}: no column of pictures; columns: {', '.join(table.column_names)}")
    return column, table.cast_column(column, library.Image(decode=False))


def _cells(entries: Mapping[str, Entry], column: str) -> dict[str, Any]:
    """A column's values by id, where a row has one."""
    whole: dict[int, list[Any]] = {}
    found = {}
    for image_id, row in entries.items():
        if isinstance(row, Row) and column in row.table.column_names:
            values = whole.setdefault(id(row.table), list(row.table[column]))
            if values[row.index] is not None:
                found[image_id] = values[row.index]
    return found


def _marks(entries: Mapping[str, Entry], notes: list[str]) -> dict[str, np.ndarray]:
    marks = {}
    for image_id, value in _cells(entries, "landmarks").items():
        try:
            marks[image_id] = five_points(np.array(value, np.float64).ravel().tolist(), image_id)
        except (UserError, ValueError, TypeError):
            notes.append(f"{image_id}: its landmarks are not five points; left out")
    return marks


def _sides(entries: Mapping[str, Entry], people: Mapping[str, str]) -> dict[str, str]:
    splits = {image_id: entry.inside.split("/")[0] for image_id, entry in entries.items()}
    held = next((name for name in TEST_NAMES if name in splits.values()), None)
    if held and "train" in splits.values():
        return {i: "train" if split == "train" else "test" if split == held else "" for i, split in splits.items()}
    return split_by_hash({image_id: people.get(image_id, entry.stem) for image_id, entry in entries.items()})


HUGGINGFACE = DataSet(
    "huggingface", "Hugging Face data sets on this machine (extra [huggingface])", "", huggingface,
    "splits train and test (or validation); else one row, or identity, in five is test, by hash",
    "that of the data set; see its card",
    "Lhoest et al., Datasets: A Community Library for Natural Language Processing, EMNLP 2021",
    "https://huggingface.co/docs/datasets",
    "save it with save_to_disk(PATH), or hf download NAME --repo-type dataset --local-dir PATH",
)  # fmt: skip
