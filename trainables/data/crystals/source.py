"""Crystal structures as a source of labelled powder patterns."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError, hold
from spectune.trainables.data.crystals.alike import alike, said
from spectune.trainables.data.crystals.conditions import OF, Conditions
from spectune.trainables.data.crystals.division import divide, given
from spectune.trainables.data.crystals.patterns import Patterns
from spectune.trainables.data.crystals.table import Table, read
from spectune.trainables.data.dataset import SPLITS, Axis, Dataset
from spectune.trainables.data.grid.units import wavelength

LABELS = ("structure", "system", "spacegroup")
SEPARATED = ("auto", "conditions", "structures")
REDRAWN = ("epoch", "never")
ALIKE = ("tell", "merge")
YES = ("no", "yes")
LEAST = 3  # structures of a class, one a split
LOGGER = logging.getLogger("spectune")

Words = NDArray[np.str_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Crystals(Conditions):
    """A folder, an archive or a list of CIFs, what is learned of them, and under which conditions.

    ``split=conditions`` shows each structure in every split, under other conditions; ``structures`` tests on those that
    were never seen, and keeps on one side what cannot be told apart; folders called train, validation and test are
    kept as its splits. What is left out is said in the description.
    """

    path: Path
    label: str = "structure"  # structure, system (of the crystal), spacegroup, or a column of the table
    table: str = ""  # a .csv or .tsv whose first column names the files
    split: str = "auto"  # conditions or structures; auto: by conditions where each structure is a class
    alike: str = "tell"  # structures that cannot be told apart: tell of them, or merge them into one class
    partial: str = "no"  # yes: also structures in which some atoms are not always there
    redraw: str = "epoch"  # conditions of training patterns: new ones in every epoch, or never
    train: int = 50  # patterns of a structure
    validation: int = 10
    test: int = 10
    held: float = 0.15  # share of the structures to validate with, and to test with, where they are split
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ("label", self.label in LABELS or bool(self.table), f"one of {', '.join(LABELS)}, or a column of table")
        rules = (
            known,
            ("split", self.split in SEPARATED, f"one of {', '.join(SEPARATED)}"),
            ("alike", self.alike in ALIKE, f"one of {', '.join(ALIKE)}"),
            ("partial", self.partial in YES, f"one of {', '.join(YES)}"),
            ("redraw", self.redraw in REDRAWN, f"one of {', '.join(REDRAWN)}"),
            ("train", self.train >= 1, "at least 1"),
            ("validation", self.validation >= 1, "at least 1"),
            ("test", self.test >= 1, "at least 1"),
            ("held", 0 < self.held <= 0.4, "above 0 and at most 0.4"),
            ("seed", self.seed >= 0, "at least 0"),
        )
        hold(self, rules, OF)
        if self.alike == "merge" and self.label != "structure":
            raise InputError(
                f"alike must be tell where structures are not the classes, got 'merge' by {self.label}: leave it away"
            )
        if self.split == "structures" and self.label == "structure":
            raise InputError(
                "split must be conditions where each structure is a class of its own, got 'structures': leave it away, "
                "or take another label"
            )

    @property
    def by_structures(self) -> bool:
        """Whether structures of the test are never trained on."""
        return self.split == "structures" or (self.split == "auto" and self.label != "structure")

    def load(self) -> Dataset:
        table = read(self.path, self, partial=self.partial == "yes")
        words = _labels(self, table)
        first = alike(table, self)
        twins = said(table.names, first, words)
        if self.alike == "merge":
            words = _merged(words, first)
        folders = given(table.names) if self.by_structures else None
        classes, kept, few = self._classes(words, first, folders)
        numbers = np.array([classes.index(word) for word in words[kept]], np.int64)
        shown, torn = dict.fromkeys(SPLITS, np.arange(len(kept))), 0
        if self.by_structures:
            kept_folders = None if folders is None else folders[kept]
            shown, torn = divide(kept_folders, numbers, first[kept], held=self.held, seed=self.seed)
            self._whole(shown)
        splits = {name: self._patterns(table, kept[rows], numbers[rows], first, name) for name, rows in shown.items()}
        if twins:
            cure = ": --data alike=merge joins them" if self.label == "structure" and self.alike == "tell" else ""
            LOGGER.warning("%s: %s%s", self.path, twins, cure)
        left = f"left out: {', '.join(table.left_out)}" if len(table.left_out) else ""
        how = "split by conditions: every structure is in all splits"
        if self.by_structures:
            how = "split by structures: those of the test are never trained on"
            how += "" if folders is None else ", as in the folders train and test"
        torn_out = f"{torn} left out that cannot be told apart from one of a later split" if torn else ""
        said_of = (f"{len(kept) - torn} crystal structures, {self}", how, left, few, torn_out, twins)
        return Dataset(
            name=self.path.resolve().name.split(".")[0],
            description="; ".join(filter(None, said_of)),
            classes=tuple(classes),
            axis=Axis(self.angles, "2theta", "degrees", wavelength(self.wavelength)),
            drawn=self._drawn(folders),
            conditions=asdict(self._conditions()),
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
        )

    def __str__(self) -> str:
        return (
            f"powder patterns by {self.label}, {self.wavelength}, lattice strain {self.strain:g}, texture "
            f"{self.texture:g}, crystallites {self.min_size:g} to {self.max_size:g} nm, noise {self.noise:g}, "
            f"background {self.background:g}, {self.train}/{self.validation}/{self.test} of each, "
            f"redrawn {self.redraw}, seed {self.seed}"
        )

    def _classes(self, words: Words, first: Numbers, folders: Numbers | None) -> tuple[list[str], Numbers, str]:
        """The classes, which structures are of them, and in words which cannot be; ``folders`` are given splits."""
        least = LEAST if self.by_structures and folders is None else 1
        taught = np.full(len(words), True) if folders is None else folders == 0
        units = Counter(word for word, _ in set(zip(words[taught].tolist(), first[taught].tolist(), strict=True)))
        classes = sorted(word for word in units if units[word] >= least and word)
        if len(classes) < 2:
            raise InputError(
                f"{self.path} must give 2 or more classes by {self.label} of {least} or more structures that can be "
                f"told apart, got {len(classes)}: add structures, or take another label"
            )
        kept = np.flatnonzero(np.isin(words, classes))
        small = sorted(set(words.tolist()) - set(classes) - {""})
        why = f"fewer than {least} structures" if folders is None else "no structure to train on"
        few = f"left out for {why}: {', '.join(small[:5])}" if small else ""
        few += f" and {len(small) - 5} more" if len(small) > 5 else ""
        return classes, kept, few

    def _whole(self, shown: dict[str, Numbers]) -> None:
        """InputError where a split has no structure left."""
        empty = [name for name in SPLITS if not len(shown[name])]
        if empty:
            raise InputError(
                f"{self.path} must have structures for {empty[0]} that can be told apart from those of later splits, "
                f"got none: move some to {empty[0]}, or leave the folders train and test away"
            )

    def _drawn(self, folders: Numbers | None) -> tuple[str, ...]:
        """Splits that were drawn at random."""
        if not self.by_structures:
            return ()
        return tuple(name for part, name in enumerate(SPLITS) if part and (folders is None or part not in folders))

    def _conditions(self) -> Conditions:
        """The options that are conditions."""
        return Conditions(**{one.name: getattr(self, one.name) for one in fields(Conditions)})

    def _patterns(self, table: Table, some: Numbers, numbers: Numbers, first: Numbers, name: str) -> Patterns:
        """The split called ``name``, of the structures ``some`` (n,), whose classes are ``numbers`` (n,)."""
        chosen = np.repeat(some, getattr(self, name))
        return Patterns(
            table,
            chosen,
            np.repeat(numbers, getattr(self, name)),
            conditions=self._conditions(),
            seed=4 * self.seed + SPLITS.index(name),
            varies=name == "train" and self.redraw == "epoch",
            groups=first[chosen] if self.by_structures else None,
        )


def _labels(options: Crystals, table: Table) -> Words:
    """The class of each structure as a word, "" where the table does not say it."""
    if options.label in LABELS and not options.table:
        return {"structure": table.names, "system": table.systems, "spacegroup": table.spacegroups}[options.label]
    path = Path(options.table)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"table must be a text file that can be read, got {path} ({error}): check the path") from None
    rows = list(csv.reader(text.splitlines(), delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    head = rows[0] if rows else []
    if options.label not in head[1:]:
        raise InputError(
            f"label must be a column of {path.name}, got {options.label!r}: choose one of {', '.join(head[1:])}"
        )
    column = head.index(options.label)
    known = {_stem(row[0]): row[column].strip() for row in rows[1:] if len(row) > column}
    words = np.array([known.get(_stem(name), "") for name in table.names])
    if not words.astype(bool).any():
        raise InputError(
            f"{path.name} must name the files in its first column, got {rows[1][0] if len(rows) > 1 else 'nothing'!r} "
            f"beside {table.names[0]}.cif: write the names as they are in {options.path.name}"
        )
    return words


def _stem(name: str) -> str:
    return name.strip().removesuffix(".cif").removesuffix(".CIF")


def _merged(words: Words, first: Numbers) -> Words:
    """One class for structures that cannot be told apart, named after the first and their number."""
    counts = Counter(first.tolist())
    names = {head: f"{words[head]} and {n - 1} alike" if n > 1 else str(words[head]) for head, n in counts.items()}
    return np.array([names[head] for head in first.tolist()])
