"""How unlike those of training a spectrum is: what is flagged, what is not, and what of it is saved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.dense import Dense
from spectune.trainables.likeness import learn, prepared, restored

POINTS = 300
CENTRES = ((60, 150), (90, 210), (120, 240))
PLACES = np.arange(POINTS)


def peak(centre: float | np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-(((PLACES - centre) / 4.0) ** 2)))


def spectra(random: np.random.Generator, count: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Two peaks of varying height on a background of varying slope, with noise; on any scale."""
    labels = np.arange(count) % classes
    found = np.empty((count, POINTS))
    for row, label in enumerate(labels):
        heights = random.uniform(0.7, 1.3, 2)
        found[row] = sum(height * peak(centre) for height, centre in zip(heights, CENTRES[label], strict=True))
        found[row] += random.uniform(0, 3) * np.exp(-PLACES / 200) + random.normal(0, 0.02, POINTS)
    return found * random.uniform(10, 1000, (count, 1)), labels


def dataset(train: int = 150, validation: int = 30, classes: int = 3, seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    base = load("generated", classes=2, train=10, validation=10, test=10, points=POINTS)
    splits = {name: Dense(*spectra(random, count, classes)) for name, count in (("train", train), ("test", 300))}
    held = Dense(*spectra(random, validation, classes))
    names = ("a", "b", "c")[:classes]
    return replace(base, classes=names, definition=None, variation=None, validation=held, **splits)


def test_spectra_like_those_of_training_are_not_flagged_and_others_are() -> None:
    data = dataset()
    model = learn(data)
    known = data.test.spectra.astype(float)
    size = known.max(axis=1, keepdims=True)
    random = np.random.default_rng(1)
    assert (model.unlike(known) > 1).mean() < 0.03
    assert (model.unlike(random.normal(size=known.shape)) > 1).all()
    assert (model.unlike(known + size * peak(30)) > 1).all()  # a peak where no class has one
    assert (model.unlike(size * peak(180)) > 1).all()
    assert (model.unlike(known[:, ::-1]) > 1).all()
    assert (model.unlike(-known) > 1).all()
    assert model.unlike(np.ones((1, POINTS))) > 1


def test_a_class_that_was_never_seen_is_flagged() -> None:
    known, labels = spectra(np.random.default_rng(2), 90)
    found = learn(dataset(classes=2)).unlike(known)
    assert (found[labels == 2] > 1).all() and (found[labels < 2] > 1).mean() < 0.05


def test_scale_and_offset_do_not_count() -> None:
    data = dataset()
    model, known = learn(data), data.test.spectra[:20].astype(float)
    np.testing.assert_allclose(model.unlike(1e4 * known + 77), model.unlike(known), rtol=1e-6)


def test_one_in_a_hundred_validation_spectra_is_beyond_the_limit() -> None:
    data = dataset(validation=900)
    found = learn(data).unlike(data.validation.spectra)
    assert 7 <= (found > 1).sum() <= 9


@pytest.mark.parametrize(("train", "validation"), [(9, 3), (30, 6)])
def test_few_spectra_have_a_limit_beyond_the_highest_of_them(train: int, validation: int) -> None:
    """Where the highest of twelve is the limit, one of thirteen others is beyond it."""
    many = [dataset(train, validation, seed=seed) for seed in range(10)]
    assert np.mean([(learn(data).unlike(data.test.spectra) > 1).mean() for data in many]) < 0.015


def test_replicates_do_not_judge_each_other() -> None:
    """Where all spectra of a group are the same, each would find itself in training."""
    random = np.random.default_rng(3)
    units, labels = spectra(random, 24)
    rows = np.repeat(np.arange(24), 6)
    copies = units[rows] * random.normal(1, 1e-3, (len(rows), POINTS))
    first = rows < 18
    data = dataset()
    train, validation = ((copies[some], labels[rows][some]) for some in (first, ~first))
    grouped = {"train": Dense(*train, rows[first]), "validation": Dense(*validation, rows[~first]), "test": None}
    alone = {"train": Dense(*train), "validation": Dense(*validation)}
    assert learn(replace(data, **grouped)).limit > 1.5 * learn(replace(data, **alone)).limit


def test_several_labels_are_one_class() -> None:
    random = np.random.default_rng(4)
    labels = {
        name: random.integers(0, 2, (count, 3)) for name, count in (("train", 400), ("validation", 100), ("test", 50))
    }
    for one in labels.values():
        one[np.arange(len(one)), random.integers(0, 3, len(one))] = 1
    peaks = np.array([peak(centre) for centre in (60, 150, 240)])
    made = {name: Dense(one @ peaks + random.normal(0, 0.02, (len(one), POINTS)), one) for name, one in labels.items()}
    data = replace(dataset(), **made)
    model, known = learn(data), made["test"].spectra
    assert model.means.shape[0] == 1
    assert (model.unlike(known) > 1).mean() < 0.1
    assert (model.unlike(known + peak(200)) > 1).all()


def test_it_is_saved_and_read_again() -> None:
    model = learn(dataset())
    again = restored(model.tensors(), POINTS)
    known = spectra(np.random.default_rng(5), 20)[0]
    np.testing.assert_allclose(again.unlike(known), model.unlike(known), rtol=1e-4)
    assert again.scale == pytest.approx(model.scale)
    with pytest.raises(ValueError, match="must be of 100 points"):
        restored(model.tensors(), 100)
    for name in ("limit", "components"):
        with pytest.raises(ValueError, match="must be of"):
            restored({**model.tensors(), name: torch.zeros(3, 3, 3)}, POINTS)


def test_short_spectra_keep_their_points() -> None:
    assert prepared(np.random.default_rng(6).random((2, 9))).shape == (2, 9)
    assert prepared(np.random.default_rng(6).random((2, 1001))).shape == (2, 128)
    assert not prepared(np.full((1, 50), 7.0)).any()
