"""A board of 50 methods × 5 tasks × 100 pictures: how long it takes to build and to open, and what its pages weigh.

`tox -e performance -- tests/performance/test_board.py` prints one line on each. Asserts weights, never a time.
"""

from __future__ import annotations

import io
import shutil
import statistics
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.results import store
from bench.seeds import seed_for
from reports.site import build
from tests.make_runs import LEVELS, METRICS, PAIRS, REGIONS, Made, base_run, damage, draw, row, scalars, write_inputs

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PICTURES, KEPT, SIDE, ROUNDS = 100, 8, 128, 5
FIRST_PAGE = 1_000_000  # bytes
METHODS = (
    *(Made(f"method_{index:02d}", 0.95 - index / 60, parameters=1e6 * (1 + index)) for index in range(44)),
    *(
        Made(f"oracle_{index}", 0.4 + index / 10, seeds=(0,), trained=False, oracle=True, parameters=0)
        for index in range(3)
    ),
    *(Made(f"classical_{index}", 0.1 + index / 20, seeds=(0,), trained=False, parameters=0) for index in range(2)),
    Made("identity", 0.0, seeds=(0,), trained=False, parameters=0),
)


def score_rows(run, made):
    """The shapes of tests.make_runs.score_rows, drawn as arrays: three million rows in seconds."""
    rng = np.random.default_rng(seed_for("rows", run.task, run.method, run.seed))
    hard = np.random.default_rng(seed_for("hard")).normal(size=PICTURES)
    luck = rng.normal() * made.trained
    rows = []
    for depth, level in enumerate(LEVELS[run.task]):
        worth = made.quality * (1 - 0.2 * depth) * (1 + 0.02 * luck) - 0.2 * depth + 0.15 * hard
        columns = {
            (metric, region): base + gain * (worth + 0.15 * place) + noise * rng.normal(size=PICTURES)
            for metric, (base, gain, noise) in PAIRS.items()
            for place, region in enumerate(REGIONS)
        }
        columns["observed", "kept"] = 1 - 0.05 * made.quality * rng.random(PICTURES)
        for (metric, region), values in columns.items():
            for index, value in enumerate(values.tolist()):
                rows.append(row(run, level, f"photo_{index:04d}", metric, region, value))
        rows.append(row(run, level, "", "fid_squeeze", "whole", 90 - 60 * made.quality + 5 * depth + luck))
    rows.append(row(run, "", "", "parameters", "", made.parameters))
    rows.append(row(run, "", "", "images_per_second", "", 400 - 200 * made.quality))
    return rows


def restored(task, made):
    """Kept pictures as PNG bytes, by level and image: truth blended with the damage."""
    found = {}
    for index in range(KEPT):
        truth = draw(index, SIDE)
        for level in LEVELS[task]:
            degraded, _ = damage(truth, task, level, index)
            blend = (truth * made.quality + degraded * (1 - made.quality)).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(blend).save(buffer, "PNG", compress_level=1)
            found[level, f"photo_{index:04d}"] = buffer.getvalue()
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The stored results, in the form that training and scoring leave behind."""
    root = tmp_path_factory.mktemp("many")
    metrics = {name: told for name, told in METRICS.items() if name not in ("lpips_vgg", "niqe")}
    for task in LEVELS:
        for made in METHODS:
            pictures = restored(task, made)
            for seed in made.seeds:
                run = replace(base_run(task, made, seed), metrics=metrics)
                folder = store.run_folder(root, task, made.name, run.run_id)
                store.write_scores(folder, score_rows(run, made))
                for place, data in pictures.items():
                    path = store.restored_path(folder, *place)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                if made.trained:
                    store.append_scalars(folder, scalars(run))
                store.write_run(folder, run)
        write_inputs(root, base_run(task, METHODS[0], 0), [f"photo_{index:04d}" for index in range(KEPT)], SIDE)
    return root


def opened(page, address):
    """Seconds until the first row of the page's first table has been painted, in a page that was not open before."""
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator("table.board tbody tr").first.wait_for()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return time.perf_counter() - began


def open_times(site):
    """Median seconds to the first usable table, by page; None without a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if CHROMIUM is None:
        return None
    times = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name in ("index.html", "mosaic.html"):
            found = []
            for _ in range(ROUNDS):
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                found.append(opened(page, (site / name).as_uri()))
                page.close()
            times[name] = statistics.median(found)
        browser.close()
    return times


def test_a_large_board(runs, tmp_path, capsys):
    began, worked = time.perf_counter(), time.process_time()
    site = build(runs, tmp_path / "site").parent
    took, used = time.perf_counter() - began, time.process_time() - worked
    pages = {path.name: path.stat().st_size for path in sorted(site.glob("*.html"))}
    count = sum(1 for _ in site.rglob("*.png"))
    times = open_times(site)
    with capsys.disabled():
        size = f"{len(METHODS)} methods × {len(LEVELS)} tasks × {PICTURES} pictures"
        print(f"\n{size}: built in {took:.1f} s ({used:.1f} s of processor time), {count} crops")
        print("pages: " + ", ".join(f"{name} {size / 1e3:.0f} kB" for name, size in pages.items()))
        said = [f"{name} {each * 1e3:.0f} ms" for name, each in (times or {}).items()]
        print("first table usable after (median): " + (", ".join(said) or "not measured: no chromium with playwright"))
    assert len(METHODS) == 50
    assert pages["index.html"] < FIRST_PAGE
