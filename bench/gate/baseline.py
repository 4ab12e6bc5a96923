"""Baselines: a snapshot in one small file for git, with a text beside it that shows in a diff what changed.

FILE is Parquet (zstd; one row a score) whose metadata holds the runs; FILE.txt has a line per mean. The same
snapshot gives the same bytes.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from bench.errors import UserError
from bench.gate.snapshot import COLUMNS, Record, Snapshot, digest
from bench.gate.traits import Traits
from bench.results.store import write_atomic

FORMAT = 1
KEY = b"restorebench baseline"
AGAIN = "save it again with `restorebench baseline save`"


def save(snapshot: Snapshot, path: Path) -> Path:
    """Write a baseline and the text beside it; returns the text's path. Raises UserError where nothing was scored."""
    if snapshot.scores.empty:
        raise UserError("none of these runs has scores, so there is nothing to keep; run `restorebench score` first")
    header = {
        "format": FORMAT,
        "protocol": snapshot.protocol,
        "version": snapshot.version,
        "records": [dataclasses.asdict(each) for each in snapshot.records],
    }
    table = pyarrow.Table.from_pandas(snapshot.scores[list(COLUMNS)], preserve_index=False).replace_schema_metadata()
    packed = base64.b64encode(zlib.compress(json.dumps(header, sort_keys=True).encode(), 9))
    sink = pyarrow.BufferOutputStream()
    named = [name for name in COLUMNS if name != "value"]
    with pyarrow.parquet.ParquetWriter(
        sink, table.schema, compression="zstd", compression_level=19, store_schema=False, use_dictionary=named,
        column_encoding={"value": "BYTE_STREAM_SPLIT"},
    ) as writer:  # fmt: skip
        writer.write_table(table)
        writer.add_key_value_metadata({KEY.decode(): packed.decode()})
    write_atomic(path, sink.getvalue().to_pybytes())
    write_atomic(text_path(path), text(snapshot).encode())
    return text_path(path)


def read(path: Path) -> Snapshot:
    """Load a baseline. Raises UserError, one line, where it is absent, damaged, not ours or of another format."""
    if not path.is_file():
        raise UserError(f"{path}: no such baseline; make one with `restorebench baseline save RUNS {path}`")
    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(path.read_bytes()))
        table, metadata = file.read(), file.metadata.metadata or {}
    except (pyarrow.ArrowException, OSError):
        raise UserError(f"{path}: not a whole baseline: damaged, cut short, or another file; {AGAIN}") from None
    header = _header(metadata.get(KEY), path)
    try:
        records = tuple(_record(each) for each in header["records"])
        scores = table.select(list(COLUMNS)).to_pandas()
        return Snapshot(header["protocol"], header["version"], records, scores)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: a baseline with parts missing ({error}); {AGAIN}") from None


def text_path(path: Path) -> Path:
    """Where the text beside a baseline lies."""
    return path.with_name(path.name + ".txt")


def text(snapshot: Snapshot) -> str:
    """The summary: a line per run, then one per mean over images, in a fixed order."""
    lines = [
        f"restorebench baseline, format {FORMAT}, protocol {snapshot.protocol}, "
        f"content {digest(snapshot.records, snapshot.scores)}",
        "",
    ]
    for record in snapshot.records:
        state = record.status if not record.reason else f"{record.status} ({record.reason})"
        weights = f", weights {record.weights}" if record.weights else ""
        lines.append(f"{record.task} {record.method} seed {record.seed}: run {record.run_id}, {state}{weights}")
    return "\n".join([*lines, "", *_means(snapshot)]) + "\n"


def _means(snapshot: Snapshot) -> list[str]:
    """A line per method, level, metric and region: the means over the images, seed by seed."""
    place = {each.run_id: (each.task, each.method, each.seed) for each in snapshot.records}
    means = snapshot.scores.groupby(["run", "level", "metric", "region"])["value"].mean()
    found: dict[tuple[str, ...], dict[int, float]] = {}
    for (run, *where), mean in means.items():
        task, method, seed = place[run]
        found.setdefault((task, method, *where), {})[seed] = mean
    return [
        f"{' '.join(key)}: {' '.join(f'{each[seed]:.5g}' for seed in sorted(each))}"
        for key, each in sorted(found.items())
    ]


def stale(path: Path, snapshot: Snapshot) -> str:
    """One line where the text beside a baseline does not belong to it; "" where it does."""
    beside = text_path(path)
    if beside.is_file() and beside.read_text() == text(snapshot):
        return ""
    return f"{beside} is {'not of this baseline' if beside.is_file() else 'not there'}; {AGAIN}"


def _header(stored: bytes | None, path: Path) -> dict[str, Any]:
    if stored is None:
        raise UserError(f"{path}: a Parquet file, but not a baseline; {AGAIN}")
    try:
        header: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(stored)))
    except (ValueError, zlib.error):
        raise UserError(f"{path}: a baseline whose record of runs is damaged; {AGAIN}") from None
    if header.get("format") != FORMAT:
        raise UserError(
            f"{path}: a baseline of format {header.get('format')}, made by restorebench {header.get('version')}; "
            f"this one reads format {FORMAT}: {AGAIN}"
        )
    return header


def _record(stored: dict[str, Any]) -> Record:
    traits = {name: _traits(each) for name, each in stored["traits"].items()}
    return Record(**{**stored, "traits": traits})


def _traits(stored: dict[str, Any]) -> Traits:
    down, right = stored["shift"]
    tones, borders = tuple(tuple(each) for each in stored["tones"]), tuple(stored["borders"])
    return Traits(tones, (down, right), stored["grid"], stored["quality"], borders, stored["inner"])
