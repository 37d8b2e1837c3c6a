"""Options: one field each, from which their checks, the command line and what a study keeps are made."""

from __future__ import annotations

import json

import pytest

from spectune.search.cli import flags
from spectune.search.cli import main as cli
from spectune.search.records.option import Option, options_of
from spectune.search.records.options import Budget, Goal, Machine, Options, Place
from spectune.search.session.launch import resolve
from spectune.spaces import SPACES

NONE = {"model", "reference", "grid"}  # not words of their own: an argument, and one of two words


def parser(command):
    return cli._parser()._subparsers._group_actions[0].choices[command]


@pytest.mark.parametrize("command", ["search", "train", "ablate", "plan"])
def test_a_command_has_the_options_that_say_so(command):
    words = {word for action in parser(command)._actions for word in action.option_strings}
    for one in options_of(Options):
        assert (f"--{one.flag}" in words) == any(
            command in other.on for other in options_of(Options) if other.flag == one.flag
        ) or one.name in NONE


def test_every_option_is_of_one_group():
    groups = [one.name for group in (Goal, Budget, Machine, Place) for one in options_of(group)]
    assert sorted(groups) == sorted(one.name for one in options_of(Options))
    assert len(set(groups)) == len(groups)


@pytest.mark.parametrize("one", [one for one in options_of(Options) if one.on], ids=lambda one: one.name)
def test_help_says_what_holds_where_an_option_is_not_given(one: Option):
    for command in one.on:
        said = flags.explained(one, command)
        assert said
        if isinstance(one.default_for(command), int | float) and one.kind is not bool:
            assert "default" in said


def test_a_command_may_have_a_default_of_its_own():
    (seeds,) = (one for one in options_of(Budget) if one.name == "seeds")
    assert flags.explained(seeds, "search") == "new seeds in the confirmation (default 5)"
    assert flags.explained(seeds, "train") == "trainings, from --seed on (default 1)"


def test_options_survive_their_way_through_json():
    options = Options(
        name="s",
        fixed={"filters": (16, 32, 64), "pooling": "max"},
        objectives=("accuracy", "parameters"),
        reference={},
        gpus_per_trial="auto",
    )
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_an_option_that_this_version_does_not_know_is_named():
    with pytest.raises(ValueError, match="got beauty: use the version"):
        Options.from_dict({"name": "s", "beauty": 3})


def test_a_study_of_values_by_layer_is_resumed_with_the_same_words(tmp_path, begun):
    words = {"name": "s", "studies": str(tmp_path), "fixed": ["depth=3", "filters=16,32,64"]}
    options, _ = resolve(words)
    begun(tmp_path / "s", options)
    again, before = resolve({**words, "resume": True})
    assert before is not None
    assert again.fixed == options.fixed == {"depth": 3, "filters": (16, 32, 64)}
    with pytest.raises(ValueError, match="keeps its --set"):
        resolve({**words, "resume": True, "fixed": ["depth=3", "filters=16,32,32"]})


def test_the_same_known_networks_agree_with_values_by_layer_before_and_after_a_resume(tmp_path, begun):
    (network,) = {SPACES["cnn"].families[0](depth=3, filters=(16, 32, 64))}
    words = {"name": "s", "studies": str(tmp_path), "fixed": ["filters=16,32,64"]}
    options, _ = resolve(words)
    begun(tmp_path / "s", options)
    again, _ = resolve({"name": "s", "studies": str(tmp_path), "resume": True})
    assert SPACES["cnn"].agrees(network, options.fixed)
    assert SPACES["cnn"].agrees(network, again.fixed)


@pytest.fixture
def begun():
    """``begun(folder, options)`` writes the journal of a study that has begun."""
    from spectune.search.records.journal import Journal

    def write(folder, options):
        journal = Journal(folder)
        journal.append("study", name=options.name, objectives=[["accuracy", "max"]], options=options.to_dict())
        journal.close()

    return write


@pytest.mark.parametrize(
    ("recorded", "published", "simple"),
    [
        ({}, "cnn2", True),
        ({"baseline": []}, "cnn2", True),
        ({"baseline": ["cnn6"]}, "cnn6", False),
        ({"baseline": ["simple"]}, None, True),
        ({"baseline": ["simple", "cnn6"]}, "cnn6", True),
        ({"baseline": ["none"]}, None, False),
        ({"baseline": ""}, "cnn2", False),  # of studies before simple methods took part
        ({"baseline": "none"}, None, False),
        ({"baseline": "", "model": "cnn6"}, "cnn6", False),
        ({"model": "cnn6"}, "cnn6", True),
        ({"model": "cnn6", "baseline": ["none"]}, "cnn6", False),
        ({"reference": {"name": "cnn6", "config": {}}}, None, False),
    ],
)
def test_what_a_study_compares_with_is_what_it_says_or_said(recorded, published, simple):
    options = Options.from_dict({"name": "s", **recorded})
    assert (options.baseline_name, options.simple) == (published, simple)


@pytest.mark.parametrize("baseline", [["none", "simple"], ["cnn2", "cnn6"], ["cnn2", "none"], ["nope"]])
def test_a_baseline_that_cannot_be_is_refused(baseline):
    with pytest.raises(ValueError, match="--baseline"):
        Options.from_dict({"name": "s", "baseline": baseline})
