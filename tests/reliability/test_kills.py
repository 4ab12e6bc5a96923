"""kill -9 at random moments across train, score and report: what goes on from there ends with the same bits.

RESTOREBENCH_KILLS says how many (`tox -e reliability`: 100), RESTOREBENCH_KILL_SEED at which moments.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import TINY
from tests.reliability.act import PHASES, act, forks
from tests.reliability.tree import check_no_leftovers, check_whole
from tests.runs import scores

KILLS = int(os.environ.get("RESTOREBENCH_KILLS", "4"))
SEED = int(os.environ.get("RESTOREBENCH_KILL_SEED", "20"))


def run_phase(phase: str, suite: Path, folder: Path, seconds: float | None) -> bool:
    """Let a process work at a phase for so long (None: to its end), then kill -9; says whether it had ended by then."""
    process = forks().Process(target=act, args=(phase, suite, folder))
    process.start()
    process.join(seconds)
    ended = process.exitcode is not None
    if ended:
        assert process.exitcode == 0, f"{phase} failed after a kill"
    process.kill()
    process.join()
    return ended


def one_suite(suite: Path, folder: Path, moments: random.Random, lasts: dict[str, float], kills: Counter) -> None:
    """A suite from its beginning to its end, killed again and again while kills are left to make.

    lasts: seconds that an undisturbed phase takes. Moments are drawn from half of it, then from longer times: on a
    machine that has become slower a phase would be killed before it gets anywhere, and no kill fell on the next one.
    """
    for phase in PHASES:
        ended, longest = False, lasts[phase] / 2
        while not ended:
            seconds = moments.uniform(0, longest) if kills.total() < KILLS else None
            longest *= 1.2
            ended = run_phase(phase, suite, folder, seconds)
            kills[phase] += not ended
            check_whole(folder)
    for phase in PHASES:  # the next run
        run_phase(phase, suite, folder, None)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, photos) -> tuple[Path, dict[str, float]]:
    """A folder with the suite, its runs and its site, and the seconds that each phase took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.toml").write_text(TINY.format(photos=photos))
    lasts = {}
    warm_up = forks().Process(target=len, args=("",))  # the first process waits for the modules to be loaded
    warm_up.start()
    warm_up.join()
    for phase in PHASES:
        began = time.monotonic()
        assert run_phase(phase, folder / "tiny.toml", folder, None)
        lasts[phase] = time.monotonic() - began
    return folder, lasts


def names(folder: Path) -> set[str]:
    """All files, but for the logs of TensorBoard, whose names are times."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in files if "tfevents" not in name}


def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path, undisturbed):
    whole, lasts = undisturbed
    print(f"\n{KILLS} kills, seed {SEED}")  # noqa: T201
    moments, kills, suites = random.Random(SEED), Counter(), 0
    expected, suite = scores(whole / "runs"), whole / "tiny.toml"
    while kills.total() < KILLS:
        folder = tmp_path / f"suite_{suites}"
        folder.mkdir()
        one_suite(suite, folder, moments, lasts, kills)
        pd.testing.assert_frame_equal(scores(folder / "runs"), expected, check_exact=True)
        check_no_leftovers(folder)
        assert check_whole(folder) > 20
        assert names(folder / "runs") == names(whole / "runs")
        assert names(folder / "site") == names(whole / "site")
        suites += 1
    print(f"{kills.total()} kills over {suites} suites: {dict(kills)}; all scores bit-equal, all files whole")  # noqa: T201
    assert kills.total() >= KILLS
