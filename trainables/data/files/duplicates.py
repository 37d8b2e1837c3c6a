"""Spectra that a file holds twice, as they are or with another offset or scale. N spectra, L points, P pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.dataset import SPLITS

NEAR = 1e-6  # 1 - correlation: above what rounding to four digits does, below what any two measurements had
DIRECTIONS, NEIGHBOURS, BLOCK = 16, 8, 256

Numbers = NDArray[np.int64]
Spectra = NDArray[np.floating[Any]]


def alike(spectra: Spectra) -> Numbers:
    """For each of ``spectra`` (N, L) the number of the first that it is a duplicate of, or its own.

    Duplicates are equal, or correlate by more than 1 - ``NEAR``: equal but for offset, scale and rounding. Their
    distance, once centred and of length 1, is small in any projection too: a tree over what ``DIRECTIONS`` of the
    spectra span finds the candidates, and ``NEIGHBOURS`` of each are compared in full.
    """
    first: dict[bytes, int] = {}
    same = np.array([first.setdefault(spectrum.tobytes(), row) for row, spectrum in enumerate(spectra)], np.int64)
    rows = np.array(list(first.values()), np.int64)
    pairs = np.vstack([rows[_near(spectra, rows)], np.column_stack([np.arange(len(spectra)), same])])
    return linked(len(spectra), pairs)


def linked(count: int, pairs: Numbers) -> Numbers:
    """For each of ``count`` rows the first of those that ``pairs`` (P, 2) link it with, over others as well."""
    from scipy.sparse import coo_array  # scipy costs 0.1 s, and only measured spectra need it
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    parts = connected_components(links, directed=False)[1]
    first: Numbers = np.unique(parts, return_index=True)[1][parts].astype(np.int64)
    return first


def across(copies: Numbers, splits: Numbers, labels: Numbers, rows: list[str]) -> str:
    """In words how many spectra of validation and test, in ``splits`` (N,), are in another split as well; "" if none.

    ``copies`` (N,) are those of ``alike``; ``rows`` (N,) name the spectra.
    """
    order = np.lexsort((np.arange(len(copies)), splits, copies))  # of duplicates those of training first
    heads = order[np.unique(copies[order], return_index=True)[1]]
    head = heads[np.unique(copies, return_inverse=True)[1]]
    torn = np.flatnonzero(splits != splits[head])
    if not len(torn):
        return ""
    example, partner = int(torn[0]), int(head[torn[0]])
    other = int((labels[torn] != labels[head[torn]]).reshape(len(torn), -1).any(axis=1).sum())
    return (
        f"{len(torn)} of {(splits > 0).sum()} spectra of validation and test are in another split as well, equal but "
        f"for offset, scale and rounding (such as {rows[example]} in {SPLITS[splits[example]]} and {rows[partner]} in "
        f"{SPLITS[splits[partner]]})" + (f", {other} of them with another label" if other else "")
    )


def _near(spectra: Spectra, rows: Numbers) -> Numbers:
    """Pairs (P, 2) of near duplicates among ``rows``, as places in them."""
    from scipy.spatial import cKDTree

    sample = _unit(spectra[rows[np.linspace(0, len(rows) - 1, min(DIRECTIONS, len(rows))).astype(int)]])
    directions = np.linalg.qr((sample - sample.mean(axis=0)).T)[0]
    places = np.concatenate([_unit(spectra[some]) @ directions for some in _blocks(rows)])
    reach = float(np.sqrt(2 * NEAR))
    tree = cKDTree(places)
    neighbours = tree.query(places, k=min(NEIGHBOURS, len(rows)), distance_upper_bound=reach)[1].reshape(len(rows), -1)
    one, other = (np.repeat(np.arange(len(rows)), neighbours.shape[1]), neighbours.ravel())
    candidates = np.column_stack([one, other])[(one < other) & (other < len(rows))]  # len(rows): nothing within reach
    near = [some[_distance(spectra, rows[some]) < reach] for some in _blocks(candidates)]
    return np.concatenate([np.zeros((0, 2), np.int64), *near])


def _distance(spectra: Spectra, pairs: Numbers) -> NDArray[np.float64]:
    """Between each of the ``pairs`` (P, 2): the square root of 2 (1 - correlation); infinite for flat ones."""
    one, other = _unit(spectra[pairs[:, 0]]), _unit(spectra[pairs[:, 1]])
    flat = ~one.any(axis=1) | ~other.any(axis=1)
    return np.where(flat, np.inf, np.linalg.norm(one - other, axis=1))


def _unit(spectra: Spectra) -> NDArray[np.float64]:
    """``spectra`` (N, L) centred and of length 1; zeros for flat ones."""
    centred = spectra - spectra.mean(axis=1, keepdims=True, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    highest = np.abs(spectra).max(axis=1, keepdims=True)
    return np.where(lengths > 1e-12 * highest, centred / np.maximum(lengths, np.finfo(float).tiny), 0.0)


def _blocks(rows: Numbers) -> Iterator[Numbers]:
    return (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
