"""The README's command, run as a newcomer runs it: up to ten minutes. `tox -e quickstart`."""

import subprocess
import sys
import time

import pandas as pd
import pytest

TASKS = ("mosaic", "jpeg", "erase", "facemask", "hole")
TRAINED = ("unet_l1", "dncnn", "pix2pix")
CLASSICAL = ("telea", "navier_stokes", "median", "tv", "cell_interpolation")


@pytest.fixture(scope="module")
def board(tmp_path_factory) -> pd.DataFrame:
    """The leaderboard of one whole run, in a folder of its own."""
    folder = tmp_path_factory.mktemp("quickstart")
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "bench", "run"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"The board is at {folder / 'site' / 'index.html'}" in done.stdout
    sys.stdout.write(f"\nquickstart took {time.monotonic() - began:.0f} s\n")
    return pd.read_csv(folder / "site" / "leaderboard.csv")


@pytest.mark.parametrize("task", TASKS)
def test_every_kind_of_row_is_there_and_a_trained_one_beats_the_damage(board, task):
    rows = board[(board["task"] == task) & (board["metric"] == "psnr") & (board["region"] == "lost")]
    psnr = rows.set_index("method")["mean"]
    sys.stdout.write(f"\n{task}, psnr where it was lost\n{psnr.sort_values(ascending=False).to_string()}\n")
    assert {"identity", *TRAINED} <= set(psnr.index) and set(CLASSICAL) & set(psnr.index)
    assert set(rows["status"]) == {"ok"}
    assert psnr[list(TRAINED)].max() > psnr["identity"]
