"""Tables of numbers without names: the rules of docs/formats.md, an input for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spectune.trainables.data import load, read
from spectune.trainables.data.files.folder import read_file
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import Table

WIDE, TALL = (6, 40), (3, 60)  # spectra, points


def spectra(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Smooth spectra (N, L), each with a peak elsewhere, in no order, and none that only rises."""
    centres = np.random.default_rng(0).permutation(np.linspace(0.3, 0.7, shape[0]))[:, None] * shape[1]
    places = np.arange(shape[1])
    return np.round(np.exp(-(((places - centres) / 6) ** 2)) + 0.01 * np.sin(places) + 0.2, 4)


def axis(points: int) -> NDArray[np.float64]:
    return 400 + 2.5 * np.arange(points)


def written(folder: Path, values: NDArray[np.float64], name: str = "mine.csv", head: str = "") -> Path:
    path = folder / name
    path.write_text(head + "\n".join(",".join(f"{value:g}" for value in row) for row in values))
    return path


def table(path: Path, **options: str) -> Table:
    return read_file(path, Reading(**options))


def asked(path: Path, *options: str) -> None:
    """The file is not read, and each of the ``options`` is named; also where it is the only file."""
    for attempt in (lambda: table(path), lambda: read(path), lambda: load(str(path))):
        with pytest.raises(ValueError, match=path.name) as error:
            attempt()
        assert "\n" not in str(error.value)
        assert all(option in str(error.value) for option in options)


@pytest.mark.parametrize("shape", [WIDE, (12, 40), (40, 12), (12, 12)])
def test_lines_without_any_axis_are_spectra(tmp_path: Path, shape: tuple[int, int]) -> None:
    found = table(written(tmp_path, spectra(shape)))
    assert found.spectra.shape == shape
    assert found.axis is None


@pytest.mark.parametrize("shape", [WIDE, (12, 40), (40, 12), (12, 12)])
def test_a_first_line_that_rises_is_the_axis_of_the_lines_below(tmp_path: Path, shape: tuple[int, int]) -> None:
    found = table(written(tmp_path, np.vstack([axis(shape[1]), spectra(shape)])))
    np.testing.assert_allclose(found.spectra, spectra(shape))
    assert found.axis is not None
    np.testing.assert_allclose(found.axis.values, axis(shape[1]))


@pytest.mark.parametrize("shape", [(9, 60), (40, 12), (12, 12)])
@pytest.mark.parametrize("start", ["at 400", "at 0", "falls"])
def test_a_first_column_that_rises_is_asked_about(tmp_path: Path, shape: tuple[int, int], start: str) -> None:
    values = {"at 400": axis(shape[1]), "at 0": np.arange(shape[1]), "falls": axis(shape[1])[::-1]}[start]
    path = written(tmp_path, np.column_stack([values, spectra(shape).T]))
    asked(path, f"{values[0]:g} to {values[-1]:g}", "orient=columns", "orient=rows", "columns=0,1", "group=0")
    columns = table(path, orient="columns")
    np.testing.assert_allclose(columns.spectra, spectra(shape))
    assert columns.axis is not None
    np.testing.assert_allclose(columns.axis.values, values)
    one = table(path, columns="0,1")
    np.testing.assert_allclose(one.spectra, spectra(shape)[:1])
    beside = table(path, group="0")
    np.testing.assert_allclose(beside.spectra, spectra(shape).T)


@pytest.mark.parametrize("shape", [TALL, (9, 60)])
def test_row_numbers_before_the_axis_of_columns_are_left_out(tmp_path: Path, shape: tuple[int, int]) -> None:
    points = np.column_stack([np.arange(shape[1]), axis(shape[1]), spectra(shape).T])
    bare = written(tmp_path, points)
    asked(bare, "orient=columns")
    named = written(tmp_path, points, "named.csv", ",Wavelength," + ",".join(f"A{n}" for n in range(shape[0])) + "\n")
    for found in (table(bare, orient="columns"), table(named, orient="columns")):
        np.testing.assert_allclose(found.spectra, spectra(shape))
        assert found.axis is not None
        np.testing.assert_allclose(found.axis.values, axis(shape[1]))
        assert (found.rows[0], found.taken["axis"]) == ("column 3", "column 2")
    assert table(named).spectra.shape == shape


def test_row_numbers_before_spectra_in_lines_are_left_out(tmp_path: Path) -> None:
    bare = np.column_stack([np.arange(1, 13), spectra((12, 40))])
    corner = np.vstack([[0, *axis(40)], bare])
    for values in (bare, corner):
        path = written(tmp_path, values)
        found = table(path, orient="rows")
        np.testing.assert_allclose(found.spectra, spectra((12, 40)))
        assert found.taken["ignored"] in ("column 1", "0")
    assert found.axis is not None
    np.testing.assert_allclose(found.axis.values, axis(40))


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("what", ["classes", "numbers"])
def test_whole_numbers_at_an_end_of_fractions_are_asked_about(tmp_path: Path, place: int, what: str) -> None:
    numbers = np.arange(12) % 3 if what == "classes" else np.random.default_rng(1).permutation(12) + 100
    values = np.insert(spectra((12, 40)), 0 if place == 0 else 40, numbers, axis=1)
    path = written(tmp_path, values)
    column = 0 if place == 0 else 40
    asked(path, f"label={column}", f"group={column}", "orient=rows")
    assert table(path, group=str(column)).spectra.shape == (12, 40)
    assert table(path, orient="rows").spectra.shape == (12, 41)
    if what == "classes":
        assert load(str(path), label=str(place)).classes == ("0", "1", "2")
    headed = written(tmp_path, np.vstack([np.arange(41), values]), "headed.csv")  # as pandas writes a frame of numbers
    asked(headed, f"label={column}")


def test_counts_that_are_all_whole_numbers_are_spectra(tmp_path: Path) -> None:
    counts = np.round(1000 * spectra((12, 40)) + np.arange(12)[:, None])
    assert table(written(tmp_path, counts)).spectra.shape == (12, 40)
    sparse = np.random.default_rng(4).poisson(0.7, (12, 40))
    assert table(written(tmp_path, sparse)).spectra.shape == (12, 40)
    path = written(tmp_path, np.column_stack([counts, np.arange(12) % 3]))
    asked(path, "column 41", "label=40")
    assert load(str(path), label="40").classes == ("0", "1", "2")


def test_many_lines_that_are_smooth_down_their_columns_are_asked_about(tmp_path: Path) -> None:
    asked(written(tmp_path, spectra((12, 60)).T), "60 lines of 12 numbers", "orient=columns", "orient=rows")
    assert table(written(tmp_path, spectra((60, 12)))).spectra.shape == (60, 12)
    noise = np.random.default_rng(3).random((60, 12)).round(3)
    assert table(written(tmp_path, noise)).spectra.shape == (60, 12)


def test_pairs_of_columns_are_refused(tmp_path: Path) -> None:
    pairs = np.column_stack([column for one in spectra((5, 40)) for column in (axis(40), one)])
    asked(written(tmp_path, pairs), "columns 1, 3, 5 ... that only rise or fall", "save each pair")
    head = ",".join(["Wavelength,A"] * 5) + "\n"
    asked(written(tmp_path, pairs, head=head), "save each pair", "columns=0,1")


def test_few_columns_are_one_spectrum_or_asked_about(tmp_path: Path) -> None:
    one, two = spectra((2, 40))
    found = table(written(tmp_path, np.column_stack([axis(40), one])))
    np.testing.assert_allclose(found.spectra, [one])
    found = table(written(tmp_path, np.column_stack([axis(40), one, np.sqrt(np.maximum(one, 1))])))
    np.testing.assert_allclose(found.spectra, [one])
    path = written(tmp_path, np.column_stack([axis(40), one, two]))
    asked(path, "columns=0,1", "columns=0,2", "orient=columns")
    np.testing.assert_allclose(table(path, orient="columns").spectra, [one, two])


NAMES = "Pixel,Wavelength,Raman Shift,Dark,Reference,Raw data #1,Dark Subtracted #1,%TR #1,Absorbance #1"


@pytest.mark.parametrize("above", ["", "Model;X;\nlaser;785;\nxaxis;1;\n"])
@pytest.mark.parametrize("blank", [0, 5])
def test_many_named_columns_of_a_point_a_line_are_asked_about(tmp_path: Path, above: str, blank: int) -> None:
    shift, one = axis(40), spectra((1, 40))[0]
    lines = [[n, shift[n] + 300, shift[n], 1, 2, 3, one[n], 4, 5] for n in range(40)]
    text = [
        ";".join([*("" if n < blank and place in (1, 2) else f"{cell:g}" for place, cell in enumerate(line)), ""])
        for n, line in enumerate(lines)
    ]
    path = tmp_path / "mine.txt"
    path.write_text("\n".join([above + NAMES.replace(",", ";") + ";", *text]))
    asked(path, "columns=Wavelength,Raw data #1", "columns=Raman Shift,Raw data #1")
    found = table(path, columns="Raman Shift,Dark Subtracted #1")
    np.testing.assert_allclose(found.spectra, [one[blank:]])
    assert found.axis is not None
    np.testing.assert_allclose(found.axis.values, shift[blank:])
    assert (found.notes == ("points without an axis at the ends left out",)) == (blank > 0)


def test_columns_of_words_that_are_no_points_are_asked_about(tmp_path: Path) -> None:
    path = written(tmp_path, spectra((12, 9)), head="ash,birch,cedar,fir,larch,oak,pine,yew,elm\n")
    asked(path, "got some called ash, birch", "orient=rows", "orient=columns", "columns=AXIS,INTENSITY")
    assert table(path, orient="rows").spectra.shape == (12, 9)
    stick = np.column_stack([[148, 268, 683, 1051, 1390], *spectra((9, 5))])
    names = "# FREQUENCIES," + ",".join(f"I_{word}" for word in "abcdefghi") + "\n"
    for name in ("stick.csv", "stick.dat"):
        path = written(tmp_path, stick, name, names)
        np.testing.assert_allclose(table(path).spectra, spectra((9, 5)))
        with pytest.raises(ValueError, match="must hold spectra of 8 points or more, got 5"):
            read(path)


def test_infinite_numbers_beside_row_numbers_are_no_warning_of_numpys(tmp_path: Path) -> None:
    lines = [f"{line},{'inf' if line > 1 else '0.5'}," + ",".join(["0.5"] * 8) for line in range(4)]
    (tmp_path / "X.csv").write_text("\n".join(lines))
    (tmp_path / "Y.csv").write_text("")
    with pytest.raises(ValueError, match=r"Y\.csv must hold spectra, got no line"):
        load(str(tmp_path))


def test_a_spectrum_of_none_of_the_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text(",".join(["0.5"] * 8))
    (tmp_path / "Y.csv").write_text("0,0")
    with pytest.raises(ValueError, match="must hold 2 or more classes, got none: add spectra of another class"):
        load(str(tmp_path))
