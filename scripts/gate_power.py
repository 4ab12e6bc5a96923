#!/usr/bin/env python3
"""Simulates the gate's rule for retrained methods: false alarms, and how often a loss of 0.3 dB is found.

    scripts/gate_power.py --trials 3000

Scores are seeds × pictures on two sides. A picture is as hard as it is on both; trainings differ by their luck, single
scores by noise. The table of docs/gate.md is what this prints.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.gate.rules import Noise, estimate
from bench.gate.thresholds import FIND as TIMES
from bench.gate.thresholds import Thresholds

ALPHA = Thresholds().alpha
MATTERS = 0.1  # dB, what bench.metrics declares for psnr
FIND = TIMES * MATTERS
HARD, NOISE = 3.0, 0.5  # dB; how far pictures lie apart, and single scores beyond what is shared


@dataclass(frozen=True)
class Setting:
    """seeds: on the two sides. luck, own, loss in dB: how far trainings lie apart, how far pictures differ in what they
    lose, and what is lost on average. measured: trainings that measured the luck beforehand.
    """

    seeds: tuple[int, int] = (3, 3)
    images: int = 200
    luck: float = 0.08
    own: float = 0.0
    loss: float = 0.0
    measured: int = 0


SETTINGS = {
    "3 seeds × 200 pictures, trainings differ by 0.08 dB": Setting(),
    "the same, noise measured beforehand from 10 trainings": Setting(measured=10),
    "the same, what is lost differs by 0.5 dB from picture to picture": Setting(own=0.5),
    "2 seeds × 200": Setting((2, 2)),
    "2 seeds × 200, noise from 10 trainings": Setting((2, 2), measured=10),
    "5 seeds kept, 1 new × 200": Setting((5, 1)),
    "1 seed × 200, noise from 10 trainings": Setting((1, 1), measured=10),
    "5 seeds × 200": Setting((5, 5)),
    "3 seeds × 20": Setting(images=20),
    "3 seeds × 200, trainings differ by 0.2 dB": Setting(luck=0.2),
    "10 seeds × 200, trainings differ by 0.2 dB": Setting((10, 10), luck=0.2),
    "3 seeds × 200, trainings alike": Setting(luck=0.0),
}


def sides(rng: np.random.Generator, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Scores before and after, each seeds × images."""
    hard, taste = rng.normal(scale=HARD, size=setting.images), rng.normal(scale=setting.own, size=setting.images)

    def side(count: int, extra: np.ndarray | float) -> np.ndarray:
        luck = rng.normal(scale=setting.luck, size=(count, 1))
        return hard + extra + luck + rng.normal(scale=NOISE, size=(count, setting.images))

    return side(setting.seeds[0], 0.0), side(setting.seeds[1], taste - setting.loss)


def rates(setting: Setting, trials: int) -> tuple[float, float]:
    """(regressed, passed): shares of the checks of one comparison; in the rest it could not be judged."""
    rng, regressed, passed = np.random.default_rng(1), 0, 0
    spread = math.hypot(setting.luck, NOISE / math.sqrt(setting.images))
    for _ in range(trials):
        noise = None
        if setting.measured:
            trained = rng.normal(scale=spread, size=setting.measured)
            noise = Noise(float(trained.std(ddof=1)), setting.measured - 1)
        found = estimate(*sides(rng, setting), noise=noise)
        if found.p_value() <= ALPHA and found.loss > MATTERS:
            regressed += 1
        elif found.bounds(ALPHA)[1] < FIND:
            passed += 1
    return regressed / trials, passed / trials


def table(trials: int) -> str:
    """Markdown: a row per setting, with nothing lost and with FIND lost."""
    lost = f"{FIND:.1f} dB lost"
    lines = [f"| setting | nothing lost: regressed | pass | {lost}: regressed | pass |", "|---|---:|---:|---:|---:|"]
    for name, setting in SETTINGS.items():
        shares = (*rates(setting, trials), *rates(replace(setting, loss=FIND), trials))
        lines.append(f"| {name} | {' | '.join(f'{100 * each:.1f} %' for each in shares)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=3000, help="checks simulated for each figure (3000)")
    sys.stdout.write(table(parser.parse_args().trials))
