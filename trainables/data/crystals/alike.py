"""Which structures cannot be told apart by their patterns. S structures, L points, P pairs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.patterns import Patterns
from spectune.trainables.data.crystals.table import Table
from spectune.trainables.data.files.duplicates import linked

WRONG = 0.05  # share of answers of an ideal observer that are wrong, from which two count as one
DISTANCE = 2 * 1.6449  # standard deviations between two patterns at that share
LEAST = 1e-3  # of the highest point: differences below this noise are taken to be nothing
BLOCK = 512


def alike(table: Table, conditions: Conditions) -> NDArray[np.int64]:
    """For each structure (S,) the first of those that it cannot be told apart from, over others as well, or its own.

    Two patterns after the instrument's profile, with a mean crystallite size and nothing else that varies, whose best
    scaled difference is so small beside the noise that one who knows both patterns takes one for the other in ``WRONG``
    of all measurements or more. What varies in the sample makes it harder still: these groups are the least there are.
    """
    everything = np.arange(len(table))
    patterns = Patterns(table, everything, everything, conditions=conditions.nominal())
    spectra = np.concatenate(
        [patterns.batch(torch.from_numpy(some)).numpy() for some in np.array_split(everything, -(-len(table) // BLOCK))]
    )
    return linked(len(table), _pairs(spectra, DISTANCE * max(conditions.noise, LEAST)))


def _pairs(spectra: NDArray[np.float32], least: float) -> NDArray[np.int64]:
    """Pairs (P, 2) of spectra (S, L) that are closer than ``least``, one of them scaled to fit the other best."""
    lengths = np.linalg.norm(spectra, axis=1)
    units = spectra / np.maximum(lengths, 1e-12)[:, None]
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(units), BLOCK):
        cosines = units[start : start + BLOCK] @ units[start:].T
        shorter = np.minimum(lengths[start : start + BLOCK, None], lengths[start:])
        one, other = np.nonzero(shorter * np.sqrt(np.maximum(1 - cosines**2, 0)) < least)
        # The product of single precision cannot tell small angles: those pairs are measured again.
        near = np.column_stack([one + start, other + start])[one < other]
        found.append(near[[_apart(spectra[a], spectra[b]) < least for a, b in near]] if len(near) else near)
    return np.concatenate(found)


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The least length of a difference of the two, either of them scaled."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(min(np.linalg.norm(a - b * (a @ b / (b @ b))), np.linalg.norm(b - a * (a @ b / (a @ a)))))


def said(names: NDArray[np.str_], first: NDArray[np.int64], labels: NDArray[np.str_]) -> str:
    """In words how many structures have a twin, with an example; "" where none has. ``labels`` (S,): their classes."""
    heads, counts = np.unique(first, return_counts=True)
    groups = heads[counts > 1]
    if not len(groups):
        return ""
    one, other = np.flatnonzero(first == groups[0])[:2]
    mixed = sum(len(set(labels[first == group])) > 1 for group in groups)
    across = f", {mixed} of the groups across classes" if len(set(labels)) < len(labels) else ""
    return (
        f"{counts[counts > 1].sum()} structures in {len(groups)} groups cannot be told apart (such as {names[one]} and "
        f"{names[other]}){across}"
    )
