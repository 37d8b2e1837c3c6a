"""What is known of a task before anything is trained: numbers that say which networks may suit it.

N spectra, L points. All are of the training and the validation split.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.look import FEWEST, seen, width

LOOKED = 1000  # spectra of a split that are looked at, spread evenly: enough for medians and shares
LEARNT = 4000  # that a neighbour is looked for among
LOOKS = ("noise", "offset", "drift", "alike")  # of what ``look.py`` sees


def descriptors(dataset: Dataset) -> dict[str, float]:
    """Numbers by name: sizes, how hard the task is for the nearest neighbour, and what its spectra look like.

    ``neighbour`` is the share of validation spectra whose nearest training spectrum, by the cosine after the mean is
    taken off, has the same labels; ``guess`` what always naming the most frequent ones gets. ``width`` is that of the
    highest peak at half its height, in points; ``noise``, ``offset``, ``drift`` and ``alike`` are those of ``look.py``.
    Of spectra of fewer than ``FEWEST`` points nothing is said of what they look like.
    """
    train = _spectra(dataset.train, LEARNT)
    count, classes = len(dataset.train), len(dataset.classes)
    frequent = Counter(one.tobytes() for one in dataset.train.labels).most_common(1)[0][1]
    return {
        "points": float(len(dataset.axis)),
        "classes": float(classes),
        "spectra": float(count),
        "spectra_per_class": count / classes,
        "validation": float(len(dataset.validation)),
        "groups": float(0 if dataset.train.groups is None else len(np.unique(dataset.train.groups))),
        "guess": frequent / count,
        "neighbour": _neighbour(dataset, train),
        **(_looks(train[:: math.ceil(len(train) / LOOKED)]) if len(dataset.axis) >= FEWEST else {}),
    }


def _looks(spectra: NDArray[np.float64]) -> dict[str, float]:
    statistics = seen(spectra)
    return {"width": width(spectra), **{name: getattr(statistics, name) for name in LOOKS}}


def _neighbour(dataset: Dataset, train: NDArray[np.float64]) -> float:
    """The share of the validation spectra that the nearest training spectrum names."""
    held = _unit(_spectra(dataset.validation, LOOKED))
    nearest = (held @ _unit(train).T).argmax(axis=1)
    given = dataset.train.labels[_places(len(dataset.train), LEARNT)][nearest]
    right = given == dataset.validation.labels[_places(len(dataset.validation), LOOKED)]
    return float(right.reshape(len(right), -1).all(axis=1).mean())


def _unit(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = spectra - spectra.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float64] = centred / np.where(sizes > 0, sizes, 1.0)
    return unit


def _spectra(split: Split, most: int) -> NDArray[np.float64]:
    return split.batch(torch.from_numpy(_places(len(split), most))).numpy().astype(np.float64)


def _places(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of ``count`` places, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
