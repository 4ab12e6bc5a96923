"""Numbers from outside that the battery must reproduce, each with its source and the reason for its tolerance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A published or independently computed value."""

    value: float
    tolerance: float  # absolute
    source: str
    why: str  # why the tolerance is what it is


def _printed(text: str, source: str) -> Reference:
    """A number as it is printed: right when it rounds to it."""
    digits = len(text.partition(".")[2])
    return Reference(float(text), 0.5 * 10**-digits * (1 + 1e-9), source, "half a unit of the last printed digit")


_FBCNN = "FBCNN (Jiang et al., ICCV 2021), figs/single_table.png, column JPEG"
_UNIFORM = "the other figure in circulation (ARCNN, DnCNN); recomputed with OpenCV"
_COLOUR = "recomputed with OpenCV and Pillow, libjpeg 4:2:0; row Q10 as in FBCNN's colour table"

# Set, quality: psnr, ssim, psnr_b as published; ssim_uniform8 as recomputed. Gray pictures, per-picture means.
_GRAY = """
classic5 10 27.82 0.760 25.21 0.7800
classic5 20 30.12 0.834 27.50 0.8541
classic5 30 31.48 0.867 28.94 0.8844
classic5 40 32.43 0.885 29.92 0.9011
live1    10 27.77 0.773 25.33 0.7905
live1    20 30.07 0.851 27.57 0.8683
live1    30 31.41 0.885 28.92 0.9000
live1    40 32.35 0.904 29.96 0.9173
"""
# Quality: psnr, ssim, psnr_b, psnr_y, ssim_y of LIVE1 in colour.
_COLOURED = """
10 25.693 0.7433 24.201 28.360 0.7937
20 28.061 0.8256 26.488 30.621 0.8653
30 29.366 0.8615 27.838 31.965 0.8960
40 30.280 0.8821 28.832 32.935 0.9133
"""


def _gray() -> dict[tuple[str, int, str], Reference]:
    found = {}
    for line in _GRAY.split("\n")[1:-1]:
        name, quality, *published, uniform = line.split()
        for metric, text in zip(("psnr", "ssim", "psnr_b"), published, strict=True):
            found[name, int(quality), metric] = _printed(text, _FBCNN)
        found[name, int(quality), "ssim_uniform8"] = _printed(uniform, _UNIFORM)
    return found


def _coloured() -> dict[tuple[int, str], Reference]:
    rows = [line.split() for line in _COLOURED.split("\n")[1:-1]]
    metrics = ("psnr", "ssim", "psnr_b", "psnr_y", "ssim_y")
    return {
        (int(quality), metric): _printed(text, _COLOUR)
        for quality, *texts in rows
        for metric, text in zip(metrics, texts, strict=True)
    }


JPEG_GRAY = _gray()  # (set, quality, metric)
JPEG_COLOUR = _coloured()  # (quality, metric)

# Set -> number of pictures, and the start of the SHA-256 of their gray pixels, one file after another by name.
SETS = {"classic5": (5, "13ea87964f9c25df"), "live1": (29, "32af401752ff8f07")}

_LPIPS = "torchmetrics documentation of learned_perceptual_image_patch_similarity, net_type='squeeze', seed 42"
LPIPS_SQUEEZE = (_printed("0.1024", _LPIPS), _printed("0.0938", _LPIPS))

_OLD = "scikit-video 1.1.11 / pybrisque 1.0 with numpy 1.26.4, where they equal the unmodified packages on numpy 1.19"
_NIQE = "where two shapes of the definition's 0.001 grid lie equally near, the last bits decide between them"
_BRISQUE = "numpy 2 and other OpenCV builds move BRISQUE by up to 3e-4 of its value"
# scikit-image's picture -> value on OpenCV's gray of it.
NIQE = {
    "astronaut": Reference(8.837852, 8.84 * 5e-4, _OLD, _NIQE),
    "camera": Reference(9.068486, 9.07 * 5e-4, _OLD, _NIQE),
    "coffee": Reference(8.354282, 8.35 * 5e-4, _OLD, _NIQE),
}
BRISQUE = {
    "astronaut": Reference(30.168250, 30.2 * 3e-4, _OLD, _BRISQUE),
    "camera": Reference(32.670525, 32.7 * 3e-4, _OLD, _BRISQUE),
    "coffee": Reference(74.970630, 75.0 * 3e-4, _OLD, _BRISQUE),
}
NIQE_VIDEO = Reference(
    11.197661399841,
    11.2 * 5e-4,
    "scikit-video's own tests/test_measure.py, first frame of the bigbuckbunny.mp4 that it ships",
    _NIQE,
)
_PORT = "BasicSR's basicsr/metrics/niqe.py on MATLAB's gray of the picture (XPixelGroup/BasicSR, 8d56e3a)"
_HALVES = "BasicSR halves pictures in float32, a hundred of its steps; in float64 it gives ours to 4e-13"
_FLAT = (
    "of a flat area BasicSR, like MATLAB, counts the signs that rounding leaves, which we take as zeros; with zeros "
    "and in float64 it gives ours to 4e-13"
)
# scikit-image's picture -> value.
NIQE_LIVE = {
    "chelsea": Reference(2.57208417, 2.57 * 1e-5, _PORT, _HALVES),
    "coffee": Reference(4.05846543, 4.06 * 1e-5, _PORT, _HALVES),
    "astronaut": Reference(3.06725364, 3.07 * 1e-3, _PORT, _FLAT),
}
# Of Kodak24's 24 pictures of 500×500, by name.
_KODAK = (
    3.4987636, 3.6060719, 4.8919898, 3.1572311, 3.7772565, 2.7904282, 3.4672455, 3.4278167,
    4.6718741, 4.3640497, 2.0113487, 3.1906821, 2.2021124, 2.2652079, 3.6890140, 3.4092906,
    3.1303880, 2.5367696, 3.4374521, 3.4084391, 2.5264997, 2.5811045, 4.0626668, 2.4669273,
)  # fmt: skip
NIQE_LIVE_KODAK = tuple(Reference(value, 1.2e-2 * value, _PORT, _FLAT) for value in _KODAK)
_AUTHORS = "the authors' MATLAB code, in pyiqa's ResultsCalibra/results_official.csv (chaofengc/IQA-PyTorch), row niqe"
# Picture of pyiqa's ResultsCalibra/dist_dir (TID2013) -> value. Only I04 has no flat areas.
NIQE_LIVE_MATLAB = {
    "I03": Reference(15.7536293917814, 15.75 * 6e-3, _AUTHORS, _FLAT),
    "I04": Reference(3.65492152353770, 3.65 * 1e-10, _AUTHORS, "float64 in another order"),
    "I06": Reference(3.23547743716998, 3.24 * 6e-3, _AUTHORS, _FLAT),
    "I08": Reference(3.18403333858339, 3.18 * 6e-3, _AUTHORS, _FLAT),
    "I19": Reference(8.63519663862637, 8.64 * 6e-3, _AUTHORS, _FLAT),
}
_MATLAB = "pybrisque's brisque/test_brisque.py: score of given features by the authors' MATLAB code"
BRISQUE_SVM = (
    Reference(52.521, 5e-3, _MATLAB, "pybrisque's own tolerance, two digits"),
    Reference(123.74, 5e-3, _MATLAB, "pybrisque's own tolerance, two digits"),
)
