"""A study on a Ray cluster of several nodes: workers elsewhere see neither the study's folder nor the user's file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from spectune.search.records.study import read
from spectune.search.records.task import WEIGHTS, stored

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
        tmp_path,
        "search",
        "--space",
        "my_file.py:Mine",
        "--name",
        "m",
        "--dataset",
        "generated",
        *data,
        *small,
        "--address",
        address,
    )
    study = read(tmp_path / "studies/m")
    assert study.finished and study.header["machine"]["nodes"] == 3
    trained = [*study.stage("explore"), *study.stage("confirm")]
    assert {trial.config["network"]["family"] for trial in trained} == {"mine"}
    assert {trial.status for trial in study.stage("confirm")} == {"complete"}
    assert (study.folder / study.exports[-1]["folder"] / "model.onnx").is_file()
    assert not list((tmp_path / "elsewhere").rglob("*.py"))


# A head with one processor, and for each line of input a node with one more on which a folder is an empty one: what is
# written there by a worker is on another machine. Its raylet's process id is said.
GROWING = """
import ctypes, subprocess, sys
from ray.cluster_utils import Cluster
folder = sys.argv[1]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
print(cluster.address, flush=True)
for line in sys.stdin:
    assert ctypes.CDLL(None).unshare(0x20000) == 0  # mounts of this process from now on are its own
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    node = cluster.add_node(num_cpus=1)
    print(node.all_processes["raylet"][0].process.pid, flush=True)
cluster.shutdown()
"""


@pytest.fixture
def growing(tmp_path):
    """The process of a cluster of one machine, to which a line of input adds another."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("another machine's folders need root, who may mount")
    (tmp_path / "studies").mkdir()
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", GROWING, tmp_path / "studies"],
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with started as cluster:
        yield cluster


@pytest.mark.cluster
def test_a_machine_that_joins_later_keeps_its_weights_with_the_study(tmp_path, growing, begin, little):
    address = next(line.strip() for line in iter(growing.stdout.readline, "") if line[:1].isdigit())
    large = ["--seeds", "12", "--epochs", "40", "--set", "patience=100", "--concurrent", "2", "--baseline", "none"]
    driver = begin(tmp_path, "train", "compact", "--name", "s", *little, *large, "--address", address, ended=1)
    print("add", file=growing.stdin, flush=True)
    raylet = psutil.Process(int(next(line for line in iter(growing.stdout.readline, "") if line.strip().isdigit())))
    trained = set()
    while driver.poll() is None:
        trained |= {one.pid for one in raylet.children(recursive=True) if "Trainable" in one.name()}
        time.sleep(0.1)
    said = driver.communicate()[1]
    assert driver.returncode == 0, said
    assert trained, "no trial ran on the second machine"
    study = read(tmp_path / "studies/s")
    assert study.finished and study.header["machine"]["nodes"] == 1
    assert all((study.folder / stored(one.number, WEIGHTS)).is_file() for one in study.stage("confirm"))
