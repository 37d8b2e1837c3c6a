from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read

AXIS = np.linspace(10, 20, 21)


def spectrum(
    folder: Path, name: str, axis: Iterable[float] = AXIS, *, line: str = "{0} {1}", head: str = "", scale: float = 2.0
) -> Path:
    """A file of a straight line, scale times the axis."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "\n".join(line.format(float(x), float(x) * scale) for x in axis) + "\n")
    return path


def classes(folder: Path, **options: Any) -> str:
    for number in range(4):
        for name in ("calcite", "quartz"):
            spectrum(folder / "mine", f"{name}/{number}.txt", **options)
    return str(folder / "mine")


def refused(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(source)
    assert "\n" not in str(error.value)


def test_a_folder_per_class_is_a_dataset(tmp_path: Path) -> None:
    dataset = load(classes(tmp_path, head="Wavenumber (1/cm) Absorbance\n"))
    assert dataset.classes == ("calcite", "quartz")
    assert (dataset.axis.name, dataset.axis.unit) == ("Wavenumber", "1/cm")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [4, 2, 2]
    np.testing.assert_allclose(dataset.train.batch(torch.tensor([0]))[0], 2 * AXIS, rtol=1e-6)


@pytest.mark.parametrize(
    "line", ["{0}\t{1}", "{0},{1}", "{0}, {1}", "{0};{1}", "  {0}   {1}  ", "{0} {1} 0.5", "{0}\t{1}\t", "{0:e} {1:e}"]
)
def test_two_columns_may_be_written_in_many_ways(tmp_path: Path, line: str) -> None:
    head = "# instrument\n\nRun 7 of Monday\nx y\n"
    dataset = load(classes(tmp_path, line=line, head=head))
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    np.testing.assert_allclose(dataset.train.batch(torch.tensor([0]))[0], 2 * AXIS, rtol=1e-6)


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_row_numbers_that_have_no_name_are_not_the_axis(tmp_path: Path, name: str) -> None:
    source = Path(classes(tmp_path, line="{0},{1}", head=f"{name},wavenumber (1/cm),intensity\n"))
    for path in source.rglob("*.txt"):
        head, *lines = path.read_text().splitlines()
        path.write_text("\n".join([head, *(f"{number},{line}" for number, line in enumerate(lines))]))
    dataset = load(str(source))
    assert (dataset.axis.name, dataset.axis.unit) == ("wavenumber", "1/cm")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    np.testing.assert_allclose(dataset.train.batch(torch.tensor([0]))[0], 2 * AXIS, rtol=1e-6)


@pytest.mark.parametrize("separator", [" ", "\t", ";"])
def test_two_columns_may_have_decimal_commas(tmp_path: Path, separator: str) -> None:
    source = Path(classes(tmp_path))
    for path in source.rglob("*.txt"):
        path.write_text(path.read_text().replace(" ", separator).replace(".", ","))
    dataset = load(str(source))
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    np.testing.assert_allclose(dataset.train.batch(torch.tensor([0]))[0], 2 * AXIS, rtol=1e-6)


def test_folders_called_after_splits_keep_them(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        for name in ("calcite", "quartz"):
            for number in range(count):
                spectrum(tmp_path / "mine", f"{split}/{name}/{number}.xy")
    dataset = load(str(tmp_path / "mine"))
    assert dataset.classes == ("calcite", "quartz")
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [10, 4, 6]


def test_files_on_other_axes_are_resampled_to_the_common_range(tmp_path: Path) -> None:
    source = Path(classes(tmp_path))
    spectrum(source, "quartz/fine.txt", np.linspace(9, 19, 401))
    spectrum(source, "calcite/falling.txt", np.linspace(21, 11, 41))
    dataset = load(str(source))
    assert dataset.axis.values[0] == 11
    assert dataset.axis.values[-1] == 19
    assert len(dataset.axis) == 17  # what the usual file has between 11 and 19
    for name in ("train", "validation", "test"):
        split = dataset.split(name)
        for row in split.batch(torch.arange(len(split))):
            np.testing.assert_allclose(row, 2 * dataset.axis.values, rtol=1e-6)
    assert "resampled to the common range 11 to 19" in dataset.description


def test_equal_falling_axes_are_kept_as_they_are(tmp_path: Path) -> None:
    dataset = load(classes(tmp_path, axis=AXIS[::-1]))
    np.testing.assert_allclose(dataset.axis.values, AXIS[::-1])


@pytest.mark.parametrize(("low", "high"), [(100, 110), (19, 29), (1, 11)])
def test_a_file_that_shares_too_little_is_named(tmp_path: Path, low: float, high: float) -> None:
    source = Path(classes(tmp_path))
    spectrum(source, "quartz/far.txt", np.linspace(low, high, 21))
    refused(str(source), rf"far\.txt must share half of the usual range .* got {low} to {high}: remove the file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("words only\nand more\n", "must hold two columns of numbers"),
        ("", "no line that is not blank or a comment"),
        ("1 2\n2 3\n2 4\n3 5\n1 5\n", r"line 5: the axis must be finite and only rise or only fall, got 1 after 3"),
        ("1 2\n2 x\n", "line 2: an intensity must be a number, got 'x'"),
        ("1 2\n2\n", "line 2: a line must have two columns, axis and intensity, got 1"),
        ("1 2 3 4\n2 3 4 7\n", "columns of axis and intensities must be clear, got column 1, .*: give columns=0,1"),
        ("1 2\nnan 2\n", "line 2: the axis must be a number, got 'nan'"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    source = Path(classes(tmp_path))
    (source / "quartz" / "bad.txt").write_text(content)
    refused(str(source), f"bad.txt.*{message}")


def test_a_missing_intensity_is_named_with_its_file(tmp_path: Path) -> None:
    source = Path(classes(tmp_path, line="{0};{1}"))
    path = source / "quartz" / "2.txt"
    path.write_text(path.read_text().replace(";24.0", ";"))
    refused(str(source), r"quartz.2\.txt, at 12: an intensity must be a finite number, got a missing value")


def test_folders_that_are_no_dataset_are_refused(tmp_path: Path) -> None:
    refused(str(tmp_path), "must hold two-column text files")
    spectrum(tmp_path, "a.txt")
    refused(str(tmp_path), "got one spectrum")
    spectrum(tmp_path, "b.txt")
    refused(str(tmp_path), "got no labels")
    spectrum(tmp_path, "quartz/a.txt")
    spectrum(tmp_path, "calcite/a.txt")
    refused(str(tmp_path), "class 'calcite' must have 3 or more spectra")
    with pytest.raises(ValueError, match="label must be left away for a folder"):
        load(str(tmp_path), label="x")


def test_a_class_without_readable_files_is_not_passed_over(tmp_path: Path) -> None:
    source = Path(classes(tmp_path))
    (source / "rutile").mkdir()
    (source / "rutile" / "a.png").write_bytes(b"\x00")
    refused(str(source), r"rutile must hold two-column text files \(.txt, .* got 1 other files: convert them")


@pytest.mark.parametrize(
    ("head", "name", "unit"),
    [
        ("# Shift (1/cm) Counts\n", "Shift", "1/cm"),
        ("# measured on a Monday\n", "position", ""),
        ("Date: Monday\n", "position", ""),
        ("2Theta Counts\n", "2Theta", ""),
        ("", "position", ""),
    ],
)
def test_the_axis_is_called_by_its_header(tmp_path: Path, head: str, name: str, unit: str) -> None:
    axis = load(classes(tmp_path, head=head)).axis
    assert (axis.name, axis.unit) == (name, unit)


def test_hidden_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    source = Path(classes(tmp_path))
    (source / ".git").mkdir()
    (source / "quartz" / ".hidden.txt").write_text("x")
    (source / "quartz" / "photo.png").write_bytes(b"\x00")
    assert load(str(source)).digest == load(classes(tmp_path / "clean")).digest
    assert "ignored 1 other files" in load(str(source)).description


def test_read_takes_a_folder_of_files_to_classify(tmp_path: Path) -> None:
    spectrum(tmp_path, "b.txt", scale=3.0)
    spectrum(tmp_path, "a.txt")
    spectra, axis, labels, names = read(tmp_path)
    assert names == ["a.txt", "b.txt"]
    assert labels is None
    assert axis is not None
    np.testing.assert_allclose(spectra, np.stack([2 * AXIS, 3 * AXIS]))


def tables(folder: Path, names: dict[str, int], *, label: bool = False) -> str:
    """A table of spectra for each name, from a seed, with a column of labels where asked."""
    folder.mkdir(exist_ok=True)
    for name, seed in names.items():
        values = np.random.default_rng(seed).random((6, len(AXIS))).round(3)
        lines = [[*(["label"] if label else []), *AXIS]]
        lines += [[*(["ab"[row % 2]] if label else []), *values[row]] for row in range(6)]
        (folder / name).write_text("\n".join(",".join(map(str, line)) for line in lines))
    return str(folder)


def test_a_table_per_class_is_a_dataset(tmp_path: Path) -> None:
    dataset = load(tables(tmp_path / "mine", {"quartz.csv": 1, "calcite.csv": 2}))
    assert dataset.classes == ("calcite", "quartz")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    assert "classes from the names of the files" in dataset.description
    quartz = np.random.default_rng(1).random((6, len(AXIS))).round(3)
    for name in ("train", "validation", "test"):
        part = dataset.split(name)
        for spectrum, number in zip(part.batch(torch.arange(len(part))), part.labels, strict=True):
            assert (np.abs(quartz - spectrum.numpy()).sum(axis=1).min() < 1e-4) == (number == 1)


def test_tables_in_folders_of_classes_and_tables_that_are_splits_are_read(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    tables(source / "quartz", {"a.csv": 1, "b.csv": 2})
    tables(source / "calcite", {"a.csv": 3})
    dataset = load(str(source))
    assert dataset.classes == ("calcite", "quartz")
    assert len(dataset.train) + len(dataset.validation) + len(dataset.split("test")) == 18
    splits = load(tables(tmp_path / "splits", {"train.csv": 1, "test.csv": 2}, label=True))
    assert [len(splits.split(name)) for name in ("train", "validation", "test")] == [4, 2, 6]
    assert splits.classes == ("a", "b")


def test_files_in_different_quantities_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = Path(classes(tmp_path, head="Wavenumber (1/cm) Absorbance\n"))
    assert "intensities from Absorbance (absorbance); classes" in load(str(source)).description
    assert "quantities" not in caplog.text
    for path in (source / "quartz").glob("*.txt"):
        path.write_text(path.read_text().replace("Absorbance", "%T"))
    assert "(absorbance" not in load(str(source)).description
    assert "4 in absorbance (such as calcite/0.txt), 4 in % transmittance (such as quartz/0.txt)" in caplog.text


def test_a_test_set_in_another_quantity_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = classes(tmp_path, head="Wavenumber (1/cm) Absorbance\n")
    load(source, test=classes(tmp_path / "theirs", head="Wavenumber (1/cm) %T\n"))
    assert "mine is in absorbance, " in caplog.text
    assert "in % transmittance: convert one of them" in caplog.text


def test_files_on_axes_of_different_units_are_refused(tmp_path: Path) -> None:
    source = Path(classes(tmp_path, head="Wavenumber (1/cm) Absorbance\n"))
    spectrum(source, "quartz/2.txt", head="Wavelength (nm) Absorbance\n")
    refused(
        str(source),
        r"quartz/2\.txt must be on the axis of .*calcite/0\.txt, Wavenumber \(1/cm\), got Wavelength \(nm\)",
    )


def test_files_called_after_a_set_and_a_split_are_splits(tmp_path: Path) -> None:
    """As the UCR archive has them: classes in the first column, which ``label=0`` says."""
    rows = np.random.default_rng(5).random((12, 20)).round(3)
    for name, part in (("Coffee_TRAIN.txt", slice(0, 8)), ("Coffee_TEST.txt", slice(8, 12))):
        lines = [" ".join([f"{n % 2:e}", *map(str, row)]) for n, row in enumerate(rows[part])]
        (tmp_path / name).write_text("\n".join(lines))
    refused(str(tmp_path), "column 1 must be known to hold intensities or not, .* give label=0 if it holds the classes")
    dataset = load(str(tmp_path), label="0")
    assert dataset.classes == ("0", "1")
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [6, 2, 4]
    assert "splits from the names" in dataset.description
