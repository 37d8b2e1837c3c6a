"""What can be named, as a value: adding gives another one, and a wrong name lists the known ones."""

from __future__ import annotations

import pytest

from spectune.spaces import CNN, FAMILIES, KNOWN, PUBLISHED, SPACES, STANDARD, Published, Space, Training
from spectune.spaces.saved import UnknownFamily, configs, recorded


class Other(CNN):
    """A family of one's own."""

    family = "other"


def test_what_is_added_is_in_the_new_catalogue_alone():
    known = Published(CNN(depth=2), Training(), "here")
    more = STANDARD.with_families(Other).with_space("mine.py:Other", Space("other", (Other,))).with_known("here", known)
    assert set(more.families) - set(FAMILIES) == {"other"}
    assert set(more.spaces) - set(SPACES) == {"mine.py:Other"}
    assert set(more.known) - set(KNOWN) == {"here"}
    assert (STANDARD.families, STANDARD.spaces, STANDARD.known) == (FAMILIES, SPACES, KNOWN)
    assert more.space("mine.py:Other").holds(Other())


def test_a_wrong_space_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"must be one of cnn, .*, any or FILE.py:NAME, got 'conv'"):
        STANDARD.space("conv")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recorded_config_is_read_as_it_was(name):
    network, training, *_ = KNOWN[name]
    assert configs(recorded(network, training)) == (network, training)


def test_a_config_is_of_one_of_the_families_that_are_given():
    config = recorded(Other(depth=2), Training())
    assert configs(config, STANDARD.with_families(Other).families)[0] == Other(depth=2)
    with pytest.raises(UnknownFamily, match="got 'other': where it is one of your own, give its file as --space"):
        configs(config)
