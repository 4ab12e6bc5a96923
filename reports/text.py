"""Numbers, names and fingerprints as the pages print them."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Iterable, Sequence

MINUS = "\N{MINUS SIGN}"
NONE = "–"


def decimals(half_widths: Iterable[float], matters: float) -> int:
    """How many decimals a column earns: none finer than `matters`, none that the interval swallows.

    An interval keeps two digits when they are 35 or less, else one (the rule of the Particle Data Group).
    """
    widths = sorted(width for width in half_widths if width > 0 and math.isfinite(width))
    wanted = [] if matters <= 0 else [_places(matters)]
    if widths:
        median = widths[len(widths) // 2]
        leading = median / 10.0 ** math.floor(math.log10(median))
        wanted.append(_places(median) + (leading < 3.55))
    return min(max(min(wanted, default=2), 0), 5)


def _places(size: float) -> int:
    return math.ceil(-math.log10(size) - 1e-9)


def number(value: float, places: int) -> str:
    """A number with a true minus sign; a dash when there is none."""
    if not math.isfinite(value):
        return NONE
    return f"{value:.{places}f}".replace("-", MINUS)


def signed(value: float, places: int) -> str:
    """A difference with its sign; zero when it rounds to nothing."""
    rounded = round(value, places)
    return number(abs(rounded), places) if rounded == 0 else ("+" if rounded > 0 else "") + number(rounded, places)


def compact(value: float) -> str:
    """Three significant digits with a suffix: 54.4 M, 0.62, 12.0 k."""
    if not math.isfinite(value):
        return NONE
    for limit, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if limit == 1e4 else limit)
            return f"{scaled:.{max(0, 2 - int(math.log10(abs(scaled))))}f}{suffix}".replace("-", MINUS)
    if value == int(value) and abs(value) < 1e4:
        return f"{int(value)}".replace("-", MINUS)
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return number(value, min(places, 4))


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names with commas; beyond `most` only how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def safe_name(name: str) -> str:
    """A name that is safe as a file name and in a URL; names that had to change get a digest so that none collide."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
    if safe and safe == name and safe.lower() != "index":
        return safe
    return f"{safe or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def csp_hash(text: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
