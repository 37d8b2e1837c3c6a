"""What a search will take: simulated with its own director, from the pace of a few batches."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from spectune.search.cli.main import main
from spectune.search.planning import plan
from spectune.search.records.journal import Journal
from spectune.search.records.options import Options
from spectune.search.records.task import Task
from spectune.spaces import CNN, KNOWN, Training
from spectune.trainables import pace as pacing
from spectune.trainables.data import load

DATA = {"classes": "4", "points": "150", "train": "40", "validation": "4", "test": "2"}
BEFORE = Path(__file__).parents[1] / "session/before"
OWN = Path(__file__).parents[1] / "my_file.py"
WORDS = [word for name, value in DATA.items() for word in ("--data", f"{name}={value}")]
OPTIONS = Options(name="plan", trials=40, epochs=27, seeds=2, top=2, baseline=("none",))


@pytest.fixture(scope="module")
def dataset():
    return load("generated", **DATA)


def took(options, dataset, *, pace=lambda task: 2.0, workers=4, seed=0):
    study = plan.simulated(options, dataset, pace, workers=workers, seed=seed)
    return study, plan.used(study)


def test_it_explores_stops_and_confirms_as_the_search_does(dataset):
    study, found = took(OPTIONS, dataset)
    assert (found["explore"].trainings, found["confirm"].trainings) == (40, 4)
    assert found["confirm"].epochs == 4 * 27
    proposed = [trial.epochs for trial in study.stage("explore") if not trial.label]
    assert set(proposed) <= {1, 3, 9, 27}  # the rungs
    assert proposed.count(1) >= 0.5 * len(proposed) and 0 < proposed.count(27) <= 0.4 * len(proposed)
    known = {trial.epochs for trial in study.stage("explore") if trial.label}
    assert known <= {9, 27}  # judged at the last rung only


def test_no_worker_idles_while_there_is_something_to_explore(dataset):
    _, found = took(OPTIONS, dataset)
    assert found["explore"].busy / 4 <= found["explore"].wall < 1.3 * found["explore"].busy / 4 + 4 * plan.WAKE
    assert found["together"].busy == pytest.approx(2 * found["together"].epochs, rel=0.1)


def test_more_workers_are_sooner_done_until_one_training_is_the_limit(dataset):
    walls = [took(OPTIONS, dataset, workers=workers)[1]["together"].wall for workers in (1, 4, 64)]
    assert walls == sorted(walls, reverse=True)
    assert walls[0] > 3 * walls[1]
    assert walls[-1] > 2 * 27 * 2  # one training to explore, one to confirm


def test_the_time_limit_ends_the_exploration(dataset):
    _, found = took(replace(OPTIONS, trials=4000, time=300.0), dataset)
    assert found["explore"].wall == pytest.approx(300, abs=10)
    assert 20 < found["explore"].trainings < 400


def test_a_simulation_repeats(dataset):
    assert took(OPTIONS, dataset, seed=3)[1] == took(OPTIONS, dataset, seed=3)[1] != took(OPTIONS, dataset, seed=4)[1]


@pytest.mark.parametrize("name", ["sharp", "extra_trees"])
def test_the_pace_of_a_few_batches_stands_for_an_epoch(dataset, monkeypatch, name):
    trained = []

    def train(network, training, part, *, epochs, **_):
        trained.append((len(part.train), len(part.validation), part.test, set(part.train.labels)))
        yield from range(epochs)

    clock = iter((10.0, 13.0))
    monkeypatch.setattr(pacing, "train", train)
    monkeypatch.setattr(pacing, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    training = Training(batch_size=16)
    assert pacing.epoch_seconds(KNOWN[name].network, training, dataset) == pytest.approx(3 / (2 * 16 / 160))
    assert all(one == (32, 3, None, {0, 1, 2, 3}) for one in trained)


def test_the_pace_is_measured_on_real_spectra(dataset):
    shares = torch.linspace(0, 159, 32).round().long()
    part = pacing._some(dataset.train, 0.2)
    assert torch.equal(part.batch(torch.arange(32)), dataset.train.batch(shares))
    assert (part.labels == dataset.train.labels[shares]).all()
    assert 0 < pacing.epoch_seconds(CNN(depth=1, filters=4), Training(batch_size=16), dataset) < math.inf


def test_the_baseline_is_measured_along_with_what_is_tried_first(dataset, monkeypatch):
    timed = []

    def epoch_seconds(network, training, dataset, *, device):
        timed.append(network)
        return 0.5

    monkeypatch.setattr(plan, "epoch_seconds", epoch_seconds)
    options = replace(OPTIONS, trials=2, baseline=("cnn2",), max_macs=1_000_000)  # which holds for what is explored
    plan.measured(options, dataset, device="cpu", note=lambda text: None)
    assert timed[0] == KNOWN["cnn2"].network
    assert len(timed) == 3


def test_a_stage_is_measured_while_patience_lasts(dataset, monkeypatch):
    timed, now = [], iter(range(0, 1000, 25))

    def epoch_seconds(network, training, dataset, *, device):
        timed.append(network.family)
        return 0.5

    monkeypatch.setattr(plan, "epoch_seconds", epoch_seconds)
    monkeypatch.setattr(plan, "time", SimpleNamespace(monotonic=lambda: next(now)))
    plan.measured(replace(OPTIONS, baseline=("simple",)), dataset, device="cpu", note=lambda text: None)
    assert timed == ["plsda", "plsda", "cnn", "cnn"]


def test_between_measured_configs_cost_follows_size():
    networks = [CNN(depth=2, filters=filters) for filters in (4, 8, 16, 32, 64)]
    sizes = [sum(network.cost(150, 4)) for network in networks]
    found = [(one, Training(), 1e-6 * size) for one, size in zip(networks, sizes, strict=True) if one != networks[2]]
    pace = plan._between(found, 150, 4)
    tasks = [Task(number=0, stage="explore", network=one, training=Training(), seed=0) for one in networks]
    assert pace(tasks[0]) == pytest.approx(1e-6 * sizes[0])
    assert pace(tasks[2]) == pytest.approx(1e-6 * sizes[2], rel=0.3)


def test_a_data_sheet_gives_the_slower_of_operations_and_memory(dataset):
    tasks = [
        Task(number=0, stage="explore", network=KNOWN[name].network, training=Training(), seed=0)
        for name in ("cnn2", "cnn6")
    ]
    slow, fast = (plan.listed(plan.CARDS[card], dataset) for card in ("t4", "h200"))
    assert slow(tasks[1]) > slow(tasks[0]) >= fast(tasks[0]) == 2 * plan.STEP  # 160 spectra are two steps


def test_a_finished_study_stands_beside_its_plan(tmp_path, monkeypatch, capsys, dataset):
    monkeypatch.chdir(tmp_path)
    options = replace(OPTIONS, name="done", dataset="generated", data=DATA, trials=3, max_macs=500_000)
    journal = Journal(tmp_path / "studies/done")
    kept = {"name": "done", "objectives": [["accuracy", "max"]], "options": options.to_dict()}
    journal.append("study", **kept, machine={"cpus": 2, "gpus": 0})
    start = Task(number=0, stage="explore", network=CNN(), training=Training(), seed=0).to_dict()
    journal.append("start", trial=start.pop("number"), parameters=1, macs=1, **start)
    rest = {"reason": "", "metrics": {"accuracy": 1.0}, "best_epoch": 2, "values": [1.0]}
    journal.append("end", trial=0, status="complete", epochs=2, seconds=7200, **rest)
    journal.close()
    assert main(["plan", "--of", "done", "--price", "3"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:8] == ["done:", "3", "trials", "of", "cnn,", "2", "at", "a"]
    (planned,) = [line for line in lines if line[:1] == ["explore"]]
    (actual,) = [line for line in lines if line[:2] == ["explore,", "actual"]]
    assert planned[1] == "3"
    assert actual[2:4] == ["1", "2"] and actual[5] == "2"  # trainings, epochs, core hours


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpus", "4"], "there is no GPU here to measure on"),
        (["--gpus", "4", "--gpu", "h9000"], "--gpu must be one of h200, "),
        (["--gpu", "h200"], "add --gpus N"),
        (["--gpus", "1", "--gpu", "h200", "--cores", "2"], "for --cores or for --gpus"),
        (["--cores", "1", "--cpus-per-trial", "2"], "plan for more of them"),
        (["--of", "nothing"], "nothing"),
        (["--trials", "0"], "--trials must be at least 1"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, refused, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert said in refused("plan", "--dataset", "generated", *WORDS, *arguments)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def studies(tmp_path, monkeypatch):
    """A folder with studies of before, and one whose architecture is its user's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(BEFORE, tmp_path / "studies")
    options = replace(OPTIONS, name="own", dataset="generated", data=DATA, trials=2).to_dict()
    journal = Journal(tmp_path / "studies/own")
    kept = {"name": "own", "objectives": [["accuracy", "max"]], "options": {**options, "space": "mine.py:Mine"}}
    journal.append("study", **kept, machine={"cpus": 2, "gpus": 0})
    journal.close()
    (tmp_path / "studies/own/space.py").write_text(OWN.read_text().replace("FAMILY", "planned"))
    return tmp_path


@pytest.mark.parametrize("name", ["old", "old-transfer", "own"])
def test_any_search_or_training_is_planned(studies, capsys, name):
    assert main(["plan", "--of", name, "--cores", "2"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")


def test_a_study_is_planned_with_more_trials_but_not_with_other_data(studies, capsys, refused):
    assert main(["plan", "--of", "old", "--cores", "2", "--trials", "7"]) == 0
    assert capsys.readouterr().out.startswith("old: 7 trials of mlp")
    assert "--dataset" in refused("plan", "--of", "old", "--dataset", "challenge")


def test_a_study_is_planned_by_its_folder_as_well(studies, capsys, monkeypatch):
    monkeypatch.chdir("studies/old")
    assert main(["plan", "--of", "."]) == 0
    assert capsys.readouterr().out.startswith("old: 4 trials of mlp")


def test_an_ablation_is_not_planned(studies, refused):
    assert "old-ablation is an ablation" in refused("plan", "--of", "old-ablation")
