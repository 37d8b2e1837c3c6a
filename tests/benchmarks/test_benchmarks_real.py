"""The command: it fetches into its cache, runs what is missing, and draws what there is."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import real
import record
import sets

from spectune.spaces.errors import InputError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one set, and results of its own."""
    chance = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = chance.normal(size=(60, 16)) + 5 * y[:, None] * np.linspace(0, 1, 16)
    arrays = sets.prepare(sets.Spectra(x=x, axis=np.arange(16.0), unit="nm", labels=[f"class {one}" for one in y]))
    (tmp_path / "sets").mkdir()
    np.savez(tmp_path / "sets" / "tissue.npz", allow_pickle=False, **arrays)
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(record, "HERE", tmp_path)
    monkeypatch.setattr(real.os, "sched_setaffinity", lambda *_: None, raising=False)
    return tmp_path


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["real.py", *words])
    real.main()


def test_a_run_is_recorded_once_and_drawn(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--set", "tissue", "--minutes", "1", "--cache", str(cache))
    for method in ("knn", "largest", "knn"):
        called(monkeypatch, *words, "--method", method)
    lines = [json.loads(line) for line in (cache / "results" / "real.jsonl").read_text().splitlines()]
    assert [line["method"] for line in lines] == ["knn", "largest"]
    assert {"machine", "commit", "date", "seconds", "chosen", "digest"} <= set(lines[0])
    called(monkeypatch, *words, "--method", "knn", "--seed", "1")
    assert len((cache / "results" / "real.jsonl").read_text().splitlines()) == 3
    capsys.readouterr()
    called(monkeypatch, "table", "--minutes", "1")
    printed = capsys.readouterr().out
    assert "| accuracy | mean rank | tissue |" in printed
    assert printed.index("nearest neighbours") < printed.index("always the largest class")


def test_other_spectra_are_run_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("run", "--set", "tissue", "--method", "largest", "--cache", str(cache))
    called(monkeypatch, *words)
    path = cache / "sets" / "tissue.npz"
    with np.load(path) as opened:
        arrays = dict(opened)
    np.savez(path, **arrays | {"split": np.roll(arrays["split"], 1)})
    called(monkeypatch, *words)
    assert len((cache / "results" / "real.jsonl").read_text().splitlines()) == 2


def test_a_set_that_was_not_fetched_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(monkeypatch, "run", "--set", "coffee", "--method", "largest", "--cache", str(cache))
    assert "coffee: left out, it is not in" in capsys.readouterr().out


def test_a_program_that_is_not_here_gives_no_row(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(monkeypatch, "run", "--set", "tissue", "--method", "autogluon", "--cache", str(cache))
    assert "run real.py fetch --autogluon" in capsys.readouterr().out
    assert not (cache / "results" / "real.jsonl").exists()


def test_a_wheel_is_unpacked_once_and_other_contents_are_left_out(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def pip(words: list[str], python: str = "") -> None:
        asked.append(words)
        folder = Path(words[words.index("-d") + 1])
        with zipfile.ZipFile(folder / "chemotools-0.5.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("chemotools/datasets/data/coffee_labels.csv", "labels\nBrasil\n")

    monkeypatch.setattr(real, "_pip", pip)
    monkeypatch.setattr(real, "use_readers", lambda _: None)
    for _ in range(2):
        called(monkeypatch, "fetch", "--set", "coffee", "--cache", str(cache))
    assert len(asked) == 1
    assert asked[0][-1] == "chemotools==0.5.0"
    assert capsys.readouterr().out.count("coffee: left out, the 1 files of chemotools must have the SHA-256") == 2
    assert not (cache / "sets" / "coffee.npz").exists()


def test_debian_packages_need_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="r-cran-pls must come by apt-get, which is not here"):
        real.unpacked(tmp_path, sets.SETS["gasoline"].package)
