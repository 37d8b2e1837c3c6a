"""Powder patterns of crystal structures: what an X-ray diffractometer would measure of their powders.

Intensities are kinematic: squared structure factors times the multiplicity of the reflection and the Lorentz-
polarisation factor of a powder without monochromator (Cullity, Elements of X-Ray Diffraction, ch. 4), each reflection
drawn as a Gaussian. Absorption, texture and microstrain are left out.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ANGLES = np.linspace(10.0, 80.0, 1751)  # two theta, degrees
COPPER = 1.5418  # wavelength of Cu K-alpha, angstrom, the weighted mean of its two lines
WIDTH = 0.1  # standard deviation of a reflection, degrees
ALIKE = 0.99  # cosine from which two patterns count as one

Floats = NDArray[np.float64]


def read(path: Path) -> tuple[str, Floats]:
    """(crystal system, its pattern on ``ANGLES``) of a CIF; ValueError where it has no symmetry or cannot be read."""
    gemmi = importlib.import_module("gemmi")
    structure = gemmi.read_small_structure(str(path))
    if structure.spacegroup is None or not len(structure.sites):
        raise ValueError(f"{path.name} must name its space group and its atoms, got {structure.spacegroup_hm!r}")
    return structure.spacegroup.crystal_system_str(), draw(*_reflections(gemmi, structure))


def _reflections(gemmi: Any, structure: Any) -> tuple[Floats, Floats]:
    """(spacings in angstrom, squared structure factors times multiplicity) of every reflection within ``ANGLES``."""
    structure.change_occupancies_to_crystallographic()
    nearest = COPPER / 2 / np.sin(np.radians(ANGLES[-1] / 2))
    operations = structure.spacegroup.operations().sym_ops
    factors = gemmi.StructureFactorCalculatorX(structure.cell)
    spacings, powers = [], []
    for miller in gemmi.make_miller_array(structure.cell, structure.spacegroup, nearest).tolist():
        equal = {tuple(operation.apply_to_hkl(miller)) for operation in operations}
        equal |= {tuple(-index for index in one) for one in equal}  # Friedel's law
        spacings.append(structure.cell.calculate_d(miller))
        powers.append(len(equal) * abs(factors.calculate_sf_from_small_structure(structure, miller)) ** 2)
    return np.array(spacings), np.array(powers)


def draw(spacings: Floats, powers: Floats) -> Floats:
    """The pattern on ``ANGLES``, its highest point 1, of reflections at ``spacings`` in angstrom.

    ValueError where nothing of it lies within ``ANGLES``.
    """
    theta = np.arcsin(np.minimum(COPPER / 2 / spacings, 1.0))
    corrected = powers * (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    distances = ANGLES[:, None] - np.degrees(2 * theta)[None, :]
    pattern = np.exp(-0.5 * (distances / WIDTH) ** 2) @ corrected
    if not pattern.size or not pattern.max() > 0:
        raise ValueError("a pattern must have a reflection within the measured angles")
    return np.asarray(pattern / pattern.max(), dtype=np.float64)


def families(patterns: Floats) -> NDArray[np.int64]:
    """The group (N,) of each of the patterns (N, L): chains of patterns that are ``ALIKE`` are one group."""
    from scipy.sparse.csgraph import connected_components

    unit = patterns / np.linalg.norm(patterns, axis=1, keepdims=True)
    return np.asarray(connected_components(unit @ unit.T > ALIKE, directed=False)[1], dtype=np.int64)
