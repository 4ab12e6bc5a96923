"""What a decoded JPEG tells about its file: the quality, and the bin in which every DCT coefficient must lie.

Planes are float H×W, levels 0..255. Coefficients are kept in the plane's own layout: each 8×8 tile holds those of its
block, orthonormal, in libjpeg's scale (a flat block of level v has the DC 8 (v - 128)). Plain numpy; nothing is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 8
LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMA = np.full((8, 8), 99)
CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

NOISE = 0.4  # std of a coefficient about its lattice: a decoder rounds pixels, 0.29, and saturates a few
STRAY = 0.02  # part of the coefficients that are off the lattice for other reasons
MAX_BLOCKS = 1024  # looked at for the quality
MIN_EVIDENCE = 30.0  # nats by which a quality must beat "never compressed"
MAX_OFF, MAX_OFF_STEPS = 0.7, 0.02  # rms distance from the lattice, in levels or in mean steps, of a block as decoded
_FREQUENCY = np.arange(BLOCK)
DCT = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * _FREQUENCY[None, :] + 1) * _FREQUENCY[:, None] / (2 * BLOCK))
DCT[0] /= np.sqrt(2)


@dataclass(frozen=True)
class Bins:
    """A quantised plane: integers `index` and steps `step`, both H×W in the layout of the coefficients."""

    index: np.ndarray
    step: np.ndarray

    def clip(self, coefficients: np.ndarray, width: float = 1.0) -> np.ndarray:
        """The nearest coefficients in the middle `width` of the bins; 1 is all of [q(k-1/2), q(k+1/2)]."""
        centre, half = self.index * self.step, 0.5 * width * self.step
        return np.clip(coefficients, centre - half, centre + half)


def quant_tables(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """libjpeg's luma and chroma steps, int 8×8, for a quality of 1..100 (Annex K of the standard, scaled, baseline)."""
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality must be 1 to 100, got {quality}")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (np.clip((table * scale + 50) // 100, 1, 255) for table in (LUMA, CHROMA))
    return luma, chroma


def block_dct(plane: np.ndarray) -> np.ndarray:
    """DCT of every 8×8 block of a plane whose sides divide by 8."""
    height, width = plane.shape
    rows = DCT @ (plane - 128).reshape(height // BLOCK, BLOCK, width)
    return (rows.reshape(-1, BLOCK) @ DCT.T).reshape(height, width)


def inverse_block_dct(coefficients: np.ndarray) -> np.ndarray:
    """The plane with these coefficients; not clipped."""
    height, width = coefficients.shape
    rows = DCT.T @ coefficients.reshape(height // BLOCK, BLOCK, width)
    return (rows.reshape(-1, BLOCK) @ DCT).reshape(height, width) + 128


def read_bins(plane: np.ndarray, table: np.ndarray) -> Bins:
    """The bins of a decoded plane that was quantised by this 8×8 table; sides divide by 8."""
    step = np.tile(table, (plane.shape[0] // BLOCK, plane.shape[1] // BLOCK)).astype(float)
    return Bins(np.rint(block_dct(plane) / step), step)


def on_lattice(plane: np.ndarray, bins: Bins) -> np.ndarray:
    """Bool H×W: the blocks of a decoded plane whose bins can be relied on, since they lie at the centres of theirs.

    Others had pixels that the decoder cut off at black or white, which moves every coefficient.
    """
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    off = (block_dct(plane) - bins.index * bins.step).reshape(rows, BLOCK, columns, BLOCK)
    near = np.sqrt(np.square(off).mean(axis=(1, 3))) < max(MAX_OFF, MAX_OFF_STEPS * bins.step.mean())
    return near.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)


def evidence(plane: np.ndarray, table: np.ndarray) -> float:
    """Nats per block by which the AC coefficients of a decoded plane speak for a table against no compression.

    A coefficient in a bin other than zero speaks for the table by lying near the bin's centre, against it by lying
    elsewhere. One in the zero bin can only speak against: those of any smooth picture are near zero. DC is left out:
    that of a flat drawing lies on a lattice of its own. Each block may be on the lattice or, its pixels having been cut
    off at black or white, off it, with even odds: so a few such blocks do not outweigh the others. 0 without blocks.
    """
    coefficients = _coefficients(plane)
    return float(_evidence(coefficients, table).mean()) if len(coefficients) else 0.0


def estimate_quality(plane: np.ndarray) -> int | None:
    """The quality 1..100 at which a decoded plane was compressed, with libjpeg's tables on a grid from its corner.

    None when no quality explains the plane better than no compression does, as for the finest qualities, whose steps
    are no larger than the rounding.
    """
    coefficients = _coefficients(plane)
    scores = [_evidence(coefficients, quant_tables(quality)[0]).sum() for quality in range(1, 101)]
    best = int(np.argmax(scores))
    return best + 1 if scores[best] >= MIN_EVIDENCE else None


def _evidence(coefficients: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Nats of each of n blocks."""
    steps = table.reshape(-1)[1:].astype(float)
    values = coefficients[:, 1:]
    index = np.rint(values / steps)
    off = (values - index * steps) / NOISE
    hit = (1 - STRAY) * np.exp(-0.5 * off * off) / (NOISE * np.sqrt(2 * np.pi))
    nats = np.log(hit * steps + STRAY)
    blocks = np.where(index == 0, np.minimum(nats, 0), nats).sum(axis=1)
    return np.logaddexp(blocks, 0) - np.log(2)


def _coefficients(plane: np.ndarray) -> np.ndarray:
    """n×64: DCT of the blocks that lie wholly in a plane, at most MAX_BLOCKS, evenly spaced."""
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    tiles = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    blocks = tiles.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)
    blocks = blocks[:: -(-len(blocks) // MAX_BLOCKS) or 1] - 128
    return (DCT @ blocks @ DCT.T).reshape(-1, BLOCK * BLOCK)
