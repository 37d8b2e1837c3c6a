"""What a look at spectra advises, on made-up spectra of the kinds that people measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.spaces import SPACES, STARTS
from spectune.spaces.config import hyperparameters
from spectune.spaces.preprocess import Preprocessed
from spectune.spaces.prior import Prior
from spectune.trainables.data import load
from spectune.trainables.look import look, seen, width

AXIS = np.linspace(0, 1, 300)
RANDOM = np.random.default_rng(0)


def peaks(count=60, height=1.0, noise=0.0):
    """Spectra of three peaks of 9 points each at half their height, in places that differ."""
    places = RANDOM.uniform(0.1, 0.9, (count, 3, 1))
    spectra = np.exp(-(((AXIS - places) / (9 / 300 / 1.665)) ** 2)).sum(axis=1)
    return height * spectra + RANDOM.normal(0, noise, spectra.shape) if noise else height * spectra


@pytest.mark.parametrize("source", ["challenge", "benchmark", "generated"])
def test_spectra_as_published_protocols_take_them_change_nothing(source):
    train = load(source).train
    assert look(train.batch(torch.arange(100)).numpy()) == Prior()


def test_an_offset_is_found_with_its_size_and_calls_for_snv():
    prior = look(peaks(noise=0.01) + 25)
    assert prior.rule.startswith("offset 25 times the signal")
    assert {values["preprocess"] for values in prior.first.values()} == {"snv"}
    assert {"savgol", "window", "detrend", "scatter"} <= set(prior.vary)
    assert not {"despike", "logarithm", "pointwise", "baseline", "baseline_width"} & set(prior.vary)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_is_seen_does_not_depend_on_the_unit(unit):
    spectra = peaks(noise=0.01) + 3 * AXIS**2
    np.testing.assert_allclose(seen(unit * spectra), seen(spectra), rtol=1e-6, atol=1e-9)
    assert width(unit * spectra) == pytest.approx(width(spectra), rel=1e-6)


@pytest.mark.parametrize(
    ("spectra", "words", "name"),
    [
        (peaks(noise=0.01) + 5 * AXIS, "of the variance is a background that drifts", "detrend"),
        (np.ones((60, 1)) * peaks(1) + peaks(60, 0.2), "spectra alike to 0.9", "pointwise"),
        (1 - 0.9 * peaks(noise=0.001) / 3, "dips, not peaks", "logarithm"),
        (np.gradient(peaks(noise=0.001), axis=1), "of the points are negative", "savgol"),
    ],
    ids=["drift", "alike", "dips", "derivative"],
)
def test_what_stands_out_is_said_and_what_helps_is_varied(spectra, words, name):
    prior = look(spectra)
    assert words in prior.rule
    assert name in prior.vary


def test_the_baselines_of_a_background_that_drifts_are_searched_with_their_strengths_and_no_others():
    drifting, offset, flat = (look(peaks(noise=0.01) + under) for under in (4 * np.exp(-2 * AXIS), 25, 0))
    assert drifting.first["asls snv"] == {"preprocess": "snv", "baseline": "asls"}
    names = {hp.name for hp in hyperparameters(Preprocessed) if hp.name.startswith("baseline")}
    assert len(names) == 5 and names <= set(drifting.vary)
    assert {f"logistic.{name}" for name in names} <= set(drifting.varied(SPACES["any"]))
    for prior in (offset, flat):
        assert "asls snv" not in prior.first and not names & set(prior.vary)


def test_spikes_are_told_from_lines_that_all_spectra_have():
    spectra = peaks(noise=0.01)
    line = spectra.copy()
    line[:, 150] += 2
    spiked = spectra.copy()
    spiked[np.arange(60), RANDOM.integers(0, 300, 60)] += 2
    assert look(line) == Prior()
    prior = look(spiked)
    assert "spikes in" in prior.rule
    assert prior.first["despiked snv"] == {"preprocess": "snv", "despike": 7}


def test_what_drifts_is_taken_off_first_and_what_is_alike_is_standardised_first():
    alike = np.ones((60, 1)) * peaks(1) + peaks(60, 0.2)
    assert next(iter(look(alike).first)) == "standardised snv"
    assert next(iter(look(alike + 9 * AXIS).first)) == "detrended snv"


def test_a_filter_is_as_wide_as_the_peaks():
    assert width(peaks(noise=0.01)) == pytest.approx(9, abs=1.5)
    assert look(peaks(noise=0.01) + 25).first["second derivative snv"]["window"] in (7, 9, 11)


@pytest.mark.parametrize("spectra", [np.zeros((5, 50)), np.full((5, 50), 7.0), np.ones((0, 50)), np.ones((5, 3))])
def test_spectra_that_say_nothing_are_no_trouble(spectra):
    assert isinstance(look(spectra), Prior)


def test_advice_is_the_starts_with_other_preprocessing_the_best_advice_first():
    prior = look(peaks(noise=0.01) + 25)
    starts = prior.starts()
    assert list(starts)[: len(STARTS)] == [f"{start} detrended snv" for start in STARTS]
    network = starts["compact snv"].network
    assert network == STARTS["compact"].network.replace(preprocess="snv")
    assert "cnn.savgol" in prior.varied(SPACES["any"])
    assert "savgol" in prior.varied(SPACES["cnn"])
    assert prior.varied(SPACES["forest"]) == ()
