"""The floors of the house (docs/design.md): a module imports only from its own floor or below."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bench", "methods", "degradations", "pretrained", "reports")

# Who may import whom, by the longest prefix that fits. "" = nothing of ours outside its own package.
FLOOR = {
    "bench": 0, "bench.errors": 0, "bench.seeds": 0, "bench.environment": 0, "pretrained": 0,
    "degradations": 1, "methods": 1, "bench.metrics": 1, "bench.results": 1, "bench.config": 1,
    "bench.data": 2, "bench.video": 2, "bench.discovery": 2, "bench.entry": 2, "bench.about": 2, "reports": 2,
    "bench.training": 3, "bench.scoring": 3, "bench.tiling": 3,
    "bench.plan": 4, "bench.launch": 4, "bench.launchers": 4, "bench.restoring": 4, "bench.verify": 4, "bench.gate": 4,
    "bench.export": 4, "bench.demo": 5,
    "bench.api": 5, "bench.listing": 5, "bench.doctor": 5, "bench.scaffold": 5, "bench.outside": 5,
    "bench.console": 6, "bench.cli": 6, "bench.__main__": 7,
}  # fmt: skip
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor(module: str) -> int:
    while module not in FLOOR:
        module = module.rpartition(".")[0]
        assert module, "a new top-level module needs a floor"
    return FLOOR[module]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {
                f"{node.module}.{alias.name}" for alias in node.names if (ROOT / node.module.replace(".", "/")).is_dir()
            }
    return found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_only_downwards(path):
    here = module_name(path)
    for target in imports(path):
        if target.split(".")[0] in PACKAGES:
            assert floor(target) <= floor(here), f"{here} imports {target}, which stands above it"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_plug_in_packages_know_nothing_of_ours(path):
    package = module_name(path).split(".")[0]
    ours = {target.split(".")[0] for target in imports(path)} & set(PACKAGES)
    if package in ("methods", "degradations", "pretrained"):
        assert ours <= {package, "pretrained"}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_reports_and_results_do_without_torch(path):
    here = module_name(path)
    if here.startswith(("reports", "bench.results", "degradations")):
        assert not {
            target for target in imports(path) if target.split(".")[0] in ("torch", "torchvision", "piq", "lpips")
        }
    if here.startswith("reports"):
        ours = {target for target in imports(path) if target.startswith("bench")}
        assert all(each.startswith(("bench.results", "bench.errors")) or each == "bench" for each in ours), ours
