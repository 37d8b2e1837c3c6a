"""The reflections of many structures as one table, read once and cached. S structures, R reflections, E elements."""

from __future__ import annotations

import hashlib
import logging
import time
import zipfile
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.spaces.files import cache, replacing
from spectune.trainables.data.crystals.cif import Crystal, Refused, crystals
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.laws import lorentz_polarisation
from spectune.trainables.data.crystals.listing import texts
from spectune.trainables.data.crystals.powder import Reflections, reflections, rotations

FORMAT = 2  # of the cache
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
    formulas: NDArray[np.str_]  # (S,) as the files say them, or ""
    starts: NDArray[np.int64]  # (S + 1,) where the reflections of each begin
    vectors: Singles  # (R, 3) reciprocal lattice, 1/angstrom
    multiplicities: Singles  # (R,)
    amplitudes: Singles  # (R, E, 2) real and imaginary structure factors; the strongest intensity is 1
    rotations: Singles  # (S, 24, 3, 3) of the Laue group
    axes: Singles  # (S, 7, 3) unit vectors normal to the planes ``AXES``
    left_out: NDArray[np.str_]  # a reason each, with its count and an example
    digest: str  # SHA-256 of the texts: what is computed of them differs between machines in its last bits

    def __len__(self) -> int:
        return len(self.names)


class Entry(NamedTuple):
    """One structure, as ``Table`` has it."""

    name: str
    system: str
    spacegroup: str
    formula: str
    vectors: Singles
    multiplicities: Singles
    amplitudes: Singles
    rotations: Singles
    axes: Singles


def read(path: Path, conditions: Conditions, *, partial: bool = False) -> Table:
    """The structures of a folder, archive or list, from the cache where its texts were read like that before.

    InputError where none of them can be used.
    """
    content, found = hashlib.sha256(), deque(texts(path))
    if not found:
        raise InputError(f"{path} must hold files that end in .cif, got none: give the folder or archive that has some")
    for one in found:
        for text in one:
            content.update(hashlib.sha256(text.encode()).digest())
    digest, by_element = content.hexdigest(), conditions.vacancies > 0
    how = (FORMAT, version("gemmi"), conditions.lines, conditions.spacings, conditions.b_iso, by_element, partial)
    cached = cache() / "crystals" / f"{hashlib.sha256(repr((digest, *how)).encode()).hexdigest()[:32]}.npz"
    table = _cached(cached)
    if table is None:
        kept, reasons = _entries(_told(found), conditions, partial)
        if not kept:
            raise InputError(
                f"{path} must hold a structure that can be used, got {'; '.join(reasons)}: correct the files"
            )
        table = _packed(kept, reasons, digest)
        _keep(cached, table)
    return table


def _told(found: deque[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is ``found``, each forgotten once it was given, with a line in the log every ``QUIET_SECONDS``."""
    told, count = time.monotonic(), len(found)
    while found:
        yield found.popleft()
        if time.monotonic() - told > QUIET_SECONDS:
            told, number = time.monotonic(), count - len(found)
            LOGGER.info("crystals  [%s] %d of %d files", ("█" * (BAR * number // count)).ljust(BAR), number, count)


def _entries(found: Iterator[tuple[str, str]], conditions: Conditions, partial: bool) -> tuple[list[Entry], list[str]]:
    """All structures that can be used, and why how many others cannot."""
    kept: list[Entry] = []
    refused: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, text in found:
        for one in crystals(name, text, partial=partial):
            try:
                if isinstance(one, Refused):
                    raise one
                kept.append(_entry(one, conditions))
            except Refused as reason:
                refused[str(reason)] += 1
                first.setdefault(str(reason), name)
    return kept, [f"{count} {reason} ({first[reason]})" for reason, count in refused.most_common()]


def _entry(crystal: Crystal, conditions: Conditions) -> Entry:
    found = _strongest(reflections(crystal, conditions.spacings, conditions.b_iso), conditions)
    amplitudes = found.amplitudes if conditions.vacancies else found.amplitudes.sum(axis=1, keepdims=True)
    axes = AXES @ np.array(crystal.cell.frac.mat.tolist())
    return Entry(
        crystal.name,
        crystal.system,
        crystal.symmetry.xhm(),
        crystal.formula,
        found.vectors.astype(np.float32),
        found.multiplicities.astype(np.float32),
        np.stack([amplitudes.real, amplitudes.imag], axis=-1),
        rotations(crystal).astype(np.float32),
        (axes / np.linalg.norm(axes, axis=-1, keepdims=True)).astype(np.float32),
    )


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


def _packed(kept: list[Entry], reasons: list[str], digest: str) -> Table:
    elements = max(one.amplitudes.shape[1] for one in kept)
    amplitudes = [np.pad(one.amplitudes, ((0, 0), (0, elements - one.amplitudes.shape[1]), (0, 0))) for one in kept]
    return Table(
        names=_once([one.name for one in kept]),
        systems=np.array([one.system for one in kept]),
        spacegroups=np.array([one.spacegroup for one in kept]),
        formulas=np.array([one.formula for one in kept]),
        starts=np.cumsum([0, *(len(one.vectors) for one in kept)]),
        vectors=np.concatenate([one.vectors for one in kept]),
        multiplicities=np.concatenate([one.multiplicities for one in kept]),
        amplitudes=np.concatenate(amplitudes),
        rotations=np.array([one.rotations for one in kept]),
        axes=np.array([one.axes for one in kept]),
        left_out=np.array(reasons, dtype=np.str_),
        digest=digest,
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
            return Table(**{one.name: arrays[one.name] for one in fields(Table)} | {"digest": str(arrays["digest"])})
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
