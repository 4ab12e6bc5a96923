#!/usr/bin/env python3
"""Restores the folder that `restorebench degrade jpeg` made with the authors' DnCNN-3, ready for `score --predictions`.

    restorebench degrade jpeg photos/ damaged/
    scripts/dncnn3_predictions.py damaged/ restored/
    restorebench score SUITE --task jpeg --predictions restored/ --name dncnn3

Reads DAMAGED/LEVEL/degraded/ID.png, writes RESTORED/LEVEL/ID.png. The network (Zhang et al. 2017: gray, 20 layers, 64
channels) knows luma only, so chroma stays. Its weights are dncnn3_gray.pth in the folder
that RESTOREBENCH_WEIGHTS names, keyed `model.N.weight` and `model.N.bias`; research use.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))
from methods.regressors import ResidualCnn

WEIGHTS = "dncnn3_gray.pth"
BT601 = np.array([0.299, 0.587, 0.114], np.float32)  # Y of full-range YCbCr, as in JPEG


def load_network(path: Path) -> ResidualCnn:
    """DnCNN-3 with the authors' weights. Raises ValueError with one line when the file is absent or another's."""
    if not path.is_file():
        raise ValueError(f"no weights at {path}: put {WEIGHTS} there, or name its folder in RESTOREBENCH_WEIGHTS")
    network = ResidualCnn(channels=1, depth=20, width=64).eval()
    try:
        network.load_state_dict(torch.load(path, weights_only=True))
    except (RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} does not hold DnCNN-3's weights: {str(error).splitlines()[0]}") from None
    return network


def restore_luma(network: ResidualCnn, picture: Image.Image, device: torch.device) -> Image.Image:
    """An RGB picture with its luma restored: a change of Y alone moves red, green and blue by as much."""
    pixels = np.asarray(picture, np.float32)
    luma = torch.from_numpy(pixels @ BT601)[None, None].to(device)
    with torch.inference_mode():
        change = (255 * network(luma / 255).clamp(0, 1) - luma)[0, 0].cpu().numpy()
    return Image.fromarray((pixels + change[..., None]).round().clip(0, 255).astype(np.uint8))


def restore_folder(network: ResidualCnn, damaged: Path, restored: Path, device: torch.device) -> int:
    """Restore every picture of every level; returns how many. Raises ValueError when there is none."""
    paths = sorted(damaged.glob("*/degraded/*.png"))
    if not paths:
        raise ValueError(f"{damaged} holds no LEVEL/degraded/*.png: make it with `restorebench degrade jpeg IN OUT`")
    for path in paths:
        target = restored / path.parent.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as picture:
            restore_luma(network, picture.convert("RGB"), device).save(target)
    return len(paths)


def main() -> int:
    """Parse, restore, say how many."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog="Example: scripts/dncnn3_predictions.py damaged/ restored/"
    )
    parser.add_argument("damaged", type=Path, help="folder that `restorebench degrade jpeg` made")
    parser.add_argument("restored", type=Path, help="folder to write to")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    try:
        device = torch.device(options.device)
        network = load_network(Path(os.environ.get("RESTOREBENCH_WEIGHTS", ".")) / WEIGHTS).to(device)
        count = restore_folder(network, options.damaged, options.restored, device)
    except (ValueError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{count} pictures are in {options.restored}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
