"""What X-rays see of a powder: the reflections of a structure. N atoms, R reflections, E elements.

Kinematic intensities: squared structure factors, from gemmi's scattering factors (International Tables, 1992) without
anomalous scattering, times the number of equivalent reflections and the Lorentz-polarisation factor of a powder without
monochromator (Cullity, Elements of X-Ray Diffraction, ch. 4).
"""

from __future__ import annotations

from typing import NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.crystals.cif import Crystal, Refused

ROTATIONS = 24  # of the largest group; the order of every other one divides it
WORK = 400_000_000  # pairs of a reflection and an atom: a few seconds
BLOCK = 4_000_000  # of them at a time
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
    """Structure factors (R, E) at ``squares`` (R,), the squared sine of theta over the wavelength."""
    factors = np.where(crystal.displacements > 0, EIGHT_PI_SQUARED * crystal.displacements, b_iso)
    found = np.empty((len(indices), len(elements)), np.complex64)
    for column, element in enumerate(elements):
        atoms = np.flatnonzero([name == element for name in crystal.elements])
        scattering = _scattering(element, squares)
        rows = max(1, BLOCK // len(atoms))
        for start in range(0, len(indices), rows):
            part = slice(start, start + rows)
            turns = indices[part] @ crystal.places[atoms].T
            phases = (2 * np.pi * (turns - np.round(turns))).astype(np.float32)  # small, for single precision
            weights = crystal.occupancies[atoms] * np.exp(-np.outer(squares[part], factors[atoms]))
            weights = weights.astype(np.float32)
            real, imaginary = (np.cos(phases) * weights).sum(axis=1), (np.sin(phases) * weights).sum(axis=1)
            found[part, column] = scattering[part] * (real + 1j * imaginary)
    return found


def _scattering(element: str, squares: Floats) -> Floats:
    """Scattering factor (R,) of a free atom in electrons."""
    coefficients = gemmi.Element(element).it92.get_coefs()
    heights, widths = np.array(coefficients[:4]), np.array(coefficients[4:8])
    return np.asarray(np.exp(-np.outer(squares, widths)) @ heights + coefficients[8])


def lorentz_polarisation(sines: Floats) -> Floats:
    """The factor of a powder without monochromator, from the sines of theta, which are below 1."""
    squares = sines**2
    return np.asarray((1 + (1 - 2 * squares) ** 2) / (squares * np.sqrt(1 - squares)))


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
