"""A user's own architecture in one file: what it takes, what is refused, and a whole study of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from spectune.search.records.study import read
from spectune.spaces import FAMILIES, SPACES
from spectune.trainables import own
from spectune.trainables.models import BUILDERS, build

MINE = (Path(__file__).parents[1] / "my_file.py").read_text()


@pytest.fixture
def registries():
    """The registries are as they were after the test."""
    before = [(registry, dict(registry)) for registry in (FAMILIES, SPACES, BUILDERS)]
    modules = set(sys.modules)
    yield
    for registry, items in before:
        registry.clear()
        registry.update(items)
    for name in set(sys.modules) - modules:
        if name.startswith("spectune_own_"):
            del sys.modules[name]


def written(folder, text=MINE, family="own_test"):
    path = folder / "my_file.py"
    path.write_text(text.replace("FAMILY", family))
    return path


@pytest.mark.usefixtures("registries")
def test_a_file_makes_a_family_and_a_space_known(tmp_path):
    space = f"{written(tmp_path)}:Mine"
    own.load(space)
    own.load(space)  # once more does no harm
    network = SPACES[space].propose(lambda _, domain: domain.options[1] if hasattr(domain, "options") else domain.low)
    assert (network.family, network.width, network.activation) == ("own_test", 8, "relu")
    assert sum(p.numel() for p in build(network, 50, 3).parameters()) == network.cost(50, 3).parameters
    assert FAMILIES["own_test"].from_dict(network.to_dict()) == network


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (MINE, "Other", "must define Other"),
        (MINE, "Network", "must define Network"),
        (MINE.replace("def build", "def make"), "Mine", "must define build"),
        (MINE.replace("FAMILY", "cnn"), "Mine", "family 'cnn', which exists"),
        (
            MINE.replace("nn.Tanh", "nn.Tanh").replace("from torch import nn", "import no_such_thing"),
            "Mine",
            "ModuleNotFound",
        ),
        ("def broken(:", "Mine", "SyntaxError"),
    ],
)
def test_what_a_file_lacks_is_one_clear_line(tmp_path, text, name, said):
    before = dict(FAMILIES)
    with pytest.raises(ValueError, match=said) as refusal:
        own.load(f"{written(tmp_path, text)}:{name}")
    assert "\n" not in str(refusal.value)
    if name == "Mine":
        assert before == FAMILIES


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        own.load(f"{tmp_path}/nope.py:Mine")


@pytest.mark.usefixtures("registries")
def test_a_study_keeps_its_architecture(tmp_path):
    path = written(tmp_path)
    folder = tmp_path / "study"
    folder.mkdir()
    own.keep(f"{path}:Mine", folder)
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises(ValueError, match="a study keeps its architecture"):
        own.load(f"{path}:Mine", folder)
    path.unlink()
    own.load(f"{path}:Mine", folder)  # the copy is enough
    assert "own_test" in FAMILIES


@pytest.mark.slow
def test_a_whole_study_of_an_own_architecture(tmp_path, spectune):
    written(tmp_path, family="mine")
    settings = ("classes=4", "points=200", "train=20", "validation=5", "test=5")
    data = [word for setting in settings for word in ("--data", setting)]
    small = ("--trials", "3", "--epochs", "2", "--seeds", "1", "--top", "1", "--baseline", "none")
    spectune(
        tmp_path, "search", "--space", "my_file.py:Mine", "--set", "activation=relu", "--name", "m",
        "--dataset", "generated", *data, *small,
    )  # fmt: skip
    study = read(tmp_path / "studies/m")
    assert study.finished
    assert {trial.config["network"]["family"] for trial in study.trials.values()} == {"mine"}
    assert {trial.config["network"]["activation"] for trial in study.trials.values()} == {"relu"}
    result = json.loads((tmp_path / "studies/m/result.json").read_text())
    assert result["commands"]["predict"].endswith("FILE --space my_file.py:Mine")

    (export,) = (tmp_path / "studies/m/exports").iterdir()
    np.savez(tmp_path / "new.npz", x=np.random.default_rng(0).random((2, 200)), y=[0, 1])
    refused = spectune(tmp_path, "predict", str(export), "new.npz", code=2)
    assert "got 'mine'; one of your own needs its file" in refused.stderr
    done = spectune(tmp_path, "predict", str(export), "new.npz", "--space", "my_file.py:Mine")
    assert len(done.stdout.splitlines()) == 2

    (tmp_path / "my_file.py").unlink()
    spectune(tmp_path, "search", "--resume", "--name", "m", "--trials", "4")
    assert len(read(tmp_path / "studies/m").stage("explore")) == 4
    spectune(tmp_path, "export", "m")
