"""What is installed, which weights are found, and what is missing with the way to mend it."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
from dataclasses import dataclass

OK, MISSING, WRONG = "ok", "missing", "wrong"
PACKAGES = ("torchvision", "piq", "lpips", "pytorch_fid", "skvideo.measure", "cv2", "skimage", "pandas", "pyarrow")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its state is "ok", "missing" (something is unavailable) or "wrong" (must be mended)."""

    what: str
    state: str
    detail: str


def examine() -> list[Finding]:
    """Look at everything a run needs."""
    findings = [_torch(), *(_package(name) for name in PACKAGES)]
    findings += _brisque_and_niqe()
    findings += _weights()
    free = shutil.disk_usage(".").free / 2**30
    findings.append(Finding("disk here", OK if free > 1 else WRONG, f"{free:.0f} GiB free"))
    return findings


def _torch() -> Finding:
    try:
        import torch
    except Exception as error:  # a broken installation raises anything
        return Finding("torch", WRONG, f"{error}; pip install 'torch>=2.11' torchvision")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU seen, runs on the CPU"
    return Finding("torch", OK, f"{torch.__version__}, {device}, {torch.get_num_threads()} threads")


def _package(name: str) -> Finding:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        detail = f"{type(error).__name__}: {error}".splitlines()[0]
        if "torchvision::nms" in str(error):
            detail = "built for another torch; install a matching pair: pip install --upgrade torch torchvision"
        return Finding(name, WRONG, detail)
    return Finding(name, OK, getattr(module, "__version__", "installed"))


def _brisque_and_niqe() -> list[Finding]:
    from bench.metrics import METRICS, unavailable

    reasons = {name: unavailable(METRICS[name]) for name in ("brisque", "niqe")}
    return [Finding(name, MISSING if reason else OK, reason or "works") for name, reason in reasons.items()]


def _weights() -> list[Finding]:
    from pretrained import status

    return [
        Finding(f"weights: {what}", OK if path else MISSING, str(path) if path else f"looked for {' or '.join(names)}")
        for what, names, path in status()
    ]
