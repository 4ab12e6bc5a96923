"""A real JPEG round trip: bytes, qualities, subsampling."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degradations import jpeg
from tests.degradations.samples import (
    FIXED_JPEG,
    picture,
)

# picture(8, 8) after quality 10: base64 of 8×8×3 bytes, from libjpeg-turbo 3.2.0
JPEG_8X8 = {
    "4:2:0": (
        "AFd5D2WIHG6TG2aND1R9Dkt3IlKCNGCRCV+CGGyQJnabJG6VGVyGGVSAK1uLPGiZF2mOKHidNoGoNHmiKGeSJl+MN2eXSXWmJ3KZ"
        "NoCnRImyQYKsNnGdNGiXQ3GiU3+wL3SdPoGrTIu2SYSwPXOhOWybSXWmWIK0M26aQXyoTYazSn6tPG+eOWeYR3GjVn6xM2OTQnKi"
        "TX2tSHanOmaXNV+RQ2icUnerMV2OQGydS3eoRXGiN1+SMVmMP2OXTnKm"
    ),
    "4:4:4": (
        "DE95G16IJmmTIGONEFN9Ck13FViCJGeRGVaCJ2SQMm+bLGmVHVqGF1SAIl+LMG2ZK1+OOm6dRXmoP3OiL2OSKV2MNGiXQ3emPmaZ"
        "THSnV3+yUXmsQmqdPGSXR2+iVX2wS2adWXSrZH+2XnmwT2qhSWSbVG+mYn20UF+aXm2oaXizY3KtVGOeTl2YWWijZ3axT1WTXmSi"
        "aW+tY2mnU1mXTVORWF6cZ22rTU6OXF2dZ2ioYWKiUVKSS0yMVleXZWam"
    ),
}


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_jpeg_stored_array(subsampling):
    stored = np.frombuffer(base64.b64decode(JPEG_8X8[subsampling]), np.uint8).reshape(8, 8, 3)
    result = jpeg.round_trip(picture(8, 8), 10, subsampling)
    assert np.abs(result.astype(int) - stored).max() <= 1  # builds of libjpeg may round otherwise, no further


@pytest.mark.parametrize("name", FIXED_JPEG)
def test_jpeg_of_gray_is_the_gray_planes(name):
    gray = picture(61, 45)[..., 1]
    result = jpeg.LEVELS[name](np.repeat(gray[..., None], 3, axis=2), 0).image
    plane = jpeg.round_trip(gray, jpeg.LEVELS[name].quality, "4:4:4")
    assert plane.ndim == 2 and not np.array_equal(plane, gray)
    assert np.array_equal(result, np.repeat(plane[..., None], 3, axis=2))


def test_jpeg_quality_and_subsampling_order():
    image = picture(64, 64)
    errors = [
        np.square(image - jpeg.LEVELS[f"jpeg_q{q}"](image, 0).image.astype(float)).mean() for q in (10, 20, 30, 40)
    ]
    assert errors == sorted(errors, reverse=True) and errors[-1] > 0
    halved, full = (jpeg.LEVELS[name](image, 0).image.astype(float) for name in ("jpeg_q10", "jpeg_q10_444"))
    assert np.square(image - full).mean() < np.square(image - halved).mean()


def test_jpeg_training_level_draws_qualities_and_both_subsamplings():
    image, level = picture(64, 64), jpeg.LEVELS["jpeg_q10to60"]
    known = {
        jpeg.round_trip(image, quality, sub).tobytes(): (quality, sub)
        for quality in range(10, 61)
        for sub in ("4:2:0", "4:4:4")
    }
    drawn = {known[level(image, seed).image.tobytes()] for seed in range(200)}
    assert len({quality for quality, _ in drawn}) > 40 and {sub for _, sub in drawn} == {"4:2:0", "4:4:4"}


@pytest.mark.parametrize("wrong", [{"quality": 0}, {"quality": 40, "quality_max": 30}, {"subsampling": "4:1:1"}])
def test_jpeg_refuses_wrong_parameters(wrong):
    with pytest.raises(ValueError, match="JPEG"):
        jpeg.Jpeg(**wrong)


def test_jpeg_classic5_psnr():
    folder = Path(os.environ.get("RESTOREBENCH_DATA", "")) / "classic5"
    if "RESTOREBENCH_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("RESTOREBENCH_DATA names no folder with classic5")
    scores = []
    for path in sorted(folder.glob("*.png")):
        image = np.array(Image.open(path).convert("RGB"))
        error = np.square(jpeg.LEVELS["jpeg_q10"](image, 0).image.astype(float) - image).mean()
        scores.append(10 * np.log10(255**2 / error))
    assert len(scores) == 5
    assert np.mean(scores) == pytest.approx(27.821, abs=0.001)  # the JPEG row of published Classic5 tables, 27.82
