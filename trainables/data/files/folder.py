"""A folder per class of files: two columns of text, or as an instrument wrote them, on a common axis."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS
from spectune.trainables.data.files.instruments import READERS, reader
from spectune.trainables.data.files.spectra import one_kind, read_spectra
from spectune.trainables.data.files.table import ALIASES, Table
from spectune.trainables.data.grid import interpolate

SUFFIXES = (".txt", ".csv", ".tsv", ".dat", ".xy", ".xye", ".asc", ".prn", ".dpt", ".chi", ".int", ".xlsx")

Spectrum = tuple[NDArray[np.float64], NDArray[np.float64]]  # axis (L,), intensities (L,)


def read_folder(path: Path, label: str = "", group: str = "") -> Table:
    """Spectra of ``path/CLASS/FILE``, or of ``path/SPLIT/CLASS/FILE`` where the folders are called train, test ...

    A folder with files and no folders is read without labels. Files on different axes are resampled linearly to the
    range that all cover, rising, with as many points as the files have there (the median). ``group`` says which part
    of the files' names, split at what is neither letter nor digit and counted from 0, names the group; without it
    the spectra of a file that holds several, such as a map, are one.
    """
    if label:
        raise InputError(f"label must be left away for a folder, got {label!r}: the folder names are the labels")
    held = [(split, name, file, read_spectra(file)) for split, name, file in _files(path)]
    found = [(split, name, file) for split, name, file, some in held for _ in some]
    read = [one for *_, some in held for one in some]
    files = [file for _, _, file in found]
    names = [str(file.relative_to(path)) for file in files]
    rows = [row for *_, file, some in held for row in _rows(str(file.relative_to(path)), len(some))]
    one_kind(read, [f"{path}/{row}" for row in rows])
    values, spectra, notes = common([(one.axis.values, one.intensities) for one in read], [str(file) for file in files])
    axis = replace(read[0].axis, values=values)
    notes = (*notes, *dict.fromkeys(one.note for one in read if one.note))
    seen = (entry.relative_to(path) for entry in path.rglob("*") if entry.is_file())
    others = sum(not any(part.startswith(".") for part in entry.parts) for entry in seen) - len(held)
    notes = (*notes, f"ignored {others} other files") if others else notes
    parts = [re.findall(r"[^\W_]+", file.stem) for file in files]
    groups, grouped = (names, "file") if len(held) < len(read) else (None, "")
    if group:
        groups, grouped = _part(path, rows, parts, group), f"part {group} of the names"
    labels = [name for _, name, _ in found]
    splits = [split for split, _, _ in found]
    return Table(
        spectra,
        rows,
        labels=labels if all(labels) else None,
        splits=splits if all(splits) else None,
        axis=axis,
        notes=notes,
        groups=groups,
        grouped=grouped,
        others={str(place): list(words) for place, words in enumerate(zip(*parts, strict=False))},
    )


def _rows(name: str, count: int) -> list[str]:
    """What each of the spectra of a file is called."""
    return [name] if count == 1 else [f"{name}, spectrum {number}" for number in range(1, count + 1)]


def _part(path: Path, rows: list[str], parts: list[list[str]], group: str) -> list[str]:
    """The part of each file's name that ``group`` counts from 0."""
    if not group.isdecimal():
        known = ", ".join(f"{place} is {word}" for place, word in enumerate(parts[0]))
        raise InputError(f"{path}: group must be the number of a part of the files' names, got {group!r}: {known}")
    for row, words in zip(rows, parts, strict=True):
        if len(words) <= int(group):
            raise InputError(
                f"{path}/{row}: group={group} must be a part of the name, got {len(words)} parts: rename it"
            )
    return [words[int(group)] for words in parts]


def common(pairs: list[Spectrum], files: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """An axis for all, the spectra (N, L) on it, and a note where they had to be resampled."""
    first = pairs[0][0]
    if all(len(axis) == len(first) and np.array_equal(axis, first) for axis, _ in pairs):
        return first, np.stack([intensities for _, intensities in pairs]), ()
    pairs = [
        (axis[::-1], values[::-1]) if len(axis) > 1 and axis[0] > axis[-1] else (axis, values) for axis, values in pairs
    ]
    starts, ends = (np.array([axis[place] for axis, _ in pairs]) for place in (0, -1))
    low, high, usual = starts.max(), ends.min(), float(np.median(ends - starts))
    if not high - low >= usual / 2:
        number = int(
            starts.argmax() if starts.max() - np.median(starts) > np.median(ends) - ends.min() else ends.argmin()
        )
        raise InputError(
            f"{files[number]} must share half of the usual range with all other files, got {starts[number]:g} to "
            f"{ends[number]:g}: remove the file or measure it on the range of the others"
        )
    points = int(np.median([np.count_nonzero((axis >= low) & (axis <= high)) for axis, _ in pairs]))
    grid = np.linspace(low, high, max(points, 2))
    spectra = np.stack([interpolate(values[None], axis, grid)[0] for axis, values in pairs])
    return grid, spectra, (f"resampled to the common range {low:g} to {high:g}",)


def _files(path: Path) -> list[tuple[str, str, Path]]:
    """(split or "", class or "", file) of every file, in the order of their names."""
    folders = _folders(path)
    if not folders:
        return [("", "", file) for file in _texts(path)]
    names = [ALIASES.get(folder.name.lower(), folder.name.lower()) for folder in folders]
    if all(name in SPLITS for name in names) and all(_folders(folder) for folder in folders):
        return [
            (name, inner.name, file)
            for name, folder in zip(names, folders, strict=True)
            for inner in _folders(folder)
            for file in _texts(inner)
        ]
    return [("", folder.name, file) for folder in folders for file in _texts(folder)]


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _texts(path: Path) -> list[Path]:
    """The files of a class that can be read; ValueError when there are none.

    An instrument's file is left out beside a text file of its name, which is an export of it.
    """
    files = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    exported = {file.stem for file in files if file.suffix.lower() in SUFFIXES}
    found = [file for file in files if file.suffix.lower() in SUFFIXES or (reader(file) and file.stem not in exported)]
    if not found:
        raise InputError(
            f"{path} must hold two-column text files ({', '.join(SUFFIXES)}) or those of instruments "
            f"({', '.join(READERS)}), got {len(files)} other files: convert them, or remove the folder"
        )
    return found
