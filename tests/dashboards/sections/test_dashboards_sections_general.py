from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spectune.dashboards.sections import general
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record


def test_every_trial_is_listed_with_its_records(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    study = record.read(folders["whole"])
    rows = {int(row[0]): row for row in pages["whole"].rows("trial", "stage")}
    assert set(rows) == set(study.trials)
    for number, trial in study.trials.items():
        row = rows[number]
        assert row[1] == trial.stage
        assert row[2].startswith(trial.status)
        assert row[4] == (f"{trial.values[0]:.4f}" if trial.values else "")
        assert row[5:8] == [str(trial.epochs), f"{trial.parameters:,}", f"{trial.seconds:.1f}"]
        assert f"depth = {trial.config['network']['depth']}," in row[-1]
    values = [row[4] for row in pages["whole"].rows("trial", "stage")]
    assert values == sorted(values, reverse=True)  # best first, without a value last


def test_everything_to_repeat_the_run_is_there(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    text = pages["whole"].text
    header = record.read(folders["whole"]).header
    assert header["command"] in text
    assert "Seed0" in text.replace("\n", "")  # also the seed 0
    assert header["dataset"]["digest"] in text
    assert "minor = 0.035" in text
    assert "4ec6c63a90b1, with uncommitted changes" in text
    assert all(f"{name} {version}" in text for name, version in header["versions"].items())
    assert "processor = x86_64" in text
    assert "1,350 train, 270 validation, 162 test" in text


def test_confused_spectra_that_cannot_be_read_are_told_in_words(
    summaries: dict[str, Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Any
) -> None:
    summary = summaries["whole"]
    monkeypatch.setattr(summary.study, "folder", tmp_path)
    page = shown(general.confused(summary))
    assert "confused.npz is missing or broken" in page.text
    assert ["class 09", "class 10", "14"] in page.rows("true class")


def test_a_seed_names_the_trial_that_it_confirms(summaries: dict[str, Summary], pages: dict[str, Any]) -> None:
    """A number of a trial is whole, also where no baseline has a name."""
    (winner, other) = summaries["two"].promoted
    names = {row[3] for row in pages["two"].rows("trial", "stage") if row[1] == "confirm"}
    assert names == {f"seed {seed} of trial {one}" for seed in (1, 2, 3) for one in (winner, other)}
