"""docs/notebooks/compare.ipynb runs from top to bottom, and is kept without outputs."""

import os

import pytest

from tests.pages import ROOT

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra [docs]")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra [docs]")
PATH = ROOT / "docs" / "notebooks" / "compare.ipynb"


def test_the_notebook_runs_and_shows_what_it_promises(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(PATH, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    said = "".join(output.get("text", "") for output in outputs)
    assert "dncnn against identity" in said and "dB" in said


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
