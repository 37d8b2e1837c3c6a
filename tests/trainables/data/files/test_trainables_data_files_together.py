"""X and Y files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read

AXIS = [400 + 10 * n for n in range(9)]
VALUES = np.random.default_rng(6).random((12, 9)).round(3)
CLASSES = ["sea salt", "rock salt", "quartz"] * 4


def x(folder: Path, name: str, rows: slice = slice(None), separator: str = ";") -> None:
    lines = [separator.join(map(str, AXIS)), *(separator.join(map(str, row)) for row in VALUES[rows])]
    (folder / name).write_text("\n".join(lines))


def y(folder: Path, name: str, words: list[str], header: str = "") -> None:
    (folder / name).write_text("\n".join([*([header] if header else []), *words]))


@pytest.mark.parametrize(
    ("first", "second"), [("Xtrain.csv", "Ytrain.csv"), ("X.txt", "y.txt"), ("x.csv", "labels.csv")]
)
@pytest.mark.parametrize("header", ["", "species"])
def test_the_labels_of_y_belong_to_the_lines_of_x(tmp_path: Path, first: str, second: str, header: str) -> None:
    x(tmp_path, first)
    y(tmp_path, second, CLASSES, header)
    dataset = load(str(tmp_path))
    assert dataset.classes == ("quartz", "rock salt", "sea salt")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    for name in ("train", "validation", "test"):
        part = dataset.split(name)
        for spectrum, label in zip(part.batch(torch.arange(len(part))), part.labels, strict=True):
            row = int(np.abs(VALUES - spectrum.numpy()).sum(axis=1).argmin())
            assert dataset.classes[label] == CLASSES[row]
    assert f"intensities from {first}; classes from {second}" in dataset.description
    assert read(tmp_path)[2] == CLASSES


def test_files_of_splits_and_groups_are_joined(tmp_path: Path) -> None:
    for split, rows in (("train", slice(0, 9)), ("test", slice(9, 12))):
        x(tmp_path, f"X_{split}.csv", rows)
        y(tmp_path, f"y_{split}.csv", CLASSES[rows], "0")  # as pandas calls a column without a name
        y(tmp_path, f"groups_{split}.csv", [f"p{row}" for row in range(12)][rows], "0")
    dataset = load(str(tmp_path))
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [6, 3, 3]
    assert "12 groups by groups_train.csv: 6 train, 3 validation, 3 test" in dataset.description


def test_of_several_columns_one_is_asked_for(tmp_path: Path) -> None:
    x(tmp_path, "X.csv")
    y(tmp_path, "Y.csv", [f"{row},{CLASSES[row]},{row // 4}" for row in range(12)], ",mineral,batch")
    with pytest.raises(
        ValueError, match="one column must say the classes, got mineral, batch: give label=mineral or lab"
    ):
        load(str(tmp_path))
    (tmp_path / "remarks.txt").write_text("made on Monday")
    dataset = load(str(tmp_path), label="mineral", group="batch")
    assert "ignored 1 other files" in dataset.description
    assert dataset.classes == ("quartz", "rock salt", "sea salt")
    assert "3 groups by batch" in dataset.description


def test_a_y_of_another_length_is_refused(tmp_path: Path) -> None:
    x(tmp_path, "X.csv")
    y(tmp_path, "Y.csv", CLASSES[:10])
    with pytest.raises(
        ValueError, match=r"Y\.csv must have a line for each of the 12 spectra of X\.csv, got 10: correct"
    ):
        load(str(tmp_path))


ONE_HOT = [[int(word == name) for name in ("quartz", "rock salt", "sea salt")] for word in CLASSES]


@pytest.mark.parametrize("form", ["{}", "{}.0", "{:e}"])
@pytest.mark.parametrize("index", [False, True])
def test_a_column_of_0_and_1_for_each_class_says_the_class(tmp_path: Path, form: str, index: bool) -> None:
    x(tmp_path, "X.csv")
    rows = [",".join([*([str(n)] if index else []), *map(form.format, row)]) for n, row in enumerate(ONE_HOT)]
    y(tmp_path, "Y.csv", rows, ("," if index else "") + "quartz,rock salt,sea salt")
    dataset = load(str(tmp_path))
    assert dataset.classes == ("quartz", "rock salt", "sea salt")
    assert not dataset.multilabel
    assert "classes from Y.csv" in dataset.description
    assert read(tmp_path)[2] == CLASSES
    assert load(str(tmp_path), label="quartz").classes == ("0", "1")


def test_several_ones_in_a_line_are_several_labels(tmp_path: Path) -> None:
    rows = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]] * 3
    for split, part in (("train", slice(0, 8)), ("test", slice(8, 12))):
        x(tmp_path, f"X_{split}.csv", part)
        y(tmp_path, f"Y_{split}.csv", [",".join(map(str, row)) for row in rows[part]], "ester,ether,ketone")
    dataset = load(str(tmp_path))
    assert dataset.multilabel
    assert dataset.classes == ("ester", "ether", "ketone")
    np.testing.assert_array_equal(dataset.split("test").labels, rows[8:])


def test_columns_beside_those_of_0_and_1_are_asked_about(tmp_path: Path) -> None:
    x(tmp_path, "X.csv")
    y(tmp_path, "Y.csv", [f"{row[0]},{row[1]},{n % 5}" for n, row in enumerate(ONE_HOT)], "quartz,rock salt,grade")
    with pytest.raises(ValueError, match="one column must say the classes, got quartz, rock salt, grade"):
        load(str(tmp_path))
