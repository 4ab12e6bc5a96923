"""The battery against numbers from outside: published tables, documented values, closed forms."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.data.pictures import read_pixels
from bench.errors import UserError
from bench.metrics import METRICS, Unavailable, load
from bench.metrics.distribution import frechet, kernel
from bench.metrics.quantise import studio_luma
from bench.scoring.folders import index
from bench.verify.references import BRISQUE, JPEG_COLOUR, JPEG_GRAY, LPIPS_SQUEEZE, NIQE, NIQE_LIVE, SETS, Reference

QUALITIES = (10, 20, 30, 40)


@dataclass(frozen=True)
class Line:
    """One comparison. ours is NaN where it could not be made, and `problem` says why."""

    what: str
    ours: float
    published: Reference | None
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether the two agree to the tolerance; a comparison that could not be made does not count against it."""
        if self.published is None:
            return True
        return abs(self.ours - self.published.value) <= self.published.tolerance


def verify_battery(folders: dict[str, Path]) -> Iterator[Line]:
    """All comparisons that can be made here. folders: "classic5" and "live1", where they are at hand.

    Raises UserError for a folder that is not the published set.
    """
    for name in SETS:
        if name in folders:
            yield from _jpeg(name, _pictures(name, folders[name]))
        else:
            yield Line(f"{name}: JPEG at Q10 to Q40", float("nan"), None, f"no folder given; use --{name} FOLDER")
    yield from _lpips()
    yield from _no_reference()
    yield from closed_forms()


def _pictures(name: str, folder: Path) -> list[np.ndarray]:
    """A published set in the order of its names. Raises UserError unless it is that set, pixel by pixel."""
    pictures = [read_pixels(path) for path in index(folder).values()]
    count, start = SETS[name]
    digest = hashlib.sha256(b"".join(_gray(each).tobytes() for each in pictures)).hexdigest()
    if len(pictures) != count:
        raise UserError(f"{folder}: {name} has {count} pictures, this folder {len(pictures)}")
    if not digest.startswith(start):
        raise UserError(f"{folder}: not the pixels of {name} that the table was made on ({digest[:16]}, not {start})")
    return pictures


def _gray(picture: np.ndarray) -> np.ndarray:
    """Gray as published tables have it: MATLAB's studio-range luma of a colour picture, a gray picture as it is."""
    if (picture == picture[..., :1]).all():
        return picture[..., 0]
    luma = studio_luma(torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255)[0]
    return (luma * 255).round().to(torch.uint8).numpy()


def _jpeg(name: str, pictures: list[np.ndarray]) -> Iterator[Line]:
    gray = [_gray(each) for each in pictures]
    metrics = ("psnr", "ssim", "psnr_b", "ssim_uniform8")
    for quality in QUALITIES:
        for metric, ours in zip(metrics, _means(gray, quality, metrics), strict=True):
            yield Line(f"{name} gray Q{quality} {metric}", ours, JPEG_GRAY[name, quality, metric])
    if name == "live1" and any((each != each[..., :1]).any() for each in pictures):
        yield from _jpeg_in_colour(name, pictures)


def _jpeg_in_colour(name: str, pictures: list[np.ndarray]) -> Iterator[Line]:
    metrics = ("psnr", "ssim", "psnr_b", "psnr_y", "ssim_y")
    for quality in QUALITIES:
        for metric, ours in zip(metrics, _means(pictures, quality, metrics), strict=True):
            yield Line(f"{name} colour Q{quality} {metric}", ours, JPEG_COLOUR[quality, metric])


def _means(pictures: list[np.ndarray], quality: int, metrics: tuple[str, ...]) -> list[float]:
    """Each metric's mean over pictures against themselves through libjpeg (4:2:0 in colour)."""
    pairs = [(_tensor(_compressed(each, quality)), _tensor(each)) for each in pictures]
    return [float(np.mean([load(metric)(*pair).item() for pair in pairs])) for metric in metrics]


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, **({} if picture.ndim == 2 else {"subsampling": 2}))
    with Image.open(file) as again:
        return np.array(again)


def _tensor(picture: np.ndarray) -> Tensor:
    """uint8 H×W or H×W×3 to float 1×3×H×W in [0, 1]."""
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)[None].float() / 255


def _lpips() -> Iterator[Line]:
    """The documentation's example. Its inputs lie off the uint8 grid, so the metric's own rounding is left out."""
    from bench.metrics.perceptual import lpips_scores
    from pretrained.perceptual import lpips_features

    generator = torch.Generator().manual_seed(42)
    x, y = (torch.rand(2, 3, 100, 100, generator=generator) for _ in range(2))
    what = "lpips_squeeze, pair {} of the documented example"
    try:
        ours = lpips_scores(lpips_features("squeeze", torch.device("cpu")), x, y, torch.ones(2, 1, 100, 100))[:, 0]
    except Unavailable as error:
        yield Line(what.format("1 and 2"), float("nan"), None, str(error))
        return
    for number, reference in enumerate(LPIPS_SQUEEZE):
        yield Line(what.format(number + 1), ours[number].item(), reference)


def _no_reference() -> Iterator[Line]:
    """NIQE and BRISQUE of photographs that come with scikit-image."""
    import skimage.data

    for metric, table in (("niqe", NIQE), ("niqe_live", NIQE_LIVE), ("brisque", BRISQUE)):
        for name, reference in table.items():
            try:
                ours = load(metric)(_tensor(getattr(skimage.data, name)())).item()
            except Unavailable as error:
                yield Line(f"{metric} of {name}", float("nan"), None, str(error))
            else:
                yield Line(f"{metric} of {name}", ours, reference)


def closed_forms() -> Iterator[Line]:
    """Distances between sets whose value follows from the definition."""
    rows = torch.randn(40, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = "float64 rounding"
    spread = (4 * (rows.var(0).sum() + rows.mean(0).square().sum())).item()
    fid = METRICS["fid"].definition.partition(",")[0]
    for what, ours, value in (
        ("a set against itself", frechet(rows, rows), 0.0),
        ("64 features, every one moved by 0.5: D d²", frechet(rows, rows + 0.5), 16.0),
        ("features tripled: 4 (tr S + |m|²)", frechet(rows, 3 * rows), spread),
    ):
        yield Line(f"fid, {what}", ours, Reference(value, 1e-8 * max(value, 1), f"closed form of the {fid}", exact))
    corners = torch.eye(4, dtype=torch.float64) * 2
    within = (0 / 4 + 1) ** 3  # two unlike corners are orthogonal
    across = (3 * within + (4 / 4 + 1) ** 3) / 4  # one in four pairs is a corner with itself
    reference = Reference(2 * within - 2 * across, 1e-12, "closed form of the unbiased MMD", exact)
    yield Line("kid, four orthogonal points against themselves", kernel(corners, corners), reference)
