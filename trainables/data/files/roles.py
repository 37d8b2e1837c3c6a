"""What each column of a table with a spectrum a row means: label, split, group, intensity, or something else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.names import NAME, Position, is_axis, is_index, is_unit, named, position
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import counted, split_name, strict, turn

LABELS = ("label", "labels", "class", "classes", "target", "category", "diagnosis", "species", "y")  # the first found
SPLIT = "split"
IDENTITIES = ("sample", "name", "file", "filename", "x")  # name a spectrum, as index and origin do
# What spectra come from, in the name of a column: it holds no intensities and no classes, and may be a group.
ORIGIN = re.compile(
    r"(?i)(patient|subject|donor|person|participant|individual|animal|mouse|specimen|sample|batch|plate|slide)s?"
    r"([ _-]?(id|no|nr|number|name|code))?|.*[ _-]id|id"
)
# How a spectrum was measured, or of whom: no classes, and no intensities.
CIRCUMSTANCE = re.compile(
    r"(?i)age|sex|gender|rep(licate|eat|etition)?s?|date|time(stamp)?|day|year|temp(erature)?|operator|instrument|device|"
    r"laser([ _-]?\w+)?|power|exposure|integration[ _-]?time"
)


class Roles(NamedTuple):
    """Columns by what they mean: ``label``, ``split`` and ``group`` where there are such, those of the spectrum, and
    the rest by name. The label is ``guessed`` where no column, or more than one, is called so.
    """

    label: int | None
    split: int | None
    group: int | None
    grouped: str  # the name of the column ``group``
    spectrum: list[int]
    axis: Axis | None
    ignored: dict[str, int]
    taken: dict[str, str]  # as in Table
    guessed: bool


def roles(
    where: str,
    header: Sequence[str] | None,
    text: Collection[int],
    *,
    columns: int,
    reading: Reading,
    classes: int | None = None,
    aside: Collection[int] = (),
) -> Roles:
    """What each of ``columns`` means. ``text`` are those that hold words, ``classes`` the one that the file calls so,
    ``aside`` those that are neither classes by themselves nor intensities.

    Without a header, the only column of words holds the labels. With numeric names, or where most are called V1, V2
    ..., the others are not intensities.
    """
    names = [name.strip() for name in header] if header is not None else [""] * columns
    lower = [name.lower() for name in names]
    headed = header is not None
    apart = _column(where, names, "group", reading.group, headed=headed)
    chosen = _column(where, names, "label", reading.label, headed=headed)
    called_so = [lower.index(name) for name in LABELS if name in lower]
    several = sum(name in lower for name in LABELS[:-1]) > 1
    guessed = chosen is None and classes is None and (several or not called_so)
    if chosen is None and classes is None:
        chosen = (
            called_so[0]
            if called_so
            else _words(lower, [column for column in text if column != apart and column not in aside])
        )
    elif chosen is None:
        chosen = classes
    split = lower.index(SPLIT) if SPLIT in lower and lower.index(SPLIT) not in (chosen, apart) else None
    rest = [column for column in range(columns) if column not in (chosen, split, apart)]
    numeric = [column for column in rest if column not in text and column not in aside]
    spectrum, axis = _spectrum(where, names, rest, numeric, headed=headed)
    kept = set(spectrum)
    ignored = {called(names, column): column for column in rest if column not in kept}
    taken = {"axis": "none, points are numbered" if axis is None else "the header"}
    if spectrum:
        ends = [names[column] or str(column + 1) for column in (spectrum[0], spectrum[-1])]
        taken["intensities"] = f"columns {' to '.join(ends)}"
    for role, place in (("classes", chosen), ("groups", apart), ("splits", split)):
        if place is not None:
            taken[role] = called(names, place)
    if ignored:
        taken["ignored"] = few(list(ignored))
    grouped = "" if apart is None else called(names, apart)
    return Roles(chosen, split, apart, grouped, spectrum, axis, ignored, taken, guessed and chosen is not None)


def attributes(where: str, rows: list[str], found: Roles, words: Callable[[int], list[str]]) -> dict[str, Any]:
    """What a Table says of each spectrum, ``words`` being the cells of a column, one a spectrum of ``rows``."""
    label, split, group = (
        None if column is None else words(column) for column in (found.label, found.split, found.group)
    )
    return {
        "labels": label,
        "splits": split and [split_name(f"{where}, {row}", word) for row, word in zip(rows, split, strict=True)],
        "groups": group,
        "grouped": found.grouped,
        "others": {name: words(column) for name, column in found.ignored.items()},
        "guessed": found.guessed,
    }


def called(names: Sequence[str], column: int) -> str:
    """The name of a column, or which it is."""
    return names[column] or f"column {column + 1}"


def few(names: Sequence[str]) -> str:
    """As many names as a line bears."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def origin(name: str) -> bool:
    """Whether a column of that name says what a spectrum comes from."""
    return ORIGIN.fullmatch(name) is not None


def candidates(others: dict[str, list[str]]) -> list[str]:
    """Names of ``others``, columns beside the spectra, that may hold the classes: each a few words that come again."""
    found = []
    for name, column in others.items():
        counts = Counter(column)
        several = 1 < len(counts) <= max(2, len(column) // 3) and min(counts.values()) > 1
        fraction = any(re.fullmatch(r"[+-]?\d*\.\d*[1-9]\d*", word) for word in counts)
        known = origin(name) or CIRCUMSTANCE.fullmatch(name) or is_index(name)
        if several and not fraction and not known and not name.isdecimal():  # a part of the names of files
            found.append(name)
    return found


def _column(where: str, names: list[str], what: str, given: str, *, headed: bool) -> int | None:
    """The column that the user names, or numbers from 0, as the ``what``; None where nothing is given."""
    if not given:
        return None
    if (found := find(names, given)) is not None:
        return found
    known = few(names) if headed else f"0 to {len(names) - 1}"
    raise InputError(f"{where}: {what} must name a column, got {given!r}: the columns are {known}")


def find(names: Sequence[str], given: str) -> int | None:
    """The column called ``given``, with or without its unit, or of that number from 0; None where there is none."""
    for some in ([name.lower() for name in names], [named(name)[0].lower() for name in names]):
        if given.lower() in some:
            return some.index(given.lower())
    number = int(given) if given.isascii() and given.lstrip("-").isdecimal() else None
    return number % len(names) if number is not None and -len(names) <= number < len(names) else None


def _words(lower: list[str], text: Collection[int]) -> int | None:
    """The only column of words that names neither an origin nor a single spectrum."""
    found = [
        column
        for column in text
        if lower[column] not in (SPLIT, *IDENTITIES)
        and not (lower[column] and is_index(lower[column]))
        and not origin(lower[column])
        and not CIRCUMSTANCE.fullmatch(lower[column])
    ]
    return found[0] if len(found) == 1 else None


def _spectrum(
    where: str, names: list[str], rest: list[int], numeric: list[int], *, headed: bool
) -> tuple[list[int], Axis | None]:
    """The columns of intensities among the ``numeric`` ones of the ``rest``, and the axis that their names say."""
    if not headed:
        return numeric, None
    places = {column: place for column in numeric if (place := position(names[column]))}
    plain = [column for column, place in places.items() if not place.stem]
    if 2 * len(plain) > len(rest):
        values = np.array([places[column].number for column in plain], np.float64)
        strict(f"{where}, header", values)
        return plain, _axis(names, [places[column] for column in plain], values)
    for stem, count in Counter(place.stem for place in places.values()).most_common(1):
        if 2 * count > len(numeric):
            some = [column for column, place in places.items() if place.stem == stem]
            values = np.array([places[column].number for column in some], np.float64)
            measured = turn(values) is None and not counted(values)
            return some, _axis(names, [places[column] for column in some], values) if measured else None
    others = [column for column in numeric if not beside(names[column])]
    alike = in_turn([names[column] for column in others])
    return [others[place] for place in alike] or others, None


def beside(name: str) -> bool:
    """Whether a column of numbers under that name holds no intensities."""
    beside = is_index(name) or origin(name) or CIRCUMSTANCE.fullmatch(name) is not None
    return beside or name.lower() in IDENTITIES


def in_turn(names: Sequence[str]) -> list[int]:
    """Which of ``names`` differ in a number only, as V1, V2 ... or b1c, b2c ..., where most of them do."""
    forms = [re.sub(r"\d+", "0", name) if re.search(r"\d", name) else "" for name in names]
    form, count = Counter(filter(None, forms)).most_common(1)[0] if any(forms) else ("", 0)
    return [place for place, one in enumerate(forms) if one == form] if 2 * count > len(names) else []


def placed(names: Sequence[str]) -> bool:
    """Whether most names say positions under one word, as V1, V2 ... or 400, 402 ..."""
    places = [place for name in names if (place := position(name))]
    stem, count = Counter(place.stem for place in places).most_common(1)[0] if places else ("", 0)
    steady = stem or turn(np.array([place.number for place in places if not place.stem], np.float64)) is None
    return 2 * count > len(names) and bool(steady)


def _axis(names: list[str], places: list[Position], values: NDArray[np.float64]) -> Axis:
    """The axis of columns at ``places``: its name is in the corner of the table or before each number."""
    unit = Counter(place.unit for place in places).most_common(1)[0][0]
    stem = places[0].stem.strip(" ._-/")
    if is_unit(stem):
        return Axis(values, NAME, stem)
    name, said = named(stem if is_axis(stem) else names[0]) if is_axis(stem) or is_axis(names[0]) else (NAME, "")
    return Axis(values, name or NAME, unit or said)
