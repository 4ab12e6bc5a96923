"""NIQE as its authors' MATLAB code computes it, with their model of natural pictures."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import pretrained
from bench.metrics.base import SingleMetric
from bench.metrics.natural_scene import Taps, block_sums, blur, by_picture
from bench.metrics.shapes import distance, fit

BLOCK = 96
RGB2GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)  # MATLAB's
ROUNDING = 1e-9  # a pixel nearer to its local mean than this is on it; float64 leaves residues of 1e-13


class Model(NamedTuple):
    """The authors' model: mean 36 and covariance 36×36 of natural pictures' features, and their window. float64."""

    mean: Tensor
    covariance: Tensor
    taps: Taps


@functools.lru_cache(maxsize=8)
def _read(path: str, device: torch.device) -> Model:
    arrays = pretrained.load("niqe_live")
    shapes = {"mu_pris_param": (1, 36), "cov_pris_param": (36, 36), "gaussian_window": (7, 7)}
    if any(name not in arrays or arrays[name].shape != shape for name, shape in shapes.items()):
        raise pretrained.Unavailable(f"weights unreadable: {path} is no NIQE model; replace the file")
    mean, covariance, window = (arrays[name].double() for name in shapes)
    taps = tuple(window.sum(0).tolist())  # the window is separable
    return Model(mean[0].to(device), covariance.to(device), taps)


def model(device: torch.device) -> Model:
    """The authors' model from the weights folder, read once a file and device. Raises Unavailable."""
    return _read(str(pretrained.find("niqe_live")), device)


def rgb2gray(pictures: Tensor) -> Tensor:
    """MATLAB's gray of uint8 pictures: N×3×H×W in [0, 1] -> float64 N×H×W of whole 0 to 255 (full-range BT.601)."""
    weights = torch.tensor(RGB2GRAY, dtype=torch.float64, device=pictures.device)
    return torch.einsum("nchw,c->nhw", pictures.mul(255).round().double(), weights).add_(0.5).floor_()


def normalise(strip: Tensor, taps: Taps) -> Tensor:
    """(x - mean) / (deviation + 1) under the Gaussian: float64 N×(h+6)×(w+6) -> N×h×w."""
    mean, square = blur(strip, taps, taps), blur(strip * strip, taps, taps)
    apart = strip[:, 3:-3, 3:-3] - mean
    return apart.where(apart.abs() > ROUNDING, 0) / ((square - mean * mean).abs().sqrt() + 1)


def half_size(planes: Tensor) -> Tensor:
    """MATLAB's imresize(x, 0.5): antialiased bicubic, mirrored beyond the edges. N×H×W, even sides -> N×H/2×W/2."""
    tall = torch.cat((planes[:, :4].flip(1), planes, planes[:, -4:].flip(1)), 1)
    wide = torch.cat((tall[..., :4].flip(2), tall, tall[..., -4:].flip(2)), 2)
    size = wide.shape[1] // 2, wide.shape[2] // 2
    return F.interpolate(wide[:, None], size, mode="bicubic", antialias=True)[:, 0, 2:-2, 2:-2]


def features(gray: Tensor, taps: Taps) -> Tensor:
    """The 36 features of every 96 px block of float64 N×H×W in [0, 255]: N×B×36, NaN where a block is flat."""
    height, width = (size // BLOCK * BLOCK for size in gray.shape[1:])
    gray = gray[:, :height, :width]
    found = []
    for plane, side in ((gray, BLOCK), (half_size(gray), BLOCK // 2)):
        padded = F.pad(plane[:, None], (3, 3, 3, 3), mode="replicate")[:, 0]
        found.append(block_sums(padded, functools.partial(normalise, taps=taps), side))
    shape = fit(torch.stack(found, 4), torch.tensor([BLOCK**2, BLOCK**2 // 4], device=gray.device))
    own = torch.stack((shape.alpha[0], (shape.left_scale[0] + shape.right_scale[0]) / 2))
    products = torch.stack((shape.alpha, shape.mean, shape.left_scale, shape.right_scale), 1)[1:].flatten(0, 1)
    return torch.cat((own, products)).permute(1, 2, 3, 0).flatten(2)


def niqe_live(restored: Tensor) -> Tensor:
    """The authors' NIQE; N×3×H×W in [0, 1], sides of 192 or more -> float64 N. A flat picture scores NaN."""
    mean, covariance, taps = model(restored.device)
    return by_picture(lambda part: distance(features(rgb2gray(part), taps), mean, covariance), restored)


METRICS = (
    SingleMetric(
        id="niqe_live",
        definition=(
            "NIQE as its authors' MATLAB code and model give it (96 px blocks without overlap, antialiased bicubic "
            "half size, rgb2gray: full-range BT.601 rounded to uint8; blocks chosen by sharpness 0.75 in the model "
            "only); about 2 to 6 on natural pictures of 500 px and up; never beside niqe"
        ),
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=0.2,
        library="restorebench, with the authors' model",
        source="Mittal, Soundararajan, Bovik, 2013, doi:10.1109/LSP.2012.2227726",
        min_side=192,
        compute=niqe_live,
    ),
)
