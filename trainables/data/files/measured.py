"""The user's own spectra, from a file or a folder to a dataset: checked, cleaned, on one axis, in three splits."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError, hold
from spectune.trainables.data.dataset import SPLITS, Axis, Dataset
from spectune.trainables.data.dense import Dense
from spectune.trainables.data.files.archive import read_archive
from spectune.trainables.data.files.baseline import NONE, correct, settings
from spectune.trainables.data.files.doubts import doubts
from spectune.trainables.data.files.duplicates import across, alike
from spectune.trainables.data.files.external import joined
from spectune.trainables.data.files.folder import SUFFIXES, read_folder
from spectune.trainables.data.files.groups import Groups, gather, hint
from spectune.trainables.data.files.instrument import read_instrument
from spectune.trainables.data.files.instruments import READERS, reader
from spectune.trainables.data.files.packed import kind, stem, unpacked
from spectune.trainables.data.files.parquet import read_parquet
from spectune.trainables.data.files.quantities import settled
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import LABELS, candidates
from spectune.trainables.data.files.rows import read_rows
from spectune.trainables.data.files.splits import divide, tested
from spectune.trainables.data.files.table import LEAST_POINTS, LEAST_SPECTRA, Table, words
from spectune.trainables.data.grid import interpolate


def read_zip(path: Path, reading: Reading) -> Table:
    """What the only file or folder in a .zip holds."""
    with unpacked(path) as inside:
        if kind(inside) == ".zip":  # which may hold itself
            raise InputError(f"{inside} must be no .zip inside another: unpack it")
        return _table(inside, reading)


FORMATS: dict[str, Callable[[Path, Reading], Table]] = {
    ".npz": read_archive,
    **dict.fromkeys(SUFFIXES, read_rows),
    ".parquet": read_parquet,
    ".zip": read_zip,
    **dict.fromkeys(READERS, read_instrument),
}
LARGEST = 1e30  # of intensities
MISSING = ("refuse", "interpolate", "drop")
DUPLICATES = ("tell", "together")
LOGGER = logging.getLogger("spectune")


@dataclass(frozen=True, kw_only=True)
class Measured(Reading):
    """Spectra from a file in one of ``FORMATS``, which may be packed as .gz, or from a folder.

    Splits that the file brings are kept, and what is missing of them is taken from its training spectra; otherwise
    all are drawn at random with the same shares of each class, always at least one spectrum. Groups stay whole. What
    may make a split dishonest is said in the log "spectune".
    """

    path: Path
    multilabel: str = ""  # what stands between the labels of a spectrum that may have several, such as | in ester|ether
    duplicates: str = "tell"  # spectra that come again: tell where they are in two splits, or keep them together
    points: int = 0  # resample to so many points; 0 keeps them
    missing: str = "refuse"  # missing values: refuse the file, interpolate them linearly, or drop the spectrum
    baseline: str = NONE  # what removes it, after resampling: a method, or METHOD:lam=1e5,p=0.001
    validation: float = 0.15  # share of each class
    test: str = "0.15"  # the same, or a file or folder of its own
    test_fold: str = ""  # one of several test folds instead of a share, as 2/5
    seed: int = 0  # of the splits

    def __post_init__(self) -> None:
        super().__post_init__()
        rules = (
            ("points", self.points == 0 or LEAST_POINTS <= self.points <= 1_000_000, "0 or from 8 to 1000000"),
            ("missing", self.missing in MISSING, f"one of {', '.join(MISSING)}"),
            ("validation", 0 < self.validation <= 0.4, "above 0 and at most 0.4"),
            ("duplicates", self.duplicates in DUPLICATES, f"one of {', '.join(DUPLICATES)}"),
            ("test", self._share is None or 0 < self._share <= 0.4, "above 0 and at most 0.4, or a file"),
            ("test_fold", self._fold is not None or not self.test_fold, "a fold and how many there are, as 2/5"),
            ("seed", self.seed >= 0, "at least 0"),
        )
        hold(self, rules)
        if self.baseline != NONE:
            settings(self.baseline, LEAST_POINTS)

    @property
    def _share(self) -> float | None:
        """The share of the test split; None where it has a file of its own."""
        try:
            return float(self.test)
        except ValueError:
            return None

    @property
    def _fold(self) -> tuple[int, int] | None:
        """The number of the test fold, from 1, and how many there are; None where there is none, or no such."""
        found = re.fullmatch(r"(\d+)/(\d+)", self.test_fold)
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        return (number, count) if 1 <= number <= count and count > 1 else None

    def load(self) -> Dataset:
        table = self._read(self.path)
        if self._share is None:
            table = joined(self.path, table, Path(self.test), self._read(Path(self.test)))
        classes, labels = _classes(self.path, table)
        axis, spectra = _axis(self, table)
        baseline = _baseline(self, table)
        if table.baseline == NONE:
            spectra = correct(spectra, axis, baseline, [f"{self.path}, {row}" for row in table.rows])
        copies = alike(spectra)
        groups = gather(self.path, table, copies if self.duplicates == "together" else None)
        splits = self._splits(table, labels, groups, classes)
        torn = across(copies, splits, labels, table.rows)
        together = torn and f"{self.path}: {torn}: --data duplicates=together keeps them in one"
        doubtful = [f"{self.path}: {doubt}" for doubt in doubts(spectra, table.rows, classes, copies)]
        for warning in filter(None, (*table.warnings, *doubtful, together, "" if groups else hint(self.path, table))):
            LOGGER.warning("%s", warning)
        parts = (splits == number for number in range(len(SPLITS)))
        train, validation, test = (
            Dense(spectra[part], labels[part], None if groups is None else groups.numbers[part]) for part in parts
        )
        removed = () if baseline == NONE else (f"baseline removed by {baseline}",)
        said = (table.said, *table.notes, groups.said(splits) if groups else "", torn)
        tested = (f"test fold {self.test_fold.replace('/', ' of ')}",) if self.test_fold else ()
        notes = "; ".join(("", *filter(None, said), *removed, *tested))
        kind = "of" if labels.ndim == 1 else "with any of"
        return Dataset(
            name=stem(self.path.resolve()),
            description=f"{len(spectra)} measured spectra {kind} {len(classes)} classes from {self.path.name}{notes}",
            classes=classes,
            axis=axis,
            train=train,
            validation=validation,
            test=test,
            baseline=baseline,
            quantity=table.quantity,
            reading=self.given,
            drawn=tuple(name for name in SPLITS[1:] if name not in (table.splits or ()))[: 1 if self.test_fold else 2],
        )

    def _splits(
        self, table: Table, labels: NDArray[np.int64], groups: Groups | None, classes: tuple[str, ...]
    ) -> NDArray[np.int64]:
        """The split of each spectrum, as its number in ``SPLITS``."""
        shares = {"validation": self.validation, "test": self._share or 0.0}
        if self._fold is None:
            return divide(self.path, table.splits, labels, groups, classes=classes, shares=shares, seed=self.seed)
        share = self.validation / (1 - shares["test"])
        return tested(
            self.path, table.splits, labels, groups, classes=classes, fold=self._fold, share=share, seed=self.seed
        )

    def _read(self, path: Path) -> Table:
        """What ``path`` holds, by the options, without missing values."""
        table = _finite(path, _table(path, self), self.missing)
        _clear(path, table)
        return replace(table, separator=self.multilabel) if self.multilabel else table


def readable(path: Path) -> bool:
    """Whether ``path`` is a folder, or a file whose ending names a format."""
    return path.is_dir() or form(path) is not None


def form(path: Path) -> Callable[[Path, Reading], Table] | None:
    """What reads a file, by its first bytes or its name; None where nothing does."""
    return FORMATS.get(kind(path))


def read(path: str | Path) -> tuple[NDArray[np.floating[Any]], Axis | None, list[str] | None, list[str]]:
    """Spectra to classify: (N, L), their axis where the file has one, labels where it has them, and a name for each.

    Reads what ``load`` reads, labelled or not, and a single two-column text file; ValueError in one line.
    """
    table = unlabelled(Path(path), Reading())
    return table.spectra, table.axis, table.labels, table.rows


def unlabelled(path: Path, reading: Reading) -> Table:
    """What ``read`` reads, by the options, with what is known of it; ValueError in one line."""
    table = _table(path, reading)
    if table.baseline != NONE:
        raise InputError(
            f"spectra to classify must be as measured, those of {path} were corrected by {table.baseline}: give the "
            f"original file, or export the split again without baseline"
        )
    return _finite(path, table, "refuse")


def _table(path: Path, reading: Reading) -> Table:
    """What the file or folder holds, with its least shape checked."""
    if not path.exists():
        raise InputError(f"{path} must be an existing file or folder, got none: check the path")
    if path.is_dir():
        table = read_folder(path, reading)
    elif (reads := form(path)) is not None:
        table = reads(path, reading)
    else:
        raise InputError(
            f"{path} must end in {', '.join(FORMATS)}, got {path.suffix!r}: export it as JCAMP-DX or two-column text"
        )
    if table.spectra.shape[1] < LEAST_POINTS:
        raise InputError(
            f"{path} must hold spectra of {LEAST_POINTS} points or more, got {table.spectra.shape[1]}: check that "
            f"there is one spectrum a row"
        )
    return settled(path, replace(table, labels=table.labels and _whole(table.labels)), reading)


def _whole(labels: list[str]) -> list[str]:
    """Classes that are whole numbers as such: 0 for 0.0000000e+00, as numpy writes it."""
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return labels
    if any("_" in label for label in labels) or not all(number.is_integer() for number in numbers.values()):
        return labels
    return [f"{numbers[label]:.0f}" if re.search(r"[.eE]", label) else label for label in labels]


def _finite(path: Path, table: Table, missing: str) -> Table:
    """The table without missing values; infinite and huge ones are refused."""
    spectra = table.spectra
    huge = np.abs(spectra) > LARGEST  # NaN is not
    if huge.any():
        raise _fault(path, table, huge, "a value beyond 1e30", "correct it")
    gaps = np.isnan(spectra)
    if not gaps.any():
        return table
    if missing == "refuse":
        cure = "fill it, remove the spectrum, or use missing=interpolate or missing=drop"
        raise _fault(path, table, gaps, "a missing value", cure)
    rows = gaps.any(axis=1)
    if missing == "drop":
        keep = np.flatnonzero(~rows)
        if not len(keep):
            raise InputError(f"{path} must hold spectra without missing values, got none: use missing=interpolate")
        return _take(table, keep, f"dropped {rows.sum()} spectra with missing values")
    spectra = spectra.copy()
    places = np.arange(spectra.shape[1], dtype=np.float64) if table.axis is None else table.axis.values
    for row in np.flatnonzero(rows):
        known = ~gaps[row]
        if known.sum() < len(known) / 2:
            raise _fault(path, table, gaps & (np.arange(len(gaps)) == row)[:, None], "most values missing", "remove it")
        spectra[row, ~known] = interpolate(spectra[row, known][None], places[known], places[~known])[0]
    return replace(table, spectra=spectra, notes=(*table.notes, f"filled missing values of {rows.sum()} spectra"))


def _take(table: Table, keep: NDArray[np.intp], note: str) -> Table:
    def some(words: list[str] | None) -> list[str] | None:
        return None if words is None else [words[row] for row in keep]

    return replace(
        table,
        spectra=table.spectra[keep],
        rows=[table.rows[row] for row in keep],
        labels=some(table.labels),
        splits=some(table.splits),
        groups=some(table.groups),
        others={name: [column[row] for row in keep] for name, column in table.others.items()},
        notes=(*table.notes, note),
    )


def _fault(path: Path, table: Table, wrong: NDArray[np.bool_], what: str, cure: str) -> ValueError:
    """The error for the first ``wrong`` value."""
    row, column = (int(place) for place in np.argwhere(wrong)[0])
    place = f"value {column + 1}" if table.axis is None else f"at {table.axis.values[column]:g}"
    return ValueError(f"{path}, {table.rows[row]}, {place}: an intensity must be a finite number, got {what}: {cure}")


def _classes(path: Path, table: Table) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the classes, in the file's order or sorted, and the labels as ``Split`` has them."""
    if table.labels is None and (len(table.rows) == 1 or reader(path)):
        count = "one spectrum" if len(table.rows) == 1 else f"{len(table.rows)} spectra without them"
        raise InputError(
            f"{path} must hold spectra of 2 or more classes, got {count}: put files like it in a folder per class"
        )
    if table.labels is None:
        others = f" (ignored are {', '.join(list(table.others)[:5])})" if table.others else ""
        raise InputError(
            f"{path} must say the class of each spectrum, got no labels{others}: add a column called "
            f"label, or name one with label=COLUMN"
        )
    if "" in table.labels and not table.separator:
        row = table.rows[table.labels.index("")]
        raise InputError(f"{path}, {row}: every spectrum must have a label, got none: fill it or remove the spectrum")
    given = [words(label, table.separator) for label in table.labels]
    counts = Counter(word for some in given for word in some)
    names = table.classes or tuple(sorted(counts, key=_order))
    if len(set(names)) != len(names) or not set(counts) <= set(names):
        raise InputError(f"{path}: names must be each class once, got {', '.join(names[:8])}: correct names")
    if len(names) < 2:
        got = f"only {names[0]!r}" if names else "none"
        raise InputError(f"{path} must hold 2 or more classes, got {got}: add spectra of another class")
    for name in names:
        if counts[name] < LEAST_SPECTRA:
            raise InputError(
                f"{path}: class {name!r} must have {LEAST_SPECTRA} or more spectra, one a split, got {counts[name]}: "
                f"add spectra or remove the class"
            )
    numbers = {name: number for number, name in enumerate(names)}
    if not table.separator:
        return names, np.array([numbers[label] for label in table.labels], np.int64)
    labels = np.zeros((len(given), len(names)), np.int64)
    for line, some in enumerate(given):
        labels[line, [numbers[word] for word in sorted(some)]] = 1
    return names, labels


def _clear(path: Path, table: Table) -> None:
    """ValueError with the options to type where more than one column may hold the classes."""
    if table.labels is not None and not table.guessed:
        return
    names = [name for name in table.others if name.lower() in LABELS[:-1]] or candidates(table.others)
    if names:
        names = names if table.labels is None else [table.taken["classes"], *names]
        raise InputError(
            f"{path}: one column must be known to hold the classes, got {', '.join(names[:5])}: give "
            f"{' or '.join(f'label={name}' for name in names[:5])}"
        )


def _order(name: str) -> tuple[bool, int, str]:
    """Whole numbers by value, before words."""
    whole = name.isascii() and name.isdigit()
    return (not whole, int(name) if whole and len(name) < 1000 else 0, name)


def _axis(options: Measured, table: Table) -> tuple[Axis, NDArray[np.floating[Any]]]:
    """The axis under its name, and the spectra on it, resampled where asked."""
    spectra = table.spectra
    unit = options.pair("unit")[1] or Axis.unit
    axis = table.axis or Axis(np.arange(spectra.shape[1], dtype=np.float64), options.axis or Axis.name, unit)
    if options.points and options.points != len(axis):
        values = np.linspace(axis.values[0], axis.values[-1], options.points)
        spectra, axis = interpolate(spectra, axis.values, values), replace(axis, values=values)
    return axis, spectra


def _baseline(options: Measured, table: Table) -> str:
    """What has removed the baseline, or is to do it; ValueError where a file is corrected already."""
    if NONE not in (options.baseline, table.baseline):
        raise InputError(
            f"baseline must be left away for {options.path}, whose spectra were corrected by {table.baseline} already, "
            f"got {options.baseline!r}: leave it away"
        )
    return table.baseline if options.baseline == NONE else options.baseline
