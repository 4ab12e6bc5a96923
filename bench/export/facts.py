"""What a program must know of an exported file; stands in each as text."""

from __future__ import annotations

import json

from bench import __version__
from bench.results.store import Run

WARNING = (
    "What the network paints is invented, not recovered. Never use it to identify people, and never as evidence of"
    " what was there."
)


def facts(run: Run, told: bool, multiple: int, side: int, digest: str) -> dict[str, str]:
    """Names to plain text. side: the only height and width, or 0."""
    size = f"{side}×{side}" if side else f"any, H and W divisible by {multiple}"
    return {
        "warning": WARNING,
        "made_by": f"restorebench {__version__}",
        "task": run.task,
        "method": run.method,
        "run": run.run_id,
        "seed": str(run.seed),
        "degraded": "float32 N×3×H×W, RGB in [0, 1]",
        "mask": "float32 N×1×H×W, 1 where something was lost" if told else "none",
        "restored": "float32 N×3×H×W, RGB in [0, 1]",
        "size": size,
        "multiple_of": str(multiple),
        "padding": "at the right and the bottom, by reflection; by repeating the edge where the picture is too small",
        "weights_sha256": digest,
        "config": json.dumps(run.config.get("method", {}).get("config", {}), sort_keys=True),
        "licence": licence(run),
    }


def licence(run: Run) -> str:
    """What may be done with a run's weights, as far as that is known."""
    source = run.config.get("sources", {}).get("train", "")
    code = "restorebench's own methods are Apache-2.0; a plug-in's method has the licence of its author"
    if source.startswith("embedded:"):
        return f"{code}. Trained on {source}, which comes with the packages"
    return f"{code}. Trained on {source or 'pictures not named'}: the terms of these pictures hold for the weights too"
