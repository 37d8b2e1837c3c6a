"""A study on a Ray cluster of several nodes: workers elsewhere see neither the study's folder nor the user's file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectune.search.records.study import read

MINE = (Path(__file__).parents[1] / "my_file.py").read_text()


@pytest.fixture
def address(tmp_path):
    """A head without processors and two nodes with one each, started in another folder than the study's."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    script = (
        "import sys, ray\n"
        "from ray.cluster_utils import Cluster\n"
        "cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 0})\n"
        "for _ in range(2): cluster.add_node(num_cpus=1)\n"
        "print(cluster.address, flush=True)\n"
        "sys.stdin.read()\n"
        "cluster.shutdown()\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=place,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with started as cluster:  # leaving closes its input, upon which it ends
        yield next(line.strip() for line in iter(cluster.stdout.readline, "") if line[:1].isdigit())


@pytest.mark.cluster
def test_an_own_architecture_runs_on_nodes_that_do_not_have_its_file(tmp_path, address, spectune):
    (tmp_path / "my_file.py").write_text(MINE.replace("FAMILY", "mine"))
    data = ("--data", "classes=4", "--data", "points=200", "--data", "train=20", "--data", "validation=5")
    small = ("--trials", "4", "--epochs", "2", "--seeds", "2", "--top", "1", "--baseline", "none")
    spectune(
        tmp_path, "search", "--space", "my_file.py:Mine", "--name", "m", "--dataset", "generated", *data, *small,
        "--address", address,
    )  # fmt: skip
    study = read(tmp_path / "studies/m")
    assert study.finished and study.header["machine"]["nodes"] == 3
    assert {trial.config["network"]["family"] for trial in study.trials.values()} == {"mine"}
    assert {trial.status for trial in study.stage("confirm")} == {"complete"}
    assert (study.folder / study.exports[-1]["folder"] / "model.onnx").is_file()
    assert not list((tmp_path / "elsewhere").rglob("*.py"))
