"""One spectrum of a text file: which of its columns are axis and intensities is found, or asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read
from spectune.trainables.data.dataset import Dataset

AXIS = np.linspace(400, 1000, 24).round(1)


def heights(number: int) -> np.ndarray:
    """A peak on some background; different for every number."""
    noise = np.random.default_rng(number).random(24)
    return np.round(100 * np.exp(-(((AXIS - 550) / 60) ** 2)) + 3 + noise, 2)


def written(folder: Path, *columns: np.ndarray, head: str = "", tail: str = "", separator: str = ",") -> str:
    """Six files of two classes, with ``columns`` around the intensities; None stands for these."""
    for number in range(6):
        path = folder / "mine" / "AB"[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [heights(number) if column is None else column for column in columns]
        lines = [separator.join(str(cell.item()) for cell in row) for row in zip(*cells, strict=True)]
        path.write_text(f"{head}{chr(10).join(lines)}\n{tail}")
    return str(folder / "mine")


def check(dataset: Dataset) -> None:
    """All spectra are there, on AXIS."""
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    parts = (dataset.split(name) for name in ("train", "validation", "test"))
    found = np.concatenate([part.batch(torch.arange(len(part))).numpy() for part in parts])
    wanted = np.stack([heights(number) for number in range(6)])
    np.testing.assert_allclose(found[np.lexsort(found.T)], wanted[np.lexsort(wanted.T)], rtol=1e-6)


INDEX, DARK = np.arange(24), np.linspace(0.9, 1.1, 24).round(3)


@pytest.mark.parametrize(
    ("columns", "head", "said"),
    [
        ((INDEX, AXIS, None), ",wavenumber,intensity\n", "axis wavenumber from column 2; intensities from intensity"),
        (
            (INDEX, AXIS, None),
            "Pixel,Shift (1/cm),Counts\n",
            "axis Shift (1/cm) from column 2; .* Counts (counts); ign",
        ),
        ((AXIS, DARK, None), "Wavelength,Dark,Sample\n", "intensities from Sample; ignored Dark"),
        ((AXIS, None, DARK), "Wavelength,Sample,Reference\n", "intensities from Sample; ignored Reference"),
        ((AXIS, None, DARK), "2theta,counts,esd\n", "intensities from counts (counts); ignored esd"),
        ((AXIS, None, INDEX * 0 + 0.5), "", "intensities from column 2; ignored column 3"),
    ],
)
def test_row_numbers_errors_and_what_is_measured_beside_are_left_out(
    tmp_path: Path, columns: tuple[np.ndarray, ...], head: str, said: str
) -> None:
    dataset = load(written(tmp_path, *columns, head=head))
    check(dataset)
    assert all(part in dataset.description for part in said.split(" .* "))


def test_a_third_column_is_an_error_where_it_is_the_root_of_the_counts(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "AB"[number % 2] / f"{number}.dat"
        path.parent.mkdir(exist_ok=True)
        np.savetxt(path, np.c_[AXIS, heights(number), np.sqrt(heights(number))], fmt="%.4f")
    check(load(str(tmp_path)))


@pytest.mark.parametrize(
    ("columns", "head", "options"),
    [
        ((AXIS, None, DARK), "", "columns=0,1, columns=0,2"),
        ((INDEX, AXIS, None), "", "columns=0,1, columns=0,2, columns=1,2"),
        ((AXIS, None, DARK), "nm,one,two\n", "columns=nm,one, columns=nm,two"),
        ((AXIS, DARK, None), "Wavelength,Raw,Processed\n", "columns=Wavelength,Raw, columns=Wavelength,Processed"),
        (
            (INDEX, AXIS + 400, AXIS, DARK, DARK, None),
            "Pixel,Wavelength,Raman_Shift,Dark,Raw,Processed\n",
            "columns=Wavelength,Raw, columns=Wavelength,Processed, columns=Raman_Shift,Raw or another pair",
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_for(
    tmp_path: Path, columns: tuple[np.ndarray, ...], head: str, options: str
) -> None:
    with pytest.raises(ValueError, match=rf"0\.txt: the columns .* must be clear, got .*: give {options}") as error:
        load(written(tmp_path, *columns, head=head))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("columns", ["Raman_Shift,Processed", "raman_shift, processed", "2,5", "-4,-1"])
def test_columns_are_chosen_by_name_or_number(tmp_path: Path, columns: str) -> None:
    head = "device,X1\nlaser,785\nPixel,Wavelength,Raman_Shift,Dark,Raw,Processed\n"
    source = written(tmp_path, INDEX, AXIS + 400, AXIS, DARK, DARK, None, head=head)
    dataset = load(source, columns=columns)
    check(dataset)
    assert dataset.axis.name == "Raman_Shift"
    assert "ignored Pixel, Wavelength, Dark, Raw" in dataset.description
    for wrong in ("Processed", "Shift,Processed", "2,2", "2,9"):
        with pytest.raises(ValueError, match=r"columns must be AXIS,INTENSITY by name or number from 0, got .* Pixel,"):
            load(source, columns=wrong)


def test_words_after_the_numbers_are_passed_over_and_those_before_name_no_axis(tmp_path: Path) -> None:
    head = "Data File\nDate: today\n>>>>>Begin Processed Spectral Data<<<<<\n"
    source = written(tmp_path, AXIS, None, head=head, tail=">>>>>End Processed Data<<<<<\n", separator="\t")
    dataset = load(source)
    check(dataset)
    assert dataset.axis.name == "position"
    assert "words after the numbers passed over" in dataset.description


@pytest.mark.parametrize(
    ("head", "name", "unit"),
    [
        ("laser,785\nTags,none\n", "position", ""),
        ("laser,785\nRaman shift,Intensity\n", "Raman shift", ""),
        ("Wavelength,Intensity\nnm,a.u.\n", "Wavelength", "nm"),
        ("Wavelength [nm],Intensity\n", "Wavelength", "nm"),
        ("Wavenumber/cm-1,Absorbance\n", "Wavenumber", "cm-1"),
        ("nm,counts\n", "position", "nm"),
    ],
)
def test_name_and_unit_of_the_axis_are_those_of_its_header(tmp_path: Path, head: str, name: str, unit: str) -> None:
    dataset = load(written(tmp_path, AXIS, None, head=head))
    check(dataset)
    assert (dataset.axis.name, dataset.axis.unit) == (name, unit)


@pytest.mark.parametrize("mark", ["#", ";", "//", "%"])
def test_comments_are_passed_over_wherever_they_stand(tmp_path: Path, mark: str) -> None:
    source = Path(written(tmp_path, AXIS, None, head=f"{mark} wavelength,counts\n"))
    for path in source.rglob("*.txt"):
        head, *lines = path.read_text().splitlines()
        path.write_text("\n".join([head, *lines[:5], f"{mark} 430 6", *lines[5:], f"{mark} the end"]))
    dataset = load(str(source))
    check(dataset)
    assert dataset.axis.name == "wavelength"


def test_repeated_points_of_the_axis_are_averaged_and_it_is_said(tmp_path: Path) -> None:
    source = Path(written(tmp_path, AXIS, None))
    for path in source.rglob("*.txt"):
        head, *lines = path.read_text().splitlines()
        axis, height = head.split(",")
        path.write_text("\n".join([f"{axis},{float(height) - 1}", f"{axis},{float(height) + 1}", *lines]))
    dataset = load(str(source))
    check(dataset)
    assert "repeated points of the axis averaged" in dataset.description


def counts(folder: Path, text: str, **options: str) -> list[float]:
    """Intensities of a file of a spectrum, read to classify or with ``options`` as a class."""
    lines = text.split()
    content = "\n".join(f"{400 + 2 * place}\t{cell}" for place, cell in enumerate(lines))
    if not options:
        (folder / "mine.txt").write_text(content)
        return list(read(folder / "mine.txt")[0][0])
    for number in range(6):
        path = folder / "mine" / "AB"[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.replace(lines[0], f"10{number}", 1))
    return list(load(str(folder / "mine"), **options).train.batch(torch.tensor([0]))[0].numpy())


def test_commas_between_thousands_are_no_decimal_commas(tmp_path: Path) -> None:
    assert counts(tmp_path, "347 324 350 1,234 12,345 433 347 324")[3:5] == [1234, 12345]
    assert counts(tmp_path, "3 4 5 1,234,567 5 4 3 2")[3] == 1234567
    assert counts(tmp_path, "1,125 2 0,125 1,5 1 2 1 2")[:3] == [1.125, 2, 0.125]
    assert counts(tmp_path, "1,125 2,225 3,325 1,525 1,125 2,325 1,325 2,425")[0] == 1.125
    with pytest.raises(ValueError, match=r"one decimal sign, got '1,234' .*: give decimal=point or decimal=comma"):
        counts(tmp_path, "7 12 350 1,234 52 433 347 324")
    assert counts(tmp_path, "7 12 350 1,234 52 433 347 324", decimal="point")[3] == 1234
    assert counts(tmp_path, "7 12 350 1,234 52 433 347 324", decimal="comma")[3] == pytest.approx(1.234)
    with pytest.raises(ValueError, match="decimal must be point or comma, got 'dot': change it"):
        load(str(tmp_path / "mine"), decimal="dot")
