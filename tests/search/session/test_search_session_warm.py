"""A study that starts from the export of another one: whole, on the command line, on a real Ray."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file

from spectune.search.records.study import read
from spectune.search.session.launch import resolve
from spectune.spaces import CNN, KNOWN, Training
from spectune.trainables.data import load
from spectune.trainables.export import write
from spectune.trainables.train import train

SOURCE = {"classes": "6", "points": "200", "train": "20", "validation": "4"}
TARGET = ("--data", "classes=4", "--data", "points=150", "--data", "train=5", "--data", "validation=4")
SMALL = ("--dataset", "generated", "--epochs", "2", "--seeds", "1")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder with an export of the study ``source``."""
    folder = tmp_path_factory.mktemp("warm")
    network = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, fc_width=32)
    dataset = load("generated", **SOURCE)
    *_, epoch = train(network, Training(), dataset, seed=1, epochs=2)
    weights, numbers = epoch.state["best"]["model"], {"study": "source"}
    write(folder / "export", network=network, training=Training(), weights=weights, dataset=dataset, numbers=numbers)
    return folder, folder / "export"


def kept(weights, export):
    """Names of the tensors that are those of the export."""
    before = load_file(export / "weights.safetensors")
    return {name for name, tensor in weights.items() if name in before and tensor.equal(before[name])}


def test_a_search_starts_every_trial_from_an_export_and_records_it(source, spectune):
    folder, export = source
    moved = shutil.copytree(export, folder / "moved")
    init = ("--init-from", str(moved), "--set", "freeze=2", "--vary", "init")
    few = ("--trials", "3", "--top", "1", "--baseline", "none")
    spectune(folder, "search", *init, *few, *SMALL, *TARGET, "--name", "t")
    shutil.rmtree(moved)  # the study has its own copy
    spectune(folder, "search", "--resume", "--name", "t", "--trials", "6")
    study = read(folder / "studies/t")
    original = json.loads((export / "config.json").read_text())
    trials = study.stage("explore")
    assert len(trials) == 6
    assert {json.dumps(trial.config["network"]) for trial in trials} == {json.dumps(original["network"])}
    assert {trial.config["training"]["init"] for trial in trials} & {"backbone", "network"}
    convolutions = {name for name, tensor in load_file(export / "weights.safetensors").items() if tensor.ndim == 4}
    for trial in study.stage("confirm"):
        start = trial.config["training"]["init"]
        weights = load_file(study.folder / f"trials/{trial.number:04d}/weights.safetensors")
        assert (convolutions <= kept(weights, export)) == (start != "scratch")
    about = study.header["init"]
    assert about["study"] == "source"
    assert about["dataset"]["digest"] == original["dataset"]["digest"]
    new = study.folder / study.exports[-1]["folder"]
    assert json.loads((new / "config.json").read_text())["numbers"]["started_from"] == about


def test_a_warm_start_is_a_known_network_of_its_own_study_alone(source):
    folder, export = source
    place = {"studies": str(folder / "none")}
    before = dict(KNOWN)
    warm, _ = resolve({"name": "warm", "init_from": str(export), "start_from": ["transfer"], **place})
    assert warm.catalogue.known["transfer"].network.filters == 8
    later, _ = resolve({"name": "later", "space": "cnn", **place})
    assert "transfer" not in later.catalogue.known
    assert before == KNOWN
    with pytest.raises(ValueError, match="--start-from must be one of"):
        resolve({"name": "later", "space": "cnn", "start_from": ["transfer"], **place})


@pytest.mark.slow
def test_training_outright_from_an_export_needs_no_model(source, spectune):
    folder, export = source
    small = ("--dataset", "generated", "--epochs", "2", "--baseline", "none", *TARGET)
    spectune(folder, "train", "--init-from", str(export), *small, "--name", "once", "--set", "freeze=10")
    (trial,) = read(folder / "studies/once").stage("confirm")
    assert (trial.config["training"]["init"], trial.label) == ("backbone", "transfer")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", "--init-from", "EXPORT", "--set", "filters=9"), "--set cannot change filters"),
        (("search", "--init-from", "EXPORT", "--space", "mlp"), "keeps the network of its export, a cnn"),
        (("search", "--init-from", "nowhere"), "an export is a folder, got nowhere"),
        (("train", "cnn2", "--init-from", "EXPORT"), "be left out with --init-from, got 'cnn2'"),
        (("train",), "a model must be one of"),
        (("search", "--set", "init=backbone"), "give --init-from EXPORT"),
    ],
)
def test_what_does_not_fit_an_export_is_refused_in_one_line(source, monkeypatch, refused, arguments, said):
    folder, export = source
    monkeypatch.chdir(folder)
    given = [export if word == "EXPORT" else word for word in arguments]
    assert said in refused(*given, "--dataset", "generated", *TARGET, "--name", "refused")
    assert not (folder / "studies/refused").exists()
