"""What is known of a task before training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.dense import Dense
from spectune.trainables.descriptors import descriptors


def test_a_task_is_described_by_its_sizes_its_peaks_and_its_nearest_neighbours() -> None:
    options = {"classes": "5", "points": "200", "train": "10", "validation": "8", "test": "1", "shift": "0"}
    clean = descriptors(load("generated", **options, noise="0.01").blind())
    noisy = descriptors(load("generated", **options, noise="0.3").blind())
    assert (clean["classes"], clean["spectra"], clean["validation"], clean["groups"]) == (5, 50, 40, 0)
    assert (clean["points"], clean["spectra_per_class"], clean["guess"]) == (200, 10, 0.2)
    assert clean["neighbour"] == 1.0
    assert 2 < clean["width"] < 20
    assert noisy["noise"] > 5 * clean["noise"] > 0


def test_a_neighbour_of_another_class_does_not_name_the_spectrum() -> None:
    options = {"classes": "4", "points": "200", "train": "10", "validation": "10", "test": "1", "noise": "0.01"}
    dataset = load("generated", **options).blind()
    chance = np.random.default_rng(0)
    mixed = Dense(dataset.validation.batch(_all(dataset.validation)).numpy(), chance.integers(0, 4, 40))
    found = descriptors(replace(dataset, validation=mixed, digest=dataset.digest))
    assert found["neighbour"] < 0.6


@pytest.mark.parametrize("points", [5, 19])
def test_of_short_spectra_nothing_is_said_of_their_looks(points: int) -> None:
    dataset = load("generated", classes="3", points="200", train="4", validation="4", test="1").blind()
    short = {name: _cut(dataset.split(name), points) for name in ("train", "validation")}
    axis = replace(dataset.axis, values=dataset.axis.values[:points])
    found = descriptors(replace(dataset, axis=axis, **short, digest=dataset.digest))
    assert "noise" not in found and found["points"] == points


def _all(split: object) -> object:
    import torch

    return torch.arange(len(split))  # type: ignore[arg-type]


def _cut(split: object, points: int) -> Dense:
    return Dense(split.batch(_all(split)).numpy()[:, :points], split.labels)  # type: ignore[attr-defined]
