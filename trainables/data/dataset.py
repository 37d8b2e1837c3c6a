"""The contract every dataset keeps: named classes, an axis with its unit, three splits, a digest and batches."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces import Sizes
from spectune.spaces.errors import InputError
from spectune.trainables.data.definition import Variation

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Axis:
    """The common axis of all spectra: ``values`` (L,) float64, strictly monotonic, with its name and unit.

    Without them it is an index. ``wavelength`` is that of the source where angles or Raman shifts depend on it: of the
    X-rays in angstrom, of the laser in nm; 0 where it is not known. Axes are equal where the other three are, to the
    last bit.
    """

    values: NDArray[np.float64]
    name: str = "position"
    unit: str = "points"
    wavelength: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.wavelength < np.inf:
            raise InputError(f"a wavelength must be a number above 0, got {self.wavelength:g}: correct it")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        return (self.name, self.unit) == (other.name, other.unit) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.name, self.unit, self.values.tobytes()))

    def __len__(self) -> int:
        return len(self.values)


class Split(ABC):
    """Some labelled spectra. ``labels`` int64 are (N,) class numbers, or (N, C) of 0 and 1 if one may have several.

    ``groups`` int64 (N,) number what was measured several times, such as a patient: spectra of a group are not
    independent. The numbers count over all splits of a dataset, and no group is in two of them. None: every spectrum
    is for itself.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    varies: bool = False  # whether ``fresh`` gives other spectra than ``batch``

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def batch(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        """Spectra (B, L) float32 on ``device`` for int64 ``indices`` (B,), as measured or made: not normalised."""

    def fresh(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        """As ``batch``, for a step of training: where the split ``varies``, each spectrum under other conditions, which
        torch's random state draws.
        """
        return self.batch(indices, device)

    @abstractmethod
    def feed(self, digest: Any) -> None:
        """Feed everything that determines the spectra and labels to a hashlib object."""

    def instead(self, other: Split) -> Split:
        """``other``, which stands in the place of this split: who is told of batches from here is told of its own."""
        return other


@dataclass(frozen=True, eq=False)
class Dataset:
    """Spectra of named classes on one axis, in three splits; a spectrum is of one class, or has several labels.

    ``digest`` says whether two hold the same data. ValueError where labels do not fit the classes.

    ``description`` says in one line what it is. ``definition`` is the rule that made it (class peak positions and
    heights), where there is one, and ``variation`` how its training spectra vary about it. ``baseline`` is what was
    done to the spectra and has to be done to others that a network of this dataset sees (``data/baseline.py``).
    ``quantity`` is that of the intensities, such as absorbance, "" where nobody said it; ``reading`` says how the files
    were read, for others like them; ``conditions`` are those under which patterns were computed from structures, ready
    for JSON. None of them changes the digest, which is of what is computed with.
    ``drawn`` names the splits that were drawn at random and might have been drawn otherwise.
    ``test`` is None in the copy that trials get: they cannot look at it.
    """

    name: str
    description: str
    classes: tuple[str, ...]
    axis: Axis
    train: Split
    validation: Split
    test: Split | None
    definition: Any = None
    variation: Variation | None = None
    baseline: str = "none"
    quantity: str = ""
    reading: Mapping[str, str] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""

    def __post_init__(self) -> None:
        if len(set(self.classes)) < len(self.classes):
            raise InputError(f"classes must be named once each, got {', '.join(self.classes)[:200]}: rename one")
        for name in SPLITS:
            if (split := getattr(self, name)) is not None:
                self._check(name, split.labels)
        self._apart()
        if not self.digest:
            object.__setattr__(self, "digest", self._digest())

    @property
    def multilabel(self) -> bool:
        """Whether a spectrum may have several labels, or none."""
        return self.train.labels.ndim == 2

    @property
    def sizes(self) -> Sizes:
        """What a network for it is built for."""
        return Sizes(len(self.axis), len(self.classes), self.multilabel, len(self.train))

    def split(self, name: str) -> Split:
        """The split called ``name``; ValueError lists the known ones."""
        if name not in SPLITS:
            raise InputError(f"split must be one of {', '.join(SPLITS)}, got {name!r}: choose one of them")
        split: Split | None = getattr(self, name)
        if split is None:
            raise InputError(f"the {name} split of {self.name} was withheld: only the study's last step may look at it")
        return split

    def blind(self) -> Dataset:
        """This dataset without its test split (same digest): what trials are given."""
        return replace(self, test=None)

    def _check(self, split: str, labels: NDArray[np.int64]) -> None:
        """ValueError where the labels of a split are not those of ``Split`` for the classes."""
        count = len(self.classes)
        if labels.ndim != 1 and labels.shape[1:] != (count,):
            raise InputError(
                f"labels of the {split} split must be (N,) class numbers or (N, {count}) of 0 and 1, got the shape "
                f"{labels.shape}: give one of both"
            )
        if labels.ndim != self.train.labels.ndim:
            raise InputError(
                f"all splits must have one label per spectrum, or all several, got {self.train.labels.ndim} and "
                f"{labels.ndim} dimensions in train and {split}: give all in one way"
            )
        most = count - 1 if labels.ndim == 1 else 1
        wrong = labels[(labels < 0) | (labels > most)]
        if len(wrong):
            raise InputError(
                f"labels of the {split} split must be from 0 to {most} for {count} classes, got {wrong[0]}: "
                "number the classes from 0"
            )

    def _apart(self) -> None:
        """ValueError where a group is in two splits, or where only some splits have groups."""
        by_split = {name: split.groups for name in SPLITS if (split := getattr(self, name)) is not None}
        numbers = [np.unique(groups) for groups in by_split.values() if groups is not None]
        if numbers and len(numbers) < len(by_split):
            without = next(name for name, groups in by_split.items() if groups is None)
            raise InputError(f"all splits must have groups, or none, got none in {without}: number the groups there")
        every, times = np.unique(np.concatenate([*numbers, np.zeros(0, np.int64)]), return_counts=True)
        if (times > 1).any():
            raise InputError(f"a group must be in one split, got {every[times > 1][0]} in several: move its spectra")

    def _digest(self) -> str:
        """16 hex digits of the SHA-256 of the classes, the axis and all splits with their groups."""
        digest = hashlib.sha256(repr((self.classes, self.axis.name, self.axis.unit)).encode())
        digest.update(np.ascontiguousarray(self.axis.values).tobytes())
        for name in SPLITS:
            split = self.split(name)
            split.feed(digest)
            if split.groups is not None:
                digest.update(b"groups" + split.groups.tobytes())
        return digest.hexdigest()[:16]
