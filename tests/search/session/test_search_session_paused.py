"""A trial that is paused, and goes on after its driver was killed: a real study."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

from spectune.search.records import JOURNAL, read

# A trial takes more than a second, so that what is paused has a checkpoint.
SLOW = """

import time

_build = build

def build(*arguments):
    time.sleep(1.1)
    return _build(*arguments)
"""
DATA = ("classes=8", "points=200", "train=20", "validation=20", "test=5")
BUDGET = ("--trials", "6", "--epochs", "9", "--grace", "1", "--top", "1", "--seeds", "1", "--baseline", "none")
ALIKE = ("--seed", "19", "--sampler", "random", "--concurrent", "1", "--ensemble", "none")


def test_what_was_paused_goes_on_from_its_checkpoint_after_the_driver_was_killed(
    tmp_path, begin, check_whole, spectune
):
    source = (Path(__file__).parents[1] / "my_file.py").read_text().replace("FAMILY", "slow")
    (tmp_path / "slow.py").write_text(source + SLOW)
    words = ["--dataset", "generated", *(word for setting in DATA for word in ("--data", setting))]
    study = ["--name", "s", "--space", "slow.py:Mine"]
    process = begin(tmp_path, "search", *study, *words, *BUDGET, *ALIKE, ended=5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = tmp_path / "studies/s"
    before = read(folder)
    held = {number for number in before.paused if list(folder.glob(f"trials/{number:04d}/state-*.pt"))}
    assert held == set(before.paused), "every one of a few that are paused has a checkpoint"

    spectune(tmp_path, "search", "--resume", "--name", "s")

    study = check_whole(tmp_path, "s", trials=6, candidates=1, seeds=1)
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    starts = Counter(line["trial"] for line in lines if line["event"] == "start")
    thawed = [number for number in before.paused if starts[number] == 2]
    assert thawed
    for number in thawed:
        then, now = before.trials[number], study.trials[number]
        assert (then.epochs, now.epochs > 1, now.seconds > then.seconds + 1.0) == (1, True, True)
        reported = [line["epoch"] for line in lines if line["event"] == "report" and line["trial"] == number]
        assert reported == list(range(1, now.epochs + 1))
        assert now.reports[0] == then.reports[0]
    assert not list(folder.glob("trials/*/state-*.pt"))
