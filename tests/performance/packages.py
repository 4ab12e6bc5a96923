"""The named packages called one after another as their READMEs show, for the race of whole batteries.

    python -m tests.performance.packages RESTORED REFERENCE

prints a JSON object: metric -> mean over the pictures. Nothing of restorebench is timed here but its adapters, without
which scikit-video and pybrisque do not run on today's numpy, and its resolver of LPIPS' weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import piq
import torch
from PIL import Image

from bench.metrics import legacy
from pretrained import trunk
from pretrained.perceptual import build_lpips

PIQ = {
    "psnr": piq.psnr,
    "ssim": lambda x, y: piq.ssim(x, y, downsample=False),
    "ms_ssim": piq.multi_scale_ssim,
    "fsim": piq.fsim,
    "vif": piq.vif_p,
    "gmsd": piq.gmsd,
    "haarpsi": piq.haarpsi,
}


def read(path: Path) -> torch.Tensor:
    """1×3×H×W in [0, 1]."""
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None] / 255.0


def gray(path: Path) -> np.ndarray:
    """uint8 H×W, as the no-reference packages take it."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY)


@torch.no_grad()
def scores(restored: list[Path], reference: list[Path]) -> dict[str, float]:
    """Metric after metric, picture after picture."""
    pairs = list(zip(restored, reference, strict=True))
    found = {name: [float(score(read(x), read(y))) for x, y in pairs] for name, score in PIQ.items()}
    lpips = build_lpips("squeeze", trunk("squeezenet1_1").tensors)
    found["lpips_squeeze"] = [float(lpips(read(x) * 2 - 1, read(y) * 2 - 1)) for x, y in pairs]
    found["niqe"] = [float(legacy.niqe(gray(x)[None])[0]) for x in restored]
    found["brisque"] = [float(legacy.brisque(gray(x)[None])[0]) for x in restored]
    return {name: float(np.mean(each)) for name, each in found.items()}


if __name__ == "__main__":
    json.dump(scores(*(sorted(Path(each).glob("*.png")) for each in sys.argv[1:3])), sys.stdout)
