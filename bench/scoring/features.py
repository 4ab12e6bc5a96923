"""Network features of true pictures, kept by content: one method, seed, level or command computes them for all others.

An SQLite file in the runs folder, the only place that a command writes to; deleting it costs time and nothing else. A
row is one picture under one network. Its key digests the pixels, the network's line (base.SetMetric), and what decides
the last bits: torch and the kind of device. A row that was damaged, and a file that is busy, full or no database, cost
a computation. Two processes share it by SQLite's own locks.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from bench.metrics.base import SetMetric
from bench.metrics.quantise import to_uint8
from bench.results.store import features_path

LIMIT = 1 << 29  # bytes; 64,000 pictures under Inception, which come with 8 KB each
WAIT = 10.0  # seconds for another process to finish writing
TABLE = "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, vector BLOB NOT NULL, digest BLOB NOT NULL)"

T = TypeVar("T")


@dataclass(frozen=True)
class FeatureStore:
    """Features by pixels and network in one file; the older half goes when there is more than `limit` bytes."""

    path: Path
    limit: int = LIMIT

    @classmethod
    def of(cls, root: Path) -> FeatureStore:
        """That of a runs folder."""
        return cls(features_path(root))

    def features(self, metric: SetMetric, pictures: Tensor) -> Tensor:
        """metric.features of pictures on the uint8 grid, N×3×H×W in [0, 1] -> N×D on the CPU; computed if not kept."""
        if not metric.network:
            return metric.features(pictures).cpu()
        same = f"{metric.network}\n{torch.__version__}\n{pictures.device.type}"
        keys = [_key(same, each) for each in to_uint8(pictures)]
        found = self._read(keys)
        missing = {key: place for place, key in enumerate(keys) if key not in found}
        if missing:
            computed = metric.features(pictures[list(missing.values())]).cpu()
            new = dict(zip(missing, computed, strict=True))
            self._write(new)
            found |= new
        return torch.stack([found[key] for key in keys])

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Tensor]:
        """What is kept of these, whole."""
        asked = "SELECT key, CAST(vector AS BLOB), CAST(digest AS BLOB) FROM features WHERE key = ?"

        def read(file: sqlite3.Connection) -> list[tuple[bytes, bytes, bytes]]:
            return [row for key in keys for row in file.execute(asked, (key,))]

        rows = self._within(read) if self.path.exists() else None
        return {
            key: torch.from_numpy(np.frombuffer(vector, dtype="<f4").astype(np.float32))
            for key, vector, digest in rows or []
            if _digest(key, vector) == digest
        }

    def _write(self, new: dict[bytes, Tensor]) -> None:
        vectors = {key: each.numpy().astype("<f4").tobytes() for key, each in new.items()}
        rows = [(key, vector, _digest(key, vector)) for key, vector in vectors.items()]

        def write(file: sqlite3.Connection) -> None:
            file.execute(TABLE)
            file.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", rows)
            if _size(file) > self.limit:
                file.execute("DELETE FROM features WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM features)")

        self._within(write)

    def _within(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What work gives, in one transaction; None where the file cannot be had, or is no database."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=WAIT)) as file, file:
                return work(file)
        except (sqlite3.OperationalError, OSError):  # busy, full, not ours to write
            return None
        except sqlite3.DatabaseError:  # the next to write makes a new one
            with contextlib.suppress(OSError):
                self.path.unlink()
            return None


def _key(same: str, pixels: np.ndarray) -> bytes:
    """Digest of uint8 H×W×3 pixels and of all else that decides their features."""
    return hashlib.sha256(f"{same}\n{pixels.shape}\n".encode() + pixels.tobytes()).digest()


def _digest(key: bytes, vector: bytes) -> bytes:
    """Tells a row that is whole."""
    return hashlib.sha256(key + vector).digest()[:8]


def _size(file: sqlite3.Connection) -> int:
    """Bytes in use, without those that rows deleted before have left."""
    pages, free, size = (
        file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
