"""The space of forests: room for leaves, costs, and what is too large to be exported."""

from __future__ import annotations

import pytest

from spectune.spaces import PUBLISHED
from spectune.spaces.forest import Forest


def test_the_published_trees_are_exactly_expressible():
    network = PUBLISHED["extra_trees"].network
    assert (network.trees, network.max_depth, network.features) == (500, 30, 7)
    assert network.leaves >= 6100, "no tree on the published 6100 spectra may be cut short"


def test_shallow_trees_take_no_room_for_leaves_they_cannot_have():
    assert Forest(max_depth=3, leaves=1000).slots() == 8
    assert Forest(max_depth=3, leaves=1000).cost(50, 4) == Forest(max_depth=3, leaves=8).cost(50, 4)
    assert Forest(max_depth=30, leaves=8).steps() == 7


def test_the_cost_counts_tables_and_questions():
    cost = Forest(trees=10, max_depth=4, leaves=16).cost(500, 7)
    assert cost.parameters == 10 * (31 * 4 + 16 * 7)
    assert cost.macs == 10 * (4 + 7)


def test_a_forest_beyond_an_onnx_file_is_refused():
    with pytest.raises(ValueError, match=r"must store at most 400,000,000 numbers, got .*: take fewer trees or leaves"):
        PUBLISHED["extra_trees"].network.cost(5000, 500)
