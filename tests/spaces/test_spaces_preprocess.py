"""What a config says of the steps before the first layer."""

import pytest

from spectune.spaces import CNN, FAMILIES
from spectune.spaces.preprocess import Preprocessed
from spectune.spaces.saved import configs

STRENGTHS = {
    "snip": {"baseline_width"},
    "imodpoly": {"baseline_degree"},
    "asls": {"baseline_smoothness", "baseline_asymmetry"},
}


def test_the_name_before_snv_is_read_as_it():
    config = {"network": {"family": "cnn", "preprocess": "standardise"}, "training": {}}
    network, _ = configs(config)
    assert network == CNN(preprocess="snv")
    assert network.to_dict()["preprocess"] == "snv"


def test_the_steps_are_said_in_their_order():
    network = CNN(low=0.1, despike=7, logarithm="absorbance", savgol="second", detrend=2, preprocess="snv")
    assert network.describe().endswith(
        "0.1 to 1 of the axis, spikes from 7 taken out, absorbance, second derivative over 11 points, "
        "detrended by degree 2, preprocessing snv"
    )
    assert CNN().preparation() == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"baseline": "snip"}, "snip (half window 0.05 of the axis)"),
        ({"baseline": "imodpoly", "baseline_degree": 3}, "imodpoly (degree 3)"),
        ({"baseline": "asls", "baseline_smoothness": 3e6}, "asls (lambda 3e+06, p 0.01)"),
    ],
)
def test_a_baseline_is_said_with_its_strength_between_logarithm_and_filter(values, said):
    network = CNN(logarithm="log", savgol="smooth", **values)
    assert network.preparation() == ["logarithm", f"baseline taken off by {said}", "smoothed over 11 points"]
    assert {name for name in network.to_dict() if name.startswith("baseline_")} == STRENGTHS[network.baseline]


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if issubclass(family, Preprocessed)])
def test_every_family_that_has_the_steps_counts_the_points_that_are_left(name):
    network = FAMILIES[name]()
    whole, half = network.cost(200, 3), network.replace(low=0.25, high=0.75).cost(200, 3)
    assert half.macs < whole.macs
    assert network.cost(100, 3) == half


@pytest.mark.parametrize("steps", [{"savgol": "second"}, {"pointwise": True}])
def test_peaks_are_read_of_spectra_that_have_theirs(steps):
    with pytest.raises(ValueError, match="peaks are read of spectra that have theirs"):
        CNN(reading="sticks", **steps).cost(200, 3)
    CNN(reading="sticks", savgol="smooth", detrend=1).cost(200, 3)
