"""What a file of spectra holds before it is a dataset, and which of its columns mean what."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
ALIASES = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}


@dataclass(frozen=True)
class Table:
    """Spectra of a file, NaN where values are missing, and what the file says about them.

    ``rows`` names each spectrum for messages (``line 7``, ``calcite/a.txt``); ``labels`` and ``splits`` are a word
    each, ``labels`` several of them where there is a ``separator``; ``classes`` gives the names in order where the
    file does; ``notes`` is what the reader had to decide.
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


class Roles(NamedTuple):
    """Columns by what they mean: ``label`` and ``split`` where there are such, those of the spectrum, and the rest."""

    label: int | None
    split: int | None
    spectrum: list[int]
    axis: NDArray[np.float64] | None
    ignored: list[str]


def split_name(where: str, word: str) -> str:
    """``train``, ``validation`` or ``test`` for what a file calls a split."""
    name = ALIASES.get(word.strip().lower(), word.strip().lower())
    if name not in SPLITS:
        raise InputError(f"{where}: a split must be one of {', '.join(SPLITS)}, got {word!r}: correct it")
    return name


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


def roles(where: str, header: Sequence[str] | None, text: Collection[int], *, columns: int, label: str) -> Roles:
    """What each of ``columns`` means. ``text`` are the columns that hold words, ``label`` is the user's choice.

    Without a header, the only column of words holds the labels. With numeric names the others are not intensities.
    """
    names = [name.strip() for name in header] if header is not None else [""] * columns
    lower = [name.lower() for name in names]
    chosen = _label(where, names, lower, text, label=label, headed=header is not None)
    split = lower.index(SPLIT) if SPLIT in lower and lower.index(SPLIT) != chosen else None
    rest = [column for column in range(columns) if column not in (chosen, split)]
    numeric = [column for column in rest if _number(names[column]) is not None and column not in text]
    if header is not None and 2 * len(numeric) > len(rest):
        axis = np.array([_number(names[column]) for column in numeric], np.float64)
        spectrum = numeric
        strict(f"{where}, header", axis)
    else:
        axis = None
        others = OTHERS if header is not None else ()
        spectrum = [column for column in rest if column not in text and lower[column] not in others]
    kept = set(spectrum)
    ignored = [names[column] or f"column {column + 1}" for column in rest if column not in kept]
    return Roles(chosen, split, spectrum, axis, ignored)


def _label(
    where: str, names: list[str], lower: list[str], text: Collection[int], *, label: str, headed: bool
) -> int | None:
    if label:
        if label.lower() in lower:
            return lower.index(label.lower())
        number = int(label) if label.lstrip("-").isdecimal() else None
        if number is not None and -len(names) <= number < len(names):
            return number % len(names)
        known = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if headed else f"0 to {len(names) - 1}"
        raise InputError(f"{where}: label must name a column, got {label!r}: the columns are {known}")
    for name in LABELS if headed else ():
        if name in lower:
            return lower.index(name)
    words = [column for column in text if lower[column] not in (SPLIT, *OTHERS[1:])]
    return words[0] if len(words) == 1 else None


def _number(text: str) -> float | None:
    """A finite number, or None; R writes the number 400 as the name X400."""
    try:
        value = float(text.removeprefix("X"))
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
