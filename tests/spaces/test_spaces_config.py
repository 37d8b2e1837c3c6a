"""Configs: validation, conditions, JSON, overriding, the size of a space; on a small space of the test's own."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import pytest

from spectune.spaces.config import Config, hyper, hyperparameters, parse, size
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is, Single


@dataclass(frozen=True, kw_only=True)
class Toy(Config):
    family: ClassVar[str] = "toy"

    layers: int = hyper(Int(0, 3), 2, "layers")
    width: int | tuple[int, ...] | None = hyper(
        Int(4, 12, step=4), 8, "units", when=AtLeast("layers", 1), per_layer="layers"
    )
    growth: float | None = hyper(Choice(1.0, 2.0), 1.0, "growth", when=All(AtLeast("layers", 2), Single("width")))
    pooling: str = hyper(Choice("max", "average", "none"), "max", "pooling")
    pool: int | None = hyper(Int(2, 3), 2, "pool", when=Is("pooling", "max", "average"))
    norm: bool = hyper(Choice(False, True), False, "normalise")
    rate: float = hyper(Float(1e-4, 1.0, log=True), 0.01, "rate")
    patience: int = hyper(Int(1, 100), 5, "patience", search=False)


def every():
    """Every combination of the searched discrete values, by brute force over all of them and then validation."""
    domains = {"layers": range(4), "width": (4, 8, 12), "growth": (1.0, 2.0), "norm": (False, True), "pool": (2, 3)}
    domains["pooling"] = ("max", "average", "none")
    return {Toy(**dict(zip(domains, values, strict=True))) for values in itertools.product(*domains.values())}


def test_size_honours_conditions_as_brute_force_does():
    assert size(Toy) == (len(every()), 1)


def test_defaults_are_filled_in_and_values_cannot_be_changed():
    toy = Toy()
    assert (toy.layers, toy.width, toy.growth, toy.pool, toy.patience) == (2, 8, 1.0, 2, 5)
    with pytest.raises(FrozenInstanceError):
        toy.layers = 3


def test_a_hyperparameter_exists_only_under_its_condition():
    assert Toy(pooling="none", pool=3).pool is None
    assert Toy(layers=0, width=4, growth=2.0) == Toy(layers=0)
    assert Toy(layers=1).growth is None
    assert Toy(layers=1, width=(4,)).growth is None
    assert Toy(layers=2, width=(4, 8)).growth is None
    assert Toy(layers=2, width=4).growth == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": 4}, "layers must be in 0..3, got 4: choose a value in that range"),
        ({"layers": 1.0}, "layers must be a whole number, got 1.0: use one of 0..3"),
        ({"layers": True}, "layers must be a whole number, got True: use one of 0..3"),
        ({"width": 6}, "width must be in 4..12 step 4, got 6: choose a value in that range"),
        ({"pooling": "avg"}, "pooling must be one of max | average | none, got 'avg': choose one of them"),
        ({"norm": 1}, "norm must be one of False | True, got 1: choose one of them"),
        ({"rate": 2}, "rate must be in 0.0001 to 1 log, got 2: choose a value in that range"),
        ({"rate": float("nan")}, "rate must be a finite number, got nan: use a value in 0.0001 to 1 log"),
        ({"rate": "0.1"}, "rate must be a finite number, got '0.1': use a value in 0.0001 to 1 log"),
        ({"pool": (2, 2)}, r"pool takes one value, got [2, 2]: give one of 2..3"),
        (
            {"layers": 3, "width": (4, 8)},
            "width needs one value, or one per layer (layers = 3), got 2 values [4, 8]: give as many as layers",
        ),
        ({"width": (4, 5)}, "width must be in 4..12 step 4, got 5: choose a value in that range"),
        (
            {"widht": 4},
            "toy has no hyperparameter 'widht': known are layers, width, growth, pooling, pool,",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_rule_value_and_cure(values, message):
    with pytest.raises(ValueError) as caught:
        Toy.from_dict(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whole_numbers_stand_for_real_ones():
    toy = Toy(rate=1, growth=2)
    assert (toy.rate, toy.growth) == (1.0, 2.0)
    assert type(toy.rate) is type(toy.growth) is float
    assert toy == Toy(rate=1.0, growth=2.0)


@pytest.mark.parametrize("toy", [Toy(), Toy(layers=3, width=(4, 8, 12)), Toy(layers=0, pooling="none", norm=True)])
def test_to_dict_and_back(toy):
    values = toy.to_dict()
    assert Toy.from_dict(values) == toy
    assert None not in values.values()
    assert not any(isinstance(value, tuple) for value in values.values())


def test_replace_gives_new_fields_their_default():
    toy = Toy(pooling="none", layers=0)
    assert toy.replace(pooling="max", layers=2) == Toy()
    assert Toy(layers=2, width=(4, 8)).replace(width=8).growth == 1.0
    with pytest.raises(ValueError, match="one per layer"):
        Toy(layers=2, width=(4, 8)).replace(layers=3)


def asked(**fixed):
    """The names a proposal asks for, and the config it makes of each domain's first value."""
    names = []

    def choose(name, domain):
        names.append(name)
        return domain.options[0] if isinstance(domain, Choice) else domain.low

    return Toy.propose(choose, fixed), names


def test_propose_asks_only_for_what_is_searched_exists_and_is_not_fixed():
    toy, names = asked()
    assert names == ["layers", "pooling", "pool", "norm", "rate"]  # no layers, hence no width
    assert toy == Toy(layers=0, pooling="max", pool=2, norm=False, rate=1e-4)
    toy, names = asked(layers=2, pooling="none", rate=0.5)
    assert names == ["width", "growth", "norm"]
    assert toy == Toy(layers=2, width=4, growth=1.0, pooling="none", rate=0.5)


@pytest.mark.parametrize("widths", [(4, 8), [4, 8]])
def test_propose_takes_fixed_values_by_layer(widths):
    toy, names = asked(layers=2, width=widths)
    assert "growth" not in names
    assert toy.width == (4, 8)


def test_propose_refuses_fixed_values_that_do_not_fit():
    with pytest.raises(ValueError, match="one per layer"):
        asked(layers=3, width=(4, 8))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("layers", "3", 3),
        ("width", "4,8, 12", (4, 8, 12)),
        ("width", "8", 8),
        ("pooling", "None", "none"),
        ("norm", "true", True),
        ("growth", "2", 2.0),
        ("rate", "1e-3", 1e-3),
        ("patience", "7", 7),
    ],
)
def test_parse_reads_the_text_of_the_command_line(name, text, value):
    parsed = parse(Toy, name, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("layers", "two", "layers must be in 0..3, got 'two': choose a value in that range"),
        ("layers", "2,2", "layers must be in 0..3, got '2,2': choose a value in that range"),
        ("layers", "9", "layers must be in 0..3, got 9: choose a value in that range"),
        ("width", "4,5", "width must be in 4..12 step 4, got 5: choose a value in that range"),
        ("norm", "yes", "norm must be one of False | True, got 'yes': choose one of them"),
        ("growth", "x", "growth must be in 1.0 | 2.0, got 'x': choose a value in that range"),
        (
            "depth",
            "1",
            "toy has no hyperparameter 'depth': known are layers, width, growth, pooling, pool,",
        ),
    ],
)
def test_parse_refuses_in_one_line(name, text, message):
    with pytest.raises(ValueError) as caught:
        parse(Toy, name, text)
    assert message in str(caught.value)


def test_hyperparameters_are_in_their_order_of_declaration():
    assert [hp.name for hp in hyperparameters(Toy)] == [
        "layers",
        "width",
        "growth",
        "pooling",
        "pool",
        "norm",
        "rate",
        "patience",
    ]
