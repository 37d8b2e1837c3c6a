"""Replicas in a search, on a real Ray: what is trained together is recorded apart. And folds, on a worker alone."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from spectune.search.records.study import read
from spectune.search.records.task import ENDED, WEIGHTS, Task, stored
from spectune.search.workers import worker as module
from spectune.search.workers.files import Files, Folder
from spectune.spaces import KNOWN
from spectune.spaces.saved import configs
from spectune.trainables import weights
from spectune.trainables.data import Folds, load
from spectune.trainables.train import train

DATA = {"classes": "4", "points": "150", "train": "20", "validation": "8", "test": "5"}
WORDS = ["--dataset", "generated", *(word for name, value in DATA.items() for word in ("--data", f"{name}={value}"))]
SMALL = ["--set", "depth=2", "--set", "filters=8", "--set", "fc_dropout=0", "--set", "conv_dropout=0"]


@pytest.fixture(scope="module")
def fused(tmp_path_factory, spectune):
    """A study that trained one network on three seeds at once."""
    folder = tmp_path_factory.mktemp("replicas")
    once = ["--epochs", "4", "--seeds", "3", "--replicas", "3", "--baseline", "none", "--name", "fused"]
    spectune(folder, "train", "compact", *WORDS, *SMALL, *once)
    return read(folder / "studies/fused")


def test_replicas_are_the_trials_that_they_would_be_apart(fused):
    dataset = load("generated", **DATA)
    assert [one.seed for one in fused.stage("confirm")] == [0, 1, 2]
    for one in fused.stage("confirm"):
        *_, expected = train(*configs(one.config), dataset, seed=one.seed, epochs=4)
        assert (one.status, one.epochs) == ("complete", 4)
        assert one.reports[-1][1] == pytest.approx(expected.metrics, rel=1e-3)
        trained = load_file(fused.folder / stored(one.number, WEIGHTS))
        for name, tensor in expected.state["best"]["model"].items():
            assert tensor.sub(trained[name]).abs().max() < 1e-3


def test_they_train_side_by_side_and_share_the_time(fused):
    lines = [json.loads(line) for line in (fused.folder / "journal.jsonl").read_text().splitlines()]
    reported = [line for line in lines if line["event"] == "report"]
    assert [line["trial"] for line in reported] == [0, 1, 2] * 4
    lasted = max(line["time"] for line in reported) - min(one.started for one in fused.trials.values())
    assert sum(one.seconds for one in fused.trials.values()) < 1.1 * lasted


@pytest.mark.slow
def test_a_search_explores_settings_of_one_architecture_at_once_and_confirms_all_seeds_at_once(tmp_path, spectune):
    asked = ["--trials", "8", "--epochs", "9", "--seeds", "3", "--top", "1", "--baseline", "none", "--max-macs", "2M"]
    asked += ["--ensemble", "none"]
    start = ["--start-from", "compact", "--set", "schedule=cosine", "--replicas", "4", "--name", "r"]
    spectune(tmp_path, "search", *WORDS, *SMALL, *asked, *start)
    study = read(tmp_path / "studies/r")
    assert study.finished and len(study.stage("explore")) == 8
    proposed = [one for one in study.stage("explore") if not one.label]
    assert len(proposed) == 7 and len({json.dumps(one.config["network"]) for one in proposed}) == 2
    assert len({one.flat["learning_rate"] for one in proposed}) == 7
    assert {one.status for one in study.trials.values()} == {"complete", "paused"}  # some went on without others
    (confirmed,) = study.confirmed().values()
    assert [one.seed for one in confirmed] == [1, 2, 3]
    assert not list(study.folder.glob("trials/*/ended"))


@pytest.fixture
def working(tmp_path, monkeypatch):
    """``working()``: a worker with three replicas, as Ray would start it, that reports and keeps every epoch."""
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(module, "STEP_SECONDS", 0.0)
    dataset, (network, training, *_) = load("generated", **DATA), KNOWN["compact"]
    network = network.replace(fc_dropout=0.0)  # masks depend on who trains along
    tasks = [
        Task(number=n, stage="confirm", network=network, training=training, seed=n, candidate="compact").to_dict()
        for n in range(3)
    ]

    def start():
        worker = object.__new__(module.Worker)  # Ray's own part of it needs a node
        worker.setup(
            {"tasks": json.dumps(tasks), "gpus": 0.0},
            dataset=dataset,
            folder=Folder(tmp_path),
            epochs=5,
            rungs=(),
            stall=600.0,
        )
        return worker

    return start


def epochs(worker):
    """(trial, epoch) of one step."""
    return [(message["number"], message["epoch"]) for message in json.loads(worker.step()["messages"])]


def test_one_that_is_stopped_leaves_the_others_at_work(working, tmp_path):
    worker = working()
    assert epochs(worker) == [(0, 1), (1, 1), (2, 1)]
    Files(tmp_path).write(stored(1, ENDED), b"")
    assert epochs(worker) == [(0, 2), (2, 2)]


def test_a_worker_that_is_started_again_goes_on_with_those_that_had_not_ended(working, tmp_path):
    lost, whole = working(), working()
    epochs(lost), epochs(lost)
    Files(tmp_path).write(stored(2, ENDED), b"")
    again = working()
    assert epochs(again) == [(0, 3), (1, 3)]
    Files(tmp_path).remove(stored(2, ENDED))
    last = {}
    for worker in (again, whole):
        steps = [worker.step() for _ in range(2 if worker is again else 5)]
        assert [step["done"] for step in steps] == [False] * (len(steps) - 1) + [True]
        last[worker] = {one["number"]: one["best"] for one in json.loads(steps[-1]["messages"])}
    for number in (0, 1):
        for name in ("accuracy", "loss"):
            assert last[again][number][name] == pytest.approx(last[whole][number][name], rel=1e-3)


def test_an_error_fails_all_that_are_trained_together(working, monkeypatch):
    worker = working()
    monkeypatch.setattr(module.Replicas, "epoch", lambda self: 1 / 0)
    found = worker.step()
    assert found["done"]
    assert {(one["number"], one["failed"]) for one in json.loads(found["messages"])} == {
        (number, "error: division by zero") for number in range(3)
    }


@pytest.mark.slow
def test_what_cannot_be_fused_is_said_and_trained_all_the_same(tmp_path, spectune):
    small = ["--set", "trees=10", "--seeds", "2", "--replicas", "2", "--baseline", "none", "--name", "trees"]
    done = spectune(tmp_path, "train", "extra_trees", *WORDS, *small)
    assert "replicas are trained one after the other: forest is not trained by steps" in done.stderr
    assert len(read(tmp_path / "studies/trees").confirmed()["extra_trees"]) == 2


@pytest.fixture
def folded(tmp_path, monkeypatch):
    """``folded(task)``: a worker with a task of three folds of generated spectra that reports and keeps every epoch."""
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(module, "STEP_SECONDS", 0.0)
    dataset = load("generated", **DATA)

    def start(rungs=(), **about):
        network, training, *_ = KNOWN["compact"]
        task = Task(number=0, network=network, training=training, seed=0, folds=3, **about)
        worker = object.__new__(module.Worker)
        tasks = json.dumps([task.to_dict()])
        config = {"tasks": tasks, "gpus": 0.0}
        worker.setup(config, dataset=dataset, folder=Folder(tmp_path), epochs=2, rungs=rungs, stall=600.0)
        return worker, task, Folds(dataset, 3)

    return start


def messages(worker):
    """All of them, to the end."""
    found = []
    while not (found and found[-1]["done"]):
        found += json.loads(worker.step()["messages"])
    return found


def test_an_explored_task_is_trained_on_every_fold_and_gives_their_mean(folded):
    worker, task, folds = folded(stage="explore", turn=(0, 1, 2))
    found = messages(worker)
    assert [(one["fold"], one["epoch"], one["done"]) for one in found] == [
        (0, 1, False), (0, 2, False), (1, 2, False), (1, 2, False), (2, 2, False), (2, 2, True),
    ]  # fmt: skip
    bests = []
    for number in range(3):
        *_, last = train(task.network, task.training, folds.fold(number), seed=0, epochs=2)
        bests.append(last.state["best"]["metrics"])
    assert {one["best"]["loss"] for one in found[1:-1]} == {bests[0]["loss"]}
    assert found[-1]["best"]["loss"] == pytest.approx(np.mean([best["loss"] for best in bests]))
    assert found[-1]["best"]["latency"] > 0


def test_a_worker_that_is_started_again_goes_on_with_the_fold_in_turn(folded):
    whole = messages(folded(stage="explore", turn=(0, 1, 2))[0])
    lost, *_ = folded(stage="explore", turn=(0, 1, 2))
    for _ in range(3):
        lost.step()
    rest = messages(folded(stage="explore", turn=(0, 1, 2))[0])
    assert [(one["fold"], one["metrics"]) for one in rest] == [(one["fold"], one["metrics"]) for one in whole[3:]]
    assert rest[-1]["best"]["loss"] == whole[-1]["best"]["loss"]


def test_a_confirmation_is_trained_on_its_own_fold_and_keeps_those_weights(folded, tmp_path):
    worker, task, folds = folded(stage="confirm", turn=(4,))
    found = messages(worker)
    *_, last = train(task.network, task.training, folds.fold(4), seed=0, epochs=2)
    assert [one["fold"] for one in found] == [0, 0]
    assert found[-1]["best"]["loss"] == last.state["best"]["metrics"]["loss"]
    kept = weights.read(tmp_path / stored(0, WEIGHTS))
    assert all(torch.equal(kept[name], tensor) for name, tensor in last.state["best"]["model"].items())


def test_tasks_of_one_worker_are_trained_on_the_same_folds(folded):
    """Whatever is kept of a split, as on a GPU, is found again."""
    worker, task, _ = folded(stage="explore", turn=(0, 1, 2))
    first, again = worker._datasets(task), worker._datasets(replace(task, stage="confirm", turn=(1,)))
    assert again[0] is first[1]
    plain = replace(task, folds=0, turn=())
    assert worker._datasets(plain)[0].train is worker._datasets(plain)[0].train


@pytest.fixture
def explored(tmp_path, monkeypatch):
    """``explored(*numbers, **about)``: a worker with explore tasks of those numbers, which may be paused at
    epochs 1 and 3."""
    monkeypatch.setattr(module, "PAUSED_SECONDS", 0.0)
    monkeypatch.setattr(module, "STEP_SECONDS", 1000.0)
    dataset, (network, training, *_) = load("generated", **DATA), KNOWN["compact"]
    network = network.replace(fc_dropout=0.0)  # masks depend on who trains along

    def start(*numbers, stage="explore", **about):
        worker = object.__new__(module.Worker)
        tasks = [
            Task(number=n, stage=stage, network=network, training=training, seed=n, **about).to_dict() for n in numbers
        ]
        config = {"tasks": json.dumps(tasks), "gpus": 0.0}
        worker.setup(config, dataset=dataset, folder=Folder(tmp_path), epochs=5, rungs=(1, 3), stall=600.0)
        return worker

    return start


def said(worker):
    """The messages of one step."""
    return json.loads(worker.step()["messages"])


def test_where_a_trial_may_be_paused_there_is_a_checkpoint_and_the_plan_is_asked_before_it_goes_on(explored, tmp_path):
    worker = explored(0)
    assert [one["epoch"] for one in said(worker)] == [1]
    (first,) = tmp_path.glob("trials/0000/state-*.pt")
    begun = said(worker)
    assert [one["epoch"] for one in begun] == [2, 3]
    again = explored(0, spent=99.0)
    found, whole = said(again), said(worker)
    assert [one["epoch"] for one in found] == [4, 5]
    assert [one["metrics"] for one in found] == [one["metrics"] for one in whole]
    assert begun[-1]["seconds"] < found[0]["seconds"] < 99.0  # those of the checkpoint, which knows better
    assert first.exists() is False  # the trial is done


@pytest.mark.parametrize("about", [{"stage": "confirm", "candidate": 7}, {"stage": "explore"}])
def test_a_confirmation_and_a_short_trial_write_none(explored, tmp_path, monkeypatch, about):
    if about["stage"] == "explore":
        monkeypatch.setattr(module, "PAUSED_SECONDS", 1000.0)
    assert [one["epoch"] for one in said(explored(0, **about))] == [1, 2, 3, 4, 5]
    assert not list(tmp_path.glob("trials/*/state-*.pt"))


def test_what_was_paused_without_a_checkpoint_begins_anew_and_both_attempts_count(explored):
    found = said(explored(0, spent=99.0))
    assert [one["epoch"] for one in found] == [1]
    assert found[0]["seconds"] > 99.0


def test_a_replica_that_was_paused_goes_on_alone(explored, tmp_path):
    together = explored(0, 1, 2)
    assert epochs(together) == [(0, 1), (1, 1), (2, 1)]
    Files(tmp_path).write(stored(1, ENDED), b"")
    assert epochs(together) == [(0, 2), (2, 2), (0, 3), (2, 3)]
    alone = explored(1, spent=9.0)
    found = said(alone)
    assert [(one["number"], one["epoch"]) for one in found] == [(1, 2), (1, 3)]
    (task,) = alone._tasks.values()
    _, *expected = islice(train(task.network, task.training, load("generated", **DATA), seed=1, epochs=5), 3)
    for one, epoch in zip(found, expected, strict=True):
        assert one["metrics"] == pytest.approx(epoch.metrics, rel=1e-3)


def test_folds_are_paused_in_the_first_of_them_only(folded, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 1000.0)
    monkeypatch.setattr(module, "PAUSED_SECONDS", 0.0)
    monkeypatch.setattr(module, "STEP_SECONDS", 1000.0)
    worker, _, _ = folded(stage="explore", turn=(0, 1), rungs=(2,))
    assert [(one["fold"], one["epoch"]) for one in said(worker)] == [(0, 1), (0, 2)]
    assert list(tmp_path.glob("trials/0000/state-*.pt"))
    again, _, _ = folded(stage="explore", turn=(0, 1), rungs=(2,))
    assert [(one["fold"], one["epoch"]) for one in said(again)] == [(1, 2), (1, 2)]
