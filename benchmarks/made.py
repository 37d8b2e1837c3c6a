"""Crystals that nobody has seen: random ones by PyXtal, as many of each crystal system as wanted, as CIFs.

    python benchmarks/made.py FOLDER [--each 400] [--seed 0]

It runs in an environment of its own that has PyXtal, and nothing of spectune; ``systems.py fetch`` makes one. Each
crystal: a space group of its system, one to three elements, atoms on Wyckoff positions, a cell by the radii of its
atoms. One in which spglib finds another crystal system than was asked for is not kept. What is there is not made again.
"""

from __future__ import annotations

import argparse
import random
import signal
import warnings
from pathlib import Path
from typing import Any

SYSTEMS = {  # first and last of its space groups
    "triclinic": (1, 2),
    "monoclinic": (3, 15),
    "orthorhombic": (16, 74),
    "tetragonal": (75, 142),
    "trigonal": (143, 167),
    "hexagonal": (168, 194),
    "cubic": (195, 230),
}
ELEMENTS = (
    *("H", "Li", "Be", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Sc", "Ti", "V"),
    *("Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Rb", "Sr", "Y", "Zr", "Nb", "Mo"),
    *("Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Cs", "Ba", "La", "Ce", "Nd", "Gd", "W", "Pt", "Au", "Hg", "Pb", "Bi"),
)
MOST = 160  # atoms in a cell
SECONDS = 10  # of one attempt


def crystal(system: str, chance: random.Random) -> Any:
    """A random crystal of the system, or None where the attempt gave none."""
    from pyxtal import pyxtal
    from pyxtal.symmetry import Group

    number = chance.randint(*SYSTEMS[system])
    multiplicities = [position.multiplicity for position in Group(number).Wyckoff_positions]
    elements = chance.sample(ELEMENTS, chance.choice((1, 2, 2, 3, 3)))
    counts = [sum(chance.choices(multiplicities, k=chance.choice((1, 1, 2, 3)))) for _ in elements]
    if sum(counts) > MOST:
        return None
    made = pyxtal()
    made.from_random(3, number, elements, counts, factor=chance.uniform(0.9, 1.6), random_state=chance.getrandbits(31))
    return made if made.valid and found(made) == system else None


def found(made: Any) -> str:
    """The crystal system that spglib finds."""
    import spglib

    atoms = made.to_ase()
    number = spglib.get_symmetry_dataset((atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers), 1e-3).number
    return next(system for system, (first, last) in SYSTEMS.items() if first <= number <= last)


def attempt(system: str, chance: random.Random) -> Any:
    """As ``crystal``, within ``SECONDS``; what PyXtal raises is an attempt that gave none."""
    signal.alarm(SECONDS)
    try:
        return crystal(system, chance)
    except Exception:  # of many kinds, for combinations that cannot be
        return None
    finally:
        signal.alarm(0)


def late(*_: Any) -> None:
    raise TimeoutError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=400, help="crystals of a system")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, late)
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.each):
        for system in SYSTEMS:
            path = options.folder / f"{system}-{options.seed}-{number:05}.cif"
            chance, made = random.Random(path.stem), None
            while made is None and not path.is_file():
                made = attempt(system, chance)
            if made is not None:
                part = path.with_suffix(".part")
                made.to_file(str(part), fmt="cif")
                part.rename(path)


if __name__ == "__main__":
    main()
