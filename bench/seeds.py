"""Seeds as hashes of names: independent of order, worker, device and process."""

from __future__ import annotations

import hashlib


def seed_for(*names: str | int) -> int:
    """A 63-bit seed from names, e.g. seed_for("eval", "mosaic", "mosaic_c8", image_id)."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
