"""Near-duplicates between two sources, by perceptual hash: the same picture resized, recompressed or retouched."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from bench.data.pictures import UnreadablePicture
from bench.data.sources import Source

THRESHOLD = 6  # of 64 bits
_SIDE, _LOW = 32, 8
_BLOCK = 2_000_000  # pairs compared at once
_LIKE = 0.95  # correlation of the thumbnails that a pair must also have


def perceptual_hash(pixels: np.ndarray) -> np.uint64:
    """64-bit DCT hash of a uint8 H×W×3 picture (pHash: the signs of the lowest 8×8 frequencies about their median)."""
    spectrum = cv2.dct(_thumbnail(pixels))[:_LOW, :_LOW].ravel()
    bits = spectrum > np.median(spectrum[1:])
    return np.packbits(bits).view(">u8")[0].astype(np.uint64)


def near_duplicates(a: Source, b: Source, threshold: int = THRESHOLD) -> list[tuple[str, str, int]]:
    """Pairs (id in a, id in b, differing bits) that look like one picture, nearest first.

    A pair counts when at most threshold of 64 bits differ and the 32×32 grey thumbnails correlate by 0.95 or more:
    the hash alone also pairs different pictures of one layout, such as aligned faces. Unreadable pictures are skipped.
    """
    ids_a, hashes_a, small_a = _index(a)
    ids_b, hashes_b, small_b = _index(b)
    pairs: list[tuple[str, str, int]] = []
    step = max(_BLOCK // max(len(ids_b), 1), 1)
    for start in range(0, len(ids_a), step):
        distance = np.bitwise_count(hashes_a[start : start + step, None] ^ hashes_b[None])
        for i, j in np.argwhere(distance <= threshold):
            if float(small_a[start + i] @ small_b[j]) >= _LIKE:
                pairs.append((ids_a[start + i], ids_b[j], int(distance[i, j])))
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1]))


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """32×32 grey, float32 in 0..255."""
    grey = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def _index(source: Source) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Ids, hashes N, and standardised thumbnails N×1024 whose products are correlations."""
    ids: list[str] = []
    hashes: list[np.uint64] = []
    small: list[np.ndarray] = []
    for image_id in source.ids:
        try:
            pixels = source.read(image_id).pixels
        except UnreadablePicture:
            continue
        ids.append(image_id)
        hashes.append(perceptual_hash(pixels))
        centred = _thumbnail(pixels).ravel()
        centred = centred - centred.mean()
        small.append(centred / max(float(np.linalg.norm(centred)), 1e-6))
    thumbnails = np.array(small, np.float32).reshape(len(ids), _SIDE * _SIDE)
    return ids, np.array(hashes, np.uint64), thumbnails
