"""The end of a study; whole studies are in the tests of launch, multilabel and own."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from spectune.search.records import Journal, Options, read
from spectune.search.session import finish
from spectune.trainables.data import load


@pytest.fixture
def full(monkeypatch):
    """``full()``: from now on every file gets half of what is written to it, and then the disk is full."""

    def fill():
        def half(self, data, *arguments, **more):
            with self.open("wb" if isinstance(data, bytes) else "w") as file:
                file.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        def torn(file, **arrays):
            (Path(file) if isinstance(file, str | Path) else Path(file.name)).write_bytes(b"PK")
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(finish.np, "savez", torn)
        monkeypatch.setattr(Path, "write_text", half)

    return fill


@pytest.fixture
def study(tmp_path):
    journal = Journal(tmp_path / "s")
    dataset = {"name": "d", "digest": "f00", "source": "d", "options": {}}
    journal.append("study", name="s", session=1, objectives=[["accuracy", "max"]], dataset=dataset, store="")
    yield read(tmp_path / "s"), journal
    journal.close()


def publish(study, journal):
    drawn = []
    options = Options(name="s", studies=str(study.folder.parent))
    finish.publish(options, study, journal, draw=lambda: drawn.append(1), seconds=1.0, driver=0.5)
    return drawn


def test_the_result_is_written_before_the_page_is_drawn_and_named_as_an_artifact(study):
    assert publish(*study) == [1]
    assert study[0].finished
    assert "artifact" in (study[0].folder / "journal.jsonl").read_text()


def test_what_has_no_confirmed_config_with_a_value_is_not_exported(study):
    with pytest.raises(ValueError, match="s has none: let the search end first"):
        finish.export_again(study[0].folder, 1)
    about = {"config": {}, "label": "cnn2", "seed": 1, "candidate": "cnn2", "parameters": 1, "macs": 1}
    found = {"status": "complete", "reason": "", "metrics": {"accuracy": None, "loss": 1.0}, "values": [None]}
    study[1].append("start", trial=0, stage="confirm", **about)
    study[1].append("report", trial=0, epoch=1, metrics=found["metrics"])
    study[1].append("end", trial=0, best_epoch=1, epochs=1, seconds=1.0, **found)
    with pytest.raises(ValueError, match="accuracy has no value on the validation split"):
        finish.export_again(study[0].folder, 1)


def test_a_full_disk_leaves_the_result_of_the_session_before(study, full, monkeypatch):
    publish(*study)
    before = (study[0].folder / "result.json").read_bytes()
    full()
    monkeypatch.setattr(Path, "write_bytes", Path.write_text)
    with pytest.raises(OSError, match="No space"):
        publish(*study)
    assert (study[0].folder / "result.json").read_bytes() == before
    assert not list(study[0].folder.glob("*.part"))


def test_a_full_disk_leaves_the_drawn_confusions_of_the_session_before(study, full):
    dataset = load("generated", classes=3, points=100, train=2, validation=2, test=2)
    true = dataset.test.labels
    found = [{"confused": [(0, 1, 2)], "predictions": np.where(true == 0, 1, true)}]
    finish._confused(study[0], dataset, found, draw=True)
    before = (study[0].folder / "confused.npz").read_bytes()
    full()
    with pytest.raises(OSError, match="No space"):
        finish._confused(study[0], dataset, found, draw=True)
    assert (study[0].folder / "confused.npz").read_bytes() == before
