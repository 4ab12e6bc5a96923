"""What a change looks like: a name for the cause where the kept pictures tell one.

Traits of the same pictures before and after are compared (bench/gate/traits.py). A cause is named when most of the
pictures agree; rounded weights or a stale average leave no such mark, and get no name. Scores do not enter.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bench.gate.sides import Pair
from bench.gate.traits import SIDES, Traits
from bench.gate.verdict import Cause

AGREE = 0.7  # of the pictures must show a mark
LEVELS = 0.5  # of 255; smaller moves of tones are rounding
LEFT = 0.35  # of a move of tones may be left unexplained by a curve that is named
GRID = 0.6  # JPEG's change on the own grid against a displaced one, and against what it was
BORDER = 1.15  # times as much worse as the inside of the picture
TRAINED_BORDER = 2.0  # the same of other weights: trainings differ at borders, too
SPREAD = 2.0  # times the rise inside; a fault of the whole picture stands out at a border that had no error
CLOSE = 0.004  # by how much the exponent or gain must differ from 1 for a name

Both = list[tuple[Traits, Traits]]


@dataclass(frozen=True)
class Curve:
    """A tone curve: gain * x ** exponent + offset, x in [0, 1]; `left` is what it leaves unexplained, in levels."""

    gain: float
    exponent: float
    offset: float
    left: float


def causes(pairs: Iterable[Pair]) -> list[Cause]:
    """Named causes of each method's change; none where the pictures tell none, or none were kept."""
    return [cause for pair in pairs for cause in _of(pair)]


def told(before: dict[str, Traits], after: dict[str, Traits], same_weights: bool = False) -> list[tuple[str, str]]:
    """(name, words) of each cause that the pictures of both sides, by "level/image", tell."""
    both = [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
    if not both:
        return []
    marks = (
        _shift(both),
        _channels(both),
        _tones(both),
        _recompressed(both),
        *_borders(both, BORDER if same_weights else TRAINED_BORDER),
    )
    return [each for each in marks if each is not None]


def _of(pair: Pair) -> list[Cause]:
    before = {name: made for each in reversed(pair.before.records) for name, made in each.traits.items()}
    after = {name: made for each in reversed(pair.after.records) for name, made in each.traits.items()}
    count = len(before.keys() & after.keys())
    return [Cause(pair.task, pair.method, *each, count) for each in told(before, after, pair.same_weights())]


def _shift(both: Both) -> tuple[str, str] | None:
    moves = Counter((b.shift[0] - a.shift[0], b.shift[1] - a.shift[1]) for a, b in both)
    (down, right), count = moves.most_common(1)[0]
    if (down, right) == (0, 0) or count < AGREE * len(both):
        return None
    parts = [f"{abs(down)} px {'down' if down > 0 else 'up'}"] if down else []
    parts += [f"{abs(right)} px {'right' if right > 0 else 'left'}"] if right else []
    return "shift", f"pictures moved {' and '.join(parts)}: cropping after padding, or resizing by corners"


def _channels(both: Both) -> tuple[str, str] | None:
    order = Counter(_order(a, b) for a, b in both).most_common(1)[0]
    if order[0] == (0, 1, 2) or order[1] < AGREE * len(both):
        return None
    names = "".join("RGB"[each] for each in order[0])
    return "channel order", f"channels come as {names} instead of RGB: OpenCV reads and writes BGR"


def _order(before: Traits, after: Traits) -> tuple[int, ...]:
    """Which channel of before each of after is; as they are unless another order is clearly nearer."""
    old, new = np.array(before.tones), np.array(after.tones)
    plain = (0, 1, 2)
    apart = {each: float(np.abs(new - old[list(each)]).mean()) for each in itertools.permutations(plain)}
    best = min(apart, key=lambda each: apart[each])
    return best if apart[best] < 0.5 * apart[plain] - LEVELS else plain


def _tones(both: Both) -> tuple[str, str] | None:
    """A gamma, or a gain and offset, that takes the tones before to those after in all pictures at once."""
    old = np.concatenate([np.ravel(a.tones) for a, _ in both]) / 255
    new = np.concatenate([np.array(b.tones)[np.argsort(_order(a, b))].ravel() for a, b in both]) / 255
    moved = 255 * float(np.sqrt(np.square(new - old).mean()))
    inside = (old > 0.02) & (old < 0.98) & (new > 0.004) & (new < 0.996)  # the rest may be clipped
    if moved < LEVELS or inside.sum() < 8:
        return None
    old, new = old[inside], new[inside]
    moved = 255 * float(np.sqrt(np.square(new - old).mean()))
    gamma, line = _gamma(old, new), _line(old, new)
    best = min(gamma, line, key=lambda each: each.left)
    if best.left > LEFT * moved:
        return None
    if best is gamma:
        return ("gamma", f"tones follow x^{best.exponent:.3f}") if abs(best.exponent - 1) > CLOSE else None
    words = f"tones follow {best.gain:.3f} x {'+' if best.offset >= 0 else '-'} {abs(best.offset):.3f}"
    studio = abs(best.gain - 219 / 255) < 0.02 and abs(best.offset - 16 / 255) < 0.02
    return "range", words + (": studio range, 16 to 235" if studio else "")


def _gamma(old: np.ndarray, new: np.ndarray) -> Curve:
    exponent = float((np.log(old) * np.log(new)).sum() / np.square(np.log(old)).sum())
    return Curve(1, exponent, 0, 255 * float(np.sqrt(np.square(old**exponent - new).mean())))


def _line(old: np.ndarray, new: np.ndarray) -> Curve:
    gain, offset = (float(each) for each in np.polyfit(old, new, 1))
    return Curve(gain, 1, offset, 255 * float(np.sqrt(np.square(gain * old + offset - new).mean())))


def _recompressed(both: Both) -> tuple[str, str] | None:
    marked = [
        b for a, b in both if b.grid < GRID * min(a.grid, 1) and (a.grid > GRID or a.quality != b.quality)
    ]  # on pictures that came as JPEG, a restorer that does little leaves their grid
    if len(marked) < AGREE * len(both):
        return None
    quality = Counter(each.quality for each in marked).most_common(1)[0][0]
    return "re-compression", f"pictures carry JPEG's 8×8 grid, quality near {quality}: save PNG"


def _borders(both: Both, factor: float) -> list[tuple[str, str]]:
    """The sides that got worse by far more than the inside, in their own measure and in squared error."""
    sides = []
    for place, side in enumerate(SIDES):
        worse = [
            (b.borders[place] + 1) / (a.borders[place] + 1) > factor * max((b.inner + 1) / (a.inner + 1), 1)
            and b.borders[place] - a.borders[place] > SPREAD * (b.inner - a.inner)
            for a, b in both
        ]
        if np.mean(worse) >= AGREE:
            sides.append(side)
    if not sides:
        return []
    return [("border", f"error grew at the {', '.join(sides)} border more than inside: padding")]
