"""Baselines as layers: what pybaselines finds, the same in ONNX alone, and spectra that say nothing."""

from __future__ import annotations

import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from pybaselines import Baseline as Library

from spectune.spaces import Training
from spectune.spaces.linear import Logistic
from spectune.spaces.mlp import MLP
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.dense import Dense
from spectune.trainables.export import _quiet
from spectune.trainables.models.baseline import WINDOWS, baseline, modes
from spectune.trainables.train import train

METHODS = [
    {"baseline": "snip", "baseline_width": 0.05},
    {"baseline": "imodpoly", "baseline_degree": 4},
    {"baseline": "asls"},
    {"baseline": "asls", "baseline_smoothness": 1e7, "baseline_asymmetry": 0.1},
]
TOLERANCE = 1e-4  # of a raw spectrum's height, background and all


def raman(count, points, *, noise=0.02, seed=0):
    """Raw spectra (N, L): peaks of height 1 on fluorescence that is a few times as high and never the same."""
    random = np.random.default_rng(seed)
    x = np.linspace(0, 1, points)
    places, heights, widths = (random.uniform(*of, (count, 8, 1)) for of in ((0.05, 0.95), (0.1, 1), (0.004, 0.012)))
    peaks = (heights * np.exp(-(((x - places) / widths) ** 2))).sum(axis=1)
    return peaks + fluorescence(random, count, x) + random.normal(0, noise, (count, points))


def fluorescence(random, count, x):
    """(N, L) an exponential that falls, and a wide hump."""
    height, fall, hump, middle, width = (
        random.uniform(*of, (count, 1)) for of in ((1, 5), (0.2, 2), (0, 5), (0.1, 0.9), (0.15, 0.5))
    )
    return height * np.exp(-x / fall) + hump * np.exp(-(((x - middle) / width) ** 2))


def corrected(spectra, *, points=None, **method):
    """Spectra (N, L) in float64 without their baselines; of ``points`` on the whole axis."""
    layer = baseline(MLP(**method), points or spectra.shape[1], spectra.shape[1])
    return layer(torch.tensor(spectra)).numpy()


def assert_close(found, expected, spectra, tolerance=TOLERANCE):
    heights = np.ptp(spectra, axis=1)
    assert (np.abs(found - expected).max(axis=1) / heights).max() < tolerance


@pytest.mark.parametrize("points", [200, 1000, 5000])
@pytest.mark.parametrize(("smoothness", "asymmetry"), [(1e4, 0.01), (1e5, 0.005), (1e6, 0.01), (1e8, 0.1)])
def test_asls_is_that_of_pybaselines(points, smoothness, asymmetry):
    spectra = raman(4, points)
    settings = {"lam": smoothness * (points / 1000) ** 4, "p": asymmetry, "tol": 1e-6, "max_iter": 500}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = spectra - [Library().asls(row, **settings)[0] for row in spectra]
    found = corrected(spectra, baseline="asls", baseline_smoothness=smoothness, baseline_asymmetry=asymmetry)
    stiff = smoothness * points**4 > 1e22  # there the library's banded solver has lost its digits
    assert_close(found, expected, spectra, 1e-3 if stiff else TOLERANCE)


@pytest.mark.parametrize("points", [200, 1000])
@pytest.mark.parametrize("degree", [2, 5, 8])
def test_polynomials_are_those_of_pybaselines(points, degree):
    spectra = raman(4, points)
    settings = {"poly_order": degree, "tol": 1e-6, "max_iter": 500, "mask_initial_peaks": False}
    expected = spectra - [Library().imodpoly(row, **settings)[0] for row in spectra]
    assert_close(corrected(spectra, baseline="imodpoly", baseline_degree=degree), expected, spectra)


@pytest.mark.parametrize("most", [1, 2, 9, WINDOWS])
def test_snip_is_that_of_pybaselines_where_all_windows_are_taken(most):
    spectra = raman(4, 400)
    expected = spectra - [Library().snip(row, max_half_window=most, decreasing=True)[0] for row in spectra]
    found = corrected(spectra, points=most * 20, baseline="snip", baseline_width=0.05)
    assert_close(found, expected, spectra, 1e-6)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_strength_means_the_same_on_any_number_of_points(method):
    rough, fine = raman(6, 500, noise=0.0), raman(6, 2000, noise=0.0)
    here, there = (spectra - corrected(spectra, **method) for spectra in (rough, fine))
    places = np.linspace(0, 1999, 500)
    moved = np.array([np.interp(places, np.arange(2000), row) for row in there])
    level = lambda under: under - under.mean(axis=1, keepdims=True)  # noqa: E731 (the first point is taken off as well)
    assert_close(level(here), level(moved), rough, 0.02)


def test_the_peaks_stay_and_the_fluorescence_goes():
    random, x = np.random.default_rng(1), np.linspace(0, 1, 1000)
    peaks = np.exp(-(((x - random.uniform(0.1, 0.9, (8, 1))) / 0.008) ** 2))
    under = fluorescence(random, 8, x)
    found = corrected(peaks + under, baseline="asls", baseline_smoothness=1e5)
    assert np.abs(found - peaks).mean() < 0.01 < 0.2 * under.std(axis=1).min()
    assert np.abs(found.max(axis=1) - 1).max() < 0.1


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_onnx_alone_takes_off_what_torch_does_at_any_batch_size(method, tmp_path):
    layer = baseline(MLP(**method), 500, 500).eval()
    with _quiet():
        program = torch.onnx.export(
            layer,
            (torch.rand(2, 500),),
            input_names=["spectra"],
            output_names=["corrected"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    program.save(tmp_path / "model.onnx", external_data=False)
    assert (tmp_path / "model.onnx").stat().st_size < 1_000_000  # a loop, no copies of what is in it
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 7):
        for noise in (0.0, 0.02):
            spectra = (20000 + 300 * raman(count, 500, noise=noise)).astype(np.float32)
            (found,) = session.run(None, {"spectra": spectra})
            assert_close(found, layer(torch.from_numpy(spectra)).numpy(), spectra, 1e-6)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("points", [8, 9, 60])
def test_spectra_that_say_nothing_stay_finite_and_short_ones_are_no_trouble(method, points):
    x = np.linspace(0, 1, points)
    for spectra in (np.zeros((3, points)), np.full((3, points), -7.0), [x, -x, 1e-20 * x], [x**2 - 1e6, 1e20 * x, -x]):
        found = corrected(np.array(spectra, dtype=np.float32), **method)
        assert np.isfinite(found).all()
    assert (corrected(np.full((1, points), 3.0), **method) == 0).all()


def test_modes_are_orthonormal_and_bend_as_free_beams_do():
    found, bends = modes(400, 30)
    np.testing.assert_allclose(found.T @ found, np.eye(30), atol=1e-12)
    np.testing.assert_allclose((bends * (400 / np.pi) ** 4)[2:5], [5.14, 39.05, 150.0], rtol=0.02)
    assert (bends[:2] * 400**4 < 1e-6).all()  # straight lines


def dataset(noise=0.05):
    """Raw spectra of four classes that differ in the heights of two of eight peaks, on fluorescence as noisy."""
    x, places = np.linspace(0, 1, 400), np.random.default_rng(7).uniform(0.1, 0.9, 8)
    known = np.full((4, 8), 0.5)
    for one in range(4):
        known[one, [one, one + 1]] = 0.8, 0.35

    def split(count, seed):
        random, labels = np.random.default_rng(seed), np.arange(count) % 4
        heights = known[labels] * random.uniform(0.8, 1.2, (count, 8))
        peaks = (heights[:, :, None] * np.exp(-(((x - places[:, None]) / 0.007) ** 2))).sum(axis=1)
        return Dense(peaks + fluorescence(random, count, x) + random.normal(0, noise, peaks.shape), labels)

    classes = ("a", "b", "c", "d")
    return Dataset("raman", "four classes", classes, Axis(x), split(120, 0), split(200, 1), split(4, 2))


def test_on_fluorescence_logistic_regression_is_better_with_a_baseline():
    data = dataset()
    network = Logistic(preprocess="snv")
    plain, without = (
        list(train(one, Training(), data, seed=1, epochs=1))[-1].metrics["accuracy"]
        for one in (network, network.replace(baseline="asls", baseline_asymmetry=0.05))
    )
    assert without > 0.95 and without > plain + 0.05
