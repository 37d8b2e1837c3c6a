"""``spectune export`` on a study whose weights are not there any more."""

from __future__ import annotations

import pytest
from safetensors.torch import save_file

from spectune.search.cli.main import main
from spectune.search.records.journal import Journal
from spectune.search.records.task import WEIGHTS, Task, stored
from spectune.spaces import CNN, Training
from spectune.trainables.data import load
from spectune.trainables.models import build

DATA = {"classes": "3", "points": "100", "train": "4", "validation": "2", "test": "2"}
NETWORK = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, fc_width=16)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The folder of a study with one confirmed trial, and the file with its weights."""
    monkeypatch.chdir(tmp_path)
    dataset = load("generated", **DATA)
    folder = tmp_path / "studies/s"
    journal = Journal(folder)
    kept = {"digest": dataset.digest, "source": "generated", "options": DATA}
    journal.append("study", name="s", dataset=kept, objectives=[["accuracy", "max"]])
    task = Task(number=0, stage="confirm", network=NETWORK, training=Training(), seed=1, candidate="compact")
    started = task.to_dict()
    journal.append("start", trial=started.pop("number"), parameters=1, macs=1, **started)
    found = {"metrics": {"accuracy": 0.5, "loss": 1.0}, "values": [0.5], "best_epoch": 1, "epochs": 1, "seconds": 1.0}
    journal.append("end", trial=0, status="complete", reason="", **found)
    journal.close()
    weights = folder / stored(0, WEIGHTS)
    weights.parent.mkdir(parents=True)
    save_file(build(NETWORK, len(dataset.axis), len(dataset.classes)).state_dict(), weights)
    return folder, weights


def test_missing_weights_are_said_in_one_line_with_the_cure(study, refused):
    study[1].unlink()
    line = refused("export", "s")
    assert line.startswith("spectune: a confirmed trial keeps its weights, there is no ")
    assert str(study[1].relative_to(study[0])) in line and "restore it" in line


def test_damaged_weights_are_said_in_one_line_with_the_cure(study, refused):
    study[1].write_bytes(study[1].read_bytes()[:100])
    line = refused("export", "s")
    assert str(study[1].relative_to(study[0])) in line and "damaged" in line and "restore it" in line


@pytest.mark.parametrize("damage", ["missing", "torn"])
def test_a_diagnosis_says_the_same(study, capsys, damage):
    study[1].write_bytes(study[1].read_bytes()[:100])
    if damage == "missing":
        study[1].unlink()
    assert main(["diagnose", "s"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert str(study[1].relative_to(study[0])) in line and "restore it" in line
