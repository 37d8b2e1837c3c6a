"""Text tables as people have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read
from spectune.trainables.data.dataset import Dataset

POINTS = 10
VALUES = np.round(np.random.default_rng(1).random((8, POINTS)) * 100, 2)
LABELS = ["calcite", "quartz"] * 4
AXIS = [10 + 0.5 * point for point in range(POINTS)]


def text(separator: str = ",", *, comma: bool = False, header: bool = True, end: str = "\n") -> str:
    def cells(*row: object) -> str:
        return separator.join(str(cell).replace(".", ",") if comma else str(cell) for cell in row)

    lines = [cells("label", *AXIS)] if header else []
    return end.join([*lines, *(cells(label, *row) for label, row in zip(LABELS, VALUES, strict=True))]) + end


def written(folder: Path, content: str | bytes, name: str = "mine.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def check(dataset: Dataset, *, axis: bool = True) -> None:
    """The dataset holds VALUES under LABELS, on AXIS where it was given."""
    assert dataset.classes == ("calcite", "quartz")
    np.testing.assert_allclose(dataset.axis.values, AXIS if axis else range(POINTS))
    found = {}
    for name in ("train", "validation", "test"):
        split = dataset.split(name)
        for spectrum, label in zip(split.batch(torch.arange(len(split))), split.labels, strict=True):
            row = int(np.abs(VALUES - spectrum.numpy()).sum(axis=1).argmin())
            np.testing.assert_allclose(spectrum, VALUES[row], rtol=1e-6)
            found[row] = dataset.classes[label]
    assert [found[row] for row in range(8)] == LABELS


def refused(path: str, message: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(path, **options)
    assert "\n" not in str(error.value)
    assert Path(path).name in str(error.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   ", ", ", " ; "])
@pytest.mark.parametrize("header", [True, False])
def test_any_usual_separator_is_understood(tmp_path: Path, separator: str, header: bool) -> None:
    check(load(written(tmp_path, text(separator, header=header))), axis=header)


@pytest.mark.parametrize("separator", [";", "\t", " ", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_decimal_commas_are_understood(tmp_path: Path, separator: str, header: bool) -> None:
    check(load(written(tmp_path, text(separator, comma=True, header=header))), axis=header)


def test_dirt_that_does_not_matter_is_passed_over(tmp_path: Path) -> None:
    lines = text(";", comma=True, end="\r\n").splitlines()
    dirty = ["# measured on Monday", "", lines[0], "  ", "// again", *lines[1:4], "% pause", "", *lines[4:], "", "   "]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        check(load(written(tmp_path, "\r\n".join(dirty).encode(encoding))))
    check(load(written(tmp_path, "\r".join(dirty))))


def test_a_line_that_names_the_separator_for_spreadsheets_is_passed_over(tmp_path: Path) -> None:
    check(load(written(tmp_path, "sep=;\r\n" + text(";", comma=True))))


def test_a_header_may_be_a_comment_as_numpy_writes_it(tmp_path: Path) -> None:
    check(load(written(tmp_path, "# " + text())))
    check(load(written(tmp_path, "# measured on Monday, at noon\n# " + text())))
    check(load(written(tmp_path, "# measured on Monday, at noon\n" + text(header=False))), axis=False)


def test_names_that_r_makes_of_numbers_are_the_axis(tmp_path: Path) -> None:
    header = '"",' + ",".join(f'"X{x}"' for x in AXIS) + ',"mineral"'
    lines = [f'"{n}",{line.partition(",")[2]},"{LABELS[n]}"' for n, line in enumerate(text(header=False).splitlines())]
    check(load(written(tmp_path, "\n".join([header, *lines]))))


def test_a_remark_that_is_no_comment_is_refused_with_the_cure(tmp_path: Path) -> None:
    refused(
        written(tmp_path, "Instrument: 7\n" + text()), "line 1: every line must have .* 11, got 1: .* put # before it"
    )


def test_a_separator_at_the_end_of_every_line_is_no_column(tmp_path: Path) -> None:
    for header in (True, False):
        lines = text(";", comma=True, header=header).splitlines()
        check(load(written(tmp_path, "\n".join(line + ";" for line in lines))), axis=header)


def test_quoted_cells_are_unpacked(tmp_path: Path) -> None:
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text().splitlines())
    check(load(written(tmp_path, quoted)))
    comma = "\n".join(",".join(f'"{cell}"' for cell in line.split(";")) for line in text(";", comma=True).splitlines())
    check(load(written(tmp_path, comma)))


def test_labels_may_hold_separators_when_quoted_and_any_letters(tmp_path: Path) -> None:
    content = text().replace("calcite", '"β-Quarz, tief"')
    assert load(written(tmp_path, content)).classes == ("quartz", "β-Quarz, tief")
    latin = text().replace("calcite", "Größe").encode("cp1252")
    assert load(written(tmp_path, latin)).classes == ("Größe", "quartz")


def test_labels_that_look_missing_are_labels(tmp_path: Path) -> None:
    assert load(written(tmp_path, text().replace("calcite", "NA"))).classes == ("NA", "quartz")


@pytest.mark.parametrize("name", ["label", "Class", "TARGET", "category"])
def test_the_label_column_is_found_by_name_anywhere(tmp_path: Path, name: str) -> None:
    lines = [line.split(",") for line in text().replace("label", name).splitlines()]
    moved = "\n".join(",".join([*cells[1:4], cells[0], *cells[4:]]) for cells in lines)
    check(load(written(tmp_path, moved)))


def test_the_label_column_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    lines = [line.split(",") for line in text().replace("label", "mineral").splitlines()]
    two = "\n".join(
        ",".join([f"site{row % 2}", *cells]) if row else ",".join(["site", *cells]) for row, cells in enumerate(lines)
    )
    path = written(tmp_path, two)
    check(load(path, label="mineral"))
    check(load(path, label="1"))
    assert load(path, label="site").classes == ("site0", "site1")
    refused(path, "one column must be known to hold the classes, got site, mineral: give label=site or label=mineral")
    refused(path, "label must name a column, got 'phase': the columns are site, mineral, 10.0", label="phase")


def test_labels_may_be_numbers_when_the_header_names_them(tmp_path: Path) -> None:
    content = text().replace("calcite", "3").replace("quartz", "20")
    assert load(written(tmp_path, content)).classes == ("3", "20")
    bare = text(header=False).replace("calcite", "3").replace("quartz", "20")
    refused(written(tmp_path, bare), "column 1 must be known to hold intensities or not, .* give label=0 if it holds")
    assert load(written(tmp_path, bare), label="0").classes == ("3", "20")


def test_columns_beside_the_axis_are_ignored_and_named(tmp_path: Path) -> None:
    lines = text().splitlines()
    content = "\n".join([f"id,{lines[0]},temperature", *(f"{row},{line},300" for row, line in enumerate(lines[1:]))])
    dataset = load(written(tmp_path, content))
    check(dataset)
    assert "ignored id, temperature" in dataset.description


def test_words_in_the_header_name_points_and_ids_are_left_out(tmp_path: Path) -> None:
    lines = text().splitlines()
    header = "id,label," + ",".join(f"p{point}" for point in range(POINTS))
    check(
        load(written(tmp_path, "\n".join([header, *(f"{n},{line}" for n, line in enumerate(lines[1:]))]))), axis=False
    )


def test_a_frame_written_by_pandas_is_read(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(VALUES, columns=AXIS)
    frame["label"] = LABELS
    for index in (True, False):
        frame.to_csv(tmp_path / "frame.csv", index=index)
        check(load(str(tmp_path / "frame.csv")))
    frame.columns = frame.columns.astype(str)
    frame.to_parquet(tmp_path / "frame.parquet")
    check(load(str(tmp_path / "frame.parquet")))


def test_a_split_column_is_kept(tmp_path: Path) -> None:
    words = ["split", "train", "train", "train", "train", "val", "val", "test", "test"]
    content = "\n".join(f"{word},{line}" for word, line in zip(words, text().splitlines(), strict=True))
    dataset = load(written(tmp_path, content))
    check(dataset)
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [4, 2, 2]
    refused(written(tmp_path, content.replace("val,", "maybe,", 1)), "line 6: a split must be one of .* got 'maybe'")


@pytest.mark.parametrize("word", ["", "NaN", "n/a", "-", "?"])
def test_a_missing_value_is_refused_with_its_line_and_filled_where_asked(tmp_path: Path, word: str) -> None:
    content = "# a comment\n\n" + text(";").replace(str(VALUES[2, 3]), word)
    path = written(tmp_path, content)
    refused(path, r"mine\.csv, line 6, at 11\.5: an intensity must be a finite number, got a missing value: fill it")
    dataset = load(path, missing="interpolate")
    assert "filled missing values of 1 spectra" in dataset.description


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (str(VALUES[2, 3]), "12a", "line 4: an intensity must be a number, got '12a'"),
        (str(VALUES[2, 3]), "1_2", "line 4: an intensity must be a number, got '1_2'"),
        (str(VALUES[2, 3]), "inf", "line 4, at 11.5: .* got a value beyond 1e30"),
        (f";{VALUES[2, 3]}", "", "line 4: every line must have as many values as the first, 11, got 10"),
        (f";{VALUES[2, 3]}", ";1;2", "line 4: every line must have as many values as the first, 11, got 12"),
        ("10.5;", "9.5;", "header: the axis must be finite and only rise or only fall, got 9.5 after 10"),
        ("10.5;", "10.0;", "header: the axis must be finite and only rise or only fall, got 10 after 10"),
        ("calcite;", ";", "line 2: every spectrum must have a label, got none"),
        ("calcite", "quartz", "2 or more classes, got only 'quartz'"),
    ],
)
def test_dirt_that_matters_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    refused(written(tmp_path, text(";").replace(old, new)), message)


def test_mixed_decimal_signs_are_refused(tmp_path: Path) -> None:
    content = text(";", comma=True).replace(str(VALUES[2, 3]).replace(".", ","), "1.234,5")
    refused(
        written(tmp_path, content), r"line 4: .* got '1\.234,5': correct it \(decimal comma, no thousands separators\)"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must hold spectra, got no line"),
        ("# nothing\n\n", "must hold spectra, got no line"),
        ("label,1,2,3,4,5,6,7,8\n", "got only a header"),
        ("hello\nworld\n", "must hold"),
        (b"\x00\x01\x02", "must be text, got binary content"),
        ("a,1,2\nb,1,2\n", "8 points or more, got 2"),
    ],
)
def test_files_without_spectra_are_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    refused(written(tmp_path, content), message)


def test_a_single_two_column_spectrum_can_be_read_but_not_trained_on(tmp_path: Path) -> None:
    content = "2Theta (deg),Intensity\n" + "\n".join(f"{x},{x * 2}" for x in AXIS)
    path = written(tmp_path, content)
    spectra, axis, labels, names = read(path)
    assert spectra.tolist() == [[2 * x for x in AXIS]]
    assert axis is not None
    assert (axis.values.tolist(), axis.name, axis.unit) == (AXIS, "2Theta", "deg")
    assert (labels, names) == (None, ["mine.csv"])
    refused(path, "got one spectrum: put files like it in a folder per class")
    for name in ("mine.xy", "mine.dat", "mine.txt"):
        assert read(written(tmp_path, content, name))[0].tolist() == spectra.tolist()


def test_read_takes_tables_with_and_without_labels(tmp_path: Path) -> None:
    spectra, axis, labels, names = read(written(tmp_path, "# new\n" + text()))
    np.testing.assert_array_equal(spectra, VALUES)
    assert axis is not None
    assert axis.values.tolist() == AXIS
    assert labels == LABELS
    assert names[0] == "line 3"
    bare = "\n".join(line.partition(",")[2] for line in text().splitlines())
    spectra, axis, labels, _ = read(written(tmp_path, bare))
    np.testing.assert_array_equal(spectra, VALUES)
    assert axis is not None
    assert axis.values.tolist() == AXIS
    assert labels is None


def test_integers_as_intensities_and_one_spectrum_a_label_header_are_no_axis(tmp_path: Path) -> None:
    """A first line of rising counts is a spectrum when its label comes again."""
    rows = [f"{LABELS[n]};" + ";".join(str(n + point) for point in range(POINTS)) for n in range(8)]
    dataset = load(written(tmp_path, "\n".join(rows)))
    assert sum(len(dataset.split(name)) for name in ("train", "validation", "test")) == 8


def test_rows_of_units_and_of_orange_below_the_header_are_passed_over(tmp_path: Path) -> None:
    head, *lines = text().splitlines()
    for rows in (["," + ",".join(["a.u."] * POINTS)], ["d" + ",c" * POINTS, "class" + "," * POINTS]):
        dataset = load(written(tmp_path, "\n".join([head, *rows, *lines])))
        check(dataset)
        assert "passed over" in dataset.description


def test_the_class_is_the_column_that_orange_says(tmp_path: Path) -> None:
    head, *lines = text().replace("label", "mineral").splitlines()
    rows = [f"site,{head}", "s,d" + ",c" * POINTS, "meta,class" + "," * POINTS]
    content = "\n".join([*rows, *(f"{'ab'[n // 4]},{line}" for n, line in enumerate(lines))])
    check(load(written(tmp_path, content)))


@pytest.mark.parametrize("name", ["mine.csv", "mine.tab"])
def test_prefixes_of_orange_say_what_the_columns_are(tmp_path: Path, name: str) -> None:
    lines = text(header=False).splitlines()
    axis = ",".join(f"C#{x}" for x in AXIS)
    rows = [f"p{n},{n % 3},{7.5 * n},{line}" for n, line in enumerate(lines)]
    content = "\n".join([f"mS#patient,mC#dose,iC#ash,cD#mineral,{axis}", *rows])
    path = written(tmp_path, content.replace(",", "\t") if name.endswith("tab") else content, name)
    dataset = load(path)
    check(dataset)
    assert "classes from mineral; ignored patient, dose, ash; prefixes of Orange" in dataset.description
    assert "8 groups by patient" in load(path, group="patient").description
    plain = written(tmp_path, content.replace("C#1", "1"), "plain.csv")  # only some columns have one
    assert read(plain)[1] is not None
    np.testing.assert_allclose(read(plain)[0], VALUES)
    named = ",".join("C#" + word for word in "abcdefghij")
    words = written(tmp_path, content.replace(axis, named), "words.csv")
    np.testing.assert_allclose(read(words)[0], VALUES)


def test_columns_that_orange_calls_meta_are_no_intensities(tmp_path: Path) -> None:
    lines = text(header=False).splitlines()
    names = ",".join(f"V{n}" for n in range(POINTS))
    head = [f"dose,mineral,{names}", "c,d" + ",c" * POINTS, "meta,class" + "," * POINTS]
    content = "\n".join([*head, *(f"{n % 3},{line}" for n, line in enumerate(lines))])
    assert "ignored dose" in load(written(tmp_path, content)).description
    assert read(written(tmp_path, content.replace("meta,class", "class,meta")))[2] == [str(n % 3) for n in range(8)]
    assert read(written(tmp_path, content.replace("meta,class", "meta,meta")))[2] is None
    np.testing.assert_allclose(read(written(tmp_path, content))[0], VALUES)


def test_a_first_line_that_only_rises_is_a_spectrum_where_its_label_comes_again(tmp_path: Path) -> None:
    values = np.sort(np.random.default_rng(2).random((8, POINTS)), axis=1).round(4) + np.arange(8)[:, None] / 100
    values[1:] += np.random.default_rng(3).random((7, POINTS)) / 10
    rows = [",".join(map(str, row)) for row in values]
    labelled = written(tmp_path, "\n".join(f"{n % 2},{row}" for n, row in enumerate(rows)))
    assert sum(len(load(labelled, label="0").split(name)) for name in ("train", "validation", "test")) == 8
    headed = load(labelled, label="0", header="yes")
    np.testing.assert_allclose(headed.axis.values, values[0])
    assert sum(len(headed.split(name)) for name in ("train", "validation", "test")) == 7
    bare = written(tmp_path, "\n".join(rows))
    with pytest.raises(ValueError, match=r"line 1: numbers that only rise .*: give header=yes .*, or header=no"):
        read(bare)
    axis = written(tmp_path, "\n".join([",".join(map(str, AXIS)), *rows]))
    assert len(read(axis)[0]) == 8


def test_options_that_a_format_does_not_have_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=VALUES, y=np.array(LABELS))
    for name, value in (("label", "y"), ("columns", "0,1"), ("orient", "columns"), ("header", "no")):
        refused(str(tmp_path / "mine.npz"), f"{name} must be left away for .*npz, got '{value}'", **{name: value})
