"""Simple methods find what is plain, and choose by the validation split alone."""

from __future__ import annotations

import numpy as np
import pytest
import simple
from numpy.typing import NDArray


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[np.generic]]:
    """120 spectra of 64 points: a line at one of three places under a large offset and a scale of its own."""
    chance = np.random.default_rng(0)
    y = np.arange(120) % 3
    lines = np.exp(-(((np.arange(64) - 16 * (y[:, None] + 1)) / 3) ** 2))
    scale, offset = chance.uniform(0.5, 2, (2, 120, 1))
    x = scale * (lines + 50 * offset + chance.normal(0, 0.05, (120, 64)))
    split = np.repeat(["train", "validation", "test"], [60, 24, 36])
    return {"x": x, "y": y, "split": split}


@pytest.mark.parametrize("name", [name for name in simple.METHODS if name != "largest"])
def test_methods_see_a_line_under_an_offset(name: str, arrays: dict[str, NDArray[np.generic]]) -> None:
    answer = simple.run(name, arrays, seconds=0, seed=0)
    assert answer["tried"] == 1  # a limit that is over lets the first one end
    truth = arrays["y"][arrays["split"] == "test"]
    assert np.mean(np.equal(answer["predicted"], truth)) > 0.9
    assert answer == simple.run(name, arrays, seconds=0, seed=0)


def test_the_largest_class_is_always_said(arrays: dict[str, NDArray[np.generic]]) -> None:
    more = {**arrays, "y": np.where(np.arange(120) % 4 < 3, 2, 1)}
    assert set(simple.run("largest", more, seconds=60, seed=0)["predicted"]) == {2}


def test_labels_of_the_test_split_change_nothing(arrays: dict[str, NDArray[np.generic]]) -> None:
    y = np.where(arrays["split"] == "test", 0, arrays["y"])
    whole = simple.run("knn", arrays, seconds=60, seed=0)
    assert whole == simple.run("knn", {**arrays, "y": y}, seconds=60, seed=0)
    assert whole["tried"] == whole["grid"] == 8 * len(simple.PREPARED)


def test_the_model_that_is_chosen_is_kept_as_it_was_then(arrays: dict[str, NDArray[np.generic]]) -> None:
    """The rest of the grid is trained after it, without changing it."""
    first = simple.run("logistic", arrays, seconds=0, seed=0)
    whole = simple.run("logistic", arrays, seconds=60, seed=0)
    assert first["validation"] == 1.0  # so that nothing later is better
    assert (whole["chosen"], whole["predicted"]) == (first["chosen"], first["predicted"])


def test_snv_and_derivatives_take_an_offset_and_a_scale_away() -> None:
    x = np.random.default_rng(0).normal(size=(4, 40))
    np.testing.assert_allclose(simple.snv(3 * x + 7), simple.snv(x), atol=1e-9)
    np.testing.assert_allclose(simple.derivative(3 * x + 7, 1, 9), simple.derivative(x, 1, 9), atol=1e-9)
    np.testing.assert_allclose(simple.derivative(x + 2 * np.arange(40), 2, 9), simple.derivative(x, 2, 9), atol=1e-9)
    assert simple.snv(np.full((1, 5), 3.0)).tolist() == [[0] * 5]


def test_minirocket_gives_shares_of_points() -> None:
    x = np.random.default_rng(0).normal(size=(20, 50))
    model = simple.MiniRocket(features=400).fit(x, np.arange(20) % 2)
    features = model.transform(x)
    assert features.shape == (20, 84 * len(model.dilations) * max(1, 400 // (84 * len(model.dilations))))
    assert 0 <= features.min() < features.max() <= 1
