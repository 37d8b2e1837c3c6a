"""Linear classifiers: what scikit-learn says of the same features, as logits that can be used as such."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

from spectune.spaces import PLSDA, SVM, Logistic, Network, Training
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import read, write
from spectune.trainables.models import build
from spectune.trainables.models.estimator import importances
from spectune.trainables.train import train

NETWORKS = [Logistic(C=0.5), SVM(C=0.05), PLSDA(components=3)]
ALL = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.family)


def classes(rows: int, count: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes on 30 points of very different spread."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, count, rows)
    centres = random.normal(size=(count, 30))
    features = (centres[labels] + 2 * random.normal(size=(rows, 30))) * np.geomspace(0.01, 100, 30) + 5
    return features.astype(np.float32), labels


def fitted(network: Network, features: np.ndarray, labels: np.ndarray, count: int, **settings) -> torch.nn.Module:
    estimator = build(network, features.shape[1], count)[-1]
    estimator.fit(torch.from_numpy(features), torch.from_numpy(labels), **{"seed": 5, "balance": False, **settings})
    return estimator


def reference(network: Network, features: np.ndarray, labels: np.ndarray, *, balance: bool = False) -> np.ndarray:
    """Scores (N, C) of scikit-learn on the same features, standardised by it."""
    x = StandardScaler().fit_transform(features.astype(np.float64))
    if isinstance(network, PLSDA):
        targets = np.eye(labels.max() + 1)[labels]
        return PLSRegression(network.components, scale=False, tol=1e-12, max_iter=5000).fit(x, targets).predict(x)
    logistic = isinstance(network, Logistic)
    model = LogisticRegression(C=network.C, max_iter=1000) if logistic else LinearSVC(C=network.C, dual=False)
    weights = compute_sample_weight("balanced" if balance else None, labels)
    return model.fit(x, labels, weights).decision_function(x)


@ALL
def test_it_says_of_all_spectra_what_scikit_learn_says(network):
    features, labels = classes(300)
    logits = fitted(network, features, labels, 3)(torch.from_numpy(features)).numpy()
    scores = reference(network, features, labels)
    assert (logits.argmax(1) == scores.argmax(1)).all()
    centred = [one - one.mean(axis=1, keepdims=True) for one in (logits, scores)]
    factor = (centred[0] * centred[1]).sum() / (centred[1] ** 2).sum()
    if not isinstance(network, PLSDA):  # its scores are of -1 and 1 here, and so only alike in their order
        np.testing.assert_allclose(logits - logits.mean(1, keepdims=True), factor * centred[1], atol=2e-3)
    if isinstance(network, Logistic):
        assert factor == pytest.approx(1, rel=1e-4)


def test_pls_da_has_the_scores_of_scikit_learn_but_for_the_temperature():
    features, labels = classes(300)
    logits = fitted(PLSDA(components=4), features, labels, 3)(torch.from_numpy(features)).numpy().astype(float)
    scores = 2 * reference(PLSDA(components=4), features, labels) - 1
    factor = (logits * scores).sum() / (scores**2).sum()
    np.testing.assert_allclose(logits, factor * scores, atol=1e-4 * factor)


@ALL
def test_two_classes_are_no_trouble(network):
    features, labels = classes(200, 2)
    logits = fitted(network, features, labels, 2)(torch.from_numpy(features)).numpy()
    scores = reference(network, features, labels)
    scores = scores[:, 1] - scores[:, 0] if scores.ndim == 2 else scores
    assert ((logits[:, 1] > logits[:, 0]) == (scores > 0)).all()
    if isinstance(network, Logistic):
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], scores, atol=1e-3)


@ALL
def test_logits_are_log_probabilities_on_spectra_it_has_not_seen(network):
    features, labels = classes(1500)
    logits = fitted(network, features[:500], labels[:500], 3)(torch.from_numpy(features[500:]))
    truth = torch.from_numpy(labels[500:])
    loss = float(torch.nn.functional.cross_entropy(logits, truth))
    others = [float(torch.nn.functional.cross_entropy(logits * factor, truth)) for factor in (0.5, 2.0)]
    assert loss < min(others)
    assert loss < 0.8 * np.log(3)


@ALL
def test_a_class_without_a_training_spectrum_is_never_said_and_one_class_is_always(network):
    features, labels = classes(200, 2)
    logits = fitted(network, features, 2 * labels, 4)(torch.from_numpy(features))
    assert logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) == {0, 2}
    assert float(logits.softmax(1)[:, [1, 3]].max()) < 1e-3
    only = fitted(network, features, np.full(200, 1), 3)(torch.from_numpy(features))
    assert set(only.argmax(1).tolist()) == {1}
    few = fitted(network, features[:3], np.array([0, 1, 2]), 3)(torch.from_numpy(features[:3]))
    assert few.isfinite().all()


@pytest.mark.parametrize("network", [Logistic(C=0.5), SVM(C=0.05)], ids=lambda network: network.family)
def test_balanced_classes_weigh_what_scikit_learn_gives_them(network):
    features, labels = classes(400)
    there = (labels != 2) | (np.arange(400) % 8 == 0)
    features, labels = features[there], labels[there]
    logits = fitted(network, features, labels, 3, balance=True)(torch.from_numpy(features)).numpy()
    assert (logits.argmax(1) == reference(network, features, labels, balance=True).argmax(1)).all()


def test_a_balanced_pls_da_finds_more_of_a_rare_class():
    features, labels = classes(600)
    there = (labels != 2) | (np.arange(600) % 10 == 0)
    seen, truth = torch.from_numpy(features[~there]), labels[~there]
    found = {
        balance: (fitted(PLSDA(), features[there], labels[there], 3, balance=balance)(seen).argmax(1).numpy() == truth)
        for balance in (False, True)
    }
    assert found[True].mean() > found[False].mean() + 0.2


@ALL
@pytest.mark.parametrize("autoscale", [True, False])
def test_points_that_never_vary_and_spectra_that_are_all_alike_are_no_trouble(network, autoscale):
    features, labels = classes(60)
    features[:, :5] = 7.0
    logits = fitted(network.replace(autoscale=autoscale), features, labels, 3)(torch.from_numpy(features))
    assert logits.isfinite().all()
    alike = fitted(network.replace(autoscale=autoscale), np.ones_like(features), labels, 3)
    assert alike(torch.from_numpy(features)).isfinite().all()


def test_more_components_than_spectra_are_as_many_as_there_can_be():
    features, labels = classes(12)
    logits = fitted(PLSDA(components=60), features, labels, 3)(torch.from_numpy(features))
    assert (logits.argmax(1).numpy() == labels).all()


@ALL
def test_importances_lie_where_the_classes_differ(network):
    features, labels = classes(400)
    features[:, 10:] = np.random.default_rng(1).normal(size=(400, 20))
    found = fitted(network, features, labels, 3).importances
    assert float(found.sum()) == pytest.approx(1)
    assert float(found[:10].mean()) > 3 * float(found[10:].mean())


@ALL
def test_it_is_trained_in_one_epoch_again_to_the_same_numbers_and_exported(network, dataset: Dataset, tmp_path):
    network = network.replace(preprocess="standardise")
    (epoch,) = train(network, Training(), dataset, seed=1, epochs=9)
    (again,) = train(network, Training(), dataset, seed=1, epochs=9)
    assert epoch.last
    assert epoch.metrics == again.metrics
    assert epoch.metrics["accuracy"] >= 0.9
    weights = epoch.state["best"]["model"]
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    spectra = dataset.test.batch(torch.arange(len(dataset.test))).numpy()
    assert (read(tmp_path / "model").predict(spectra).argmax(1) == dataset.test.labels).mean() > 0.8
    strongest = f"{dataset.axis.values[int(importances(weights).argmax())]:g}"
    assert f"decide most, the first one the most: {strongest}" in (tmp_path / "model/README.md").read_text()
