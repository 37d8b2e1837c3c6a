"""What X-rays see of a powder: the reflections of a structure. N atoms, R reflections, E elements.

Kinematic intensities: squared structure factors, from gemmi's scattering factors (International Tables, 1992) without
anomalous scattering, times the number of equivalent reflections.
"""

from __future__ import annotations

from typing import NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.crystals.cif import Crystal, Refused

ROTATIONS = 24  # of the largest group; the order of every other one divides it
WORK = 4_000_000_000  # pairs of a reflection and an atom: a few seconds
BLOCK = 4_000_000  # pairs of a row of reflections and an atom at a time: 32 MB
EIGHT_PI_SQUARED = 8 * np.pi**2  # what makes a mean square displacement a B factor

Floats = NDArray[np.float64]


class Reflections(NamedTuple):
    """One of each set of equivalent reflections; those that centring, screws and glides forbid are left out."""

    indices: NDArray[np.int32]  # (R, 3) h, k, l
    vectors: Floats  # (R, 3) of the reciprocal lattice, 1/angstrom: the spacing is 1 over their length
    multiplicities: NDArray[np.int64]  # (R,) how many are equivalent, Friedel's law included
    amplitudes: NDArray[np.complex64]  # (R, E) structure factor of the atoms of each element
    elements: list[str]

    @property
    def powers(self) -> Floats:
        """Squared structure factors times multiplicity (R,)."""
        return np.asarray(self.multiplicities * np.abs(self.amplitudes.sum(axis=1)) ** 2, dtype=np.float64)


def reflections(crystal: Crystal, spacings: tuple[float, float], b_iso: float = 0.0) -> Reflections:
    """Those whose spacing lies between the two ``spacings`` in angstrom. ``b_iso`` in square angstrom is the B factor
    of atoms whose displacement is not given. Refused where there are too many, or none.
    """
    low, high = spacings
    symmetry = crystal.symmetry.operations()
    sphere = 4 / 3 * np.pi * crystal.cell.volume / low**3 / len(symmetry.sym_ops) / len(symmetry.cen_ops)
    if sphere * len(crystal.elements) > WORK:
        raise Refused("a cell with too many reflections")
    indices = gemmi.make_miller_array(crystal.cell, crystal.symmetry, low, high)
    if not len(indices):
        raise Refused("no reflection at these angles")
    orders = len(symmetry.sym_ops) // symmetry.epsilon_factor_without_centering_array(indices)
    centric = symmetry.centric_flag_array(indices)
    fractional = np.array(crystal.cell.frac.mat.tolist())
    vectors = indices @ fractional
    elements = sorted(set(crystal.elements))
    amplitudes = _amplitudes(crystal, elements, indices, (vectors**2).sum(axis=1) / 4, b_iso)
    return Reflections(indices, vectors, np.where(centric, orders, 2 * orders), amplitudes, elements)


def _amplitudes(
    crystal: Crystal, elements: list[str], indices: NDArray[np.int32], squares: Floats, b_iso: float
) -> NDArray[np.complex64]:
    """Structure factors (R, E) at ``squares`` (R,), the squared sine of theta over the wavelength.

    Atoms of an element that move alike are summed as one product of matrices.
    """
    factors = np.where(crystal.displacements > 0, EIGHT_PI_SQUARED * crystal.displacements, b_iso)
    longest = int(np.ptp(indices, axis=0).argmax())
    order = [axis for axis in range(3) if axis != longest] + [longest]
    found = np.zeros((len(indices), len(elements)), np.complex64)
    names, lattice = np.array(crystal.elements), Lattice(indices[:, order])
    for column, element in enumerate(elements):
        mine = names == element
        scattering = _scattering(element, squares)
        for factor in np.unique(factors[mine]):
            atoms = np.flatnonzero(mine & (factors == factor))
            sums = lattice.sums(crystal.places[atoms][:, order], crystal.occupancies[atoms])
            found[:, column] += (scattering * np.exp(-factor * squares)).astype(np.float32) * sums
    return found


class Lattice:
    """Sums over atoms at the points ``indices`` (R, 3) of the reciprocal lattice.

    exp(2 pi i (hx + ky + lz)) is a product of one factor for each index, of which there are few: all sums with the same
    h and k are a row of a matrix, and one product of matrices gives all rows.
    """

    def __init__(self, indices: NDArray[np.int32]) -> None:
        self._low = indices.min(axis=0)
        self._counts = np.ptp(indices, axis=0) + 1
        h, k, self._columns = (indices - self._low).T
        rows, self._rows = np.unique(h * self._counts[1] + k, return_inverse=True)
        self._pairs = np.divmod(rows, self._counts[1])

    def sums(self, places: Floats, weights: Floats) -> NDArray[np.complex64]:
        """Sums (R,) over atoms at ``places`` (N, 3), in fractions of the cell, each counted by its weight (N,)."""
        first, second, last = (self._turns(axis, places[:, axis]) for axis in range(3))
        first = first * weights.astype(np.float32)
        table = np.empty((len(self._pairs[0]), len(last)), np.complex64)
        rows = max(1, BLOCK // len(places))
        for start in range(0, len(table), rows):
            h, k = (pairs[start : start + rows] for pairs in self._pairs)
            table[start : start + rows] = (first[h] * second[k]) @ last.T
        found: NDArray[np.complex64] = table[self._rows, self._columns]
        return found

    def _turns(self, axis: int, places: Floats) -> NDArray[np.complex64]:
        """exp(2 pi i h x) (n, N) for all n values of an index."""
        phases = np.outer(self._low[axis] + np.arange(self._counts[axis]), places)
        return np.exp(2j * np.pi * phases).astype(np.complex64)


def _scattering(element: str, squares: Floats) -> Floats:
    """Scattering factor (R,) of a free atom in electrons."""
    coefficients = gemmi.Element(element).it92.get_coefs()
    heights, widths = np.array(coefficients[:4]), np.array(coefficients[4:8])
    return np.asarray(np.exp(-np.outer(squares, widths)) @ heights + coefficients[8])


def rotations(crystal: Crystal) -> Floats:
    """The rotations of the structure's Laue group (24, 3, 3) on Cartesian vectors, each as often as fills the number.

    Inversion is left out: a powder's reflections do not see it.
    """
    orthogonal, fractional = (np.array(matrix.mat.tolist()) for matrix in (crystal.cell.orth, crystal.cell.frac))
    proper = set()
    for operation in crystal.symmetry.operations().sym_ops:
        rotation = np.array(operation.rot) // operation.DEN
        proper.add(tuple(map(tuple, (rotation * round(np.linalg.det(rotation))).tolist())))
    found = np.array([orthogonal @ np.array(rotation) @ fractional for rotation in sorted(proper)])
    return np.tile(found, (ROTATIONS // len(found), 1, 1))
