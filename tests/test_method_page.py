"""A method's page: its words, ranks, phases, and pictures on the way; that keeping those disturbs nothing."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench.about import about
from bench.data.batches import EvaluationSet, PictureCache, Recipe, TrainingData
from bench.data.pictures import save_png
from bench.data.sources import open_source
from bench.discovery import discover
from bench.results import store
from bench.scoring.restore import restore
from bench.scoring.samples import Sampler
from bench.scoring.score import Exam
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.log import TrainingLog
from bench.training.loop import FEWEST, SAMPLED, Budget, train
from reports.drawings.phases import phases
from reports.methods.markdown import html
from reports.site import build
from reports.tables.board import task_board
from reports.tables.select import select
from reports.tables.views import method_page as method_href
from tests.make_runs import Made, draw, make_runs

EVIL = "<img src=x onerror=alert(1)>"
CPU = Engine(torch.device("cpu"))
BUDGET = Budget(images=4 * FEWEST, batch=4)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("method")
    methods = (
        Made("good", 0.8, seeds=(0, 1), fails=((2, "diverged", EVIL),)),
        Made(EVIL, 0.4, seeds=(0,)),
        Made("identity", 0.0, seeds=(0,), trained=False),
    )
    root = make_runs(base / "runs", ("mosaic", "hole"), methods, 6, 32)
    for folder in store.find_runs(root):
        run = store.read_run(folder)
        if run.method == "good" and run.status == store.DONE:
            run.about = f"# good\n\n**Idea.** {EVIL}\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n"
            run.digests["checkpoint"] = "ab" * 32
            store.write_run(folder, run)
            for percent in (25, 75) if run.seed == 0 else ():
                for index in range(2):
                    level = "mosaic_c8" if run.task == "mosaic" else "hole_box"
                    path = store.sample_path(folder, percent, level, f"photo_{index:04d}")
                    save_png(path, draw(index + percent, 32))
    return build(root, base / "site").parent, [task_board(each) for each in select(root)]


def page(site, name="good"):
    return (site[0] / method_href(name)).read_text(encoding="utf-8")


def test_every_method_has_a_page_and_every_link_leads_somewhere(site):
    pages = sorted((site[0] / "methods").glob("*.html"))
    assert len(pages) == 3
    for path in pages:
        found = re.findall(r'(?:href|src)="([^"]+)"', re.sub(r"<script.*?</script>", "", path.read_text(), flags=re.S))
        local = [each.partition("#")[0] for each in found if not each.startswith(("http", "data:", "#"))]
        assert local
        for each in filter(None, local):
            assert (path.parent / each).is_file(), f"{path.name}: {each}"


def test_ranks_are_those_of_the_tables(site):
    for board in site[1]:
        shown = board.rows[(board.rows["metric"] == board.main[0]) & (board.rows["region"] == board.main[1])]
        rank = shown[(shown["method"] == "good") & (shown["level"] == "all")]["rank"].item()
        row = re.search(rf"<tr><td class=\"rank[^>]*>(\d+).*?{board.task}\.html", page(site), re.S)
        assert row and int(row.group(1)) == rank


def test_the_page_says_what_the_method_is_and_names_stay_text(site):
    text = page(site)
    assert "<strong>Idea.</strong>" in text and "<td>2</td>" in text
    for each in (text, page(site, EVIL)):
        assert "<img src=x" not in each and "&lt;img src=x" in each
        assert "style=" not in each.partition("<body>")[2]
    assert "store no description" in page(site, "identity")


def test_pictures_on_the_way_and_the_digest_of_the_weights_are_shown(site):
    text = page(site)
    assert [each for each in ("25 %", "50 %", "75 %") if f"<figcaption>{each}" in text] == ["25 %", "75 %"]
    assert "abababababab" in text
    assert "diverged" in text


def test_markdown_runs_nothing():
    out = html(
        "# A\n\n<b onclick=x>b</b> [j](javascript:alert(1)) [f](../design.md) [w](https://example.org) ![p](https://e.org/p)"
    )
    assert "<h3>A</h3>" in out and "&lt;b onclick" in out
    assert re.findall('href="([^"]+)"', out) == ["https://example.org", "https://e.org/p"]
    assert "<img" not in out, "a picture is a link"


def test_phases_are_read_from_which_scalars_are_logged():
    nan = float("nan")
    one, two, both = (0.5, nan), (nan, 0.5), (0.5, 0.5)
    rows = [one] * 6 + [both] + [two] * 5 + [one] + [two] * 4 + [both] * 5
    table = pd.DataFrame(rows, columns=["g", "d"])
    table.insert(0, "images", np.arange(1, len(rows) + 1) * 10.0)
    assert phases(table) == [0, 70, 170], "a window across a border and a lone row are no phases"
    assert phases(table.iloc[:4]) == [0] and phases(pd.DataFrame()) == []


@pytest.mark.parametrize("name", sorted(discover().methods))
def test_every_method_of_ours_has_words(name):
    entry = discover().methods[name]
    text = about(entry)
    assert text.startswith("# ") and name in text.partition("\n")[0]


def test_a_method_without_a_page_is_told_by_its_docstrings(tmp_path):
    plugin = tmp_path / "odd.py"
    plugin.write_text(
        '"""A module."""\nfrom methods.identity import Identity\nclass Odd(Identity):\n    """Odd words."""\n'
        "    class Config(Identity.Config):\n        pass\nMETHODS = {'identity2': Odd.Config()}\n"
    )
    assert about(discover((plugin,)).methods["identity2"]) == "Odd words.\n\nA module."


@pytest.fixture
def parts(photos):
    """A small trained method's data, and an exam to keep pictures of."""
    cache = PictureCache(open_source(f"folder:{photos}", "train"), "scenes")
    found = discover()
    level = found.levels["jpeg"]["jpeg_q10"]
    exam = Exam(EvaluationSet(cache, found.tasks["jpeg"], 32, 4), {"jpeg_q10": level}, 4)
    return TrainingData(cache, Recipe(level, crop=32, batch=4), 0), exam


def build_small():
    return discover().methods["dncnn"].override({"depth": 3, "width": 8}).build()


def trained(folder: Path, data: TrainingData, sampler, ema: float = 0.0):
    torch.manual_seed(7)
    method = build_small()
    outcome = train(method, data, dataclasses.replace(BUDGET, ema=ema), CPU, TrainingLog(folder, None, sampler))
    assert outcome.status == store.DONE
    return method.state_dict(), torch.get_rng_state()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_keeping_pictures_does_not_disturb_a_training(tmp_path, parts, ema):
    data, exam = parts
    sampler = Sampler(build_small, exam, frozenset(exam.pictures.ids), False, CPU, tmp_path / "kept")
    plain, state = trained(tmp_path / "plain", data, None, ema)
    kept, other = trained(tmp_path / "kept", data, sampler, ema)
    assert all(torch.equal(plain[name], kept[name]) for name in plain) and torch.equal(state, other)
    found = store.find_samples(tmp_path / "kept")
    assert list(found) == list(SAMPLED)
    assert all(each == [("jpeg_q10", name) for name in sorted(exam.pictures.ids[:2])] for each in found.values())


def test_a_kept_picture_is_what_the_weights_of_then_restore(tmp_path, parts):
    data, exam = parts
    weights = {}

    def keep(percent, now):
        sampler(percent, now)
        weights[percent] = {name: each.clone() for name, each in now.items()}

    sampler = Sampler(build_small, exam, frozenset(exam.pictures.ids), False, CPU, tmp_path)
    trained(tmp_path, data, keep)
    case = exam.pictures.case("jpeg_q10", exam.levels["jpeg_q10"], exam.pictures.ids[0])
    method = build_small()
    for percent in SAMPLED:
        method.load_state_dict(weights[percent])
        wanted, _ = restore(method, case.degraded[None], None, CPU)
        stored = np.asarray(Image.open(store.sample_path(tmp_path, percent, "jpeg_q10", case.image_id)))
        assert np.array_equal(stored, wanted[0])
    assert any(not torch.equal(weights[25][name], each) for name, each in weights[75].items())


def test_a_method_that_cannot_restore_yet_trains_on(tmp_path, parts):
    data, exam = parts

    def refuse():
        raise RuntimeError("not now")

    trained(tmp_path, data, Sampler(refuse, exam, frozenset(exam.pictures.ids), False, CPU, tmp_path))
    assert store.find_samples(tmp_path) == {}


def test_the_digest_of_the_weights_names_them(tmp_path, parts):
    for name in ("a", "b"):
        trained(tmp_path / name, parts[0], None)
    first = checkpoint.weights_digest(tmp_path / "a")
    assert first == checkpoint.weights_digest(tmp_path / "b"), "the same training, though not the same seconds"
    stored = torch.load(tmp_path / "a/checkpoint.pt", weights_only=True)
    next(iter(stored["model"].values())).view(-1)[0] += 1
    method = build_small()
    method.load_state_dict(stored["model"])
    checkpoint.save(tmp_path / "a", method, None, {"step": 1.0, "seconds": 0.0})
    assert checkpoint.weights_digest(tmp_path / "a") != first
