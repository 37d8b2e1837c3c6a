"""Names of studies, spaces, and values of hyperparameters as people type them."""

import pytest

from spectune.search.records.settings import fixed, fixed_by_default, pairs, plain, word
from spectune.spaces import SPACES


def test_other_names_of_hyperparameters_are_known():
    assert fixed(SPACES["cnn"], ["lr=0.01"]) == {"learning_rate": 0.01}


def test_a_value_of_a_family_is_set_under_the_name_that_the_space_gives_it():
    assert fixed(SPACES["any"], ["family=vit", "vit.depth=3"]) == {"family": "vit", "vit.depth": 3}
    assert fixed(SPACES["cnn"], ["filters=16,32,64"]) == {"filters": (16, 32, 64)}


@pytest.mark.parametrize("setting", ["filters", "beauty=3", "filters=many", "depth=99"])
def test_a_value_that_is_none_is_refused(setting):
    with pytest.raises(ValueError, match=r"--set|must be in"):
        fixed(SPACES["cnn"], [setting])


@pytest.mark.parametrize("name", ["../escape", "", "a b", "-x", "x" * 101, "a/b"])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(ValueError, match="plain folder name"):
        plain(name)


def test_of_a_file_what_may_stand_in_a_name_stays():
    assert word("my spectra (2)") == "my-spectra-2"
    assert word("...") == "own"


def test_what_is_fixed_by_default_can_be_varied():
    assert {"head", "noise"} <= set(fixed_by_default(SPACES["cnn"]))
    assert "depth" not in fixed_by_default(SPACES["cnn"])


def test_pairs_are_split_at_their_first_equals_sign():
    assert pairs("--data", ["a=b=c", "d="]) == {"a": "b=c", "d": ""}


def test_a_name_without_a_family_is_that_of_all_families_that_can_take_the_value():
    found = fixed(SPACES["any"], ["preprocess=snv", "detrend=2"])
    assert {found[f"{name}.preprocess"] for name in ("cnn", "resnet", "vit", "mlp")} == {"snv"}
    assert found["cnn.detrend"] == 2
    assert "forest.preprocess" not in found  # trees have no SNV
    assert fixed(SPACES["cnn"], ["preprocess=standardise"]) == {"preprocess": "snv"}
    assert "forest.preprocess" in fixed(SPACES["any"], ["preprocess=sqrt"])
    with pytest.raises(ValueError, match="preprocess must be one of"):
        fixed(SPACES["any"], ["preprocess=whiten"])
