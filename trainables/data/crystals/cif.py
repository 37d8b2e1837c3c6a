"""Crystal structures out of CIFs, or the reason why one cannot be used. N atoms of the unit cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

NEAR = 0.5  # angstrom: atoms that are closer share a place
WHOLE, FULL = 0.999, 1.05  # occupancy of an atom that is always there, and the most of a place, with rounding
LARGEST, MOST = 100_000.0, 5_000  # volume of a cell in cubic angstrom, and atoms in it


class Refused(ValueError):
    """Why a structure is left out, in words that many files share."""


class Crystal(NamedTuple):
    """A structure with all atoms of its unit cell."""

    name: str
    cell: gemmi.UnitCell
    symmetry: gemmi.SpaceGroup
    elements: list[str]  # of each atom
    places: NDArray[np.float64]  # (N, 3), in fractions of the cell
    occupancies: NDArray[np.float64]  # (N,)
    displacements: NDArray[np.float64]  # (N,) mean square, isotropic or its equivalent, square angstrom; 0: not given
    formula: str = ""  # as the file says it

    @property
    def system(self) -> str:
        """The crystal system."""
        return str(self.symmetry.crystal_system_str())


def crystals(name: str, text: str, *, partial: bool = False) -> Iterator[Crystal | Refused]:
    """Every structure of a CIF, or why it cannot be used; of several each is ``name/BLOCK``.

    Blocks without atoms are passed over where another has some. Atoms that are only at times at their place refuse a
    structure unless ``partial``.
    """
    try:
        blocks = list(gemmi.cif.read_string(text))
    except (ValueError, RuntimeError):
        yield Refused("not readable as CIF")
        return
    filled = [block for block in blocks if block.find_values("_atom_site_fract_x")]
    if not filled:
        yield Refused("no atoms")
    for block in filled:
        try:
            yield _crystal(name if len(filled) == 1 else f"{name}/{block.name}", block, partial)
        except Refused as reason:
            yield reason
        except (ValueError, RuntimeError, OverflowError):
            yield Refused("not readable as a structure")


def _crystal(name: str, block: Any, partial: bool) -> Crystal:
    structure = gemmi.make_small_structure_from_block(block)
    _check(structure, partial)
    atoms = structure.get_all_unit_cell_sites()
    if len(atoms) > MOST:
        raise Refused(f"more than {MOST:,} atoms in a cell")
    crystal = Crystal(
        name,
        structure.cell,
        structure.spacegroup,
        [atom.element.name for atom in atoms],
        np.array([atom.fract.tolist() for atom in atoms]),
        np.array([atom.occ for atom in atoms]),
        np.array([_displacement(structure.cell, atom) for atom in atoms]),
        gemmi.cif.as_string(block.find_value("_chemical_formula_sum") or "?"),
    )
    if (_occupied(crystal) > FULL).any():
        raise Refused("atoms at one place (disorder without occupancies)")
    return crystal


def _check(structure: gemmi.SmallStructure, partial: bool) -> None:
    """Refused where a part of the structure is missing or cannot be."""
    cell, sites = structure.cell, structure.sites
    if not cell.is_crystal() or not all(math.isfinite(value) and value > 0 for value in cell.parameters):
        raise Refused("no unit cell")
    if not cell.volume > 1:  # angles that close no cell give none or NaN
        raise Refused("an impossible unit cell")
    if cell.volume > LARGEST:
        raise Refused(f"a cell of more than {LARGEST:,.0f} cubic angstrom")
    if structure.spacegroup is None:
        raise Refused("no space group, or an unknown one")
    if not cell.is_compatible_with_spacegroup(structure.spacegroup):
        raise Refused("a cell that its space group does not allow")
    if not np.isfinite([site.fract.tolist() for site in sites]).all():
        raise Refused("an atom without a position")
    if any(site.element.name == "X" or site.element.it92 is None for site in sites):
        raise Refused("an atom that is no known element")
    if not all(0 <= site.occ <= FULL for site in sites):
        raise Refused("an occupancy that is not from 0 to 1")
    if not partial and any(site.occ < WHOLE for site in sites):
        raise Refused("partial occupancies")


def _displacement(cell: gemmi.UnitCell, atom: gemmi.SmallStructure.Site) -> float:
    """Mean square displacement of an atom; 0 where it has none, or none that can be."""
    found = cell.calculate_u_eq(atom.aniso) if atom.aniso.nonzero() else atom.u_iso
    return float(found) if 0 < found < 1 else 0.0


def _occupied(crystal: Crystal) -> NDArray[np.float64]:
    """How much all atoms within ``NEAR`` of each atom (N,) are there, itself among them."""
    orthogonal, fractional = (np.array(matrix.mat.tolist()) for matrix in (crystal.cell.orth, crystal.cell.frac))
    inside = crystal.places % 1 % 1  # of a tiny negative number % 1 is 1
    pairs = KDTree(inside, boxsize=1).query_pairs(NEAR * np.linalg.norm(fractional, 2), output_type="ndarray")
    apart = inside[pairs[:, 0]] - inside[pairs[:, 1]]
    near = pairs[np.linalg.norm((apart - np.round(apart)) @ orthogonal.T, axis=1) < NEAR]
    found = crystal.occupancies.copy()
    np.add.at(found, near, crystal.occupancies[near[:, ::-1]])
    return found
