"""Structures whose patterns are one beside the noise are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spectune.trainables.data.crystals.alike import alike, said
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.table import read


def groups(folder: Path, **settings: Any) -> list[str]:
    """The name of the first structure that each one cannot be told apart from."""
    conditions = Conditions(**settings)
    table = read(folder, conditions)
    return [str(table.names[first]) for first in alike(table, conditions)]


def test_a_structure_that_differs_less_than_the_noise_is_a_twin(folder: Path, cif: Callable[..., str]) -> None:
    for name, cell in (("salt", "5.6402"), ("other_salt", "5.645"), ("potash", "5.70")):
        (folder / f"{name}.cif").write_text(cif("halite").replace("5.6402", cell))
    names = sorted(path.stem for path in folder.iterdir())
    found = dict(zip(names, groups(folder), strict=True))
    assert found["salt"] == found["halite"] == "halite"  # the same to the last digit
    assert len(set(found.values())) == len(names) - 1
    noisy = dict(zip(names, groups(folder, noise=0.3), strict=True))
    assert noisy["other_salt"] == "halite" and noisy["potash"] == "potash"


def test_twins_are_said_with_an_example() -> None:
    names, first = np.array(["a", "b", "c", "d"]), np.array([0, 1, 0, 3])
    assert said(names, np.arange(4), names) == ""
    assert said(names, first, names) == "2 structures in 1 groups cannot be told apart (such as a and c)"
    across = said(names, first, np.array(["x", "x", "y", "y"]))
    assert across.endswith("such as a and c), 1 of the groups across classes")
