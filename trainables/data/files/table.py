"""What a file of spectra holds before it is a dataset, and which of its columns mean what."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS, Axis
from spectune.trainables.data.files.baseline import NONE

LABELS = ("label", "labels", "class", "target", "category", "y")  # names of the column of classes, the first found
SPLIT = "split"
NAME = "position"  # of an axis that the file has and does not name
OTHERS = (
    "",
    "id",
    "index",
    "sample",
    "sample_id",
    "name",
    "file",
    "filename",
    "row",
    "unnamed: 0",
    "x",
    "__index_level_0__",
)  # no intensities
# What spectra come from, in the name of a column: it holds no intensities and no classes, and may be a group.
ORIGIN = re.compile(
    r"(?i)(patient|subject|donor|person|participant|individual|animal|mouse|specimen|sample|batch|plate|slide)s?"
    r"([ _-]?(id|no|nr|number|name|code))?|.*[ _-]id|id"
)
NUMBERED = re.compile(r"(.*\D)\d+")  # V1, V2, ...: columns of a spectrum
ALIASES = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}


@dataclass(frozen=True)
class Table:
    """Spectra of a file, NaN where values are missing, and what the file says about them.

    ``rows`` names each spectrum for messages (``line 7``, ``calcite/a.txt``); ``labels`` and ``splits`` are a word
    each, ``labels`` several of them where there is a ``separator``; ``classes`` gives the names in order where the
    file does; ``notes`` is what the reader had to decide. ``groups`` names the group of each spectrum and ``grouped``
    what names it; ``others`` holds what else the file says of each spectrum, by the words that ``group=`` takes.
    """

    spectra: NDArray[np.floating[Any]]  # (N, L)
    rows: list[str]
    labels: list[str] | None = None
    splits: list[str] | None = None
    axis: Axis | None = None
    classes: tuple[str, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()
    baseline: str = NONE  # what has removed the baselines already
    groups: list[str] | None = None
    grouped: str = ""
    others: dict[str, list[str]] = field(default_factory=dict)


class Roles(NamedTuple):
    """Columns by what they mean: ``label``, ``split`` and ``group`` where there are such, those of the spectrum, and
    the rest by name.
    """

    label: int | None
    split: int | None
    group: int | None
    grouped: str  # the name of the column ``group``
    spectrum: list[int]
    axis: NDArray[np.float64] | None
    ignored: dict[str, int]

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"ignored {', '.join(list(self.ignored)[:5])}",) if self.ignored else ()


def split_name(where: str, word: str) -> str:
    """``train``, ``validation`` or ``test`` for what a file calls a split."""
    name = ALIASES.get(word.strip().lower(), word.strip().lower())
    if name not in SPLITS:
        raise InputError(f"{where}: a split must be one of {', '.join(SPLITS)}, got {word!r}: correct it")
    return name


def words(label: str, separator: str) -> set[str]:
    """The labels of a spectrum; one where there is no ``separator``."""
    return {word.strip() for word in label.split(separator)} - {""} if separator else {label}


def fit(size: int) -> None:
    """MemoryError where ``size`` bytes are more than this machine has; a small file may say that it unpacks to them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise MemoryError(f"{size / 1e9:.3g} GB when unpacked, this machine has {memory / 1e9:.3g}")


def turn(values: NDArray[np.float64]) -> int | None:
    """Where ``values`` stop only rising or only falling: the index of the first wrong one; None if they never do."""
    steps = np.diff(values)
    rising = 2 * np.count_nonzero(steps > 0) >= len(steps)
    wrong = np.flatnonzero(~((steps > 0) if rising else (steps < 0)))
    return int(wrong[0]) + 1 if len(wrong) else None


def strict(where: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` if they are finite and only rise or only fall; otherwise ValueError."""
    wrong = turn(values)
    if wrong is not None or not np.isfinite(values).all():
        got = f"{values[wrong]:g} after {values[wrong - 1]:g}" if wrong else "an infinite value"
        raise InputError(
            f"{where}: the axis must be finite and only rise or only fall, got {got}: sort it without repeats"
        )
    return values


def roles(
    where: str, header: Sequence[str] | None, text: Collection[int], *, columns: int, label: str, group: str
) -> Roles:
    """What each of ``columns`` means. ``text`` are those that hold words, ``label`` and ``group`` the user's choices.

    Without a header, the only column of words holds the labels. With numeric names, or where most are called V1, V2
    ..., the others are not intensities.
    """
    names = [name.strip() for name in header] if header is not None else [""] * columns
    lower = [name.lower() for name in names]
    headed = header is not None
    apart = _column(where, names, "group", group, headed=headed)
    chosen = _column(where, names, "label", label, headed=headed)
    if chosen is None:
        chosen = _label(lower, [column for column in text if column != apart], headed=headed)
    split = lower.index(SPLIT) if SPLIT in lower and lower.index(SPLIT) not in (chosen, apart) else None
    rest = [column for column in range(columns) if column not in (chosen, split, apart)]
    numeric = [column for column in rest if _number(names[column]) is not None and column not in text]
    axis = None
    if headed and 2 * len(numeric) > len(rest):
        axis = np.array([_number(names[column]) for column in numeric], np.float64)
        spectrum = numeric
        strict(f"{where}, header", axis)
    else:
        spectrum = _intensities(names, [column for column in rest if column not in text], headed=headed)
    kept = set(spectrum)
    ignored = {names[column] or f"column {column + 1}": column for column in rest if column not in kept}
    grouped = "" if apart is None else names[apart] or f"column {apart + 1}"
    return Roles(chosen, split, apart, grouped, spectrum, axis, ignored)


def _column(where: str, names: list[str], what: str, given: str, *, headed: bool) -> int | None:
    """The column that the user names, or numbers from 0, as the ``what``; None where nothing is given."""
    lower = [name.lower() for name in names]
    if not given:
        return None
    if given.lower() in lower:
        return lower.index(given.lower())
    number = int(given) if given.lstrip("-").isdecimal() else None
    if number is not None and -len(names) <= number < len(names):
        return number % len(names)
    known = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if headed else f"0 to {len(names) - 1}"
    raise InputError(f"{where}: {what} must name a column, got {given!r}: the columns are {known}")


def _label(lower: list[str], text: Collection[int], *, headed: bool) -> int | None:
    """The column of classes by its name, else the only one of words that names no origin."""
    for name in LABELS if headed else ():
        if name in lower:
            return lower.index(name)
    words = [column for column in text if lower[column] not in (SPLIT, *OTHERS[1:]) and not origin(lower[column])]
    return words[0] if len(words) == 1 else None


def _intensities(names: list[str], numeric: list[int], *, headed: bool) -> list[int]:
    """Those of the ``numeric`` columns that are a spectrum, where their names do not say the axis."""
    if not headed:
        return numeric
    stems = Counter(found[1] for column in numeric if (found := NUMBERED.fullmatch(names[column])))
    for stem, count in stems.most_common(1):
        if 2 * count > len(numeric):
            return [column for column in numeric if (found := NUMBERED.fullmatch(names[column])) and found[1] == stem]
    return [column for column in numeric if names[column].lower() not in OTHERS and not origin(names[column])]


def origin(name: str) -> bool:
    """Whether a column of that name says what a spectrum comes from."""
    return ORIGIN.fullmatch(name) is not None


def _number(text: str) -> float | None:
    """A finite number, or None; R writes the number 400 as the name X400."""
    try:
        value = float(text.removeprefix("X"))
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
