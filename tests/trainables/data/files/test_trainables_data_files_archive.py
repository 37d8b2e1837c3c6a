from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import load

X = np.random.default_rng(0).random((12, 10))
Y = np.arange(12) % 2


def archive(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "a.npz", **arrays)
    return str(folder / "a.npz")


def refused(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert "a.npz" in str(error.value)


@pytest.mark.parametrize(
    "y",
    [
        Y,
        Y.astype(float),
        Y.reshape(-1, 1),
        np.eye(2)[Y],
        Y.astype(bool),
        np.array(["0", "1"])[Y],
        np.array([b"0", b"1"])[Y],
    ],
    ids=["whole", "float", "column", "one-hot", "bool", "words", "bytes"],
)
def test_labels_may_come_in_many_forms(tmp_path: Path, y: np.ndarray) -> None:
    assert load(archive(tmp_path, x=X, y=y)).digest == load(archive(tmp_path, X=X[:, :, None], y=Y)).digest


def test_arrays_for_each_split_are_joined(tmp_path: Path) -> None:
    parts = {
        f"{name}_{split}": array[rows]
        for name, array in (("x", X), ("y", Y))
        for split, rows in (("train", slice(0, 6)), ("val", slice(6, 8)), ("test", slice(8, 12)))
    }
    dataset = load(archive(tmp_path, **parts))
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [6, 2, 4]
    np.testing.assert_allclose(dataset.split("test").batch(torch.arange(4)), X[8:], rtol=1e-6)


def test_float32_spectra_keep_their_bits(tmp_path: Path) -> None:
    dataset = load(archive(tmp_path, x=X.astype(np.float32), y=Y, split=["train"] * 8 + ["val"] * 2 + ["test"] * 2))
    np.testing.assert_array_equal(dataset.train.batch(torch.arange(8)), X[:8].astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"spectra": X}, "must hold the array x, or x_train, x_test ..., got spectra"),
        ({"x": X[0], "y": Y}, r"x must have the shape \(spectra, points\), got \(10,\)"),
        ({"x": X.reshape(3, 4, 10), "y": Y}, r"x must have the shape"),
        ({"x": X[:0], "y": Y[:0]}, "x must have the shape"),
        ({"x": X + 1j, "y": Y}, "x must hold real numbers, got complex128"),
        ({"x": X.astype(str), "y": Y}, "x must hold real numbers"),
        ({"x": X.astype(object), "y": Y}, "got pickled objects, which could run code"),
        ({"x": X, "y": Y.astype(object)}, "got pickled objects, which could run code"),
        ({"x": X, "y": Y[:5]}, r"one class for each of the 12 spectra of x, got \(5,\)"),
        ({"x": X.T, "y": Y}, r"got \(12,\): transpose x"),
        ({"x": X, "y": Y + 0.5}, "y must be words or whole numbers"),
        ({"x": X, "y": np.zeros((12, 2))}, "every spectrum must have a label"),
        ({"x": X, "y": Y, "names": np.array(["a"])}, "y must number the 1 names from 0, got 1"),
        ({"x": X, "y": Y, "axis": np.arange(9.0)}, "axis must be 10 numbers"),
        ({"x": X, "y": Y, "axis": np.ones(10)}, "axis must be finite and only rise or only fall, got 1 after 1"),
        ({"x": X, "y": Y, "axis": np.r_[np.arange(9.0), np.inf]}, "axis must be finite"),
        (
            {"x": X, "y": Y, "split": np.array(["train"] * 3)},
            "split must have a word for each of the 12 spectra, got 3",
        ),
        ({"x_train": X, "x_test": X[:, :5]}, "arrays of one length of spectrum"),
    ],
)
def test_broken_archives_are_refused_in_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    refused(archive(tmp_path, **arrays), message)


def test_an_object_array_is_never_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.write_text, (tmp_path / "exploded", "x"))

    refused(archive(tmp_path, x=np.array([Bomb()], dtype=object), y=Y), "pickled objects")
    assert not (tmp_path / "exploded").exists()


def test_files_that_are_no_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for content in (b"", b"PK\x03\x04 broken", b"hello", archived(X)):
        path.write_bytes(content)
        refused(str(path), "must be an .npz file as numpy.savez writes it|must hold arrays of numbers")
    path.write_bytes(Path(archive(tmp_path, x=X, y=Y)).read_bytes()[:-100])
    refused(str(path), "must be an .npz file")


def archived(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    content = archived(np.zeros((2, 10))).replace(b"(2, 10), }" + b" " * 20, b"(2000000000000000, 10), }" + b" " * 5)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", content)
    refused(str(tmp_path / "a.npz"), "must be an .npz file|must fit into memory")


def test_a_label_column_makes_no_sense_for_an_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label must be left away"):
        load(archive(tmp_path, x=X, y=Y), label="y")


def test_an_archive_that_says_to_be_encrypted_is_refused(tmp_path: Path) -> None:
    path = Path(archive(tmp_path, x=X, y=Y))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(str(path), "must be an .npz file as numpy.savez writes it, got File 'x.npy' is encrypted")
