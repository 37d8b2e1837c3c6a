"""What the words of single options mean, and how an option is declared."""

import pytest

from spectune.search.records.option import Group, count, duration, gpus, option, options_of


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)])
def test_times_are_read_with_their_unit(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "5 m", "5w", "nan"])
def test_times_that_are_none_are_refused_with_the_cure(text):
    with pytest.raises(ValueError, match="write 90s, 10m or 2h"):
        duration(text)


def test_counts_are_read_with_their_factor():
    assert [count(text) for text in ("500000", "500k", "2M", "1.5G")] == [500_000, 500_000, 2_000_000, 1_500_000_000]


@pytest.mark.parametrize("text", ["0.4", "0", "1.5", "-3", "2.0005k", "many"])
def test_a_count_is_a_whole_number_of_one_or_more(text):
    with pytest.raises(ValueError, match="a count is a whole number"):
        count(text)


def test_gpus_are_a_number_or_measured():
    assert [gpus(text) for text in ("0.25", "2", "auto")] == [0.25, 2.0, "auto"]
    with pytest.raises(ValueError, match="GPUs are a number or auto, got 'many'"):
        gpus("many")


def test_an_option_is_one_field_with_its_rule():
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Cooking(Group):
        """Some options."""

        eggs: int = option(2, "how many", ("fry",), kind=int, least=1)
        herbs: tuple[str, ...] = option((), "which", ("fry",), flag="herb", repeated=True, choices=("dill", "mint"))

    eggs, herbs = options_of(Cooking)
    assert (eggs.flag, eggs.default, herbs.flag) == ("eggs", 2, "herb")
    assert Cooking(herbs=("mint",)).eggs == 2
    with pytest.raises(ValueError, match="--eggs must be at least 1, got 0: give a larger number"):
        Cooking(eggs=0)
    with pytest.raises(ValueError, match="--herb must be one of dill, mint, got 'salt': choose one of them"):
        Cooking(herbs=("dill", "salt"))
