"""What was changed between two runs of a method: settings, code, training, versions, machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.results.store import Run


def differences(old: Run, new: Run) -> list[str]:
    """What was changed between two runs of a method: settings, code, training, budget, versions, machine."""
    before, now = _facts(old), _facts(new)
    lines = []
    for name in sorted({*before, *now}):
        one, two = before.get(name, "–"), now.get(name, "–")
        if one != two:
            lines.append(f"{name}: {one} → {two}")
    return lines


def _facts(run: Run) -> dict[str, str]:
    """What a run was made from, flat: "method config base" -> "32"."""
    config = {name: each for name, each in run.config.items() if name not in ("score", "sources")}
    facts = {name: str(each)[:12] if _is_digest(each) else str(each) for name, each in _flat(config)}
    trained = run.digests.get("train data") if run.trained else None
    facts |= {"training pictures": trained[:12]} if trained else {}
    facts |= {f"version of {name}": version for name, version in run.versions.items()}
    return facts | {"machine": run.device, "source": run.source}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _flat(each, f"{name} {key}".strip())
    else:
        yield name, value


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 32 and set(value) <= set("0123456789abcdef")
