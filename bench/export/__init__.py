"""A stored run's method as a file for other programs, with a model card; the file's outputs are compared first."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.discovery import Found
from bench.errors import UserError
from bench.export.card import card
from bench.export.check import Agreement, compare, samples
from bench.export.facts import facts
from bench.export.formats import FORMATS, CannotExport, Format, check_format
from bench.export.graph import Graph, drop_idle
from bench.restoring import StoredMethod
from bench.results.store import write_atomic
from bench.training.checkpoint import weights_digest

__all__ = ["FORMATS", "Exported", "check_format", "export_run"]

CARD = "MODEL_CARD.md"
SIDE = 256  # of a file of fixed size, where the run was scored on whole pictures


@dataclass(frozen=True)
class Exported:
    """What was written. side: the only height and width that the file takes; 0 where any will do."""

    file: Path
    card: Path
    side: int
    agreement: Agreement
    notes: tuple[str, ...]


def export_run(folder: Path, out: Path, name: str, found: Found, side: int = 0) -> Exported:
    """Write OUT/TASK-METHOD.SUFFIX and OUT/MODEL_CARD.md from a run's folder.

    name: one of FORMATS. side: fixes height and width; by default the file takes any, where the method allows that.
    Raises UserError when the run has no weights, its method cannot be put into this format, or the file's outputs
    differ from the run's; nothing is written then.
    """
    chosen = check_format(name)
    stored = StoredMethod.open(folder, found, "cpu")
    if not stored.run.trained:
        raise UserError(f"{stored.run.method} is not trained: it has no weights to export; call it from Python instead")
    multiple = stored.method.multiple_of
    if side % multiple:
        raise UserError(f"--side {side}: {stored.run.method} needs a multiple of {multiple}")
    usual = side or _rounded(stored.run.config.get("score", {}).get("size") or SIDE, multiple)
    path = out / f"{stored.run.task}-{stored.run.method}{chosen.suffix}"
    data, fixed, agreement = _written(stored, found, chosen, (0, usual) if not side else (side,))
    said = facts(stored.run, stored.told, multiple, fixed, weights_digest(folder))
    try:
        write_atomic(path, chosen.label(data, said))
        write_atomic(out / CARD, card(stored.run, folder, path.name, said, agreement).encode())
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}; choose another folder") from None
    return Exported(path, out / CARD, fixed, agreement, stored.notes)


def _written(
    stored: StoredMethod, found: Found, chosen: Format, sides: tuple[int, ...]
) -> tuple[bytes, int, Agreement]:
    """The file's bytes with the first of the sides (0 = any) at which it restores as the run does."""
    graph = Graph.of(stored.method, stored.told)
    reasons = []
    for side in sides:
        inputs = samples(stored, found, side)
        expected = [graph(*each) for each in inputs]
        if chosen.traced:
            drop_idle(stored.method, lambda: graph(*inputs[0]))  # noqa: B023 - called at once
        try:
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / f"model{chosen.suffix}"
                chosen.write(graph, inputs[0], side, path)
                agreement = compare(chosen.read(path, graph), inputs, expected)
                data = path.read_bytes()
        except CannotExport as error:
            reasons.append(str(error))
            continue
        if agreement.holds:
            return data, side, agreement
        reasons.append(f"its outputs differ from the run's by up to {agreement.worst:.2g}")
    weights = "safetensors holds the weights of any method"
    raise UserError(f"{stored.run.method} cannot be exported to {chosen.name}: {reasons[-1]}; {weights}")


def _rounded(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
