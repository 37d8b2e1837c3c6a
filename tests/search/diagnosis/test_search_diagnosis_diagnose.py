"""``spectune diagnose`` on trained networks: of a study, an ablation, exports."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from spectune.search.cli.main import main
from spectune.search.records.journal import Journal
from spectune.search.records.study import read
from spectune.search.records.task import WEIGHTS, Task, stored
from spectune.spaces import CNN, Training
from spectune.spaces.saved import configs
from spectune.trainables.data import load
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

DATA = {"points": "500", "train": "20", "validation": "4"}
OPTIONS = [word for name, value in DATA.items() for word in ("--data", f"{name}={value}")]
SMALL = {"depth": 2, "filters": 8, "kernel_size": 9, "kernel_last": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the study ``tiny`` of the challenge, and the accuracy of each of its two seeds."""
    folder = tmp_path_factory.mktemp("diagnose")
    made(folder, "tiny", "challenge", DATA, candidates={"compact": 32}, epochs=8)
    study = read(folder / "studies/tiny")
    dataset = load("challenge", **DATA)
    accuracies = []
    for trial in study.confirmed()["compact"]:
        model = build(configs(trial.config)[0], len(dataset.axis), len(dataset.classes))
        model.load_state_dict(load_file(folder / "studies/tiny" / stored(trial.number, WEIGHTS)))
        right = predict(model, dataset.test).argmax(dim=1).numpy() == dataset.test.labels
        accuracies.append(right.mean())
    return folder, accuracies


@pytest.fixture
def tiny(folder, monkeypatch):
    monkeypatch.chdir(folder[0])
    return folder


@pytest.fixture
def here(tiny):
    return tiny[0]


@pytest.fixture(scope="module")
def export(folder):
    """The export of the study's best seed, and that seed's accuracy."""
    assert main(["export", "tiny", "--studies", str(folder[0] / "studies")]) == 0
    study = read(folder[0] / "studies/tiny")
    (line,) = study.exports
    return study.folder / line["folder"], folder[1][study.trials[line["trial"]].seed - 1]


def made(folder, name, source, options, *, candidates, epochs=1):
    """A study whose candidates were confirmed on the seeds 1 and 2, as an ablation leaves it."""
    dataset = load(source, **options)
    kept = {"digest": dataset.digest, "source": source, "options": options}
    study = folder / "studies" / name
    journal = Journal(study)
    journal.append("study", name=name, dataset=kept, objectives=[["accuracy", "max"]])
    every = ((candidate, width, seed) for candidate, width in candidates.items() for seed in (1, 2))
    for number, (candidate, width, seed) in enumerate(every):
        network, training = CNN(**SMALL, fc_width=width), Training(learning_rate=3e-3)
        *_, epoch = train(network, training, dataset.blind(), seed=seed, epochs=epochs)
        task = Task(number=number, stage="confirm", network=network, training=training, seed=seed, candidate=candidate)
        started = task.to_dict()
        journal.append("start", trial=started.pop("number"), parameters=1, macs=1, **started)
        ended = {"metrics": epoch.state["best"]["metrics"], "best_epoch": 1, "epochs": epochs, "seconds": 1}
        journal.append("end", trial=number, status="complete", reason="", values=None, **ended)
        (study / stored(number, WEIGHTS)).parent.mkdir(parents=True)
        save_file(epoch.state["best"]["model"], study / stored(number, WEIGHTS))
    journal.close()


def figures(page):
    found = re.findall(r'id="(plot-[\w-]+)".*?<script type="application/json">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def row(printed, name, nth=0):
    """The numbers in the nth line that starts with ``name``."""
    lines = [line for line in printed.splitlines() if line.strip().startswith(name)]
    return [float(number) for number in re.findall(r"\d+\.\d+", lines[nth])]


def test_a_study_stands_beside_its_ceiling(tiny, capsys):
    here, accuracies = tiny
    before = (here / "studies/tiny/journal.jsonl").read_bytes()
    assert main(["diagnose", "tiny"]) == 0
    printed = capsys.readouterr().out
    mean = np.mean(accuracies)
    assert 0.1 < mean < 1
    assert row(printed, "tiny: compact")[0] == pytest.approx(mean, abs=1e-4)
    assert row(printed, "ideal classifier") == pytest.approx([126 / 162, 1, 2 / 3, 2 / 3], abs=1e-4)
    assert load("challenge", **DATA).digest in printed and "test split" in printed
    errors = row(printed, "tiny: compact", 1)
    assert errors[0] == pytest.approx(162 * (1 - mean), abs=0.051)
    assert sum(errors[1:]) == pytest.approx(errors[0], abs=0.3)
    assert row(printed, "ideal classifier", 1) == [36, 0, 18, 18, 0, 0]
    assert (here / "studies/tiny/journal.jsonl").read_bytes() == before  # it is no part of the study

    drawn = figures((here / "diagnosis.html").read_text("utf-8"))
    assert {"plot-accuracy", "plot-errors", "plot-pair-0", "plot-map-0"} <= set(drawn)
    assert sum(trace["x"][0] for trace in drawn["plot-errors"]["data"]) == pytest.approx(162 * (1 - mean))


def test_an_export_is_a_model_like_another_with_the_data_of_its_study(here, export, capsys):
    pair = ("--pair", "height-1-a,height-1-b", "--peak", "1", "--out", "two.html")
    assert main(["diagnose", "tiny:compact", str(export[0]), *pair]) == 0
    printed = capsys.readouterr().out
    assert row(printed, f"tiny: {export[0].name}")[0] == pytest.approx(export[1], abs=1e-4)
    drawn = figures((here / "two.html").read_text("utf-8"))
    maps = [next(trace for trace in drawn[f"plot-map-{n}"]["data"] if trace["type"] == "heatmap") for n in (0, 1)]
    assert maps[0]["x"] == maps[1]["x"] and maps[0]["z"] != maps[1]["z"]


def test_an_export_elsewhere_needs_to_be_told_its_data(here, export, capsys):
    away = shutil.copytree(export[0], here / "away")
    assert refused(capsys, str(away)).startswith("spectune: an export outside its study does not say where its data is")
    assert "its digest is" in refused(capsys, str(away), "--dataset", "challenge", "--data", "points=400")
    validation = ("--split", "validation", "--out", "away.html")
    assert main(["diagnose", str(away), "--dataset", "challenge", *OPTIONS, *validation]) == 0
    assert "validation split of challenge" in capsys.readouterr().out


def test_candidates_of_an_ablation_are_chosen_by_name(here, capsys):
    generated = {"classes": "4", "points": "200", "train": "10", "noise": "0.1"}
    made(here, "ablated", "generated", generated, candidates={"reference": 32, "fc_width=16": 16})
    assert main(["diagnose", "ablated:reference", "ablated:fc_width=16", "--out", "a.html"]) == 0
    printed = capsys.readouterr().out
    assert row(printed, "ablated: reference") and row(printed, "ablated: fc_width=16")
    assert "ideal classifier (upper bound)" in printed
    assert "must be one of reference, fc_width=16, got 'nope'" in refused(capsys, "ablated:nope")


def test_measured_spectra_have_no_causes_and_the_page_says_so(here, capsys):
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 30)
    np.savez("m.npz", x=random.random((90, 120)) + np.eye(3, 120)[labels] / 2, y=labels, names=["u", "v", "w"])
    made(here, "measured", "m.npz", {}, candidates={"cnn2": 16})
    assert main(["diagnose", "measured", "--out", "m.html"]) == 0
    printed = capsys.readouterr().out
    assert "no ceiling: causes and a ceiling need a definition of the classes" in printed
    assert "least accurate classes" in printed and "ideal" not in printed
    assert "plot-map-0" not in figures((here / "m.html").read_text("utf-8"))
    assert "m has none: leave them out" in refused(capsys, "measured", "--pair", "u,v")


def test_several_labels_are_refused(here, capsys):
    mixed = {"classes": "4", "points": "200", "train": "5", "mixed": "2"}
    made(here, "mixed", "generated", mixed, candidates={"cnn2": 16})
    assert "one label per spectrum, generated has several" in refused(capsys, "mixed")


def test_networks_of_two_datasets_are_not_compared(here, capsys):
    made(here, "other", "generated", {"classes": "4", "points": "200", "train": "5"}, candidates={"cnn2": 16})
    assert "give networks of one dataset" in refused(capsys, "tiny", "other")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no study 'nope'"),
        (["."], "neither"),
        (["tiny:nope"], "a candidate of tiny must be one of compact, got 'nope'"),
        (["tiny", "--pair", "a,b"], "--pair takes two classes of challenge"),
        (["tiny", "--pair", "minor-1-a,minor-1-b", "--peak", "7"], "must be from 1 to 2"),
        (["tiny", "--data", "points=9"], "give --dataset as well"),
        (["tiny", "--dataset", "benchmark"], "its digest is"),
    ],
)
def test_bad_input_is_one_clear_line_before_anything_is_computed(here, capsys, arguments, said):
    assert said in refused(capsys, *arguments)


def refused(capsys, *arguments):
    assert main(["diagnose", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and captured.out == ""
    return captured.err
