"""Structures that every textbook has, as CIFs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Cell = tuple[float, float, float, float, float, float]
CUBIC = (90.0, 90.0, 90.0)
HEXAGONAL = (90.0, 90.0, 120.0)
STRUCTURES: dict[str, tuple[str, Cell, str]] = {
    "halite": ("F m -3 m", (5.6402, 5.6402, 5.6402, *CUBIC), "Na 0 0 0 1\nCl 0.5 0.5 0.5 1"),
    "sylvite": ("F m -3 m", (6.2931, 6.2931, 6.2931, *CUBIC), "K 0 0 0 1\nCl 0.5 0.5 0.5 1"),
    "silicon": ("F d -3 m :2", (5.43102, 5.43102, 5.43102, *CUBIC), "Si 0.125 0.125 0.125 1"),
    "ceria": ("F m -3 m", (5.411, 5.411, 5.411, *CUBIC), "Ce 0 0 0 1\nO 0.25 0.25 0.25 1"),
    "copper": ("F m -3 m", (3.6149, 3.6149, 3.6149, *CUBIC), "Cu 0 0 0 1"),
    "quartz": ("P 32 2 1", (4.9134, 4.9134, 5.4052, *HEXAGONAL), "Si 0.4697 0 0.66667 1\nO 0.4135 0.2669 0.7858 1"),
    "calcite": ("R -3 c :H", (4.9896, 4.9896, 17.061, *HEXAGONAL), "Ca 0 0 0 1\nC 0 0 0.25 1\nO 0.2573 0 0.25 1"),
    "corundum": ("R -3 c :H", (4.7589, 4.7589, 12.991, *HEXAGONAL), "Al 0 0 0.35216 1\nO 0.30624 0 0.25 1"),
    "rutile": ("P 42/m n m", (4.594, 4.594, 2.959, *CUBIC), "Ti 0 0 0 1\nO 0.3053 0.3053 0 1"),
    "zincite": ("P 63 m c", (3.2498, 3.2498, 5.2066, *HEXAGONAL), "Zn 0.33333 0.66667 0 1\nO 0.33333 0.66667 0.3821 1"),
}


def write(group: str, cell: tuple[object, ...], atoms: str, name: str = "made") -> str:
    """The text of a CIF; a line of ``atoms`` is an element, a place and an occupancy."""
    tags = (*(f"length_{axis}" for axis in "abc"), *(f"angle_{angle}" for angle in ("alpha", "beta", "gamma")))
    lines = [f"data_{name}", *(f"_cell_{tag} {value}" for tag, value in zip(tags, cell, strict=True))]
    lines += [f"_space_group_name_H-M_alt '{group}'", "loop_", "_atom_site_label"]
    lines += [f"_atom_site_fract_{axis}" for axis in "xyz"] + ["_atom_site_occupancy", atoms, ""]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def cif() -> Callable[..., str]:
    """``cif(group, cell, atoms)``, or ``cif(name)`` of a structure that is known, as text."""
    return lambda *parts: write(*STRUCTURES[parts[0]]) if len(parts) == 1 else write(*parts)


@pytest.fixture(scope="session")
def names() -> list[str]:
    return list(STRUCTURES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All structures as files."""
    path = tmp_path / "minerals"
    path.mkdir()
    for name, parts in STRUCTURES.items():
        (path / f"{name}.cif").write_text(write(*parts))
    return path
