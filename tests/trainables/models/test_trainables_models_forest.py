"""Forests: the tables say what scikit-learn's trees say, and a fit is a whole training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from spectune.spaces import Training
from spectune.spaces.forest import Forest
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import read, write
from spectune.trainables.models import build
from spectune.trainables.models.estimator import importances
from spectune.trainables.models.forest import rounded_down
from spectune.trainables.train import train

SMALL = Forest(trees=12, max_depth=9, leaves=40, features=8)


def fitted(network: Forest, features: np.ndarray, labels: np.ndarray, classes: int) -> torch.nn.Module:
    model = build(network, features.shape[1], classes)
    model[-1].fit(torch.from_numpy(features), torch.from_numpy(labels), seed=5, balance=False)
    return model


def noise(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.random((rows, 30), dtype=np.float32), random.integers(0, 3, rows)


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize(("depth", "leaves"), [(9, 40), (3, 500), (32, 8192)])
def test_it_gives_the_probabilities_of_scikit_learn(depth, leaves, criterion):
    features, labels = noise(300)
    network = SMALL.replace(max_depth=depth, leaves=leaves, criterion=criterion)
    reference = ExtraTreesClassifier(
        12, criterion=criterion, max_depth=depth, max_leaf_nodes=leaves, max_features=8, random_state=5
    ).fit(features, labels)
    logits = fitted(network, features, labels, 3)[-1](torch.from_numpy(features))
    np.testing.assert_allclose(logits.softmax(1), reference.predict_proba(features), atol=1e-6)


def test_a_random_forest_gives_the_probabilities_of_scikit_learn():
    features, labels = noise(300)
    reference = RandomForestClassifier(12, max_depth=9, max_leaf_nodes=40, max_features=8, random_state=5)
    expected = reference.fit(features, labels).predict_proba(features)
    logits = fitted(SMALL.replace(kind="random"), features, labels, 3)[-1](torch.from_numpy(features))
    np.testing.assert_allclose(logits.softmax(1), expected, atol=1e-6)


def test_values_on_a_threshold_go_where_scikit_learn_sends_them():
    random = np.random.default_rng(1)
    features, labels = random.integers(0, 3, (200, 5)).astype(np.float32), random.integers(0, 2, 200)
    reference = ExtraTreesClassifier(12, max_leaf_nodes=40, max_features=5, random_state=5).fit(features, labels)
    edges = np.concatenate([tree.tree_.threshold[tree.tree_.children_left >= 0] for tree in reference.estimators_])
    near = edges.astype(np.float32)
    probes = np.concatenate([near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))])
    model = fitted(Forest(trees=12, max_depth=32, leaves=40, features=5), features, labels, 2)
    rows = np.repeat(probes[:, None], 5, axis=1)
    np.testing.assert_allclose(model[-1](torch.from_numpy(rows)).softmax(1), reference.predict_proba(rows), atol=1e-6)


def test_a_threshold_is_rounded_to_the_side_that_keeps_every_decision():
    thresholds = np.random.default_rng(0).random(1000)
    near = thresholds.astype(np.float32)
    for x in (near, np.nextafter(near, np.float32(2)), np.nextafter(near, np.float32(-2))):
        assert np.array_equal(x <= rounded_down(thresholds), x.astype(np.float64) <= thresholds)


def test_trees_without_a_split_and_classes_without_a_spectrum_are_no_trouble():
    features, labels = noise(20)
    alike = fitted(SMALL, np.zeros_like(features), labels, 3)[-1](torch.from_numpy(features))
    shares = np.bincount(labels, minlength=3) / 20
    assert alike.isfinite().all()
    np.testing.assert_allclose(alike.softmax(1).mean(0), shares, atol=0.2)
    absent = fitted(SMALL, features, 2 * labels, 6)[-1](torch.from_numpy(features))
    assert set(absent.argmax(1).tolist()) <= {0, 2, 4}
    assert absent.isfinite().all()


def test_one_epoch_is_its_whole_training_and_the_seed_decides_it(dataset: Dataset):
    (epoch,) = train(SMALL, Training(), dataset, seed=1, epochs=50)
    assert epoch.last
    assert epoch.metrics["accuracy"] >= 0.8
    assert epoch.state["best"]["metrics"] == epoch.metrics
    (again,) = train(SMALL, Training(), dataset, seed=1, epochs=1)
    (other,) = train(SMALL, Training(), dataset, seed=2, epochs=1)
    assert again.metrics == epoch.metrics != other.metrics
    assert not list(train(SMALL, Training(), dataset, seed=1, epochs=50, state=epoch.state))


@pytest.mark.parametrize("changes", [{"augment": True}, {"balance": True}])
def test_augmentation_and_balance_reach_the_fit(dataset: Dataset, changes):
    rare = np.flatnonzero((dataset.train.labels != 3) | (np.arange(len(dataset.train)) % 8 == 0))
    few = Dataset(
        **{**vars(dataset), "train": type(dataset.train)(dataset.train.spectra[rare], dataset.train.labels[rare])}
    )
    network = SMALL.replace(max_depth=2)
    (plain,) = train(network, Training(), few, seed=1, epochs=1)
    (changed,) = train(network, Training(**changes), few, seed=1, epochs=1)
    assert changed.metrics["loss"] != plain.metrics["loss"]


@pytest.mark.parametrize("kind", ["max", "none", "sqrt", "derivative"])
def test_a_fitted_forest_is_exported_with_what_decides(dataset: Dataset, tmp_path, kind):
    network = SMALL.replace(preprocess=kind, max_depth=5)
    (epoch,) = train(network, Training(), dataset, seed=1, epochs=1)
    weights = epoch.state["best"]["model"]
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    exported = read(tmp_path / "model")
    spectra = dataset.test.batch(torch.arange(12)).numpy()
    assert (exported.predict(spectra).argmax(1) == dataset.test.labels).mean() > 0.6
    found = importances(weights)
    assert float(found.sum()) == pytest.approx(1)
    strongest = f"{dataset.axis.values[int(found.argmax())]:g}"
    card = (tmp_path / "model/README.md").read_text()
    assert f"decide most, the first one the most: {strongest}" in card


def test_only_a_forest_has_importances():
    assert importances({"0.weight": torch.ones(3)}) is None


def test_a_forest_on_a_list_of_peaks_is_exported_without_positions(dataset: Dataset, tmp_path):
    network = SMALL.replace(reading="peaks", peaks=4, max_depth=5)
    (epoch,) = train(network, Training(), dataset, seed=1, epochs=1)
    weights = epoch.state["best"]["model"]
    assert len(importances(weights)) == 9
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    assert "decide most" not in (tmp_path / "model/README.md").read_text()
    spectra = dataset.test.batch(torch.arange(12)).numpy()
    assert (read(tmp_path / "model").predict(spectra).argmax(1) == dataset.test.labels).mean() > 0.6
