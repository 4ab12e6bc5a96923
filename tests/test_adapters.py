"""Networks that exist already, as methods: the examples of docs/adapters.md, run as they stand, and their mistakes."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.discovery import MethodEntry, discover
from bench.errors import UserError
from bench.verify import verify
from bench.verify.subject import damaged
from methods.parts.adapters import Adapted, TorchScriptFile
from methods.regressors import ResidualCnn

PAGE = Path(__file__).parent.parent / "docs" / "adapters.md"
EXAMPLES = dict(
    re.findall(r"^## (.*?)$.*?^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
)


class Darker(nn.Module):
    """Nine tenths of the picture."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures * 0.9


class Filled(nn.Module):
    """White where something was lost."""

    def forward(self, pictures: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return pictures * (1 - mask) + mask


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Loads an example of the page with its file of weights in this folder; returns its rows."""
    monkeypatch.chdir(tmp_path)

    def load(title: str, **replaced: str) -> dict[str, MethodEntry]:
        code = EXAMPLES[title]
        for old, new in replaced.items():
            code = code.replace(old, new)
        Path("plugin.py").write_text(code)
        found = discover((tmp_path / "plugin.py",))
        assert not found.problems
        return {name: entry for name, entry in found.methods.items() if name.startswith("theirs")}

    return load


def keeps_the_contract(entry: MethodEntry) -> bool:
    return not [each for each in verify(entry, 32) if each.problem]


def restored(entry: MethodEntry) -> torch.Tensor:
    batch = damaged(2, 32)
    with torch.inference_mode():
        return entry.build().eval().restore(batch.degraded, batch.mask if entry.cls.needs_mask else None)


def test_a_plain_network_is_trained(example):
    rows = example("A plain `nn.Module`, trained here")
    assert rows.keys() == {"theirs", "theirs_gan"}
    assert all(keeps_the_contract(entry) for entry in rows.values())
    assert rows["theirs_gan"].build().optimizers().keys() == {"network", "critic"}
    assert rows["theirs"].override({"width": 4}).build().network[0].out_channels == 4


def test_weights_of_a_plain_network(example):
    network = nn.Conv2d(4, 3, 3, padding=1)
    torch.save(network.state_dict(), "theirs.pth")
    entry = example("A plain `nn.Module` with weights")["theirs"]
    assert keeps_the_contract(entry)
    batch = damaged(2, 32)
    assert torch.equal(restored(entry), network(torch.cat([batch.degraded, batch.mask], 1)).clamp(0, 1))
    torch.save({"other": torch.zeros(1)}, "theirs.pth")
    with pytest.raises(UserError, match="not the weights of Conv2d"):
        entry.build()


def test_torchscript(example):
    torch.jit.script(Darker()).save("theirs.pt")
    entry = example("TorchScript")["theirs"]
    assert keeps_the_contract(entry) and torch.equal(restored(entry), damaged(2, 32).degraded * 0.9)
    Path("theirs.pt").write_text("no network")
    with pytest.raises(UserError, match=r"theirs\.pt: not a TorchScript file") as told:
        entry.build()
    assert "\n" not in str(told.value)


def test_a_network_that_takes_the_mask_as_an_argument(example):
    torch.jit.script(Filled()).save("theirs.pt")
    told = {'"""What it is': '"""Told', '({"jpeg"})': '({"hole"})\n    mask_as, needs_mask = "argument", True'}
    entry = example("TorchScript", **told)["theirs"]
    batch = damaged(2, 32)
    assert keeps_the_contract(entry)
    assert (restored(entry)[batch.mask.expand(-1, 3, -1, -1) > 0] == 1).all()
    deaf = example("TorchScript", **{'({"jpeg"})': '({"hole"})\n    mask_as = "argument"'})["theirs"]
    with pytest.raises(UserError, match="set needs_mask = True as well"):
        deaf.build()


def test_ranges_and_residuals():
    class Negative(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return -pictures

    class Wrapped(Adapted):
        optimizers = step = lambda self: {}

    degraded = damaged(2, 32).degraded
    for names, expected in (
        ({"in_range": "unit"}, torch.zeros_like(degraded)),
        ({"in_range": "signed"}, 1 - degraded),
        ({"in_range": "signed", "adds_to_input": True}, torch.full_like(degraded, 0.5)),
    ):
        method = type("Case", (Wrapped,), names)(None)
        method.network = Negative()
        assert torch.allclose(method.restore(degraded, None), expected, atol=1e-6)


def test_another_file_is_another_run(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"one")
    first = TorchScriptFile.Config(str(path))
    path.write_bytes(b"two")
    assert first.digest != TorchScriptFile.Config(str(path)).digest != ""
    entry = MethodEntry("net", TorchScriptFile, first, "tests")
    assert entry.override({"file": str(path)}).config.digest == TorchScriptFile.Config(str(path)).digest
    with pytest.raises(UserError, match="unknown setting"):
        entry.override({"digest": "0"})


@pytest.mark.parametrize("title", ["TorchScript", "ONNX", "Checkpoints that spandrel knows"])
def test_a_missing_file_is_one_line(example, title):
    with pytest.raises(UserError, match=r"no file theirs\.\w+; give the path"):
        example(title)["theirs"].build()


@pytest.mark.parametrize(("package", "title", "file"), [
    ("onnxruntime", "ONNX", "theirs.onnx"), ("spandrel", "Checkpoints that spandrel knows", "theirs.pth"),
])  # fmt: skip
def test_an_absent_package_is_one_line(example, monkeypatch, package, title, file):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    Path(file).write_bytes(b"weights")
    with pytest.raises(UserError, match=rf"needs {package}, which is not installed: pip install 'restorebench\["):
        example(title)["theirs"].build()


def test_onnx(example):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx, which writes the network, is not installed")
    pictures = [onnx.helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"]) for name in ("given", "restored")]
    factor = onnx.helper.make_tensor("factor", 1, [1], [0.9])
    node = onnx.helper.make_node("Mul", ["given", "factor"], ["restored"])
    graph = onnx.helper.make_graph([node], "darker", pictures[:1], pictures[1:], [factor])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, "theirs.onnx")
    entry = example("ONNX")["theirs"]
    assert keeps_the_contract(entry)
    assert torch.allclose(restored(entry), damaged(2, 32).degraded * 0.9, atol=1e-7)
    Path("theirs.onnx").write_text("no network")
    with pytest.raises(UserError, match=r"theirs\.onnx: not an ONNX network"):
        entry.build()


def test_spandrel(example):
    pytest.importorskip("spandrel", reason="spandrel is not installed")
    torch.manual_seed(0)
    network = ResidualCnn(3, depth=9, width=8)  # its weights are named as in the source, which spandrel knows
    torch.save(network.state_dict(), "theirs.pth")
    title = "Checkpoints that spandrel knows"
    entry = example(title)["theirs"]
    assert keeps_the_contract(entry)
    assert torch.allclose(restored(entry), network(damaged(2, 32).degraded).clamp(0, 1), atol=1e-5)
    for weights, says in (
        (ResidualCnn(1, depth=9, width=8).state_dict(), "turns 1 channels to 1 at 1 times the size"),
        ({"other": torch.zeros(1)}, "spandrel does not load it"),
    ):
        torch.save(weights, "theirs.pth")
        with pytest.raises(UserError, match=says):
            example(title)["theirs"].build()


def test_one_that_cannot_be_built_is_a_row_of_the_list(example, monkeypatch):
    from bench import listing

    found = discover()
    found.methods = {"identity": found.methods["identity"], **example("TorchScript")}
    monkeypatch.setattr(listing, "discover", lambda plugins: found)
    rows = {row["name"]: row for row in listing.listing("methods")}
    assert rows["theirs"]["parameters"] is None and "no file theirs.pt" in rows["theirs"]["description"]
    assert rows["identity"]["parameters"] == 0 and rows["identity"]["trained"] is False
