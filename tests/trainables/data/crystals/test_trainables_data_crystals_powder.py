"""Reflections are where pymatgen and gemmi put them, and as strong."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from numpy.typing import NDArray

from spectune.trainables.data.crystals import laws, powder
from spectune.trainables.data.crystals.cif import Crystal, Refused, crystals

COPPER = 1.540593
AVOGADRO = Path("~/.cache/spectune-real/packages").expanduser()
HEAVY = {"elements/Ir-Iridium", "elements/Th-Thorium", "oxides/TaO", "oxides/ZrO"}  # 1.2 to 1.6 %: by their tables

Floats = NDArray[np.float64]


def one(text: str) -> Crystal:
    (found,) = crystals("made", text, partial=True)
    assert isinstance(found, Crystal)
    return found


def lines(found: powder.Reflections, low: float, high: float) -> tuple[Floats, Floats]:
    """Angles and intensities of all reflections between two angles, none put together."""
    sines = COPPER / 2 * np.linalg.norm(found.vectors, axis=1)
    angles = np.degrees(2 * np.arcsin(np.minimum(sines, 1)))
    inside = (angles > low) & (angles < high)
    return angles[inside], found.powers[inside] * laws.lorentz_polarisation(sines[inside])


def compared(crystal: Crystal, theirs: Floats, low: float, high: float) -> tuple[float, float]:
    """Largest difference in angle and in share of the strongest from the lines (P, 2) of pymatgen."""
    spacings = (COPPER / 2 / np.sin(np.radians(high / 2)) * 0.99, COPPER / 2 / np.sin(np.radians(low / 2)) * 1.01)
    angles, strengths = lines(powder.reflections(crystal, spacings), low, high)
    apart = np.abs(angles[:, None] - theirs[:, 0])
    nearest, near = apart.argmin(axis=1), apart.min(axis=1) < 0.01
    lost = (strengths * ~near).max()  # what theirs have left out as too weak
    nearest, strengths, angles = nearest[near], strengths[near], angles[near]
    sums = np.bincount(nearest, strengths, len(theirs))
    means = np.bincount(nearest, strengths * angles, len(theirs)) / np.maximum(sums, 1e-12)
    strong = theirs[:, 1] > 0.01 * theirs[:, 1].max()
    differences = np.abs(sums / sums.max() - theirs[:, 1] / theirs[:, 1].max())
    return float(np.abs(means - theirs[:, 0])[strong].max()), float(differences.max() + lost / sums.max())


def test_patterns_are_those_of_pymatgen(cif: Callable[..., str], names: list[str]) -> None:
    """Ten minerals; their patterns were computed by pymatgen once, as the file says."""
    kept = json.loads((Path(__file__).parent / "pymatgen.json").read_text("utf-8"))["patterns"]
    for name in names:
        position, intensity = compared(one(cif(name)), np.array(kept[name]), 10, 90)
        assert position < 1e-3 and intensity < 0.01, name


@pytest.mark.slow
@pytest.mark.parametrize("table", ["gemmi", "pymatgen"])
def test_patterns_of_many_structures_are_those_of_pymatgen(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pymatgen's scattering factors as well as with our own, those of the heaviest atoms apart."""
    xrd = pytest.importorskip("pymatgen.analysis.diffraction.xrd", reason="pymatgen is not installed")
    core = pytest.importorskip("pymatgen.core")
    folders = list(AVOGADRO.glob("libavogadro-data-*/usr/share/avogadro2/crystals"))
    if not folders:
        pytest.skip("the structures of libavogadro-data are not there: benchmarks/real.py fetch crystals")
    if table == "pymatgen":
        monkeypatch.setattr(powder, "_scattering", lambda element, squares: theirs(xrd, core, element, squares))
    calculator, wrong, count = xrd.XRDCalculator(wavelength=COPPER), set(), 0
    for path in sorted(folders[0].rglob("*.cif"))[::7]:
        crystal = next(crystals(path.stem, path.read_text("utf-8", errors="replace")))
        if isinstance(crystal, Refused) or len(crystal.elements) > 400:
            continue
        crystal = crystal._replace(displacements=np.zeros(len(crystal.elements)))
        lattice = core.Lattice(np.array(crystal.cell.orth.mat.tolist()).T)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = core.Structure(lattice, crystal.elements, crystal.places)
            found = calculator.get_pattern(structure, scaled=False, two_theta_range=(5, 90))
        position, intensity = compared(crystal, np.column_stack([found.x, found.y]), 5, 90)
        count += 1
        assert position < 1e-3, path
        if intensity > (0.01 if table == "gemmi" else 1e-3):
            wrong.add(f"{path.parent.name}/{path.stem}")
    assert count >= 50
    assert wrong <= (HEAVY if table == "gemmi" else set())


def theirs(xrd: Any, core: Any, element: str, squares: Floats) -> Floats:
    """The scattering factor by pymatgen's table of electron scattering."""
    heights, widths = np.array(xrd.ATOMIC_SCATTERING_PARAMS[element]).T
    values = core.Element(element).Z - 41.78214 * squares * (np.exp(-np.outer(squares, widths)) @ heights)
    return np.asarray(values)


@pytest.mark.parametrize("name", ["quartz", "silicon", "calcite", "zincite"])
def test_structure_factors_and_multiplicities_are_gemmis(cif: Callable[..., str], name: str) -> None:
    text = cif(name)
    crystal = one(text)
    found = powder.reflections(crystal, (1.0, 20.0))
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    for row, indices in enumerate(found.indices.tolist()):
        exact = calculator.calculate_sf_from_small_structure(structure, indices)
        assert abs(found.amplitudes[row].sum() - exact) < 0.01
        equal = {tuple(operation.apply_to_hkl(indices)) for operation in crystal.symmetry.operations().sym_ops}
        equal |= {tuple(-index for index in some) for some in equal}
        assert found.multiplicities[row] == len(equal)


def test_many_atoms_without_symmetry_are_summed_as_gemmi_does(
    cif: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two elements, three displacements and occupancies in a cell that is long along b, in blocks of rows."""
    random = np.random.default_rng(0)
    rows = [
        f"{('Na', 'O')[n % 2]} {x:.4f} {y:.4f} {z:.4f} {1 - n % 3 / 4} {n % 3 / 50}"
        for n, (x, y, z) in enumerate(random.random((30, 3)))
    ]
    text = cif("P 1", (6.0, 21.0, 7.0, 95, 80, 100), "\n".join(rows))
    text = text.replace("_atom_site_occupancy\n", "_atom_site_occupancy\n_atom_site_U_iso_or_equiv\n")
    monkeypatch.setattr(powder, "BLOCK", 100)
    found = powder.reflections(one(text), (1.2, 20.0))
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    exact = [calculator.calculate_sf_from_small_structure(structure, row) for row in found.indices.tolist()]
    assert len(exact) > 500
    np.testing.assert_allclose(found.amplitudes.sum(axis=1), exact, atol=2e-4 * np.abs(exact).max())


def test_atoms_that_move_or_are_missing_scatter_less(cif: Callable[..., str]) -> None:
    still, text = one(cif("halite")), cif("halite")
    half = one(text.replace("0.5 0.5 0.5 1", "0.5 0.5 0.5 0.5"))
    moving = still._replace(displacements=np.full(8, 0.02))
    given, other = (powder.reflections(crystal, (1.0, 4.0)) for crystal in (still, half))
    np.testing.assert_allclose(other.amplitudes[:, 0], given.amplitudes[:, 0] / 2, rtol=1e-5)  # Cl before Na
    np.testing.assert_allclose(other.amplitudes[:, 1], given.amplitudes[:, 1], rtol=1e-5)
    expected = np.exp(-8 * np.pi**2 * 0.02 * (given.vectors**2).sum(axis=1) / 4)
    for warmed in (powder.reflections(moving, (1.0, 4.0)), powder.reflections(still, (1.0, 4.0), 8 * np.pi**2 * 0.02)):
        np.testing.assert_allclose(np.abs(warmed.amplitudes[:, 1] / given.amplitudes[:, 1]), expected, rtol=1e-4)


@pytest.mark.parametrize(("name", "order"), [("halite", 24), ("quartz", 6), ("rutile", 8), ("zincite", 12)])
def test_rotations_are_those_of_the_laue_group(cif: Callable[..., str], name: str, order: int) -> None:
    """They turn every reflection into one with whole indices of the same length."""
    crystal = one(cif(name))
    found = powder.rotations(crystal)
    assert found.shape == (24, 3, 3)
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1), np.tile(np.eye(3), (24, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-6)
    assert len(np.unique(np.round(found, 6), axis=0)) == order
    turned = found @ powder.reflections(crystal, (1.5, 9.0)).vectors.T
    indices = np.array(crystal.cell.orth.mat.tolist()).T @ turned
    np.testing.assert_allclose(indices, np.round(indices), atol=1e-6)


def test_a_cell_with_too_many_reflections_is_refused(cif: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powder, "WORK", 100)
    with pytest.raises(Refused, match="too many reflections"):
        powder.reflections(one(cif("quartz")), (0.8, 9.0))


def test_a_structure_without_a_reflection_in_range_is_refused(cif: Callable[..., str]) -> None:
    with pytest.raises(Refused, match="no reflection at these angles"):
        powder.reflections(one(cif("copper")), (5.0, 9.0))
