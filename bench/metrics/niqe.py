"""NIQE as scikit-video computes it, several times faster and on any device."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics import legacy
from bench.metrics.base import SingleMetric
from bench.metrics.natural_scene import block_sums, blur, by_picture, opencv_gray
from bench.metrics.shapes import distance, fit

BLOCK = 96
TAPS = tuple(legacy.gauss_window(3, 7 / 6))
SHAPES = 9800  # scikit-video's last shape is 9.999


@functools.cache
def model(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean (36) and covariance (36×36) of natural pictures' features, from scikit-video. Raises Unavailable."""
    mean, covariance = legacy.niqe_parameters()
    return torch.from_numpy(mean).to(device), torch.from_numpy(covariance).to(device)


def normalise(strip: Tensor) -> Tensor:
    """(x - mean) / (deviation + 1) under the Gaussian, in float32: N×(h+6)×(w+6) -> N×h×w."""
    mean, square = (_means(each) for each in (strip, strip * strip))
    deviation = square.sub_(mean * mean).abs_().sqrt_()
    return torch.sub(strip[:, 3:-3, 3:-3], mean).div_(deviation.add_(1))


def _means(strip: Tensor) -> Tensor:
    """Down the columns, then along the rows, each rounded to float32, as scikit-video does it."""
    down = blur(strip, (1.0,), TAPS).float()
    return blur(down, TAPS, (1.0,)).float()


def half_size(gray: Tensor) -> Tensor:
    """Antialiased bicubic half size as Pillow's in mode F: whole float32 N×H×W -> float32 N×H/2×W/2."""
    size = gray.shape[1] // 2, gray.shape[2] // 2
    return F.interpolate(gray[:, None].double(), size, mode="bicubic", antialias=True)[:, 0].float()


def niqe_features(gray: Tensor) -> Tensor:
    """The 36 features of every 96 px block of whole float32 N×H×W in [0, 255]: float64 N×B×36."""
    height, width = (size // BLOCK * BLOCK for size in gray.shape[1:])
    gray = gray[:, :height, :width]
    scales = (gray, BLOCK), (half_size(gray), BLOCK // 2)
    found = torch.stack([block_sums(F.pad(plane, (3, 3, 3, 3)), normalise, side) for plane, side in scales], 4)
    area = torch.tensor([BLOCK**2, BLOCK**2 // 4], device=gray.device)
    shape = fit(found, area, zeros=True, shapes=SHAPES)
    right = shape.right_scale.clone()
    right[3:] = shape.left_scale[3:]  # scikit-video gives the left scale of both diagonals twice
    own = torch.stack((shape.alpha[0], (shape.left_scale[0] + shape.right_scale[0]) / 2))
    products = torch.stack((shape.alpha, shape.mean, shape.left_scale, right), 1)[1:].flatten(0, 1)
    return torch.cat((own, products)).permute(1, 2, 3, 0).flatten(2)


def niqe(restored: Tensor) -> Tensor:
    """NIQE; N×3×H×W in [0, 1], sides of 194 or more -> float64 N."""
    mean, covariance = model(restored.device)
    return by_picture(lambda part: distance(niqe_features(opencv_gray(part)), mean, covariance), restored)


METRICS = (
    SingleMetric(
        id="niqe",
        definition=(
            "NIQE of scikit-video 1.1.11 (its own pristine model, 96 px patches without overlap; not MATLAB's scale) "
            "on full-range BT.601 gray rounded to uint8; compare pictures of one size only"
        ),
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=0.5,
        library="restorebench, with scikit-video's model",
        source="Mittal, Soundararajan, Bovik, 2013, doi:10.1109/LSP.2012.2227726",
        min_side=194,
        compute=niqe,
    ),
)
