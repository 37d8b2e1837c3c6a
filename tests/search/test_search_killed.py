"""Studies that are killed or interrupted go on: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spectune.search.record import read

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
TINY = ["--dataset", "generated", "--trials", "6", "--epochs", "4", "--seeds", "2", "--top", "2"]
TINY += ["--max-params", "60k", "--max-macs", "600k"]
for setting in ("classes=4", "points=200", "train=20", "validation=5", "test=5"):
    TINY += ["--data", setting]


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_", "COLUMNS"))}


def wait_for(path, ended, process):
    """Until the journal holds so many ended trials."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if path.is_file() and path.read_bytes().count(b'"event":"end"') >= ended:
            return
        time.sleep(0.02)
    raise AssertionError(f"the study did not get to {ended} ended trials: exit {process.poll()}")


def begin(folder, *arguments):
    return subprocess.Popen(
        [SPECTUNE, "search", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_driver_killed_three_times_loses_nothing(tmp_path, check_whole, spectune):
    journal = tmp_path / "studies/killed/journal.jsonl"
    finished = {}
    for ended in (1, 4, 9):
        process = begin(tmp_path, "--name", "killed", "--resume", *TINY)
        wait_for(journal, ended, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = read(journal.parent)
        assert {number: now.trials[number] for number in finished} == finished
        finished = {number: trial for number, trial in now.trials.items() if trial.status != "running"}

    spectune(tmp_path, "search", "--name", "killed", "--resume")

    study = check_whole(tmp_path, "killed", trials=6, candidates=3, seeds=2)
    assert {number: study.trials[number] for number in finished} == finished


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_cleanly_and_says_how_to_go_on(tmp_path, sent):
    process = begin(tmp_path, "--name", "stopped", *TINY)
    wait_for(tmp_path / "studies/stopped/journal.jsonl", 2, process)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].endswith("To go on: spectune search --resume --name stopped")
    assert "Traceback" not in errors
