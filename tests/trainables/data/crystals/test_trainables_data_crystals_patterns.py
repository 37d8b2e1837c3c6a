"""A split of patterns gives the same ones again, and others where it is asked for fresh ones."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data.crystals import patterns as module
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.patterns import Patterns
from spectune.trainables.data.crystals.table import read


def made(folder: Path, *, varies: bool = False, **settings: Any) -> Patterns:
    conditions = Conditions(**{"min_angle": 20, "max_angle": 60, **settings})
    rows = np.repeat(np.arange(10), 3)
    return Patterns(read(folder, conditions), rows, rows, conditions=conditions, seed=1, varies=varies)


def test_a_pattern_is_the_same_in_any_batch_and_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = made(folder, vacancies=0.1, impurities=1)
    whole = split.batch(torch.arange(30))
    assert whole.shape == (30, 2048) and whole.dtype == torch.float32 and torch.isfinite(whole).all()
    for rows in ([3], [29, 0, 7]):
        torch.testing.assert_close(split.batch(torch.tensor(rows)), whole[rows])
    monkeypatch.setattr(module, "ROOM", 1)  # one at a time
    torch.testing.assert_close(pickle.loads(pickle.dumps(split)).batch(torch.arange(30)), whole)


def test_fresh_patterns_are_others_by_torchs_random_state(folder: Path) -> None:
    split, rows = made(folder, varies=True), torch.arange(30)
    torch.manual_seed(0)
    first, second = split.fresh(rows), split.fresh(rows)
    assert (first - second).abs().amax(dim=1).min() > 0.05
    torch.manual_seed(0)
    torch.testing.assert_close(split.fresh(rows), first)
    fixed = made(folder)
    torch.testing.assert_close(fixed.fresh(rows), fixed.batch(rows))


def test_conditions_are_within_what_was_asked(folder: Path) -> None:
    """Lines of halite, whose lattice is strained by up to a hundredth, all over its range and not beyond."""
    conditions = Conditions(min_angle=28, max_angle=36, strain=0.01, zero_shift=0, displacement=0, noise=0, points=801)
    table = read(folder, conditions)
    rows = np.full(300, table.names.tolist().index("halite"))
    split = Patterns(table, rows, rows, conditions=conditions)
    places = conditions.angles[split.batch(torch.arange(300)).numpy().argmax(axis=1)]
    sines = np.sin(np.radians(places / 2)) / np.sin(np.radians(31.704 / 2))
    assert 0.9895 < sines.min() < 0.996 and 1.004 < sines.max() < 1.0105


def test_an_impurity_adds_lines_of_another_structure(folder: Path) -> None:
    settings = {"noise": 0.0, "background": 0.0, "strain": 0.0, "impurity_share": 0.5}
    pure, impure = made(folder, **settings), made(folder, impurities=2, **settings)
    rows = torch.arange(12, 15)
    added = impure.batch(rows).amax(dim=1) > 0
    assert added.all()
    quiet = pure.batch(rows) < 0.01
    assert ((impure.batch(rows) > 0.02) & quiet).any()


def test_what_decides_the_patterns_is_in_the_digest(folder: Path) -> None:
    def digest(split: Patterns) -> str:
        import hashlib

        found = hashlib.sha256()
        split.feed(found)
        return found.hexdigest()

    assert digest(made(folder)) == digest(made(folder))
    assert len({digest(made(folder, **some)) for some in ({}, {"noise": 0.02}, {"varies": True}, {"strain": 0.0})}) == 4
