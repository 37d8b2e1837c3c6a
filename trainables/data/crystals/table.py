"""The reflections of many structures as one table, read once and cached. S structures, R reflections, E elements."""

from __future__ import annotations

import hashlib
import logging
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.spaces.files import cache, replacing
from spectune.trainables.data.crystals.cif import Crystal, Refused, crystals
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.listing import texts
from spectune.trainables.data.crystals.powder import (
    ROTATIONS,
    Reflections,
    lorentz_polarisation,
    reflections,
    rotations,
)

FORMAT = 1  # of the cache
WEAKEST, MOST = 1e-4, 2000  # of the strongest: what is left out; reflections of a structure, the strongest ones
AXES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))  # planes that crystallites lie on
QUIET_SECONDS = 10
BAR = 20
LOGGER = logging.getLogger("spectune")

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Table:
    """Structures with all that their patterns need. Lattice vectors are Cartesian."""

    names: NDArray[np.str_]  # (S,)
    systems: NDArray[np.str_]  # (S,) crystal systems
    spacegroups: NDArray[np.str_]  # (S,) Hermann-Mauguin symbols
    starts: NDArray[np.int64]  # (S + 1,) where the reflections of each begin
    vectors: Singles  # (R, 3) reciprocal lattice, 1/angstrom
    multiplicities: Singles  # (R,)
    amplitudes: Singles  # (R, E, 2) real and imaginary structure factors; the strongest intensity is 1
    rotations: Singles  # (S, 24, 3, 3) of the Laue group
    axes: Singles  # (S, 7, 3) unit vectors normal to the planes ``AXES``
    left_out: NDArray[np.str_]  # a reason each, with its count and an example

    def __len__(self) -> int:
        return len(self.names)

    @property
    def digest(self) -> str:
        """The SHA-256 of everything."""
        found = hashlib.sha256()
        for one in fields(self):
            array = np.ascontiguousarray(getattr(self, one.name))
            found.update(repr((one.name, array.shape, array.dtype.str)).encode() + array.tobytes())
        return found.hexdigest()


def read(path: Path, conditions: Conditions, *, partial: bool = False) -> Table:
    """The structures of a folder, archive or list, from the cache where its texts were read like that before.

    InputError where none of them can be used.
    """
    by_element = conditions.vacancies > 0
    settings = (FORMAT, version("gemmi"), conditions.lines, conditions.spacings, conditions.b_iso, by_element, partial)
    digest, count = hashlib.sha256(repr(settings).encode()), 0
    for one in texts(path):
        count += 1
        for text in one:
            digest.update(hashlib.sha256(text.encode()).digest())
    if not count:
        raise InputError(f"{path} must hold files that end in .cif, got none: give the folder or archive that has some")
    cached = cache() / "crystals" / f"{digest.hexdigest()[:32]}.npz"
    table = _cached(cached)
    if table is None:
        table = _table(path, _told(texts(path), count), conditions, partial)
        _keep(cached, table)
    return table


def _told(found: Iterator[tuple[str, str]], count: int) -> Iterator[tuple[str, str]]:
    """``found``, with a line in the log every ``QUIET_SECONDS`` of reading."""
    told = time.monotonic()
    for number, one in enumerate(found, 1):
        yield one
        if time.monotonic() - told > QUIET_SECONDS:
            told = time.monotonic()
            LOGGER.info("crystals  [%s] %d of %d files", ("█" * (BAR * number // count)).ljust(BAR), number, count)


def _table(path: Path, found: Iterator[tuple[str, str]], conditions: Conditions, partial: bool) -> Table:
    """The table of all structures that can be used."""
    kept: list[tuple[Crystal, Reflections]] = []
    refused: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, text in found:
        for one in crystals(name, text, partial=partial):
            try:
                if isinstance(one, Refused):
                    raise one
                kept.append((one, _strongest(reflections(one, conditions.spacings, conditions.b_iso), conditions)))
            except Refused as reason:
                refused[str(reason)] += 1
                first.setdefault(str(reason), name)
    reasons = [f"{count} {reason} ({first[reason]})" for reason, count in refused.most_common()]
    if not kept:
        raise InputError(f"{path} must hold a structure that can be used, got {'; '.join(reasons)}: correct the files")
    return _packed(kept, reasons, by_element=conditions.vacancies > 0)


def _strongest(found: Reflections, conditions: Conditions) -> Reflections:
    """Those that are seen, the strongest with an intensity of 1. Refused where there is none."""
    sines = conditions.lines[0][0] / 2 * np.linalg.norm(found.vectors, axis=1)
    inside = sines < 1
    intensities = np.where(inside, found.powers * lorentz_polarisation(np.where(inside, sines, 0.5)), 0)
    highest = intensities.max()
    if not highest > 0:
        raise Refused("no reflection at these angles")
    order = np.argsort(-intensities, kind="stable")[:MOST]
    rows = np.sort(order[intensities[order] > WEAKEST * highest])
    amplitudes = (found.amplitudes[rows] / np.sqrt(highest)).astype(np.complex64)
    return Reflections(found.indices[rows], found.vectors[rows], found.multiplicities[rows], amplitudes, found.elements)


def _packed(kept: list[tuple[Crystal, Reflections]], reasons: list[str], *, by_element: bool) -> Table:
    elements = max(len(found.elements) for _, found in kept) if by_element else 1
    amplitudes = []
    for _, found in kept:
        some = found.amplitudes if by_element else found.amplitudes.sum(axis=1, keepdims=True)
        some = np.pad(some, ((0, 0), (0, elements - some.shape[1])))
        amplitudes.append(np.stack([some.real, some.imag], axis=-1))
    axes = np.array([AXES @ np.array(crystal.cell.frac.mat.tolist()) for crystal, _ in kept])
    turned = np.array([rotations(crystal) for crystal, _ in kept]).reshape(-1, ROTATIONS, 3, 3)
    return Table(
        names=_once([crystal.name for crystal, _ in kept]),
        systems=np.array([crystal.system for crystal, _ in kept]),
        spacegroups=np.array([crystal.symmetry.xhm() for crystal, _ in kept]),
        starts=np.cumsum([0, *(len(found.indices) for _, found in kept)]),
        vectors=np.concatenate([found.vectors for _, found in kept]).astype(np.float32),
        multiplicities=np.concatenate([found.multiplicities for _, found in kept]).astype(np.float32),
        amplitudes=np.concatenate(amplitudes).astype(np.float32),
        rotations=turned.astype(np.float32),
        axes=(axes / np.linalg.norm(axes, axis=-1, keepdims=True)).astype(np.float32),
        left_out=np.array(reasons, dtype=np.str_),
    )


def _once(names: list[str]) -> NDArray[np.str_]:
    """The names, numbered from the second on where one comes again."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return np.array(found)


def _cached(path: Path) -> Table | None:
    """The table that was kept there; None where there is none, or one that cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Table(**{one.name: arrays[one.name] for one in fields(Table)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, table: Table) -> None:
    """Whole or not at all; a cache that cannot be written is only slow."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, **{one.name: getattr(table, one.name) for one in fields(table)})
    except OSError as error:
        LOGGER.warning("structures are read again next time: %s", error)
