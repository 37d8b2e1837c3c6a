"""Ensembles as configs: what they cost, and that they are recorded and read back."""

from __future__ import annotations

import json

import pytest

from spectune.spaces import CNN, FAMILIES, KNN, PLSDA, SPACES, Training
from spectune.spaces.ensemble import Ensemble, Member
from spectune.spaces.errors import InputError
from spectune.spaces.saved import UnknownFamily, configs, recorded

PARTS = (PLSDA(components=3), KNN(kept=200), CNN(depth=2))
MIXED = Ensemble(
    members=tuple(Member(trial=10 + at, weight=at + 1, network=network) for at, network in enumerate(PARTS))
)


def test_it_costs_what_its_members_cost_together_whatever_their_weights():
    costs = [network.cost(200, 4) for network in PARTS]
    assert MIXED.cost(200, 4) == tuple(sum(parts) for parts in zip(*costs, strict=True))


def test_it_is_recorded_as_json_and_read_back():
    kept = json.loads(json.dumps(recorded(MIXED, Training())))
    assert configs(kept) == (MIXED, Training())
    assert sum(MIXED.shares) == pytest.approx(1) and MIXED.shares[2] == pytest.approx(0.5)


def test_its_members_are_of_the_families_that_are_given_and_no_ensembles():
    kept = recorded(MIXED, Training())
    with pytest.raises(UnknownFamily, match="must be one of plsda, got 'knn'"):
        configs(kept, {"plsda": PLSDA})
    nested = Ensemble(members=(Member(trial=1, weight=1, network=MIXED),))
    with pytest.raises(UnknownFamily, match="got 'ensemble'"):
        configs(recorded(nested, Training()))


@pytest.mark.parametrize("weights", [(), (1, 0), (1.5,), (True,)])
def test_weights_are_whole_and_positive(weights):
    with pytest.raises(InputError, match="members with whole weights"):
        Ensemble(members=tuple(Member(trial=0, weight=weight, network=PARTS[0]) for weight in weights))


def test_no_search_proposes_it():
    assert Ensemble.family not in FAMILIES
    assert not any(Ensemble in space.families for space in SPACES.values())


def test_it_says_what_it_averages():
    assert MIXED.describe().startswith("mean of 3 networks, 3 x ") and PARTS[0].describe() in MIXED.describe()
