"""Which known spectrum an unknown one is most like, by the angle between embeddings: new classes need no training.

N spectra, R references, C classes, d features.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data import read
from spectune.trainables.data.crystals.listing import holds
from spectune.trainables.data.crystals.references import references
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import units
from spectune.trainables.export import Exported

BLOCK = 1 << 23  # cosines that are in memory at a time
LOGGER = logging.getLogger("spectune")


class Embedded(NamedTuple):
    """Spectra as unit vectors (N, d), a name for each, and its class where the file says it."""

    vectors: NDArray[np.float64]
    names: list[str]
    labels: list[str] | None


class Spectra(NamedTuple):
    """Spectra (N, L) of the file or folder ``path``, as ``data.read`` gives them."""

    path: Path
    values: NDArray[np.floating[Any]]
    axis: Axis | None
    labels: list[str] | None
    names: list[str]


def measured(path: Path, wavelength: float = 0.0) -> Spectra:
    """The spectra of a file or folder, measured at ``wavelength`` in angstrom where they do not say it themselves.

    InputError where they say another.
    """
    found = Spectra(path, *read(path))
    if not wavelength or found.axis is None:
        return found
    said = found.axis.wavelength
    if said and abs(said / wavelength - 1) > units.CLOSE:
        raise InputError(f"--wavelength must be that of {path}, {said:g} angstrom, got {wavelength:g}: leave it away")
    return found._replace(axis=replace(found.axis, wavelength=said or wavelength))


def embedded(exported: Exported, spectra: Spectra) -> Embedded:
    """``spectra`` as the network sees them. Those that say no wavelength are taken to be of its own, which is said."""
    said = spectra.axis.wavelength if spectra.axis else 0.0
    if exported.axis.wavelength and not said:
        LOGGER.warning(
            "%s says no wavelength: taken to be that of the model, %.5g angstrom; --wavelength says another",
            spectra.path,
            exported.axis.wavelength,
        )
    return Embedded(exported.embed(spectra.values, spectra.axis), spectra.names, spectra.labels)


def known(exported: Exported, path: Path, wavelength: float = 0.0) -> Embedded:
    """What unknown spectra are compared with: measured spectra with their classes, or the patterns of a folder, an
    archive or a list of crystal structures, computed as those that the network learned from.

    ``wavelength`` in angstrom is that of structures where the network knows none. Structures that are no references are
    said in the log.
    """
    if not holds(path):
        found = embedded(exported, measured(path, wavelength))
        return found._replace(labels=found.labels or found.names)
    axis = replace(exported.axis, wavelength=exported.axis.wavelength or wavelength)
    some = references(path, axis, exported.conditions)
    if some.left_out:
        LOGGER.warning("%s: left out: %s", path, ", ".join(some.left_out))
    return Embedded(exported.embed(some.spectra, some.axis), some.names, some.names)


def rank(
    queries: NDArray[np.floating[Any]], references: NDArray[np.floating[Any]], names: Sequence[str], *, most: int = 5
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """(classes, order (N, K), similarity (N, K)) of unit vectors (N, d) to references (R, d), K being at most ``most``.

    ``names`` are the references' classes; ``order`` has for each query the numbers of the nearest classes, the nearest
    first, and ``similarity`` theirs: that of a class's nearest reference (cosine, 1 at most).
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    owners = np.array([numbers[name] for name in names])
    together = np.argsort(owners, kind="stable")  # references of a class beside each other
    starts = np.searchsorted(owners[together], np.arange(len(numbers)))
    columns = references[together].T
    order, similarity = [], []
    for part in np.array_split(queries, max(1, len(queries) * len(names) // BLOCK)):
        nearest = np.maximum.reduceat(part @ columns, starts, axis=1)
        best = np.argsort(-nearest, axis=1, kind="stable")[:, :most]
        order.append(best)
        similarity.append(np.take_along_axis(nearest, best, axis=1))
    return list(numbers), np.concatenate(order), np.concatenate(similarity)


def top(order: NDArray[np.int64], classes: Sequence[str], labels: Sequence[str], most: int) -> float:
    """Share of the queries whose true class is among the ``most`` nearest; of those whose class has a reference."""
    numbers = {name: number for number, name in enumerate(classes)}
    hits = [numbers[label] in order[row, :most] for row, label in enumerate(labels) if label in numbers]
    return float(np.mean(hits)) if hits else float("nan")
