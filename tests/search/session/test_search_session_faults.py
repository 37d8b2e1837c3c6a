"""What goes wrong in one process or on its disk: full file systems, damaged checkpoints, hanging and jumping clocks."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectune.search.records.journal import HOLDER, JOURNAL, Journal
from spectune.search.records.options import Options
from spectune.search.records.study import Study, read
from spectune.search.records.task import STATES, WEIGHTS, Task, stored
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.search.workers import pool as trial
from spectune.search.workers import worker as module
from spectune.search.workers.files import Files, NoSpace
from spectune.spaces import KNOWN, Sizes
from spectune.trainables.data import load

DATA = {"classes": "4", "points": "150", "train": "20", "validation": "8", "test": "5"}


@pytest.fixture
def disk(tmp_path):
    """A file system of its own with 16 MB."""
    if os.geteuid():
        pytest.skip("a file system of its own needs root")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk):
    """Leave no byte free; returns the file to be deleted for space."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                while True:
                    file.write(bytes(size))
    return filler


# Full disk ------------------------------------------------------------------------------------------------------------


def test_a_journal_without_space_keeps_whole_lines_and_goes_on_when_there_is_some(disk):
    journal = Journal(disk / "s")
    journal.append("study", name="s", objectives=[["accuracy", "max"]])
    filler = fill(disk)
    with pytest.raises(OSError, match="No space"):
        for _ in range(100):  # the page that is begun takes some
            journal.append("note", text="x" * 100)
    lines = journal.path.read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["study"] + ["note"] * (len(lines) - 1)
    filler.unlink()
    journal.append("note", text="after")
    journal.close()
    assert [json.loads(line) for line in journal.path.read_text().splitlines()][-1]["text"] == "after"
    assert read(disk / "s").name == "s"


def test_a_full_disk_leaves_the_file_before_and_no_part(disk):
    files = Files(disk)
    files.write("a/file", b"old" * 1000)
    fill(disk)
    with pytest.raises(NoSpace):
        files.write("a/file", b"new" * 10_000)
    assert files.read("a/file") == b"old" * 1000
    assert [path.name for path in (disk / "a").iterdir()] == ["file"]


# Checkpoints ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def working(tmp_path, monkeypatch):
    """``working()``: a worker as Ray would start it, which reports every epoch and keeps a checkpoint of it."""
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(module, "STEP_SECONDS", 0.0)
    dataset, (network, training, *_) = load("generated", **DATA), KNOWN["compact"]
    task = Task(number=0, stage="confirm", network=network, training=training, seed=3, candidate="compact")

    def start(folder=tmp_path):
        worker = object.__new__(module.Worker)  # Ray's own part of it needs a node
        tasks = {"tasks": json.dumps([task.to_dict()]), "gpus": 0.0}
        worker.setup(tasks, dataset=dataset, files=Files(folder), epochs=5, stall=600.0)
        return worker

    return start


def message(worker):
    (found,) = json.loads(worker.step()["messages"])
    return found


def same(found, expected):
    """Whether two messages say the same, but for what is measured."""
    timed = {"seconds": 0, "best": {**found["best"], "latency": 0}}
    return {**found, **timed} == {**expected, "seconds": 0, "best": {**expected["best"], "latency": 0}}


def test_short_epochs_are_reported_together(working, monkeypatch, tmp_path):
    apart, together = working(tmp_path / "apart"), working(tmp_path / "together")
    one_by_one = [message(apart) for _ in range(5)]
    monkeypatch.setattr(module, "STEP_SECONDS", 1000.0)
    found = together.step()
    assert found["done"]
    messages = json.loads(found["messages"])
    assert [one["epoch"] for one in messages] == [1, 2, 3, 4, 5]
    assert all(same(one, other) for one, other in zip(messages, one_by_one, strict=True))


@pytest.fixture
def whole(working, tmp_path):
    """The messages of an undisturbed training, by epoch."""
    worker = working(tmp_path / "whole")
    return {number: message(worker) for number in range(1, 6)}


def tear(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [tear, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_costs_no_more_than_the_epochs_since_the_one_before(working, whole, tmp_path, damage):
    lost = working()
    for _ in range(3):
        message(lost)
    damage(tmp_path / stored(0, STATES[0]))  # that of epoch 3; the other one is of epoch 2
    again = working()
    for number in (3, 4, 5):
        assert same(message(again), whole[number])
    assert not list(tmp_path.glob("trials/*/state*"))


def test_without_a_whole_checkpoint_a_trial_begins_anew(working, whole, tmp_path):
    lost = working()
    for _ in range(3):
        message(lost)
    for file in STATES:
        flip(tmp_path / stored(0, file))
    assert same(message(working()), whole[1])


def test_a_full_disk_costs_checkpoints_but_no_epoch(working, whole, disk):
    worker = working(disk)
    message(worker)
    fill(disk)
    for number in (2, 3, 4):
        assert same(message(worker), whole[number])
    assert same(message(working(disk)), whole[2])  # from the checkpoint that there was space for


def test_weights_that_find_no_space_are_no_failure_of_the_trial(working, whole, disk):
    worker = working(disk)
    for _ in range(4):
        message(worker)
    filler = fill(disk)
    assert message(worker)["failed"] == module.SPACE
    feed = trial._Searcher(plan=None, files=None, sharing=trial.Sharing(0.0, 150, 4))
    feed.living["a"] = [0]
    with pytest.raises(NoSpace, match="No space left on device"):
        feed.take("a", json.dumps([{"number": 0, "failed": module.SPACE}]))
    filler.unlink()
    assert same(message(working(disk)), whole[5])
    assert (disk / stored(0, WEIGHTS)).is_file()


def test_an_end_that_cannot_be_written_down_ends_the_search_and_not_only_the_trial():
    """Tune logs what its searcher raises at a trial's end, with a traceback, and goes on."""

    class Full:
        done = False

        def end(self, number, failure=""):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    feed = trial._Searcher(plan=Full(), files=None, sharing=trial.Sharing(0.0, 150, 4))
    feed.living["a"] = [0]
    feed.on_trial_complete("a", error=True)
    for raised in (feed.check, lambda: feed.suggest("b")):
        with pytest.raises(OSError, match="No space left on device"):
            raised()


# Hanging --------------------------------------------------------------------------------------------------------------

WATCHED = """
import ctypes, sys, time
from spectune.search.workers.watch import Watch
from spectune.trainables.data import load

watch = Watch(4.0)
spectra = watch.over(load("generated", classes="2", points="100", train="4", validation="2", test="2").blind()).train
import torch
with watch:
    for _ in range(int(sys.argv[1])):
        time.sleep(0.5)
        spectra.batch(torch.arange(2))
    print("alive", flush=True)
    if sys.argv[2] == "hang":
        ctypes.PyDLL(None).sleep(1000)
time.sleep(6)
print("done")
"""


def watched(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    return done.returncode, done.stdout.split(), done.stderr


def test_a_process_that_hangs_ends_even_with_the_interpreter_locked():
    code, said, errors = watched("1", "hang")
    assert (code, said) == (1, ["alive"])
    assert "Timeout" in errors and "<string>" in errors  # the stack says where


def test_a_slow_epoch_that_draws_batches_and_a_pause_between_epochs_are_no_hanging():
    assert watched("12", "go on")[:2] == (0, ["alive", "done"])


# Clocks ---------------------------------------------------------------------------------------------------------------


class Silent:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_jumps_changes_no_time_limit_neither_now_nor_after_a_resume(tmp_path, monkeypatch, jump):
    wall, steady = [1e9], [50.0]
    monkeypatch.setattr("spectune.search.records.journal.time.time", lambda: wall[0])

    def session(ticks):
        journal = Journal(tmp_path / "s")
        study = read(tmp_path / "s") if journal.path.stat().st_size else Study(tmp_path / "s")
        study.apply(journal.append("study", name="s", objectives=[["accuracy", "max"]]))
        options = Options(
            name="s", time=100.0, trials=10_000, studies=str(tmp_path), baseline="none", epochs=1, seeds=1
        )
        agenda = Agenda.of(options, options, study, sizes=Sizes(500, 5), folder=tmp_path / "s", clock=lambda: steady[0])
        director = Director(agenda, study, journal, progress=Silent())
        for tick in range(ticks):
            task = director.next()
            if task is None or task.stage != "explore":
                break
            wall[0] += 10 + (jump if tick == 2 else 0)
            steady[0] += 10
            metrics = {"accuracy": 0.5, "loss": 1.0, "train_loss": 1.0}
            said = {"epoch": 1, "metrics": metrics, "best": metrics, "done": True, "failed": "", "apart": ""}
            director.report(task.number, {"number": task.number, **said})
            director.end(task.number)
        journal.close()
        return len(read(tmp_path / "s").stage("explore"))

    assert session(6) == 6  # 60 s, and the clock jumped in the third trial
    assert session(1000) == 11  # 100 s are over after ten; the last one began just in time


# Drivers --------------------------------------------------------------------------------------------------------------


def test_a_second_driver_is_told_who_is_the_first(tmp_path):
    journal = Journal(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom spectune.search.records import Journal\nJournal(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert f"process {os.getpid()} on '{os.uname().nodename}' (since 2" in done.stderr.splitlines()[-1]
    (tmp_path / HOLDER).write_text("{torn")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "one driver at a time, and another process is writing" in done.stderr.splitlines()[-1]
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]
