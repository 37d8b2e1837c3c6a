from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import load

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

X = np.random.default_rng(0).random((8, 10))
LABELS = ["quartz", "calcite"] * 4
COLUMNS = {f"{10 + n / 2}": X[:, n] for n in range(10)}


def written(folder: Path, **columns: Any) -> str:
    parquet.write_table(arrow.table(columns), folder / "mine.parquet")
    return str(folder / "mine.parquet")


def refused(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert "mine.parquet" in str(error.value)


def test_a_column_a_point_with_the_axis_in_the_names(tmp_path: Path) -> None:
    split = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    dataset = load(written(tmp_path, label=LABELS, split=split, **COLUMNS, operator=["me"] * 8))
    assert dataset.classes == ("calcite", "quartz")
    np.testing.assert_allclose(dataset.axis.values, [10 + n / 2 for n in range(10)])
    np.testing.assert_allclose(dataset.train.batch(torch.arange(4)), X[:4], rtol=1e-6)
    np.testing.assert_allclose(dataset.split("test").batch(torch.arange(2)), X[6:], rtol=1e-6)
    assert dataset.train.labels.tolist() == [1, 0, 1, 0]
    assert "ignored operator" in dataset.description


def test_a_column_of_lists(tmp_path: Path) -> None:
    lists = load(written(tmp_path, spectrum=list(X), label=arrow.array(LABELS).dictionary_encode(), id=list(range(8))))
    columns = load(written(tmp_path, **{f"p{n}": X[:, n] for n in range(10)}, label=LABELS))
    assert lists.digest == columns.digest


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": LABELS}, "must hold one spectrum a row"),
        ({**COLUMNS}, "got no labels"),
        ({"label": [None, *LABELS[1:]], **COLUMNS}, "row 0: every spectrum must have a label"),
        ({"label": LABELS, **COLUMNS, "14.5": [None, *X[1:, 9].tolist()]}, r"row 0, at 14\.5: .* got a missing value"),
        (
            {"label": LABELS, "s": [[1.0] * (9 + (n == 5)) for n in range(8)]},
            "row 5: every spectrum must have as many values",
        ),
        ({"label": LABELS, "s": [["a"] * 9] * 8}, "lists of intensities must hold numbers"),
        ({"label": LABELS, "s": [[1.0] * 8 + [None]] * 8}, "a missing value"),
        ({"label": LABELS, "split": ["x"] * 8, **COLUMNS}, "row 0: a split must be one of"),
        (
            {"label": LABELS, "1.0": X[:, 0], "2.0": X[:, 1], "0.5": X[:, 2]},
            "header: the axis must be finite and only rise",
        ),
    ],
)
def test_broken_tables_are_refused_in_one_line(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    refused(written(tmp_path, **columns), message)


def test_files_that_are_no_parquet_are_refused(tmp_path: Path) -> None:
    for content in (
        b"",
        b"hello",
        b"PAR1 broken PAR1",
        Path(written(tmp_path, label=LABELS, **COLUMNS)).read_bytes()[:-9],
    ):
        (tmp_path / "mine.parquet").write_bytes(content)
        refused(str(tmp_path / "mine.parquet"), "must be a parquet file")
