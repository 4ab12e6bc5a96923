"""Uploads that nobody should send: name, bytes, and what the answer must say."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def png_of(width: int, height: int) -> bytes:
    """A few hundred bytes that announce a picture of any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def encoded(pixels, kind="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def half_of_a_picture() -> bytes:
    whole = encoded(np.random.default_rng(0).integers(0, 256, (40, 40, 3), "uint8"))
    return whole[: len(whole) // 2]


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = {
    "nothing": (b"", "empty file (0 bytes)"),
    "text": (b"../../etc/passwd", "not a picture that is read"),
    "svg": (SVG, "SVG drawing"),
    "svg behind xml": (b"<?xml version='1.0'?>\n<!-- -->" + SVG, "SVG drawing"),
    "program": (b"\x7fELF" + bytes(200), "not a picture that is read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture that is read"),
    "bomb": (png_of(60_000, 60_000), "announces"),
    "smaller bomb": (png_of(13_000, 13_000), "announces"),
    "half a picture": (half_of_a_picture(), "truncated"),
    "too long": (b"\x89PNG" + bytes(3_000_000), "MB; at most"),
}
