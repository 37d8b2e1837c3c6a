import random
from collections import Counter

import pytest

from spectune.spaces import CNN, SPACES, STANDARD, Space, ViT
from spectune.spaces.domain import Choice, Float, Int
from spectune.spaces.learned import Learned
from spectune.spaces.saved import portfolio

VALUES = {
    "tasks": ["one", "two"],
    "families": {"cnn": 0.6, "mlp": 0.2},
    "slopes": {"learning_rate": {"slope": -0.2, "at": 4.0}},
    "weights": {"cnn": {"depth": [0.0, 0.0, 1.0], "learning_rate": [0.0, 1.0], "pooling": [0.9, 0.1]}},
}
CNN_OR_OTHER = Choice("cnn", "mlp", "mine")


def drawn(learned, family, name, domain, count=400):
    chance = random.Random(0)
    return [learned.at(family, name, domain, chance) for _ in range(count)]


def test_values_are_drawn_by_what_was_learned_of_the_family():
    learned = Learned(VALUES, seen=1e4)
    assert set(drawn(learned, "cnn", "depth", Int(1, 6))) == {5, 6}
    assert set(drawn(learned, "mlp", "depth", Int(1, 6))) == {1, 2, 3, 4, 5, 6}  # nothing was learned of it
    counts = Counter(drawn(learned, "cnn", "pooling", Choice("max", "none")))
    assert 320 < counts["max"] < 385


def test_a_learning_rate_is_smaller_where_more_spectra_are_seen():
    domain = Float(1e-5, 1e-1, log=True)
    few, many = (drawn(Learned(VALUES, seen=seen), "cnn", "learning_rate", domain) for seen in (1e4, 1e6))
    assert min(few) == pytest.approx(1e-3, rel=0.1)
    assert max(few) < 1e-1
    assert sorted(many)[200] == pytest.approx(sorted(few)[200] * 10 ** (-0.4 * 4), rel=0.01)
    assert min(drawn(Learned(VALUES, seen=1e30), "cnn", "learning_rate", domain)) >= 1e-5


def test_a_family_of_which_nothing_is_known_is_as_likely_as_those_on_average():
    learned, chance = Learned(VALUES, seen=1e4), random.Random(0)
    counts = Counter(learned.family(CNN_OR_OTHER, chance) for _ in range(1200))
    assert counts["cnn"] > counts["mine"] > counts["mlp"] > 100


def test_a_portfolio_is_of_the_families_of_a_space():
    cnn, mlp = ({"network": {"family": one, "depth": 2}, "training": {"batch_size": 32}} for one in ("cnn", "mlp"))
    learned = {"portfolio": {"any": [mlp, cnn], "cnn": [cnn], "mlp": []}}
    found = {name: [network.family for network, _ in portfolio(learned, space)] for name, space in SPACES.items()}
    assert (found["any"], found["cnn"], found["mlp"], found["vit"]) == (["mlp", "cnn"], ["cnn"], [], [])
    ((network, training),) = portfolio(learned, Space("two", (CNN, ViT)))
    assert (network.depth, training.batch_size) == (2, 32)


def test_what_comes_with_spectune_is_of_its_families_and_can_be_drawn_from():
    assert set(STANDARD.learned["families"]) <= set(STANDARD.families)
    whole = {name: portfolio(STANDARD.learned, space) for name, space in SPACES.items()}
    families = {name: {network.family for network, _ in pairs} for name, pairs in whole.items()}
    assert all(families[family] == {family} for family in ("cnn", "mlp", "vit"))
    assert len(families["any"]) > 1
    for family, names in STANDARD.learned["weights"].items():
        assert all(min(weights) > 0 for weights in names.values()), family
