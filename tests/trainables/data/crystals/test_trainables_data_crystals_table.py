"""Structures are read once, and what is left out is counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data.crystals import table as module
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.table import read


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "spectune" / "crystals"


def test_a_table_holds_every_structure_with_its_strongest_line_at_one(folder: Path) -> None:
    table = read(folder, Conditions())
    assert len(table) == 10 and table.names[0] == "calcite"
    assert dict(zip(table.names.tolist(), table.systems.tolist(), strict=True))["rutile"] == "tetragonal"
    for start, end in zip(table.starts[:-1], table.starts[1:], strict=True):
        squares = (1.540593 / 2 * np.linalg.norm(table.vectors[start:end], axis=1)) ** 2
        powers = table.multiplicities[start:end] * (table.amplitudes[start:end].sum(axis=1) ** 2).sum(axis=1)
        strengths = powers * (1 + (1 - 2 * squares) ** 2) / (squares * np.sqrt(1 - squares))
        assert strengths.max() == pytest.approx(1, rel=1e-4)


def test_what_was_read_comes_from_the_cache_until_a_file_or_a_setting_changes(
    folder: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(folder, Conditions())
    (kept,) = cached.iterdir()
    with monkeypatch.context() as patch:
        patch.delattr(module, "reflections")  # nothing is computed again
        assert read(folder, Conditions(noise=0.5)).digest == first.digest
    read(folder, Conditions(wavelength="MoKa"))
    text = (folder / "halite.cif").read_text()
    (folder / "halite.cif").write_text(text.replace("5.6402", "5.65"))
    assert read(folder, Conditions()).digest != first.digest
    assert len(list(cached.iterdir())) == 3
    (folder / "halite.cif").write_text(text)
    kept.write_bytes(b"damaged")
    assert read(folder, Conditions()).digest == first.digest


def test_each_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    texts = module.texts
    monkeypatch.setattr(module, "texts", lambda path: (found.append(one[0]) or one for one in texts(path)))
    read(folder, Conditions())
    assert len(found) == 10


def test_the_digest_is_of_the_files_alone(folder: Path) -> None:
    """Sums differ in their last bits from machine to machine; a study may go on elsewhere."""
    first = read(folder, Conditions())
    assert read(folder, Conditions(wavelength="MoKa", vacancies=0.1)).digest == first.digest
    (folder / "halite.cif").rename(folder / "salt.cif")
    assert read(folder, Conditions()).digest != first.digest


def test_a_cache_that_cannot_be_written_is_only_said(
    folder: Path, cached: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cached.parent.parent.write_text("a file in its place")
    with caplog.at_level(logging.WARNING, "spectune"):
        assert len(read(folder, Conditions())) == 10
    assert "structures are read again next time" in caplog.text


def test_what_is_left_out_is_counted_with_its_reason_and_an_example(folder: Path, cif: Callable[..., str]) -> None:
    (folder / "halite.cif").write_text(cif("halite").replace("F m -3 m", "?"))
    (folder / "sylvite.cif").write_text(cif("sylvite").replace("F m -3 m", "?"))
    (folder / "quartz.cif").write_text("nothing")
    table = read(folder, Conditions())
    assert len(table) == 7
    assert table.left_out.tolist() == ["2 no space group, or an unknown one (halite)", "1 not readable as CIF (quartz)"]


def test_nothing_that_can_be_used_is_refused_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text("nothing")
    with pytest.raises(ValueError, match=r"a structure that can be used, got 1 not readable as CIF \(a\)"):
        read(tmp_path, Conditions())
    (tmp_path / "a.cif").unlink()
    with pytest.raises(ValueError, match=r"files that end in \.cif, got none"):
        read(tmp_path, Conditions())


def test_a_name_that_comes_again_is_numbered(tmp_path: Path, cif: Callable[..., str]) -> None:
    (tmp_path / "all.cif").write_text(cif("halite") + cif("quartz").replace("data_made", "data_MADE2"))
    (tmp_path / "all.CIF").write_text(cif("rutile"))
    assert read(tmp_path, Conditions()).names.tolist() == ["all", "all/made", "all/MADE2"]


def test_elements_are_kept_apart_where_they_may_be_missing(folder: Path) -> None:
    assert read(folder, Conditions()).amplitudes.shape[1] == 1
    assert read(folder, Conditions(vacancies=0.1)).amplitudes.shape[1] == 3  # calcite
