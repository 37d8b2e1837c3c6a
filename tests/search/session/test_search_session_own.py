"""A study of a user's own architecture: what is refused before it begins, and a whole one on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spectune.search.records.study import read
from spectune.search.session.launch import resolve
from spectune.spaces import STANDARD

MINE = (Path(__file__).parents[1] / "my_file.py").read_text()


def written(folder, text=MINE, family="mine"):
    path = folder / "my_file.py"
    path.write_text(text.replace("FAMILY", family))
    return path


def test_an_edited_file_is_another_architecture_in_the_same_process(tmp_path):
    space = f"{written(tmp_path)}:Mine"
    given = {"space": space, "studies": str(tmp_path / "studies")}
    before, _ = resolve({**given, "name": "a"})
    written(tmp_path, MINE.replace("32,", "16,"))
    after, _ = resolve({**given, "name": "b"})
    widths = [one.catalogue.space(space).propose(lambda _, domain: None).width for one in (before, after)]
    assert widths == [32, 16]
    assert space not in STANDARD.spaces
    with pytest.raises(ValueError, match="--space must be one of"):
        resolve({"name": "c", "space": "mine"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINE.replace("ClassVar[str]", "str"), "family is none: declare it with hyper"),
        (MINE.replace(", self.width)", ")"), "Cost(parameters, macs, activations), it fails: TypeError"),
    ],
)
def test_a_file_that_cannot_work_is_refused_and_leaves_no_folder(tmp_path, monkeypatch, refused, text, said):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text)
    assert said in refused("search", "--space", "my_file.py:Mine", "--dataset", "generated", "--name", "refused")
    assert not (tmp_path / "studies").exists()


@pytest.mark.slow
def test_a_whole_study_of_an_own_architecture(tmp_path, spectune):
    written(tmp_path)
    settings = ("classes=4", "points=200", "train=20", "validation=5", "test=5")
    data = [word for setting in settings for word in ("--data", setting)]
    small = ("--trials", "3", "--epochs", "2", "--seeds", "1", "--top", "1", "--baseline", "none")
    spectune(
        tmp_path,
        "search",
        "--space",
        "my_file.py:Mine",
        "--set",
        "activation=relu",
        "--name",
        "m",
        "--dataset",
        "generated",
        *data,
        *small,
    )
    study = read(tmp_path / "studies/m")
    assert study.finished
    assert {trial.config["network"]["family"] for trial in study.trials.values()} == {"mine"}
    assert {trial.config["network"]["activation"] for trial in study.trials.values()} == {"relu"}
    result = json.loads((tmp_path / "studies/m/result.json").read_text())
    assert result["commands"]["predict"].endswith("FILE --space my_file.py:Mine")

    (export,) = (tmp_path / "studies/m/exports").iterdir()
    np.savez(tmp_path / "new.npz", x=np.random.default_rng(0).random((2, 200)), y=[0, 1])
    refused = spectune(tmp_path, "predict", str(export), "new.npz", code=2)
    assert "got 'mine': where it is one of your own, give its file as --space FILE.py:NAME" in refused.stderr
    done = spectune(tmp_path, "predict", str(export), "new.npz", "--space", "my_file.py:Mine")
    assert len(done.stdout.splitlines()) == 2

    (tmp_path / "my_file.py").unlink()
    spectune(tmp_path, "search", "--resume", "--name", "m", "--trials", "4")
    assert len(read(tmp_path / "studies/m").stage("explore")) == 4
    spectune(tmp_path, "export", "m")
