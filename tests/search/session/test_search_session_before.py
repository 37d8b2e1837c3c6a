"""Studies that were made before journals had a format number (spectune 0.1.0): they are read, reported, and go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from spectune.dashboards import report
from spectune.search.records import Options, read

BEFORE = Path(__file__).parent / "before"
NAMES = ("old", "old-ablation", "old-transfer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with copies of the studies."""
    folder = tmp_path_factory.mktemp("before")
    shutil.copytree(BEFORE, folder / "studies")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_study_of_before_is_read_and_reported(folder, name):
    study = read(folder / "studies" / name)
    assert study.finished
    assert "format" not in study.header
    assert all(trial.status == "complete" for trial in study.stage("confirm"))
    assert Options.from_dict(study.header["options"]).name == name
    assert report.main([str(study.folder)]) == 0
    assert name in (study.folder / "report.html").read_text()


def test_a_search_of_before_goes_on_and_is_exported(folder, spectune):
    before = read(folder / "studies/old")
    spectune(folder, "search", "--resume", "--name", "old", "--trials", "6")
    study = read(folder / "studies/old")
    assert study.finished
    assert [one.get("format") for one in study.sessions] == [None, 3]
    assert len(before.stage("explore")) == 4
    assert len(study.stage("explore")) == 6
    assert all(study.trials[number].config == trial.config for number, trial in before.trials.items())
    for path in (folder / "studies/old/exports").iterdir():
        shutil.rmtree(path)
    spectune(folder, "export", "old", "--top", "2")
    ranks = [path.name[0] for path in (folder / "studies/old/exports").iterdir()]
    assert sorted(ranks) == ["1", "2"]


@pytest.mark.slow
def test_an_ablation_of_before_gets_more_seeds(folder, spectune):
    spectune(folder, "ablate", "--resume", "--name", "old-ablation", "--seeds", "3")
    study = read(folder / "studies/old-ablation")
    assert study.finished
    assert {len(trials) for trials in study.confirmed().values()} == {3}
    assert {len(row["seeds"]) for row in study.comparisons["validation"]["rows"]} == {3}
    result = json.loads((study.folder / "result.json").read_text())
    assert result["ablation"]["comparisons"]["validation"]["rows"]
