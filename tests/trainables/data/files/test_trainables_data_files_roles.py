"""What the columns of a table are taken for, and what is asked where that is not clear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data import load, read
from spectune.trainables.data.files.names import is_axis, is_error, named, position, quantity

POINTS, ROWS = 12, 12
VALUES = np.random.default_rng(3).random((ROWS, POINTS)).round(3) * 100


def table(folder: Path, header: list[object], **columns: list[object]) -> str:
    """A table of VALUES under ``header``, behind ``columns``."""
    lines = [
        [*columns, *header],
        *([*(column[row] for column in columns.values()), *VALUES[row]] for row in range(ROWS)),
    ]
    path = folder / "mine.csv"
    path.write_text("\n".join(",".join(map(str, line)) for line in lines))
    return str(path)


CLASSES: list[object] = ["well", "sick"] * 6
NUMBERED: list[object] = [f"V{point}" for point in range(1, POINTS + 1)]


@pytest.mark.parametrize("header", [NUMBERED, [f"band {n}" for n in range(POINTS)], list("abcdefghijkl")])
def test_numbers_beside_a_spectrum_are_no_intensities(tmp_path: Path, header: list[object]) -> None:
    beside: dict[str, list[object]] = {"patient": [100 + row // 2 for row in range(ROWS)], "age": [40] * ROWS}
    dataset = load(table(tmp_path, header, **beside, replicate=[1, 2] * 6, **{"class": CLASSES}))
    assert len(dataset.axis) == POINTS
    said = f"axis none, points are numbered; intensities from columns {header[0]} to {header[-1]}; classes from class"
    assert f"{said}; ignored patient, age, replicate" in dataset.description


@pytest.mark.parametrize(
    ("form", "name", "unit"),
    [
        ("{}", "position", ""),
        ("{}nm", "position", "nm"),
        ("{} cm-1", "position", "cm-1"),
        ("{} (1/cm)", "position", "1/cm"),
        ("X{}", "position", ""),
        ("spc.{}", "position", ""),
        ("nm_{}", "position", "nm"),
        ("wavelength_{}", "wavelength", ""),
        ("V{}", "position", ""),
    ],
)
def test_positions_in_the_header_are_the_axis_with_their_unit(tmp_path: Path, form: str, name: str, unit: str) -> None:
    header: list[object] = [form.format(400 + 2.5 * point) for point in range(POINTS)]
    axis = load(table(tmp_path, header, label=CLASSES, age=[1] * ROWS)).axis
    np.testing.assert_allclose(axis.values, 400 + 2.5 * np.arange(POINTS))
    assert (axis.name, axis.unit) == (name, unit)


def test_the_corner_of_a_table_may_name_its_axis(tmp_path: Path) -> None:
    axis = load(table(tmp_path, [400 + 2 * n for n in range(POINTS)], **{"Wavenumber (1/cm)": CLASSES})).axis
    assert (axis.name, axis.unit) == ("Wavenumber", "1/cm")


def test_the_class_is_a_known_name_or_the_only_words_or_asked_for(tmp_path: Path) -> None:
    patient: list[object] = [f"P{row // 2}" for row in range(ROWS)]
    assert load(table(tmp_path, NUMBERED, patient=patient, diagnosis=[0, 1] * 6)).classes == ("0", "1")
    path = table(tmp_path, NUMBERED, patient=patient, state=[0, 0, 1, 1] * 3)
    assert read(path)[2] is None
    with pytest.raises(ValueError, match=r"known to hold the classes, got state: give label=state$"):
        load(path)
    path = table(tmp_path, NUMBERED, mineral=CLASSES, state=[0, 0, 1, 1] * 3)
    with pytest.raises(ValueError, match=r"classes, got mineral, state: give label=mineral or label=state$"):
        load(path)
    assert load(path, label="mineral").classes == ("sick", "well")
    path = table(tmp_path, NUMBERED, species=CLASSES, label=[0, 0, 1, 1] * 3)
    with pytest.raises(ValueError, match=r"classes, got label, species: give label=label or label=species$"):
        load(path)
    assert load(path, label="species").classes == ("sick", "well")
    fractions: list[object] = [0.1 * row for row in range(4)] * 3
    assert load(table(tmp_path, NUMBERED, mineral=CLASSES, dose=fractions)).classes == ("sick", "well")


def test_classes_that_are_whole_numbers_are_called_so(tmp_path: Path) -> None:
    path = table(tmp_path, NUMBERED, label=["0.0000000e+00", "1.0000000e+00"] * 6)
    assert load(path).classes == ("0", "1")
    assert read(path)[2] == ["0", "1"] * 6
    assert load(table(tmp_path, NUMBERED, label=["0.5", "1.0"] * 6)).classes == ("0.5", "1.0")
    assert load(table(tmp_path, NUMBERED, label=["007", "1"] * 6)).classes == ("1", "007")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Wavenumber (1/cm)", ("Wavenumber", "1/cm")),
        ("Raman Shift [cm-1]", ("Raman Shift", "cm-1")),
        ("Wavelength/nm", ("Wavelength", "nm")),
        ("lambda, nm", ("lambda", "nm")),
        ("cm-1", ("", "cm-1")),
        ("2Theta", ("2Theta", "")),
    ],
)
def test_headers_of_axes_are_a_name_and_a_unit(header: str, said: tuple[str, str]) -> None:
    assert named(header) == said
    assert is_axis(header)


def test_headers_say_quantities_errors_and_positions() -> None:
    quantities = {"Absorbance": "absorbance", "%T": "% transmittance", "Transmission": "transmittance", "cts": "counts"}
    assert {header: quantity(header) for header in quantities} == quantities
    assert not any(map(quantity, ("Intensity", "Sample", "x")))
    assert all(map(is_error, ("Error", "esd", "sigma", "STD", "counts_err", "Intensity error")))
    assert not any(map(is_error, ("Reference", "Dark", "Standard", "y")))
    assert position("spc.400.5 nm") == ("spc.", 400.5, "nm")
    assert position("-1.5e2") == ("", -150, "")
    assert position("label") is None
