"""The four formats: how a file is written, given its metadata, and read back."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from bench.errors import UserError, unknown
from bench.export.graph import Graph

Inputs = tuple[Tensor, ...]
Restorer = Callable[..., Tensor]
LARGEST = 8192  # pixels a side that a file of free size is declared for
BATCH = 64


class CannotExport(Exception):
    """A method does not fit a format. The message says why, in a line."""


@dataclass(frozen=True)
class Format:
    """One way to store a restorer.

    write(graph, example, side, path): side 0 leaves height and width free. read(path, graph): what restores from the
    file. label(data, facts): the file's bytes with metadata. traced: holds what is computed, not only weights.
    """

    name: str
    suffix: str
    packages: tuple[str, ...]
    write: Callable[[Graph, Inputs, int, Path], None]
    read: Callable[[Path, Graph], Restorer]
    label: Callable[[bytes, dict[str, str]], bytes]
    traced: bool = True


def check_format(name: str) -> Format:
    """A format by its name. Raises UserError when there is none, or its packages are not installed."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    for package in FORMATS[name].packages:
        if find_spec(package) is None:
            raise UserError(f"--format {name} needs the package {package}: pip install 'restorebench[export]'")
    return FORMATS[name]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporters' chatter; whatever they raise becomes CannotExport."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # tracers and exporters raise dozens of types
        raise CannotExport(_reason(error)) from error
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The first line that says something, of the error at the bottom."""
    while error.__cause__ is not None:
        error = error.__cause__
    if ".numpy()" in str(error):
        return "it leaves torch on the way (OpenCV or NumPy), which no file of this kind can hold"
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]


def _write_torchscript(graph: Graph, example: Inputs, side: int, path: Path) -> None:
    with _quietly():
        traced = torch.jit.freeze(torch.jit.trace(graph, example, check_trace=False))
        torch.jit.save(traced, path)


def _read_torchscript(path: Path, graph: Graph) -> Restorer:
    with _quietly():
        return torch.jit.load(path, map_location="cpu")


def _program(graph: Graph, example: Inputs, side: int) -> torch.export.ExportedProgram:
    multiple = graph.method.multiple_of
    sizes: dict[int, object] = {0: torch.export.Dim("pictures", min=1, max=BATCH)}
    if not side:
        height, width = (torch.export.Dim(name, min=1, max=LARGEST // multiple) for name in ("height", "width"))
        sizes |= {2: multiple * height, 3: multiple * width} if multiple > 1 else {2: height, 3: width}
    return torch.export.export(graph, example, dynamic_shapes=tuple(dict(sizes) for _ in example))


def _write_export(graph: Graph, example: Inputs, side: int, path: Path) -> None:
    with _quietly():
        torch.export.save(_program(graph, example, side), path)


def _read_export(path: Path, graph: Graph) -> Restorer:
    with _quietly():
        return torch.export.load(path).module()


def _zip_labelled(data: bytes, facts: dict[str, str]) -> bytes:
    """PyTorch's archives are zip files; their extra files stand under ARCHIVE/extra/."""
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        top = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{top}/extra/facts.json", json.dumps(facts, indent=1))
    return buffer.getvalue()


def _write_onnx(graph: Graph, example: Inputs, side: int, path: Path) -> None:
    with _quietly():
        exported = _program(graph, example, side)
        program = torch.onnx.export(
            exported, input_names=list(graph.names), output_names=["restored"], dynamo=True, verbose=False
        )
        assert program is not None  # it is None only when given a file to write to
        program.save(path, external_data=False)


def _read_onnx(path: Path, graph: Graph) -> Restorer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised as well
    with _quietly():
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def restore(*inputs: Tensor) -> Tensor:
        fed = {name: each.numpy() for name, each in zip(graph.names, inputs, strict=True)}
        return torch.from_numpy(session.run(["restored"], fed)[0])

    return restore


def _onnx_labelled(data: bytes, facts: dict[str, str]) -> bytes:
    import onnx

    model = onnx.load_from_string(data)
    onnx.helper.set_model_props(model, facts)
    return model.SerializeToString()


def _write_safetensors(graph: Graph, example: Inputs, side: int, path: Path) -> None:
    from safetensors.torch import save

    weights = {name: each.detach().clone().contiguous() for name, each in graph.method.state_dict().items()}
    path.write_bytes(save(weights))


def _read_safetensors(path: Path, graph: Graph) -> Restorer:
    """The graph with the file's weights in the place of its own, which are wiped first."""
    from safetensors.torch import load_file

    for each in graph.method.state_dict().values():
        each.zero_()
    graph.method.load_state_dict(load_file(path))
    return graph


def _safetensors_labelled(data: bytes, facts: dict[str, str]) -> bytes:
    from safetensors.torch import load, save

    return save(load(data), metadata=facts)


_EVERY = (
    Format("onnx", ".onnx", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _read_onnx, _onnx_labelled),
    Format("torchscript", ".pt", (), _write_torchscript, _read_torchscript, _zip_labelled),
    Format("torch-export", ".pt2", (), _write_export, _read_export, _zip_labelled),
    Format(
        "safetensors", ".safetensors", ("safetensors",), _write_safetensors, _read_safetensors,
        _safetensors_labelled, traced=False,
    ),
)  # fmt: skip
FORMATS = {each.name: each for each in _EVERY}
