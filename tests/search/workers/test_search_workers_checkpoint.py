"""Checkpoints of a trial, whole, damaged and on a full disk: what it costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spectune.search.records.task import STATES, WEIGHTS, Task, stored
from spectune.search.workers import pool
from spectune.search.workers import worker as module
from spectune.search.workers.files import Folder, NoSpace
from spectune.spaces import KNOWN
from spectune.trainables.data import load

DATA = {"classes": "4", "points": "150", "train": "20", "validation": "8", "test": "5"}


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
        worker.setup(tasks, dataset=dataset, folder=Folder(folder), epochs=5, rungs=(), stall=600.0)
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


def test_a_full_disk_costs_checkpoints_but_no_epoch(working, whole, disk, fill):
    worker = working(disk)
    message(worker)
    fill(disk)
    for number in (2, 3, 4):
        assert same(message(worker), whole[number])
    assert same(message(working(disk)), whole[2])  # from the checkpoint that there was space for


def test_weights_that_find_no_space_are_no_failure_of_the_trial(working, whole, disk, fill):
    worker = working(disk)
    for _ in range(4):
        message(worker)
    filler = fill(disk)
    assert message(worker)["failed"] == module.SPACE
    feed = pool._Searcher(plan=None, files=None, sharing=pool.Sharing(0.0, 150, 4))
    feed.living["a"] = [0]
    with pytest.raises(NoSpace, match="No space left on device"):
        feed.take("a", json.dumps([{"number": 0, "failed": module.SPACE}]))
    filler.unlink()
    assert same(message(working(disk)), whole[5])
    assert (disk / stored(0, WEIGHTS)).is_file()
