"""What a method costs. Declarations only: the harness measures, these say what the numbers mean."""

from __future__ import annotations

from bench.metrics.base import Metric


def _cost(name: str, definition: str, unit: str, matters: float, higher_is_better: bool = False) -> Metric:
    return Metric(
        id=name,
        definition=definition,
        group="cost",
        higher_is_better=higher_is_better,
        unit=unit,
        matters=matters,
        library="restorebench",
        source="measured by the harness",
    )


METRICS = (
    _cost("parameters", "trainable numbers of the networks that restore; training-only networks not counted", "", 1),
    _cost("flops", "floating-point operations to restore one picture of the test size, a multiply-add as 2", "FLOP", 1),
    _cost("latency_ms", "median time to restore one picture of the test size after a warm-up, without files", "ms", 1),
    _cost("images_per_second", "pictures restored in a second at the scoring batch size", "1/s", 1, True),
    _cost("peak_memory_mb", "most memory that restoring one picture took on the device", "MB", 10),
    _cost("training_seconds", "wall-clock seconds of training, scoring and waiting not counted", "s", 10),
)
