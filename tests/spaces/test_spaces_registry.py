"""What every family and every space of the registries keeps. A new family is tested because it is in FAMILIES."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys

import pytest

from spectune.spaces import FAMILIES, PUBLISHED, SPACES, Network, Training
from spectune.spaces.config import hyperparameters, size
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is
from spectune.spaces.show import rows, space_table

CONFIGS = {**FAMILIES, "training": Training}


def pick(source, domain):
    match domain:
        case Choice():
            return source.choice(domain.options)
        case Int():
            return source.randrange(domain.low, domain.high + 1, domain.step)
        case Float():
            return source.uniform(domain.low, domain.high)


def at_random(space, seed):
    source = random.Random(seed)
    return space.propose(lambda _, domain: pick(source, domain))


def at_corner(space, highest):
    def choose(_, domain):
        if isinstance(domain, Choice):
            return domain.options[-1 if highest else 0]
        return domain.high if highest else domain.low

    return space.propose(choose)


def fields_of(when):
    parts = when.parts if isinstance(when, All) else [when] if when is not None else []
    return [(part, part.field) for part in parts]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_registered_under_its_name(name):
    assert issubclass(FAMILIES[name], Network)
    assert FAMILIES[name].family == name


@pytest.mark.parametrize("name", SPACES)
def test_a_space_proposes_networks_it_holds_and_knows_their_values(name):
    space = SPACES[name]
    assert space.name == name
    names = {hp_name for hp_name, _, _ in space.hyperparameters()}
    families = set()
    for seed in range(200):
        asked, source = {}, random.Random(seed)
        network = space.propose(
            lambda hp_name, domain, asked=asked, source=source: asked.setdefault(hp_name, pick(source, domain))
        )
        families.add(type(network))
        values = space.values(network)
        assert space.holds(network)
        assert set(asked) <= set(values) <= names
        assert all(values[hp_name] == value for hp_name, value in asked.items())
        assert space.propose(lambda hp_name, _, asked=asked: asked[hp_name]) == network
        assert space.agrees(network, asked)
    assert families == set(space.families), "some families are never proposed"


def test_a_space_of_all_families_takes_fixed_values_by_their_full_names():
    def choose(name, domain):
        return pick(random.Random(0), domain)

    network = SPACES["any"].propose(choose, {"family": "vit", "vit.depth": 7, "cnn.depth": 2})
    assert (network.family, network.depth) == ("vit", 7)
    assert not SPACES["any"].agrees(network, {"family": "cnn"})
    assert not SPACES["any"].agrees(network, {"vit.depth": 6})
    assert SPACES["any"].agrees(network, {"cnn.depth": 3})


@pytest.mark.parametrize("name", FAMILIES)
def test_names_are_unique_across_a_network_and_its_training(name):
    names = [hp.name for space in (FAMILIES[name], Training) for hp in hyperparameters(space)]
    assert len(set(names)) == len(names)
    assert "family" not in names  # the records' name for the space itself


@pytest.mark.parametrize("name", CONFIGS)
def test_conditions_look_backwards_and_at_values_that_exist(name):
    earlier = {}
    for hp in hyperparameters(CONFIGS[name]):
        for part, field in fields_of(hp.when):
            assert field in earlier, f"{hp.name} looks at {field}, which is not before it"
            if isinstance(part, Is):
                assert set(part.values) < set(earlier[field].domain.options), f"{hp.name} always or never exists"
            if isinstance(part, AtLeast):
                assert earlier[field].domain.low < part.low <= earlier[field].domain.high
        if hp.per_layer:
            assert isinstance(earlier[hp.per_layer].domain, Int)
        earlier[hp.name] = hp


@pytest.mark.parametrize("name", CONFIGS)
def test_defaults_lie_in_their_domains(name):
    for hp in hyperparameters(CONFIGS[name]):
        assert hp.domain.check(hp.name, hp.default) == hp.default


@pytest.mark.parametrize("name", CONFIGS)
def test_the_default_config_survives_json(name):
    space = CONFIGS[name]
    assert space.from_dict(json.loads(json.dumps(space().to_dict()))) == space()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_proposal_is_valid_and_survives_json_and_replacing(name):
    space = CONFIGS[name]
    proposals = [at_random(space, seed) for seed in range(300)] + [at_corner(space, highest) for highest in (0, 1)]
    for config in proposals:
        assert space.from_dict(json.loads(json.dumps(config.to_dict()))) == config
        assert config.replace() == config
    combinations, continuous = size(space)
    drawn = len(proposals)
    most = drawn if continuous else combinations * (1 - math.exp(-drawn / combinations))  # when all are as likely
    assert len(set(proposals)) > 0.95 * most


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("points", [16, 200, 5000])
def test_a_proposed_network_has_a_cost_or_is_refused_with_the_rule(name, points):
    costs = []
    for seed in range(300):
        network = at_random(FAMILIES[name], seed)
        try:
            costs.append(network.cost(points, 10))
        except ValueError as error:
            assert " must " in str(error)
            assert ": " in str(error)
            assert "\n" not in str(error)
    assert all(part > 0 for cost in costs for part in cost)
    assert points < 5000 or len(costs) > 150, "most of the space must work on spectra of the usual length"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_default_works_on_spectra_of_any_usual_length(name):
    for points in (100, 850, 5000, 8500):
        assert FAMILIES[name]().cost(points, 2).parameters > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_networks_describe_themselves_in_one_short_line(name):
    for seed in range(50):
        text = at_random(FAMILIES[name], seed).describe()
        assert "\n" not in text
        assert 10 < len(text) < 300


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_has_a_row_for_every_hyperparameter_and_the_size(name):
    space = CONFIGS[name]
    table = space_table(space).splitlines()
    combinations, continuous = size(space)
    assert f"and {continuous} continuous" in table[0]
    assert f"{combinations:,}" in table[0] or f"{combinations:.1e}" in table[0]
    for line, row, hp in zip(table[2:], rows(space), hyperparameters(space), strict=True):
        assert line.startswith(hp.name)
        assert str(hp.domain) in line
        assert str(hp.default) in line
        assert str(hp.when or "") in line
        assert row.condition == str(hp.when or "")
        assert ("(fixed)" in line) is not hp.search


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_values_of_a_registered_space(name):
    published = PUBLISHED[name]
    space = FAMILIES[published.network.family]
    assert type(published.network) is space
    assert space.from_dict(json.loads(json.dumps(published.network.to_dict()))) == published.network
    assert Training.from_dict(json.loads(json.dumps(published.training.to_dict()))) == published.training
    assert published.source


def test_published_networks_differ():
    networks = [published.network for published in PUBLISHED.values()]
    assert len(set(networks)) == len(networks)


def test_spaces_need_the_standard_library_only():
    code = (
        "import sys; import spectune.spaces, spectune.spaces.show\n"
        "print([name for name in ('torch', 'numpy', 'ray', 'optuna', 'mlflow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
