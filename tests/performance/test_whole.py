"""The whole battery on a folder, the process included, beside the named packages one after another.

`tox -e performance -- tests/performance/test_whole.py`; 24 pairs of Kodak where RESTOREBENCH_DATA holds it, two drawn
ones elsewhere. Asserts that the means agree, never a time.
"""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import pretrained
from tests.performance.races import kodak

ROUNDS = 2
WITHIN = {"vif": 1e-3, "psnr": 1e-3, "niqe": 1e-3, "brisque": 2e-2}  # vif: piq computes it in float32


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    if pretrained.find("squeezenet1_1") is None:
        pytest.skip("SqueezeNet 1.1's weights are not in RESTOREBENCH_WEIGHTS nor in torch hub's cache")
    root = tmp_path_factory.mktemp("race")
    for number, pair in enumerate(kodak()):
        for name, picture in zip(("restored", "reference"), pair, strict=True):
            (root / name).mkdir(exist_ok=True)
            pixels = picture[0].permute(1, 2, 0).mul(255).round().byte().numpy()
            Image.fromarray(pixels).save(root / name / f"{number:02}.png")
    return root


def test_the_whole_battery(folders, benchmark, capsys):
    metrics = "psnr,ssim,ms_ssim,fsim,vif,gmsd,haarpsi,lpips_squeeze,niqe,brisque"
    where = [str(folders / name) for name in ("restored", "reference")]
    ours = [sys.executable, "-m", "bench", "measure", "--restored", where[0], "--reference", where[1]]
    sides = {
        "ours": [*ours, "--metrics", metrics, "--format", "json"],
        "packages": [sys.executable, "-m", "tests.performance.packages", *where],
    }
    times: dict[str, list[float]] = {"ours": [], "packages": []}
    found = {}

    def lap() -> None:
        for side, command in sides.items():
            began = time.perf_counter()
            found[side] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            times[side].append(time.perf_counter() - began)

    benchmark.pedantic(lap, rounds=ROUNDS)
    means = {name: each["mean"] for name, each in found["ours"]["summary"].items()}
    apart = {name: abs(means[name] - theirs) for name, theirs in found["packages"].items()}
    ratio = np.median(times["packages"]) / np.median(times["ours"])
    best = min(times["packages"]) / min(times["ours"])
    count = len(list((folders / "restored").iterdir()))
    with capsys.disabled():
        print(
            f"\nwhole battery on {count} pairs, process included: ours {np.median(times['ours']):.1f} s, packages "
            f"{np.median(times['packages']):.1f} s, {ratio:.1f}x (best rounds {best:.1f}x); largest differences of "
            f"means: " + ", ".join(f"{name} {each:.1e}" for name, each in apart.items())
        )
    assert {name: each for name, each in apart.items() if each > WITHIN.get(name, 1e-4)} == {}
