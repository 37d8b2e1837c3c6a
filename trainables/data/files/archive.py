"""NumPy archives: ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` ..., without pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS, Axis
from spectune.trainables.data.files.baseline import NONE
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.packed import fit, opened
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import ALIASES, AND, Table, split_name, strict

GROUP = "group"
KNOWN = ("x", "y", "split", GROUP, "axis", "names")

Arrays = dict[str, NDArray[Any]]


def read_archive(path: Path, reading: Reading) -> Table:
    """The spectra of an .npz file: ``x`` (N, L) and, where there are, ``y`` (N,) classes as whole numbers or words
    or (N, C) of 0 and 1, ``split`` (N,), ``group`` (N,) or what ``reading`` calls it, ``axis`` (L,), ``axis_name``,
    ``axis_unit``, ``axis_wavelength`` of its source, the ``quantity`` of the intensities, ``names`` of the classes (C,)
    and ``baseline_removed``, the correction that was made already.

    A row of ``y`` with two ones or more makes it a file of several labels per spectrum.
    """
    reading.without(path, "label", "columns", "orient", "decimal", "header")
    arrays = _joined(path, _arrays(path))
    x = _intensities(path, arrays["x"])
    names = _words(path, "names", arrays["names"]) if "names" in arrays else []
    labels = _labels(path, arrays["y"], names, len(x), x.shape[1]) if "y" in arrays else None
    words = _each(path, "split", arrays, len(x)) if "split" in arrays else None
    splits = words and [split_name(f"{path}, spectrum {row}", word) for row, word in enumerate(words)]
    grouped = _grouped(path, arrays, reading.group.lower())
    others = {name: _words(path, name, array) for name, array in arrays.items() if _other(name, array, len(x))}
    others.pop(grouped, None)
    return Table(
        x,
        [f"spectrum {row}" for row in range(len(x))],
        labels=labels,
        splits=splits,
        axis=_axis(path, arrays, x.shape[1]),
        classes=tuple(names),
        separator=AND if any(AND in label for label in labels or ()) else "",
        baseline=str(arrays.get("baseline_removed", NONE)),
        quantity=str(arrays.get("quantity", "")),
        groups=_each(path, grouped, arrays, len(x)) if grouped else None,
        grouped=grouped,
        others=others,
        taken=_taken(arrays, grouped, others),
    )


def _grouped(path: Path, arrays: Arrays, group: str) -> str:
    """The name of the array of groups, ``group`` where it is given; "" where there is none."""
    if group and group not in arrays:
        raise InputError(f"{path}: group must name an array, got {group!r}: the arrays are {', '.join(arrays)}")
    return group or (GROUP if GROUP in arrays else "")


def _taken(arrays: Arrays, grouped: str, others: dict[str, list[str]]) -> dict[str, str]:
    """What was taken for what, as in Table."""
    taken = {"axis": "axis" if "axis" in arrays else "none, points are numbered", "intensities": "x"}
    found = {"classes": "y" if "y" in arrays else "", "groups": grouped, "splits": "split" if "split" in arrays else ""}
    return {**taken, **{role: name for role, name in (*found.items(), ("ignored", ", ".join(others))) if name}}


def _arrays(path: Path) -> Arrays:
    """The arrays of the file under lower-case names."""
    with opened(path, "an .npz file as numpy.savez writes it") as archive:
        members = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        fit(sum(entry.file_size for entry in members))
        return {entry.filename[: -len(".npy")].lower(): _array(path, archive, entry) for entry in members}


def _array(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """An array, without unpickling."""
    with archive.open(entry.filename) as stream:
        try:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        except ValueError as error:
            if "Object arrays cannot be loaded" not in str(error):
                raise
            raise InputError(
                f"{path} must hold arrays of numbers and words, got pickled objects, which could run code: save x as a "
                f"2-D array of floats and names as an array of str"
            ) from None
    return array


def _joined(path: Path, arrays: Arrays) -> Arrays:
    """``x``, ``y`` and other arrays from those for each split, if that is what the file has, and its ``split``."""
    if "x" in arrays:
        return arrays
    splits = [name[2:] for name in arrays if name.startswith("x_") and ALIASES.get(name[2:], name[2:]) in SPLITS]
    if not splits:
        raise InputError(
            f"{path} must hold the array x, or x_train, x_test ..., got {', '.join(arrays) or 'nothing'}: rename"
        )
    parts = {}
    for stem in {name.removesuffix(f"_{splits[0]}") for name in arrays if name.endswith(f"_{splits[0]}")}:
        if all(f"{stem}_{split}" in arrays for split in splits):
            parts[stem] = [np.atleast_1d(arrays[f"{stem}_{split}"]) for split in splits]
    try:
        joined = {stem: np.concatenate(some) for stem, some in parts.items()}
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: the splits must have arrays of one length of spectrum, got {error}: resample"
        ) from None
    names = [ALIASES.get(split, split) for split in splits]
    return {**arrays, **joined, "split": np.repeat(names, [len(x) for x in parts["x"]])}


def _each(path: Path, name: str, arrays: Arrays, count: int) -> list[str]:
    """The array ``name``, a word for each of ``count`` spectra."""
    words = _words(path, name, arrays[name])
    if len(words) != count:
        raise InputError(
            f"{path}: {name} must have a word for each of the {count} spectra, got {len(words)}: correct it"
        )
    return words


def _other(name: str, array: NDArray[Any], count: int) -> bool:
    """Whether an array says something else of each spectrum."""
    return name not in KNOWN and array.shape == (count,) and array.dtype.kind in "USiu"


def _intensities(path: Path, x: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """``x`` as (N, L) floats; axes of length 1 beyond that are dropped, as in (N, L, 1)."""
    shape = x.shape
    if x.ndim == 3 and 1 in shape[1:]:
        x = x.reshape(shape[0], -1)
    if x.ndim != 2 or not x.size:
        raise InputError(f"{path}: x must have the shape (spectra, points), got {shape}: reshape it")
    if x.dtype.kind not in "fiub":
        raise InputError(f"{path}: x must hold real numbers, got {x.dtype}: convert it to float32")
    kind = x.dtype if x.dtype in (np.float32, np.float64) else np.float64
    return np.ascontiguousarray(x, dtype=kind)


def _labels(path: Path, y: NDArray[Any], names: list[str], count: int, points: int) -> list[str]:
    """The class of each spectrum as a word."""
    if y.ndim == 2 and 1 in y.shape:
        y = y.ravel()
    if y.ndim == 2 and len(y) == count and y.dtype.kind in "fiub" and ((y == 0) | (y == 1)).all():
        if not (y.sum(axis=1) == 1).all():
            return _multilabel(path, y, names)
        y = y.argmax(axis=1)
    if y.shape != (count,):
        cure = "transpose x" if len(np.atleast_1d(y)) == points else "give one class per spectrum"
        raise InputError(f"{path}: y must have one class for each of the {count} spectra of x, got {y.shape}: {cure}")
    if y.dtype.kind == "f" and np.array_equal(y, np.floor(y)):
        y = y.astype(np.int64)
    if y.dtype.kind in "iub":
        numbers = y.astype(np.int64)
        if names and not (numbers.min() >= 0 and numbers.max() < len(names)):
            wrong = numbers.min() if numbers.min() < 0 else numbers.max()
            raise InputError(f"{path}: y must number the {len(names)} names from 0, got {wrong}: correct y or names")
        return [names[number] if names else str(number) for number in numbers]
    return _words(path, "y", y)


def _multilabel(path: Path, y: NDArray[Any], names: list[str]) -> list[str]:
    """The labels of each spectrum, from 0 and 1 (N, C)."""
    if names and len(names) != y.shape[1]:
        raise InputError(f"{path}: names must name the {y.shape[1]} columns of y, got {len(names)}: correct names")
    words = names or [str(number) for number in range(y.shape[1])]
    return [AND.join(words[number] for number in np.flatnonzero(row)) for row in y]


def _words(path: Path, name: str, array: NDArray[Any]) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "USiub":
        raise InputError(
            f"{path}: {name} must be words or whole numbers, one an entry, got {array.dtype} of shape "
            f"{array.shape}: correct it"
        )
    if array.dtype.kind == "S":
        return [word.decode("utf-8", errors="replace") for word in array.tolist()]
    return [str(word) for word in array.tolist()]


def _axis(path: Path, arrays: Arrays, points: int) -> Axis | None:
    if "axis" not in arrays:
        return None
    values = arrays["axis"]
    if values.shape != (points,) or values.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: axis must be {points} numbers, one a point of x, got {values.dtype} {values.shape}: correct it"
        )
    known = {"name": NAME, "unit": ""}
    source = arrays.get("axis_wavelength", np.zeros(1))
    for key, name in (("axis_name", "name"), ("axis_unit", "unit")):
        if key in arrays and arrays[key].size == 1 and arrays[key].dtype.kind in "US":
            known[name] = str(arrays[key].reshape(-1)[0])
    wavelength = float(source.reshape(-1)[0]) if source.size == 1 and source.dtype.kind in "fiu" else 0.0
    return Axis(strict(str(path), values.astype(np.float64)), **known, wavelength=wavelength)
