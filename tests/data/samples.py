"""Pictures, folders and tables that the tests of data make."""

from __future__ import annotations

import csv
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench.data.pictures import save_png

COLUMNS = [f"{p}_{a}" for p in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for a in "xy"]


def photo(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth colourful picture, so that JPEG and resizing keep it recognisable."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def write_csv(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def folder_of(path: Path, count: int, start: int = 0) -> Path:
    for index in range(start, start + count):
        save_png(path / f"p{index:03d}.png", photo(index))
    return path


def huge_png() -> bytes:
    """A PNG of a few bytes whose header announces 20000×20000 pixels."""
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def bad_files(folder: Path) -> dict[str, str]:
    """Damaged files and a word that the message must hold."""
    good = folder / "good.jpg"
    Image.fromarray(photo(height=200, width=200)).save(good, quality=95)
    Image.fromarray(photo(height=200, width=200)).save(folder / "whole.png")
    cv2.imwrite(str(folder / "deep.png"), photo(1, 200, 200).astype(np.uint16) * 257)
    cut = {name: (folder / name).read_bytes() for name in ("good.jpg", "whole.png", "deep.png")}
    (folder / "cut.jpg").write_bytes(cut["good.jpg"][: len(cut["good.jpg"]) // 2])
    (folder / "cut.png").write_bytes(cut["whole.png"][: len(cut["whole.png"]) // 2])
    (folder / "cut16.png").write_bytes(cut["deep.png"][: len(cut["deep.png"]) // 2])
    (folder / "zero.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture at all\n")
    (folder / "huge.png").write_bytes(huge_png())
    return {
        "cut.jpg": "truncated", "cut.png": "truncated", "cut16.png": "truncated", "zero.png": "0 bytes",
        "text.png": "not a picture", "huge.png": "megapixels", "absent.png": "cannot be opened",
    }  # fmt: skip
