"""Sixty spectra: a study that validates on folds, from the command line to what it exports, and what it is made of."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch

from spectune.search.records import Journal, Options, Study, Task, read, stored
from spectune.search.records.ranking import ranking, scored
from spectune.search.session import ensemble, evaluate
from spectune.search.session.launch import divided, resolve
from spectune.search.workers import cluster
from spectune.search.workers.files import Folder, Resources
from spectune.spaces import MLP, Training
from spectune.spaces.saved import configs
from spectune.trainables import weights
from spectune.trainables.data import Folds, load
from spectune.trainables.ensemble import Pool
from spectune.trainables.metrics import score
from spectune.trainables.models import restored
from spectune.trainables.train import predict

BUDGET = ("--trials", "2", "--epochs", "3", "--top", "1", "--seeds", "2", "--max-params", "30k", "--concurrent", "2")


def write(path, count=60):
    """Spectra of three classes with a peak each."""
    random, y = np.random.default_rng(0), np.arange(count) % 3
    place = 20 + 30 * y[:, None] + random.normal(0, 1, (count, 1))
    x = 1 + np.exp(-((np.arange(120) - place) ** 2) / 20) + random.normal(0, 0.25, (count, 120))
    np.savez(path, x=x.astype(np.float32), y=y)
    return path


@pytest.fixture(scope="module")
def coffee(tmp_path_factory, spectune):
    """The folder of a study of 60 spectra with default options for folds, and what was said."""
    folder = tmp_path_factory.mktemp("coffee")
    write(folder / "coffee.npz")
    done = spectune(folder, "search", "--dataset", "coffee.npz", *BUDGET, "--baseline", "simple", "--name", "s")
    return folder, done


def alone(study):
    """The confirmed candidates but for the ensemble of them, if one was made."""
    return {candidate: trials for candidate, trials in study.confirmed().items() if candidate != "ensemble"}


@pytest.fixture
def answered(coffee):
    """The study, its dataset, and what its confirmed candidates answered to the spectra of each fold."""
    folder, _ = coffee
    study, dataset = read(folder / "studies/s"), load(str(folder / "coffee.npz"))

    def answers(trials):
        folds, found = Folds(dataset, 5), {}
        for trial in trials:
            fold = folds.fold(*trial.turn)
            network, _ = configs(trial.config)
            trained = weights.read(study.folder / stored(trial.number, "weights.safetensors"))
            logits = predict(restored(network, 120, 3, trained), fold.validation)
            found |= dict(zip(folds.validated(*trial.turn).tolist(), logits, strict=True))
        return torch.stack([found[row] for row in sorted(found)])

    return study, dataset, answers


def test_every_spectrum_but_those_of_the_blind_test_is_validated_on(answered):
    study, dataset, answers = answered
    labels = np.concatenate([dataset.train.labels, dataset.validation.labels])
    assert len(labels) == 51 and len(alone(study)) == 2
    for candidate, trials in alone(study).items():
        line = study.evaluations[candidate, "validation"]
        expected = score(answers(trials), torch.from_numpy(labels))
        assert sum(line["spectra"]) == 51 and line["spectra"] == np.bincount(labels).tolist()
        assert [one["accuracy"] for one in line["metrics"]] == [pytest.approx(expected["accuracy"])]
        assert sum(line["right"][0]) == round(51 * expected["accuracy"])
        found = scored(study, candidate, "validation")
        assert found["mean"] == pytest.approx(expected["accuracy"])
        assert found["values"] == [trial.metrics["accuracy"] for trial in trials]
        assert (found["low"], found["high"], found["over"]) == (*line["intervals"]["accuracy"], "spectra")
        assert found["low"] < found["mean"] <= found["high"]


def test_what_was_trained_on_which_fold_is_in_the_journal(coffee):
    study = read(coffee[0] / "studies/s")
    assert (study.header["options"]["folds"], study.header["options"]["seeds"]) == (5, 5)
    for trial in (*study.stage("explore"), *study.stage("simple")):
        assert (trial.folds, trial.turn) == (5, (0, 1, 2, 3, 4))
    for trials in alone(study).values():
        assert [(trial.seed, trial.turn) for trial in trials] == [(seed, (seed - 1,)) for seed in range(1, 6)]
    assert study.header["dataset"]["largest"]["validation"]["share"] == pytest.approx(17 / 51)


def test_it_is_said_and_everything_made_of_it_holds_together(coffee, checkout, mlflow_runs, refused, monkeypatch):
    folder, done = coffee
    assert "validation on 5 folds of 51 spectra instead of 9 of them" in done.stderr
    assert "5 seeds instead of 2: each repeat of 5 folds takes so many" in done.stderr
    assert "over spectra, 5 seeds on 5 folds" in done.stdout
    assert "the blind test has only 9 spectra; --test-folds 5 searches five times and tests on all 60" in done.stderr
    assert "the mean on 5 folds of the spectra for training" in (folder / "studies/s/report.html").read_text()
    found = json.loads((folder / "studies/s/result.json").read_text())
    jsonschema.validate(found, json.loads((checkout / "docs/result.schema.json").read_text()))
    best = found["confirmed"][0]
    assert len(best["test"]["values"]) == len(best["validation"]["values"]) == 5
    assert mlflow_runs(folder, "s")["study"].data.metrics["final/accuracy"] == pytest.approx(best["validation"]["mean"])
    (export,) = (folder / "studies/s/exports").iterdir()
    assert "validated on one of 5 folds" in (export / "README.md").read_text()
    monkeypatch.chdir(folder)
    for what in ("s", export):
        assert "use --split test" in refused("diagnose", what, "--split", "validation")


@pytest.mark.slow
def test_more_seeds_are_another_repeat_on_other_folds(coffee, spectune, answered):
    folder, _ = coffee
    spectune(folder, "search", "--resume", "--name", "s", "--seeds", "8")
    study, (_, dataset, answers) = read(folder / "studies/s"), answered
    labels = torch.from_numpy(np.concatenate([dataset.train.labels, dataset.validation.labels]))
    for candidate, trials in alone(study).items():
        assert [trial.turn for trial in trials] == [(number,) for number in range(10)]
        line = study.evaluations[candidate, "validation"]
        expected = [score(answers(some), labels)["accuracy"] for some in (trials[:5], trials[5:])]
        assert [one["accuracy"] for one in line["metrics"]] == pytest.approx(expected)
        assert line["over"] == "repeats and spectra"
    means = [scored(study, candidate, "validation")["mean"] for candidate, _ in ranking(study)]
    assert means == sorted(means, reverse=True)


def test_an_ensemble_on_folds_is_of_whole_repeats_by_what_their_networks_had_not_seen(coffee, answered, monkeypatch):
    """The pool that it is selected from has the answers that the confirmation is ranked by."""
    (study, dataset, answers), pools = answered, []
    options, _ = resolve({"studies": str(coffee[0] / "studies"), "name": "s", "resume": True})

    def select(pool):
        pools.append(pool)
        return np.array([2, 1])

    monkeypatch.setattr(Pool, "select", lambda pool, rows=None: select(pool))
    monkeypatch.setattr(ensemble._Making, "_record", lambda *_: None)
    monkeypatch.setattr(ensemble._Making, "_keep", lambda _, task, members, above: kept.append(members))
    kept = []
    resources = Resources(Folder(study.folder.absolute()), 1.0, 0.0)
    trials = [some[:5] for some in alone(study).values()]
    selection = ensemble._Making(options, study, None, dataset, resources).select(trials)
    assert not selection["reason"] and selection["error"] == 0  # all 51 spectra are right
    assert [(one.trial, one.weight) for one in kept[0]] == [
        (trial.number, weight) for some, weight in zip(trials, (2, 1), strict=True) for trial in some
    ]
    for at, some in enumerate(trials):
        torch.testing.assert_close(pools[0].logits[at], answers(some))
    assert len(pools[0].labels) == 51
    selection = ensemble._Making(options, study, None, dataset, resources).select([trials[0], trials[1][:4]])
    assert selection["trial"] is None and "there are fewer" in selection["reason"]


# What it is made of ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return load(str(write(tmp_path_factory.mktemp("few") / "few.npz")))


@pytest.mark.parametrize(
    ("given", "folds", "seeds"), [((None, 5), 5, 5), ((None, 6), 5, 10), ((4, 3), 4, 4), ((0, 3), 0, 3)]
)
def test_seeds_are_whole_repeats_and_folds_are_as_asked_or_by_size(few, caplog, given, folds, seeds):
    options = Options(name="s", folds=given[0], seeds=given[1])
    with caplog.at_level(logging.WARNING, logger="spectune"):
        found = divided(options, few)
    assert (found.folds, found.seeds) == (folds, seeds)
    assert bool(caplog.records) == (given[1] != seeds)
    assert divided(found, few) == found


def test_folds_that_cannot_be_are_refused_before_a_study_begins(few, tmp_path, refused):
    with pytest.raises(ValueError, match=r"no more than the rarest class has spectra, 17 of '0', got 18"):
        divided(Options(name="s", folds=18), few)
    little = ("--dataset", "generated", "--data", "classes=3", "--data", "points=100", "--studies", str(tmp_path))
    assert "--folds divides measured spectra, those of generated are made by a recipe" in refused(
        "search", *little, "--folds", "3", "--trials", "1", "--epochs", "1", "--baseline", "none"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_search_of_before_folds_goes_on_without_them(few, tmp_path):
    new, _ = resolve({"dataset": "few.npz", "studies": str(tmp_path), "name": "new"})
    assert new.folds is None and divided(new, few).folds == 5
    journal = Journal(tmp_path / "old")
    old = {key: value for key, value in new.to_dict().items() if key != "folds"}
    header = {"session": 1, "objectives": [["accuracy", "max"]], "dataset": {}, "store": ""}
    journal.append("study", name="old", options={**old, "name": "old"}, **header)
    config = {"network": {"family": "cnn"}, "training": {}}
    about = {"stage": "explore", "label": "", "seed": 0, "candidate": None, "parameters": 1, "macs": 1}
    journal.append("start", trial=0, config=config, **about)
    journal.close()
    resumed, before = resolve({"resume": True, "studies": str(tmp_path), "name": "old"})
    assert resumed.folds == 0 and divided(resumed, few) == resumed
    assert (before.trials[0].folds, before.trials[0].turn, before.trials[0].trainings) == (0, (), 1)
    with pytest.raises(ValueError, match="a resumed study keeps its --folds, it is 0, got 5"):
        resolve({"resume": True, "studies": str(tmp_path), "name": "old", "folds": 5})


def test_repeats_that_lack_a_fold_are_left_out_unless_all_do(trial):
    trials = [replace(trial(number, 0.5, stage="confirm"), folds=3, turn=(number,)) for number in range(6)]

    def found(*missing):
        kept = [one for one in trials if one.number not in missing]
        return [[one.number for one in some] for some in evaluate.repeats(kept, 3)]

    assert found() == [[0, 1, 2], [3, 4, 5]]
    assert found(4) == [[0, 1, 2]]
    assert found(0, 1, 4) == [[3, 5]]


class Known(torch.nn.Module):
    """Says of every spectrum the class that its first point is nearest to, but for one that it is told."""

    def __init__(self, wrong):
        super().__init__()
        self.wrong = wrong

    def forward(self, spectra):
        labels = spectra[:, 0].round().long()
        labels = torch.where(spectra[:, 1].round() == self.wrong, 1 - labels, labels)
        return torch.eye(2)[labels]


def test_answers_on_folds_are_put_together_in_one_order(tmp_path, monkeypatch):
    """Repeats meet the spectra in other folds, and pair them all the same: groups in blocks, each spectrum once."""
    people = np.repeat(np.arange(12), 5)
    x = np.zeros((60, 12))
    x[:, 0], x[:, 1] = people % 2, np.arange(60)
    np.savez(tmp_path / "people.npz", x=x, y=people % 2, group=people)
    dataset = load(str(tmp_path / "people.npz"))
    wrong = int(dataset.train.batch(torch.tensor([3]))[0, 1])
    monkeypatch.setattr(cluster, "restored", lambda *_, **__: Known(wrong))
    monkeypatch.setattr(cluster, "unpacked", lambda *_: {})
    tasks = [
        Task(number=n, stage="confirm", network=MLP(), training=Training(), seed=n, folds=4, turn=(n,))
        for n in range(8)
    ]
    resources = Resources(Folder(tmp_path), 1.0, 0.0)
    first, second = cluster.evaluate(
        [tasks[:4], tasks[4:]], dataset=dataset, split="validation", resources=resources, sure=["accuracy"]
    )
    labels = np.concatenate([dataset.train.labels, dataset.validation.labels])
    for found in (first, second):
        np.testing.assert_array_equal(found["truth"], labels)
        assert np.flatnonzero(~found["right"]).tolist() == [3]
        assert len(found["pseudo"]["accuracy"].values) == found["pseudo"]["accuracy"].units == 10
    np.testing.assert_allclose(first["pseudo"]["accuracy"].values, second["pseudo"]["accuracy"].values)


def test_a_candidate_is_ranked_by_all_its_answers_once_they_were_put_together(trial):
    study = Study(folder=None)
    study.sessions.append({"name": "s", "objectives": [["accuracy", "max"]], "options": {"folds": 2}})
    values = {"a": (1.0, 0.5), "b": (0.8, 0.6)}
    for candidate, row in values.items():
        for seed, value in enumerate(row):
            number = len(study.trials)
            one = trial(number, value, stage="confirm", seed=seed, candidate=candidate)
            study.trials[number] = replace(one, folds=2, turn=(seed,))
    assert [candidate for candidate, _ in ranking(study)] == ["a", "b"]
    for candidate, numbers, pooled in (("a", [0, 1], 0.6), ("b", [2, 3], 0.7)):
        line = {"trials": numbers, "seeds": [0, 1], "metrics": [{"accuracy": pooled}], "folds": 2, "over": "spectra"}
        study.evaluations[candidate, "validation"] = {**line, "intervals": {"accuracy": [0.5, 0.9]}}
    assert [candidate for candidate, _ in ranking(study)] == ["b", "a"]
    found = scored(study, "b", "validation")
    assert (found["mean"], found["values"], found["low"], found["over"]) == (0.7, [0.8, 0.6], 0.5, "spectra")
