"""Augmentation: what each change does to a spectrum, and that it makes a network stand what it was trained for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spectune.spaces import Training
from spectune.spaces.cnn import CNN
from spectune.spaces.mlp import MLP
from spectune.trainables.augment import augment, blur, warp
from spectune.trainables.train import train

POINTS = 400
OFF = dict.fromkeys(
    ("scaling", "elimination", "shift", "stretch", "broadening", "impurity", "background", "noise"), 0.0
)


def only(**strengths):
    return Training(augment=True, **{**OFF, **strengths})


def peaks(*places, count=64):
    axis = torch.arange(POINTS)
    one = sum(torch.exp(-0.5 * ((axis - place) / 3.0) ** 2) for place in places)
    return one.expand(count, POINTS).clone()


def centres(spectra):
    axis = torch.arange(POINTS, dtype=torch.float64)
    return (spectra.double() * axis).sum(1) / spectra.double().sum(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_nothing_is_changed_without_it_or_with_all_strengths_zero():
    spectra = peaks(100)
    assert augment(spectra, Training()) is spectra
    torch.testing.assert_close(augment(spectra, only()), spectra)


@pytest.mark.parametrize("name", OFF)
def test_each_change_differs_between_spectra_and_steps_and_repeats_with_the_seed(name):
    training = only(**{name: 0.1 if name != "broadening" else 5.0})
    before = torch.cat([peaks(100, 250), peaks(60, 300)])
    torch.manual_seed(1)
    first, second = augment(before, training), augment(before, training)
    torch.manual_seed(1)
    assert torch.equal(augment(before, training), first)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])
    assert first.isfinite().all() and first.shape == before.shape


def test_windows_are_lowered_by_no_more_than_the_strength():
    share = augment(torch.ones(64, POINTS), only(scaling=0.3))
    assert 0.7 <= share.min() < 0.72 and 0.98 < share.max() <= 1
    assert (share.diff(dim=1) != 0).sum(1).max() <= 99  # a hundred windows, each as a whole


def test_eliminated_windows_are_zero_and_up_to_the_share():
    gone = (augment(torch.ones(256, POINTS), only(elimination=0.5)) == 0).float().mean(1)
    assert gone.max() < 0.65 and gone.min() < 0.1
    assert abs(float(gone.mean()) - 0.25) < 0.03


def test_a_shift_moves_the_whole_spectrum_both_ways():
    moved = centres(augment(peaks(200, count=256), only(shift=0.05))) - 200
    assert -20 <= moved.min() < -17 and 17 < moved.max() <= 20


def test_a_known_shift_and_stretch_put_peaks_where_they_belong():
    spectra = peaks(100, count=1)
    torch.testing.assert_close(
        warp(spectra, shift=torch.tensor([[7.0]]), stretch=torch.zeros(1, 1)), peaks(107, count=1)
    )
    stretched = warp(spectra, shift=torch.zeros(1, 1), stretch=torch.tensor([[0.1]]))
    assert float(centres(stretched)) == pytest.approx(199.5 + 1.1 * (100 - 199.5), abs=0.05)


def test_what_leaves_the_axis_does_not_come_back_on_the_other_side():
    gone = warp(peaks(395, count=1), shift=torch.tensor([[60.0]]), stretch=torch.zeros(1, 1))
    assert float(gone.abs().max()) == 0


def test_blurring_keeps_the_area_and_adds_to_the_variance():
    axis = torch.arange(POINTS, dtype=torch.float64)
    blurred = blur(peaks(200, count=1), torch.tensor([[4.0]]), most=4.0)
    assert float(blurred.sum()) == pytest.approx(float(peaks(200, count=1).sum()), rel=1e-5)
    variance = float((blurred.double() * (axis - 200) ** 2).sum() / blurred.double().sum())
    assert variance == pytest.approx(3**2 + 4**2, rel=1e-3)


def test_a_blurred_peak_at_an_end_does_not_wrap_around():
    blurred = blur(peaks(398, count=1), torch.tensor([[20.0]]), most=20.0)
    assert float(blurred[0, :100].abs().max()) < 1e-6


def test_an_impurity_is_another_spectrum_of_up_to_the_height():
    before = torch.cat([10 * peaks(100), peaks(300)])
    after = augment(before, only(impurity=0.4)) - before
    heights = after.amax(1) / before.amax(1)
    assert 0.3 < heights.max() <= 0.4001 and after.min() >= 0


def test_a_background_is_smooth_positive_and_up_to_the_height():
    added = augment(peaks(100), only(background=0.5)) - peaks(100)
    assert added.min() >= -1e-6 and added.max() <= 0.5
    assert added.diff(dim=1).abs().max() < 0.5 * 6 / POINTS


def test_noise_has_up_to_the_standard_deviation():
    spread = (augment(5 * peaks(100, count=256), only(noise=0.02)) - 5 * peaks(100, count=256)).std(1) / 5
    assert 0.018 < spread.max() < 0.023 and spread.min() < 0.002


def shifted(dataset, by):
    """The dataset with validation spectra that are moved by points the training spectra never are."""
    spectra = np.concatenate([np.roll(dataset.validation.spectra, step, axis=1) for step in by])
    labels = np.tile(dataset.validation.labels, len(by))
    return replace(dataset, validation=type(dataset.validation)(spectra, labels))


@pytest.mark.parametrize("augmented", [True, False])
def test_only_augmented_training_stands_a_shift_it_never_saw(dataset, augmented):
    training = (only(shift=0.1) if augmented else Training()).replace(learning_rate=3e-3, batch_size=16)
    moved = shifted(dataset, (-8, 8))
    *_, last = train(MLP(depth=1, width=128, dropout=0.0), training, moved, seed=0, epochs=40)
    assert (last.state["best"]["metrics"]["accuracy"] > 0.85) == augmented


def test_validation_spectra_are_never_changed(dataset):
    training = only(noise=0.2, elimination=0.8).replace(learning_rate=1e-5)
    network = CNN(depth=1, filters=4, kernel_size=3, fc_width=16, fc_dropout=0.0)
    (epoch,) = train(network, training, dataset, seed=0, epochs=1)
    (again,) = train(network, training, dataset, seed=0, epochs=1)
    assert epoch.metrics == again.metrics
