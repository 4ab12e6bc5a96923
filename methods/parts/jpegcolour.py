"""JPEG's colour planes: JFIF's YCbCr, and the 4:2:0 sampling of its chroma. Planes are float, levels 0..255."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
_TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136286, -0.714136286], [1.0, 1.772, 0.0]])


def rgb_to_ycc(image: np.ndarray) -> np.ndarray:
    """H×W×3 RGB to 3×H×W YCbCr (BT.601, full range, as in JFIF; gray is 128), not rounded."""
    planes = np.moveaxis(image @ _TO_YCC.T, -1, 0).copy()
    planes[1:] += 128
    return planes


def ycc_change_to_rgb(change: np.ndarray) -> np.ndarray:
    """3×H×W difference of YCbCr to the H×W×3 difference of RGB."""
    return np.moveaxis(change, 0, -1) @ _TO_RGB.T


def upsample(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Half-size chroma to full size, as libjpeg does by default ("fancy": 3/4 the nearer sample, 1/4 the farther)."""
    rows, columns = (_upsampling(length) for length in shape)
    return (columns @ (rows @ plane).T).T


def undo_upsample(plane: np.ndarray) -> np.ndarray:
    """The half-size chroma, sides rounded up, whose upsampling comes nearest to a full-size plane (least squares)."""
    for _ in range(2):
        rows = _upsampling(plane.shape[0])
        plane = splu((rows.T @ rows).tocsc()).solve(rows.T @ plane).T
    return plane


def _upsampling(length: int) -> sparse.csr_matrix:
    """`length` samples from half as many, as a matrix."""
    half = -(-length // 2)
    target = np.arange(length)
    near = target // 2
    far = np.clip(near + np.where(target % 2, 1, -1), 0, half - 1)
    weights = np.repeat([0.75, 0.25], length)
    return sparse.coo_matrix((weights, (np.tile(target, 2), np.append(near, far))), (length, half)).tocsr()
