"""Studies that are killed or interrupted go on: real processes, real signals."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from spectune.search.records.study import read


@pytest.mark.parametrize("kills", [(7,), pytest.param((1, 4, 9), marks=pytest.mark.slow)], ids=len)
def test_a_driver_that_is_killed_loses_nothing(tmp_path, begin, check_whole, spectune, *, tiny, kills):
    folder = tmp_path / "studies/killed"
    finished = {}
    for ended in kills:
        process = begin(tmp_path, "search", "--name", "killed", "--resume", *tiny, ended=ended)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = read(folder)
        assert {number: now.trials[number] for number in finished} == finished
        finished = {number: trial for number, trial in now.trials.items() if trial.status != "running"}

    spectune(tmp_path, "search", "--name", "killed", "--resume")

    study = check_whole(tmp_path, "killed", trials=6, candidates=3, seeds=2)
    assert {number: study.trials[number] for number in finished} == finished


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_ends_cleanly_and_says_how_to_go_on(tmp_path, begin, tiny, sent):
    process = begin(tmp_path, "search", "--name", "stopped", *tiny, ended=2)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].endswith("To go on: spectune search --resume --name stopped")
    assert "Traceback" not in errors


# Interrupted in a destructor, where Python swallows the exception, as a terminal interrupts: all processes of the job.
SWALLOWED = """
import os, signal, sys, time
from spectune.search.cli.main import main
from spectune.search.session import finish

class Interrupted:
    def __del__(self):
        os.killpg(0, signal.SIGINT)
        time.sleep(0.5)

export = finish.export
finish.export = lambda *given, **more: (Interrupted(), export(*given, **more))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_ctrl_c_while_the_winner_is_tested_and_exported_says_how_to_go_on(tmp_path, tiny, *, swallowed):
    program = (sys.executable, "-c", SWALLOWED) if swallowed else (str(Path(sys.executable).with_name("spectune")),)
    job = {"cwd": tmp_path, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([*program, "search", "--name", "late", *tiny], **job) as process:
        for line in process.stderr:
            if line.startswith("training is done"):
                break
        if not swallowed:
            time.sleep(1.0)  # the page's process imports what it draws with
            os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read().splitlines()
    assert process.returncode == 130, said
    last = "interrupted; nothing that was finished is lost. To go on: spectune search --resume --name late"
    assert said[-1] == last
    assert swallowed or [line for line in said if line] == [last]
    assert not [line for line in said if "could not be drawn" in line]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_one_that_ends_while_its_ray_starts_leaves_nothing_behind(tmp_path, begin, tiny, sent):
    process = begin(tmp_path, "search", "--name", "early", *tiny, ended=0)
    while not (starting := psutil.Process(process.pid).children()):
        time.sleep(0.01)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=200)
    assert "Traceback" not in errors
    if sent == signal.SIGINT:
        assert process.returncode == 130
        assert errors.splitlines()[-1] == "spectune: interrupted"  # no study that one could go on with
        assert not (tmp_path / "studies/early").exists(), "a study that never began leaves no folder"
    else:
        assert (tmp_path / "studies/early/journal.jsonl").read_bytes() == b""
    (node,) = starting
    ends(node)


def test_data_that_are_refused_while_ray_starts_leave_none_behind(tmp_path):
    command = [sys.executable, "-m", "spectune.search.run", "--dataset", "nowhere.csv", "--name", "early"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not (starting := psutil.Process(process.pid).children()):
            time.sleep(0.01)
        _, errors = process.communicate(timeout=200)
    assert process.returncode == 2
    assert re.fullmatch("spectune: .*nowhere.csv.*\n", errors)
    assert not (tmp_path / "studies").exists()
    (node,) = starting
    ends(node)


def ends(node):
    """Wait for the end of a Ray that a study started, and of all its processes."""
    deadline = time.monotonic() + 200
    while at_work(node) or any(f"_{node.pid}/" in " ".join(words) for words in commands()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def at_work(process):
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def commands():
    """Of every process; Ray's hold its session's folder, whose name ends with the number of who started it."""
    return [one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"])]
