"""Random convolutions: their features by definition, and the whole as a family."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import onnxruntime
import pytest
import torch

from spectune.spaces import Rocket, Training
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import read, write
from spectune.trainables.models import build
from spectune.trainables.models.estimator import importances
from spectune.trainables.models.rocket import RAMP, Kernels
from spectune.trainables.train import train

SMALL = Rocket(features=84 * 5, dilations=3, preprocess="standardise")


def convolved(spectrum: np.ndarray, kernel: tuple[int, ...], dilation: int) -> np.ndarray:
    """One kernel at every point, by its definition: 2 at three of nine places, -1 at the others, zeros beyond."""
    values = np.zeros(len(spectrum))
    for point in range(len(spectrum)):
        for place in range(9):
            at = point + (place - 4) * dilation
            if 0 <= at < len(spectrum):
                values[point] += (2 if place in kernel else -1) * spectrum[at]
    return values


def test_features_are_the_shares_above_a_bias_by_definition():
    random = np.random.default_rng(0)
    spectra = random.normal(size=(4, 70)).cumsum(axis=1).astype(np.float32)
    network = Rocket(features=84 * 3, dilations=3)
    layer = Kernels(network, 70)
    layer.fit(torch.from_numpy(spectra[:2]), seed=3)
    found = layer(torch.from_numpy(spectra)).numpy()
    places = list(combinations(range(9), 3))
    column, row = 0, 0
    for number, (dilation, count) in enumerate(network.plan(70)):
        for _ in range(count):
            for parity in (number % 2, 1 - number % 2):
                for kernel in range(parity, 84, 2):
                    slope = float(layer.slope[number, kernel])
                    bias = (float(layer.lower[row, kernel]) + 0.5) / slope
                    for index, spectrum in enumerate(spectra):
                        values = convolved(spectrum, places[kernel], dilation)
                        if parity != number % 2:
                            values = values[4 * dilation : len(values) - 4 * dilation]
                        share = np.mean(values > bias)
                        near = np.mean(np.abs(values - bias) <= 0.51 / slope)
                        assert abs(found[index, column] - share) <= near + 1e-4
                    column += 1
            row += 1
    assert column == found.shape[1] == 252


def test_biases_are_quantiles_of_a_training_spectrum():
    spectra = np.random.default_rng(0).normal(size=(1, 200)).astype(np.float32)
    layer = Kernels(Rocket(features=84, dilations=1), 200)
    layer.fit(torch.from_numpy(spectra), seed=0)
    golden = (np.sqrt(5) + 1) / 2
    for kernel, places in list(enumerate(combinations(range(9), 3)))[::17]:
        values = convolved(spectra[0], places, 1)
        bias = (float(layer.lower[0, kernel]) + 0.5) / float(layer.slope[0, kernel])
        assert bias == pytest.approx(np.quantile(values, (kernel + 1) * golden % 1), abs=1e-4)
        assert 1 / float(layer.slope[0, kernel]) == pytest.approx(RAMP * values.std(), rel=1e-4)


@pytest.mark.parametrize("points", [9, 16, 96, 1000, 5000])
@pytest.mark.parametrize("features", [84, 500, 9996, 20_000])
def test_dilations_share_the_biases_and_stay_on_the_axis(points, features):
    plan = Rocket(features=features).plan(points)
    assert sum(count for _, count in plan) == features // 84
    assert all(count > 0 and 8 * dilation < points for dilation, count in plan)
    assert [dilation for dilation, _ in plan] == sorted({dilation for dilation, _ in plan})


def test_an_axis_shorter_than_a_kernel_is_refused():
    with pytest.raises(ValueError, match="must have 9 points or more, got 8: choose another family"):
        Rocket().cost(8, 3)


def test_flat_stretches_do_not_decide_by_their_rounding_errors():
    spectra = np.zeros((40, 200), np.float32)
    labels = np.arange(40) % 2
    spectra[np.arange(40), 50 + 40 * labels + np.arange(40) % 5] = 1 + 0.1 * np.random.default_rng(0).random(40)
    spectra += 0.3
    model = build(SMALL.replace(preprocess="none"), 200, 2)
    model[-1].fit(torch.from_numpy(spectra), torch.from_numpy(labels), seed=0, balance=False)
    exact = model(torch.from_numpy(spectra))
    rounded = model(torch.from_numpy(spectra * np.float32(1 + 2e-7)))
    assert float((exact - rounded).abs().max()) < 1e-3 * float(exact.abs().max())
    assert (exact.argmax(1).numpy() == labels).all()


@pytest.mark.parametrize("balance", [False, True])
def test_it_is_trained_in_one_epoch_again_to_the_same_numbers_and_exported(dataset: Dataset, tmp_path, balance):
    training = Training(balance=balance)
    (epoch,) = train(SMALL, training, dataset, seed=1, epochs=9)
    (again,) = train(SMALL, training, dataset, seed=1, epochs=9)
    (other,) = train(SMALL, training, dataset, seed=2, epochs=9)
    assert epoch.last
    assert again.metrics == epoch.metrics != other.metrics
    assert epoch.metrics["accuracy"] >= 0.9
    weights = epoch.state["best"]["model"]
    assert importances(weights) is None, "no feature of it lies at a point"
    write(tmp_path / "model", network=SMALL, training=training, weights=weights, dataset=dataset, numbers={})
    spectra = dataset.test.batch(torch.arange(len(dataset.test))).numpy()
    expected = read(tmp_path / "model").predict(spectra)
    assert (expected.argmax(1) == dataset.test.labels).mean() > 0.8
    session = onnxruntime.InferenceSession(tmp_path / "model/model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"spectra": spectra})
    np.testing.assert_allclose(torch.from_numpy(logits).softmax(1), expected, atol=1e-4)


def test_a_class_without_a_training_spectrum_is_never_said(dataset: Dataset):
    features = dataset.train.batch(torch.arange(len(dataset.train)))
    labels = torch.from_numpy(dataset.train.labels)
    model = build(SMALL, features.shape[1], 9)
    model[-1].fit(model[:-1](features), 2 * labels, seed=0, balance=False)
    logits = model(features)
    assert logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) == {0, 2, 4, 6}
