"""Tables with a spectrum a column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.files.folder import read_file
from spectune.trainables.data.files.reading import Reading

AXIS = np.linspace(400, 1000, 16).round(1)
VALUES = np.random.default_rng(4).random((8, 16)).round(3) * 100


def written(folder: Path, *rows: str, axis: np.ndarray = AXIS, separator: str = ",") -> str:
    """VALUES as columns below ``rows``."""
    lines = [separator.join(map(str, [x, *column])) for x, column in zip(axis, VALUES.T, strict=True)]
    path = folder / "mine.csv"
    path.write_text("\n".join([*(row.replace(",", separator) for row in rows), *lines]))
    return str(path)


def check(dataset: Dataset) -> None:
    """VALUES are there, the first four of class A."""
    assert dataset.classes == ("A", "B")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    for name in ("train", "validation", "test"):
        part = dataset.split(name)
        for spectrum, label in zip(part.batch(torch.arange(len(part))), part.labels, strict=True):
            row = int(np.abs(VALUES - spectrum.numpy()).sum(axis=1).argmin())
            np.testing.assert_allclose(spectrum, VALUES[row], rtol=1e-6)
            assert label == (row > 3)


NAMES = "A,A,A,A,B,B,B,B"


@pytest.mark.parametrize(
    "names", [NAMES, "A,A.1,A.2,A.3,B,B.1,B.2,B.3", "A_1,A_2,A_3,A_4,B_1,B_2,B_3,B_4", "A1,A2,A3,A4,B1,B2,B3,B4"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_classes_are_the_names_of_the_columns(tmp_path: Path, names: str, separator: str) -> None:
    dataset = load(written(tmp_path, f"wavenumber,{names}", separator=separator))
    check(dataset)
    assert dataset.axis.name == "wavenumber"
    assert (
        "axis wavenumber from column 1; intensities from columns 2 to 9; classes from the names" in dataset.description
    )


def test_rows_of_words_say_what_each_column_is(tmp_path: Path) -> None:
    rows = ("wavelength,s1,s2,s3,s4,s5,s6,s7,s8", f"class,{NAMES}", "patient,p1,p2,p3,p4,p5,p6,p7,p8")
    dataset = load(written(tmp_path, *rows), group="patient")
    check(dataset)
    assert dataset.axis.name == "wavelength"
    assert "8 groups by patient" in dataset.description


def test_a_row_of_units_below_the_names_is_passed_over(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, f"Wavelength,{NAMES}", "nm" + ",abs" * 8))
    check(dataset)
    assert "(absorbance)" in dataset.description
    assert (dataset.axis.name, dataset.axis.unit) == ("Wavelength", "nm")


def test_columns_of_different_names_are_read_without_classes(tmp_path: Path) -> None:
    spectra, axis, labels, rows = read(written(tmp_path, "wavenumber,ash,birch,cedar,fir,larch,oak,pine,yew"))
    np.testing.assert_allclose(spectra, VALUES)
    assert axis is not None
    np.testing.assert_allclose(axis.values, AXIS)
    assert (labels, rows[0]) == (None, "column 2")


def test_a_first_column_that_only_rises_is_asked_about(tmp_path: Path) -> None:
    path = written(tmp_path, f"name of nothing,{NAMES}")
    with pytest.raises(
        ValueError, match=r"mine\.csv: a spectrum must be .* 400 to 1000: give orient=columns if it is the"
    ):
        load(path)
    check(load(path, orient="columns"))
    with pytest.raises(ValueError, match="orient must be rows or columns, got 'down': change it"):
        load(path, orient="down")
    numbers = written(tmp_path)
    with pytest.raises(ValueError, match="give orient=columns"):
        read(numbers)
    bare = written(tmp_path, f"id,{','.join(f'V{n}' for n in range(8))}", axis=np.arange(100, 116))
    assert read(bare)[0].shape == (16, 8)


@pytest.mark.parametrize(
    "names",
    [
        ",1,1,1,1,2,2,2,2",  # classes as numbers, and nothing in the corner
        "wavenumber,1,2,3,4,5,6,7,8",
        "x,S1,S2,S3,S4,S5,S6,S7,S8",
        "concentration,V1,V2,V3,V4,V5,V6,V7,V8",
    ],
)
def test_names_that_only_count_do_not_say_what_a_rising_first_column_is(tmp_path: Path, names: str) -> None:
    path = written(tmp_path, names)
    with pytest.raises(ValueError, match=r"400 to 1000: give orient=columns if it is the axis"):
        read(path)
    table = read_file(Path(path), Reading(orient="columns"))
    np.testing.assert_allclose(table.spectra, VALUES)
    assert table.axis is not None
    np.testing.assert_allclose(table.axis.values, AXIS)
    assert (table.labels == list("11112222")) == names.startswith(",1,1")


def test_a_first_column_that_rises_beside_an_axis_in_the_header_is_none(tmp_path: Path) -> None:
    names = ",".join(f"{400 + 2.5 * n}" for n in range(8))
    spectra, axis, *_ = read(written(tmp_path, f"concentration,{names}"))
    np.testing.assert_allclose(spectra, VALUES.T)
    assert axis is not None
    np.testing.assert_allclose(axis.values, 400 + 2.5 * np.arange(8))
