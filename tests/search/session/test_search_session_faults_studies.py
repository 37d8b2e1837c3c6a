"""Whole studies through faults; the table is docs/reliability.md."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from spectune.search.records.study import read

SPECTUNE = (str(Path(sys.executable).with_name("spectune")),)
FAULTY = Path(__file__).parents[1] / "faulty.py"


@pytest.fixture
def folder(tmp_path):
    """A working folder with the faulty network."""
    shutil.copy(FAULTY, tmp_path)
    return tmp_path


@pytest.fixture
def own(little):
    """A study of the faulty network that confirms nothing more than once."""
    once = ["--baseline", "none", "--top", "1", "--seeds", "1"]
    return ["--space", "faulty.py:Faulty", *little, *once, "--sampler", "random"]


def until(true, process=None, seconds=400):
    """Wait for something to become true, while ``process`` lives."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert process is None or process.poll() is None, f"exit {process.poll()}\n{process.stderr.read()}"
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)
    return found


def below(process):
    """A process and all that it started."""
    top = psutil.Process(process)
    return [top, *top.children(recursive=True)]


# What a network does to itself ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_network_that_raises_gives_nan_wants_all_memory_or_crashes_fails_alone(folder, spectune, own):
    own += ["--space", "faulty.py:Broken", "--trials", "8", "--epochs", "2", "--seed", "24"]
    spectune(folder, "search", "--name", "s", *own)
    study = read(folder / "studies/s")
    assert study.finished and study.exports
    said = {
        "raise": "error: broken on purpose",
        "nan": "nan",
        "memory": "out of memory",
        "segfault": "its worker was lost",
    }
    assert {one.flat["fault"] for one in study.stage("explore")} == {"none", *said}
    for one in study.stage("explore"):
        assert one.reason.startswith(said.get(one.flat["fault"], "")), one
        assert (one.status == "failed") == (one.flat["fault"] in said)
    assert {one.flat["fault"] for one in study.stage("confirm")} == {"none"}


@pytest.mark.slow
def test_a_training_that_hangs_is_ended_and_the_others_go_on(folder, spectune, own):
    once = ["--trials", "1", "--epochs", "2", "--stall", "20s"]
    spectune(folder, "search", "--name", "s", *own, *once, "--set", "fault=hang")
    (one,) = read(folder / "studies/s").trials.values()
    assert (one.status, one.reason) == ("failed", "its worker was lost 4 times: it crashed, hung or was killed")


@pytest.mark.slow
def test_a_leak_ends_the_worker_and_not_the_machine(folder, spectune, own):
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    memory = {name: float(size) for name, size, *_ in lines}  # kB
    threshold = 1 - (memory["MemAvailable:"] - 3e6) / memory["MemTotal:"]
    program = ("env", f"RAY_memory_usage_threshold={threshold:.3f}", "RAY_memory_monitor_refresh_ms=100", *SPECTUNE)
    once = ["--trials", "1", "--epochs", "100", "--concurrent", "1", "--set", "fault=leak"]
    done = spectune(folder, "search", "--name", "s", *own, *once, program=program)
    (one,) = read(folder / "studies/s").trials.values()
    said = "out of memory: Ray ended its worker 4 times to save the machine; fewer at a time need less (--concurrent)"
    assert (one.status, one.reason) == ("failed", said)
    assert "Traceback" not in done.stderr and "The node was running low on memory" not in done.stderr


# What is done to a study ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_that_is_killed_goes_on_from_its_last_checkpoint(folder, begin, own):
    once = ["--trials", "1", "--epochs", "60", "--set", "fault=slow", "--set", "patience=100", "--concurrent", "1"]
    driver = begin(folder, "search", "--name", "s", *own, *once, ended=0)
    until(lambda: list((folder / "studies/s").glob("trials/*/state-*.pt")), driver)
    (worker,) = (one for one in below(driver.pid) if "ResourceTrainable" in one.name())
    before = len(read(folder / "studies/s").trials[0].reports)
    began = time.monotonic()
    worker.kill()
    until(lambda: len(read(folder / "studies/s").trials[0].reports) > before, driver)
    print(f"a killed worker's trial went on after {time.monotonic() - began:.1f} s")
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=120)
    assert driver.returncode == 130
    log = (folder / "studies/s/journal.jsonl").read_text()
    assert log.count('"event":"start"') == 1 and '"event":"end"' not in log
    assert [epoch for epoch, _ in read(folder / "studies/s").trials[0].reports] == list(range(1, before + 2))


@pytest.mark.slow
def test_a_full_disk_ends_the_driver_in_one_line_and_the_study_goes_on_with_space(
    tmp_path, begin, check_whole, spectune, tiny
):
    if os.geteuid():
        pytest.skip("a file system of its own needs root")
    disk = tmp_path / "studies"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk], check=True)
    try:
        driver = begin(tmp_path, "search", "--name", "s", *tiny, ended=2)
        filler = disk / "filler"
        with filler.open("ab", buffering=0) as file:
            while driver.poll() is None:
                try:
                    file.write(bytes(4096))
                except OSError:
                    time.sleep(0.1)
        errors = driver.communicate(timeout=120)[1]
        assert driver.returncode == 1
        assert "Traceback" not in errors
        *_, last = errors.splitlines()
        assert last.startswith("spectune: a study needs space, the disk of studies/s is full: make room; ")
        assert last.endswith("To go on: spectune search --resume --name s")
        filler.unlink()
        spectune(tmp_path, "search", "--resume", "--name", "s")
        check_whole(tmp_path, "s", trials=6, candidates=3, seeds=2)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow
def test_a_signal_ends_a_study_soon_although_mlflow_takes_connections_and_never_answers(tmp_path, begin, tiny):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        more = ["--trials", "60", "--tracking-uri", uri]
        driver = begin(tmp_path, "search", "--name", "s", *tiny, *more, ended=3)
        began = time.monotonic()
        driver.send_signal(signal.SIGTERM)
        time.sleep(1)
        driver.send_signal(signal.SIGTERM)  # schedulers say it to every process, and again
        errors = driver.communicate(timeout=120)[1]
        print(f"SIGTERM to end: {time.monotonic() - began:.1f} s")
    assert driver.returncode == 130
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].endswith("To go on: spectune search --resume --name s")


# Nodes ----------------------------------------------------------------------------------------------------------------


EXPLORED = ["--trials", "4", "--epochs", "25", "--grace", "25", "--set", "fault=slow", "--set", "patience=100"]


@pytest.fixture
def nodes(tmp_path):
    """``nodes()`` starts a cluster: a head without processors, and as many nodes with one as it is told to ``add``."""
    begun = []

    def start():
        begun.append(Nodes())
        return begun[-1]

    yield start
    for cluster in begun:
        cluster.lose()


class Nodes:
    """A cluster in a process of its own, which does one word of its input at a time."""

    SCRIPT = (
        "import sys\n"
        "from ray.cluster_utils import Cluster\n"
        "cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 0})\n"
        "print(cluster.address, flush=True)\n"
        "for line in sys.stdin:\n"
        "    node = cluster.add_node(num_cpus=1)\n"
        "    print(node.all_processes['raylet'][0].process.pid, flush=True)\n"
    )

    def __init__(self):
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        command = [sys.executable, "-W", "ignore", "-c", self.SCRIPT]
        self._process = subprocess.Popen(command, env=environment, text=True, **pipes)
        self.address = self._answer(lambda line: line[:1].isdigit() and ":" in line)

    def add(self):
        """A node more; returns its raylet's process id."""
        print("add", file=self._process.stdin, flush=True)
        return int(self._answer(str.isdigit))

    def lose(self, raylet=None):
        """Kill a node, or the whole cluster with its head, with all their processes at once."""
        if self._process.returncode is not None:
            return  # the whole was lost before
        for one in below(raylet or self._process.pid):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        if raylet is None:
            self._process.communicate()

    def _answer(self, sought):
        return next(line.strip() for line in iter(self._process.stdout.readline, "") if sought(line.strip()))


@pytest.mark.slow
@pytest.mark.cluster
def test_trials_of_lost_nodes_go_on_elsewhere_and_wait_while_there_are_none(folder, begin, nodes, own):
    cluster = nodes()
    first = [cluster.add() for _ in range(2)]
    once = [*EXPLORED, "--address", cluster.address, "--concurrent", "2"]
    driver = begin(folder, "search", "--name", "s", *own, *once, ended=0)
    study = folder / "studies/s"
    until(lambda: len(list(study.glob("trials/*/state-*.pt"))) > 1, driver)

    def reports():
        return sum(len(one.reports) for one in read(study).trials.values())

    cluster.lose(first[0])
    second = cluster.add()
    began, before = time.monotonic(), reports()
    until(lambda: reports() > before + 10, driver)
    print(f"10 epochs after a node was lost: {time.monotonic() - began:.1f} s")
    for raylet in (first[1], second):
        cluster.lose(raylet)
    time.sleep(30)  # none is there
    cluster.add()
    began, before = time.monotonic(), reports()
    until(lambda: reports() > before + 3, driver)
    print(f"3 epochs after nodes came back: {time.monotonic() - began:.1f} s")
    driver.wait(timeout=600)
    whole(study)


def whole(folder):
    study = read(folder)
    assert study.finished
    assert {one.status for one in study.trials.values()} == {"complete"}
    assert len(study.trials) == 5
    for one in study.trials.values():
        assert [epoch for epoch, _ in one.reports] == list(range(1, 26))
    lines = (folder / "journal.jsonl").read_text()
    assert lines.count('"event":"end"') == 5


@pytest.mark.slow
@pytest.mark.cluster
def test_a_study_whose_head_is_lost_is_resumed_on_another_one(folder, begin, nodes, spectune, own):
    old = nodes()
    old.add()
    driver = begin(folder, "search", "--name", "s", *own, *EXPLORED, "--address", old.address, ended=1)
    finished = {number: one for number, one in read(folder / "studies/s").trials.items() if one.ended}
    began = time.monotonic()
    old.lose()
    driver.communicate(timeout=600)
    print(f"the driver ended {time.monotonic() - began:.1f} s after its head, exit code {driver.returncode}")
    assert driver.returncode != 0
    new = nodes()
    new.add()
    spectune(folder, "search", "--resume", "--name", "s", "--address", new.address)
    whole(folder / "studies/s")
    after = read(folder / "studies/s").trials
    assert {number: after[number] for number in finished} == finished
