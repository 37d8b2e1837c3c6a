"""A folder of files: a folder per class of spectra, tables that are a class or a split each, or X and Y files."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS, Axis
from spectune.trainables.data.files.axes import common
from spectune.trainables.data.files.instrument import spectra_of
from spectune.trainables.data.files.instruments import READERS, reader
from spectune.trainables.data.files.packed import stem, suffix
from spectune.trainables.data.files.quantities import settled
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.rows import read_text
from spectune.trainables.data.files.table import Table, alias, alike, shared
from spectune.trainables.data.files.text import read_lines
from spectune.trainables.data.files.together import read_together, together
from spectune.trainables.data.grid.intensities import convertible

SUFFIXES = (".txt", ".csv", ".tsv", ".tab", ".dat", ".xy", ".xye", ".asc", ".prn", ".dpt", ".chi", ".int", ".xlsx")


class Entry(NamedTuple):
    """A file: its split and its class, "" where the folders do not say them, and what it holds."""

    split: str
    label: str
    path: Path
    table: Table


def read_folder(path: Path, reading: Reading) -> Table:
    """Spectra of ``path/CLASS/FILE``, or of ``path/SPLIT/CLASS/FILE`` where the folders are called train, test ...

    A folder with files and no folders is read without labels, unless its files are tables of several spectra: they are
    a class or a split each. Files on different axes are resampled linearly to the range that all cover, rising, with
    as many points as the files have there (the median). ``group`` says which part of the files' names, split at what
    is neither letter nor digit and counted from 0, names the group; in tables it is a column.
    """
    found = _files(path)
    if parts := together([file for _, name, file in found if not name], reading):
        return _passed(read_together(path, parts, reading), path, sum(map(len, parts.values())))
    entries = [Entry(split, name, file, read_file(file, reading)) for split, name, file in found]
    several = any(len(entry.table.rows) > 1 and not reader(entry.path) for entry in entries)
    if reading.label and not several:
        raise InputError(
            f"label must be left away for a folder, got {reading.label!r}: the folder names are the labels"
        )
    table = _stacked(path, entries)
    table = _inside(table, entries) if several else _outside(table, path, entries, reading.group)
    return _passed(table, path, len(entries))


def _passed(table: Table, path: Path, count: int) -> Table:
    """``table`` with a note on how many files other than the ``count`` that were read there are."""
    seen = (entry.relative_to(path) for entry in path.rglob("*") if entry.is_file())
    others = sum(not any(part.startswith(".") for part in entry.parts) for entry in seen) - count
    return replace(table, notes=(*table.notes, f"ignored {others} other files")) if others else table


def read_file(path: Path, reading: Reading) -> Table:
    """The spectra of a file: text with a point a line or a table of them, or as an instrument wrote them."""
    text = None if reader(path) else read_lines(path, reading.decimal)
    return settled(path, spectra_of(path) if text is None else read_text(text, reading, least=1), reading)


def _stacked(path: Path, entries: list[Entry]) -> Table:
    """The spectra of all files on one axis, with what is the same for them all."""
    tables = [entry.table for entry in entries]
    files = [str(entry.path) for entry in entries for _ in entry.table.rows]
    rows = [_row(path, entry, row) for entry in entries for row in entry.table.rows]
    first = _alike(entries)
    pairs = [(_places(table), spectrum) for table in tables for spectrum in table.spectra]
    values, spectra, notes = common(pairs, files)
    counts = Counter(note for table in tables for note in table.notes)
    said = [note if count == len(tables) else f"{note} in {count} files" for note, count in counts.items()]
    quantities = Counter(table.quantity for table in tables if table.quantity)
    return Table(
        spectra,
        rows,
        axis=first and replace(first, values=values),
        notes=(*notes, *said),
        quantity=next(iter(quantities)) if len(quantities) == 1 else "",
        taken=_taken(tables),
        warnings=_mixed(path, entries) if len(quantities) > 1 else (),
        assumed=frozenset().union(*(table.assumed for table in tables)),
    )


def _row(path: Path, entry: Entry, row: str) -> str:
    name = str(entry.path.relative_to(path))
    return name if row == entry.path.name else f"{name}, {row}"


def _places(table: Table) -> NDArray[np.float64]:
    return np.arange(table.spectra.shape[1], dtype=np.float64) if table.axis is None else table.axis.values


def _alike(entries: list[Entry]) -> Axis | None:
    """The axis of the file that says most of it. ValueError where files are on axes that mean different things, or
    where only some have one."""
    first = entries[0]
    for other in entries:
        points = {entry.table.spectra.shape[1] for entry in (first, other)}
        axes = [entry.table.axis is None for entry in (first, other)]
        if axes[0] != axes[1] or (all(axes) and len(points) > 1):
            raise InputError(
                f"{other.path} must have the axis of {first.path}, got none in one of them: write it into both"
            )
    return alike([(entry.path, entry.table.axis) for entry in entries if entry.table.axis is not None])


def _mixed(path: Path, entries: list[Entry]) -> tuple[str, ...]:
    """A warning that names how many files are in which quantity, with one of each."""
    found: dict[str, list[Path]] = {}
    for entry in entries:
        found.setdefault(entry.table.quantity or "an unnamed quantity", []).append(entry.path.relative_to(path))
    said = ", ".join(f"{len(some)} in {name} (such as {some[0]})" for name, some in found.items())
    way = all(convertible(name, "absorbance") for name in found)
    cure = "give intensity=absorbance, which converts them," if way else "convert them to one,"
    return (f"{path}: the files are in different quantities, {said}: {cure} or a model learns the unit",)


def _taken(tables: list[Table]) -> dict[str, str]:
    """What was taken for what in all files, with what stands in the first where they differ."""
    first = tables[0].taken
    return {
        role: what if all(table.taken.get(role) == what for table in tables) else f"{what} and others"
        for role, what in first.items()
        if role in ("axis", "intensities", "ignored")
    }


def _outside(table: Table, path: Path, entries: list[Entry], group: str) -> Table:
    """``table`` with what folders and names say of files without labels of their own; the spectra of one file, such as
    a map, are a group unless ``group`` says another."""
    entries = [entry for entry in entries for _ in entry.table.rows]
    parts = [re.findall(r"[^\W_]+", stem(entry.path)) for entry in entries]
    labels = [entry.label for entry in entries]
    groups, grouped = None, ""
    if group:
        groups, grouped = _part(path, table.rows, parts, group), f"part {group} of the names"
    elif len({entry.path for entry in entries}) < len(entries):
        groups, grouped = [str(entry.path.relative_to(path)) for entry in entries], "file"
    table = _divided(table, [entry.split for entry in entries])
    return replace(
        table,
        labels=labels if all(labels) else None,
        groups=groups,
        grouped=grouped,
        others={str(place): list(words) for place, words in enumerate(zip(*parts, strict=False))},
        taken={
            **table.taken,
            **({"classes": "the folders"} if all(labels) else {}),
            **({"groups": grouped} if grouped else {}),
        },
    )


def _inside(table: Table, entries: list[Entry]) -> Table:
    """``table`` with what tables of several spectra say, or else their names: files are a split or a class each."""
    tables = [entry.table for entry in entries]
    names = [stem(entry.path) for entry in entries]
    words = _splits(names)
    splits = [word for word, one in zip(words, tables, strict=True) for _ in one.rows]
    labelled = all(one.labels is not None and not one.guessed for one in tables)
    if labelled or set(words) <= set(SPLITS):
        labels = [label for one in tables for label in one.labels or [""] * len(one.rows)]
        where = tables[0].taken.get("classes", "")
    else:
        labels = [entry.label or name for entry, name in zip(entries, names, strict=True) for _ in entry.table.rows]
        where = "the folders" if entries[0].label else "the names of the files"
    groups = [group for one in tables for group in one.groups or ()]
    table = _divided(table, splits if set(words) <= set(SPLITS) else [e.split for e in entries for _ in e.table.rows])
    return replace(
        table,
        labels=labels if any(labels) else None,
        groups=groups if len(groups) == len(table.rows) else None,
        grouped=tables[0].grouped if len(groups) == len(table.rows) else "",
        others=shared(tables),
        guessed=any(one.guessed for one in tables) and where == tables[0].taken.get("classes"),
        taken={**table.taken, **({"classes": where} if any(labels) else {})},
    )


def _splits(names: list[str]) -> list[str]:
    """The splits that files are called after, as train or, behind the same word, Coffee_TRAIN; else their names."""
    words = [re.fullmatch(r"(.*?)[ _.-]?([^\W_]+)", name) for name in names]
    heads = {found[1] if found else None for found in words}
    tails = [alias(found[2]) if found else "" for found in words]
    return tails if len(heads) == 1 and len(set(tails)) > 1 else [alias(name) for name in names]


def _divided(table: Table, splits: list[str]) -> Table:
    """``table`` with the splits of its spectra where each has one."""
    if not all(splits):
        return table
    return replace(table, splits=splits, taken={**table.taken, "splits": "the names"})


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


def _files(path: Path) -> list[tuple[str, str, Path]]:
    """(split or "", class or "", file) of every file, in the order of their names."""
    folders = _folders(path)
    if not folders:
        return [("", "", file) for file in _texts(path)]
    names = [alias(folder.name) for folder in folders]
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
    exported = {stem(file) for file in files if suffix(file) in SUFFIXES}
    found = [file for file in files if suffix(file) in SUFFIXES or (reader(file) and stem(file) not in exported)]
    if not found:
        raise InputError(
            f"{path} must hold two-column text files ({', '.join(SUFFIXES)}) or those of instruments "
            f"({', '.join(READERS)}), got {len(files)} other files: convert them, or remove the folder"
        )
    return found
