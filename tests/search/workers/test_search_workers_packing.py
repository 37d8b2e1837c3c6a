"""Trials that share a GPU; Ray is told of GPUs that are not there, so that trials on them train on a processor."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spectune.search.records.study import read
from spectune.search.workers import packing
from spectune.trainables.pace import Load

HERE = Path(__file__).parents[1]
GB = 10**9


@pytest.mark.parametrize(
    ("loads", "resources", "number"),
    [
        ([Load(1 * GB, 0.3)] * 8, {"memory": 80 * GB, "cores": 16}, 4),  # four keep it busy
        ([Load(1 * GB, 0.3)] * 8, {"memory": 80 * GB, "cores": 2}, 2),  # no processors for more
        ([Load(1 * GB, 0.3)] * 8, {"memory": 5 * GB, "cores": 16}, 2),  # no memory for more
        ([Load(1 * GB, 0.3)] * 8, {"memory": 80 * GB, "cores": 16, "replicas": 2}, 2),
        ([Load(1 * GB, 1.0)] * 8, {"memory": 80 * GB, "cores": 16}, 1),
        ([Load(90 * GB, 0.1)] * 8, {"memory": 80 * GB, "cores": 16}, 1),  # one at least
        ([Load(1 * GB, 0.0)] * 8, {"memory": 800 * GB, "cores": 99}, packing.MOST),
        ([Load(1 * GB, 0.1)] * 9 + [Load(70 * GB, 0.1)], {"memory": 80 * GB, "cores": 16}, 10),  # that one goes alone
    ],
)
def test_as_many_trials_share_a_gpu_as_fit_and_help(loads, resources, number):
    assert packing.trials_of_gpu(loads, **resources) == number
    assert int(1 / (1 / number)) == number


@pytest.fixture
def address():
    """A Ray that believes to have a GPU."""
    script = (
        "import sys\n"
        "from ray.cluster_utils import Cluster\n"
        "cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 2, 'num_gpus': 1})\n"
        "print(cluster.address, flush=True)\n"
        "sys.stdin.read()\n"
        "cluster.shutdown()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-W", "ignore", "-c", script]
    with subprocess.Popen(command, env=environment, text=True, **pipes) as cluster:
        yield next(line.strip() for line in iter(cluster.stdout.readline, "") if line[:1].isdigit())


def test_a_trial_that_is_too_large_for_its_share_of_a_gpu_is_trained_with_all_of_it(
    tmp_path, address, little, spectune
):
    shutil.copy(HERE / "faulty.py", tmp_path)
    own = ["--space", "faulty.py:Faulty", "--set", "fault=large", *little, "--trials", "3", "--epochs", "2"]
    own += ["--grace", "2"]
    once = ["--baseline", "none", "--top", "1", "--seeds", "1", "--gpus-per-trial", "0.5", "--address", address]
    spectune(tmp_path, "search", "--name", "s", *own, *once)
    study = read(tmp_path / "studies/s")
    assert study.finished and len(study.trials) == 4
    assert {(trial.status, trial.epochs) for trial in study.trials.values()} == {("complete", 2)}


LACKING = {
    ("--gpus-per-trial", "auto"): "auto measures a GPU, torch sees none on its node: give a number",
    ("--gpus-per-trial", "2"): "needs 1 CPUs and 2 GPUs, Ray has 2 CPUs and 1 GPUs: lower --gpus-per-trial",
    ("--cpus-per-trial", "3"): "needs 3 CPUs and 1 GPUs, Ray has 2 CPUs and 1 GPUs: lower --cpus-per-trial",
}


def test_what_a_trial_cannot_have_is_said_with_the_cure(tmp_path, address, little, spectune):
    for asked, said in LACKING.items():
        done = spectune(tmp_path, "search", *little, *asked, "--address", address, code=2)
        (line,) = done.stderr.splitlines()
        assert line.endswith(said)
