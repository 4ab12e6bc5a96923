"""A suite on a real Ray cluster of several nodes on this machine, one of which is killed in the middle."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from bench import api
from bench.launch import Watcher
from bench.launchers import Launcher
from bench.results import store
from tests.runs import scores

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'restorebench[cluster]'")
pytestmark = pytest.mark.slow
KEYS = ["task", "method", "seed", "level", "image_id", "metric", "region"]


@pytest.fixture(scope="module")
def cluster():
    """A head that takes no jobs, as on a login machine, and two nodes with room for one job each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def longer_suite(tiny_suite):
    """Four trainings of some seconds, and two rows that are not trained."""
    text = tiny_suite.read_text().replace("images = 320", "images = 2400").replace("seeds = [0]", "seeds = [0, 1]")
    text = text.replace('["identity", "dncnn", "pix2pix"]', '["identity", "dncnn"]')
    tiny_suite.write_text(text)
    return tiny_suite


class KillsANode(Watcher):
    """Kills a node without a word as soon as trainings are under way on both."""

    def __init__(self, cluster, node) -> None:
        self.cluster, self.node = cluster, node
        self.started_at: dict[str, int] = {}
        self.training: set[str] = set()

    def started(self, job):
        self.started_at[job.label] = self.started_at.get(job.label, 0) + 1

    def trained(self, job, images, scalars):
        self.training.add(job.label)
        if len(self.training) == 2 and self.node is not None:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node = None

    def finished(self, job, run):
        self.training.discard(job.label)


def test_a_node_is_killed_and_no_score_is_lost_or_doubled(tmp_path, cluster, longer_suite):
    here = api.run(str(longer_suite), api.Settings(tmp_path / "here", "cpu"))
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    watcher = KillsANode(cluster, nodes[0])
    launcher = Launcher(kind="ray", address=cluster.address)
    there = api.run(str(longer_suite), api.Settings(tmp_path / "there", "cpu", watcher=watcher, launcher=launcher))
    assert watcher.node is None, "a node was killed while both trained"
    assert max(watcher.started_at.values()) == 2, "the job of the lost node was started again"
    assert [(run.run_id, run.status) for run in there] == [(run.run_id, store.DONE) for run in here]
    frame = scores(tmp_path / "there")
    assert not frame.duplicated(KEYS).any()
    pd.testing.assert_frame_equal(frame, scores(tmp_path / "here"), check_exact=True)
    assert {run.digests.get("checkpoint") for run in there} == {run.digests.get("checkpoint") for run in here}


HANGS = """
import time
from methods.identity import Identity

class Hangs(Identity):
    '''Never returns.'''
    class Config(Identity.Config):
        pass
    def restore(self, degraded, mask):
        time.sleep(10_000)

METHODS = {"hangs": Hangs.Config()}
"""


def test_a_job_that_hangs_on_the_cluster_is_a_row(tmp_path, cluster, tiny_suite):
    plugin = tmp_path / "hangs.py"
    plugin.write_text(HANGS)
    tiny_suite.write_text(tiny_suite.read_text().replace('["identity", "dncnn", "pix2pix"]', '["hangs", "identity"]'))
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    launcher = Launcher(kind="ray", address=cluster.address, timeout=20)
    settings = api.Settings(tmp_path / "runs", "cpu", plugins=(plugin,), tasks=("jpeg",), launcher=launcher)
    by_name = {run.method: run.status for run in api.run(str(tiny_suite), settings)}
    assert by_name == {"hangs": store.TIMEOUT, "identity": store.DONE}


def test_a_cluster_that_is_not_there_is_a_line(tmp_path, tiny_suite):
    command = [sys.executable, "-m", "bench", "run", str(tiny_suite), "--launcher", "ray", "--address", "127.0.0.1:1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("restorebench: no Ray cluster at '127.0.0.1:1': Connection refused")
