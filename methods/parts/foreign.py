"""Adapters for formats that need a package of their own: ONNX (onnxruntime) and spandrel's checkpoints."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from methods.parts.adapters import Ready, first_line


def need(package: str, extra: str) -> ModuleType:
    """An optional package. Raises ValueError (one line) when it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ValueError(f"needs {package}, which is not installed: pip install 'restorebench[{extra}]'") from None


class OnnxFile(Ready):
    """A network in ONNX: one float32 input N×3×H×W, and a second of the mask if `mask_as` says so; run on the CPU."""

    def load(self, path: Path) -> nn.Module:
        """The network behind onnxruntime."""
        runtime = need("onnxruntime", "onnx")
        try:
            options = runtime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises types of its own
            raise ValueError(f"{path}: not an ONNX network: {first_line(error)}") from None
        return _Session(session)


class _Session(nn.Module):
    """An ONNX session as a module; its weights are its own."""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self.session = session
        self.names = [each.name for each in session.get_inputs()]

    def forward(self, *given: Tensor) -> Tensor:
        """As many tensors as the network has inputs -> its first output."""
        if len(given) != len(self.names):
            raise ValueError(f"the ONNX network has inputs {', '.join(self.names)}; {len(given)} given: see mask_as")
        arrays = (np.ascontiguousarray(each.cpu().numpy(), np.float32) for each in given)
        output = self.session.run(None, dict(zip(self.names, arrays, strict=True)))[0]
        return torch.from_numpy(output).to(given[0].device)


class SpandrelFile(Ready):
    """A checkpoint of any architecture that spandrel knows (SwinIR, NAFNet, FBCNN, LaMa, MAT, ...), told by its keys.

    Source: github.com/chaiNNer-org/spandrel. A network that enlarges is refused; for one that fills holes the class
    says mask_as = "argument" and needs_mask = True.
    """

    def load(self, path: Path) -> nn.Module:
        """The network as spandrel loads it; `multiple_of` follows what it requires."""
        spandrel = need("spandrel", "spandrel")
        try:
            found = spandrel.ModelLoader(device="cpu").load_from_file(path)
        except Exception as error:  # spandrel raises types of its own, torch others
            raise ValueError(f"{path}: spandrel does not load it: {first_line(error)}") from None
        if found.scale != 1 or (found.input_channels, found.output_channels) != (3, 3):
            shape = f"{found.input_channels} channels to {found.output_channels} at {found.scale} times the size"
            raise ValueError(f"{path}: this network turns {shape}; only colour pictures of the same size can be scored")
        if isinstance(found, spandrel.MaskedImageModelDescriptor) != (self.mask_as == "argument"):
            wanted = "nothing" if self.mask_as == "argument" else "argument"
            raise ValueError(f"{path}: a network of {found.architecture.name}: set mask_as = '{wanted}'")
        self.multiple_of = max(found.size_requirements.multiple_of, 1)
        return _Described(found)


class _Described(nn.Module):
    """spandrel's descriptor as a module."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.model = found.model
        self._call = found

    def forward(self, *given: Tensor) -> Tensor:
        """N×3×H×W in [0, 1], and the mask N×1×H×W where it fills holes -> N×3×H×W."""
        return self._call(*given)
