"""X and Y files: the spectra in one file, and what is said of each in others with as many lines. N spectra."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS
from spectune.trainables.data.files.names import is_index
from spectune.trainables.data.files.packed import stem
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import find
from spectune.trainables.data.files.rows import read_table, single
from spectune.trainables.data.files.table import AND, Table, alias, shared, split_name
from spectune.trainables.data.files.text import Lines, read_lines

KINDS = {"x": "x", "y": "y", "label": "y", "target": "y", "m": "meta", "meta": "meta", "metadata": "meta"}
KINDS |= {"group": "group", "split": "split"}
_NAME = re.compile(
    r"(?i)(x|y|m|meta|metadata|label|target|group|split)s?[ _-]*"
    r"(train|training|cal|calibration|val|valid|validation|dev|test|testing|)"
)


class Part(NamedTuple):
    """The X file of a split and its lines, and what lies beside it, by kind: y, group, split or meta."""

    x: Path
    lines: Lines
    beside: dict[str, Path]

    def __len__(self) -> int:
        return 1 + len(self.beside)


Parts = dict[str, Part]  # by split, "" where the names say none


def together(files: list[Path], reading: Reading) -> Parts:
    """The files called X, Y, groups, splits or M, with or without train, test ... after it; none where no X is."""
    kinds: dict[str, dict[str, Path]] = {}
    for file in files:
        if found := _NAME.fullmatch(stem(file)):
            kinds.setdefault(alias(found[2]), {})[KINDS[found[1].lower()]] = file
    if len(files) == 1 or not all("x" in some for some in kinds.values()):
        return {}
    parts = {}
    for split, some in kinds.items():
        x = some.pop("x")
        parts[split] = Part(x, read_lines(x, reading.decimal), some)
    return {} if any(single(part.lines) for part in parts.values()) else parts


def read_together(path: Path, parts: Parts, reading: Reading) -> Table:
    """The spectra of X files under the labels, groups and splits that lie beside them, line by line."""
    tables = [_part(path, split, parts[split], reading) for split in ("", *SPLITS) if split in parts]
    lengths = {table.spectra.shape[1] for table in tables}
    if len(lengths) > 1 or any(table.axis != tables[0].axis for table in tables):
        raise InputError(f"{path}: all X files must have one axis, got {sorted(lengths)} points: resample them to one")

    def every(name: str) -> list[str] | None:
        lists = [getattr(table, name) for table in tables]
        return None if None in lists else [word for some in lists for word in some]

    return replace(
        tables[0],
        spectra=np.concatenate([table.spectra for table in tables]),
        rows=[row for table in tables for row in table.rows],
        labels=every("labels"),
        groups=every("groups"),
        splits=every("splits"),
        separator=max(table.separator for table in tables),
        others=shared(tables),
    )


def _part(path: Path, split: str, part: Part, reading: Reading) -> Table:
    """The spectra of one X file with what lies beside it."""
    x = part.x
    table = read_table(part.lines, replace(reading, label="", group=""))
    count = len(table.rows)
    columns = {kind: _words(file, x, count) for kind, file in part.beside.items()}
    hot = {} if reading.label else _one_hot(columns.get("y", {}))
    columns |= {"y": hot} if hot else {}
    others = {name: words for some in columns.values() for name, words in some.items()}
    taken = {"axis": table.taken["axis"], "intensities": x.name}
    found: dict[str, list[str]] = {}
    for role, kind, asked in (
        ("classes", "y", reading.label),
        ("groups", "group", reading.group),
        ("splits", "split", ""),
    ):
        known = others if asked else columns.get(kind, {})
        if known:
            name = _one(path, role, known, asked)
            found[role] = known[name]
            others = {other: words for other, words in others.items() if words is not known[name]}
            taken[role] = name if asked else part.beside[kind].name
    splits = found.get("splits") or ([split] * count if split else None)
    rows = [f"{x.name}, {row}" for row in table.rows]
    return replace(
        table,
        rows=rows,
        labels=found.get("classes"),
        groups=found.get("groups"),
        grouped=taken.get("groups", ""),
        separator=AND if any(not word or AND in word for words in hot.values() for word in words) else "",
        splits=splits and [split_name(row, word) for row, word in zip(rows, splits, strict=True)],
        others=others,
        guessed=False,
        taken={**taken, **({"splits": "the names"} if split else {})},
    )


def _one_hot(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """One column of labels for several of 0 and 1, a column a class; none where they hold anything else."""
    values = [[_bit(word) for word in words] for words in columns.values()]
    if len(values) < 2 or any(None in some for some in values):
        return {}
    rows = zip(*values, strict=True)
    return {"classes": [AND.join(name for name, one in zip(columns, row, strict=True) if one) for row in rows]}


def _bit(word: str) -> bool | None:
    """What 0 or 1, however it is written, says; None for anything else."""
    with contextlib.suppress(ValueError):
        return {0.0: False, 1.0: True}.get(float(word))
    return {"false": False, "true": True}.get(word.lower())


def _one(path: Path, role: str, columns: dict[str, list[str]], asked: str) -> str:
    """The only column of the ``role``, or the one that is asked for; ValueError with the options to type."""
    names = list(columns)
    place = find(names, asked) if asked else 0 if len(names) == 1 else None
    if place is None:
        option = {"classes": "label", "groups": "group"}.get(role, "")
        cure = " or ".join(f"{option}={name}" for name in names[:5]) if option else "leave one"
        raise InputError(f"{path}: one column must say the {role}, got {asked or ', '.join(names[:5])}: give {cure}")
    return names[place]


def _words(file: Path, x: Path, count: int) -> dict[str, list[str]]:
    """The columns of a file that says something of each of ``count`` spectra, by name."""
    lines = read_lines(file)
    if len(lines) not in (count, count + 1):
        raise InputError(
            f"{file} must have a line for each of the {count} spectra of {x.name}, got {len(lines)}: correct it"
        )
    cells = [_cells(lines, line) for line in range(len(lines))]
    width = len(cells[-1])
    for line, some in enumerate(cells):
        if len(some) != width:
            raise InputError(
                f"{lines.where(line)}: every line must have as many values as the last, {width}, got {len(some)}: "
                f"correct it"
            )
    headed = len(lines) == count + 1
    names = cells[0] if headed else [stem(file) if width == 1 else f"{stem(file)} {column}" for column in range(width)]
    rows = cells[headed:]
    columns = {column: [row[column] for row in rows] for column in range(width)}
    if headed and width > 1:  # row numbers may be one of them
        columns = {n: some for n, some in columns.items() if not (is_index(names[n]) and len({*some}) == count)}
    return {names[n] or f"column {n + 1}": some for n, some in columns.items()}


def _cells(lines: Lines, line: int) -> list[str]:
    """The cells of a line; without a separator a line is one word."""
    return lines.cells(line) if lines.separator else [lines.texts[line].strip('" ')]
