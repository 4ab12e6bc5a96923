"""How a race is run: ours and the peer's one after the other, so that a slow spell of the machine meets both."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import draw

SIDE = 500
Pairs = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Race:
    """Something of ours beside a peer's, both called on a pair; `why` gives the tolerance's reason."""

    name: str
    ours: Callable
    peer: Callable
    tolerance: float
    why: str
    relative: bool = False
    exact: Callable | None = None  # the definition in float64, where the peer can be run so


def kodak() -> Pairs:
    """Kodak's pictures as JPEG quality 10 beside the truth, middle 500×500, 1×3×H×W; two drawn ones where none are."""
    folder = Path(os.environ.get("RESTOREBENCH_DATA", "missing"), "kodak24")
    pictures = [_middle(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]
    pictures = pictures or [Image.fromarray(draw(seed, SIDE, SIDE)) for seed in (1, 2)]
    return [(_tensor(_jpeg(each)), _tensor(each)) for each in pictures]


def run(race: Race, pairs: Pairs, benchmark: Callable, rounds: int) -> str:
    """Time a race; its line: milliseconds a pair (medians of rounds), their ratio, the largest differences in value."""
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    values: dict[str, np.ndarray] = {}

    def lap() -> None:
        spent = {"ours": 0.0, "peer": 0.0}
        found: dict[str, list] = {"ours": [], "peer": []}
        for pair in pairs:
            for side, function in (("ours", race.ours), ("peer", race.peer)):
                began = time.perf_counter()
                found[side].append(function(*pair))
                spent[side] += time.perf_counter() - began
        for side in spent:
            times[side].append(spent[side] / len(pairs) * 1e3)
            values[side] = np.array([float(each) for each in found[side]])

    lap()  # loads what is loaded once
    times = {"ours": [], "peer": []}
    benchmark.pedantic(lap, rounds=rounds)
    ours, peer = (float(np.median(times[side])) for side in ("ours", "peer"))
    apart = _apart(values["ours"], values["peer"], race.relative)
    benchmark.extra_info.update({"ours_ms": ours, "peer_ms": peer, "ratio": peer / ours, "difference": apart})
    kind = "relative difference" if race.relative else "difference"
    line = f"{race.name}: ours {ours:.2f} ms, peer {peer:.2f} ms, {peer / ours:.1f}x, largest {kind} {apart:.1e}"
    if race.exact:
        exact = np.array([float(race.exact(first.double(), second.double())) for first, second in pairs])
        ours_off, peer_off = (_apart(values[side], exact, race.relative) for side in ("ours", "peer"))
        line += f"; from the definition in float64: ours {ours_off:.1e}, peer {peer_off:.1e}"
        assert ours_off < race.tolerance, race.why
    assert apart < race.tolerance or race.exact, race.why
    return line


def _apart(values: np.ndarray, wanted: np.ndarray, relative: bool) -> float:
    return float(np.max(np.abs(values - wanted) / (np.abs(wanted) if relative else 1)))


def _middle(picture: Image.Image) -> Image.Image:
    left, top = (picture.width - SIDE) // 2, (picture.height - SIDE) // 2
    return picture.crop((left, top, left + SIDE, top + SIDE))


def _jpeg(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=10)
    return Image.open(file).convert("RGB")


def _tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float().div(255).contiguous()
