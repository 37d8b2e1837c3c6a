"""Nearest neighbours: the votes of scikit-learn with the same weights, and the whole as a family."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from spectune.spaces import KNN, Training
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import read, write
from spectune.trainables.models import build
from spectune.trainables.train import train


def classes(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows)
    return (random.normal(size=(3, 20))[labels] + 1.5 * random.normal(size=(rows, 20))).astype(np.float32), labels


def fitted(network: KNN, features: np.ndarray, labels: np.ndarray, count: int, *, balance: bool = False):
    estimator = build(network, features.shape[1], count)[-1]
    estimator.fit(torch.from_numpy(features), torch.from_numpy(labels), seed=0, balance=balance)
    return estimator


def weights(distances: np.ndarray) -> np.ndarray:
    return 1 - (distances / distances[:, -1:]) ** 2


@pytest.mark.parametrize("neighbours", [2, 5, 50])
def test_it_votes_as_scikit_learn_does_with_the_same_weights(neighbours):
    features, labels = classes(600)
    model = fitted(KNN(neighbours=neighbours), features[:300], labels[:300], 3)
    logits = model(torch.from_numpy(features[300:]))
    reference = KNeighborsClassifier(neighbours + 1, weights=weights).fit(features[:300], labels[:300])
    assert (logits.argmax(1).numpy() == reference.predict(features[300:])).all()


def test_one_neighbour_says_the_label_of_the_nearest():
    features, labels = classes(600)
    logits = fitted(KNN(neighbours=1), features[:300], labels[:300], 3)(torch.from_numpy(features[300:]))
    reference = KNeighborsClassifier(1).fit(features[:300], labels[:300])
    assert (logits.argmax(1).numpy() == reference.predict(features[300:])).all()


@pytest.mark.parametrize("neighbours", [1, 5])
def test_probabilities_are_honest_on_spectra_it_has_not_seen(neighbours):
    features, labels = classes(2000)
    logits = fitted(KNN(neighbours=neighbours), features[:1000], labels[:1000], 3)(torch.from_numpy(features[1000:]))
    loss = float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[1000:])))
    assert loss < 0.9 * np.log(3)
    confidence = float(logits.softmax(1).amax(1).mean())
    assert confidence == pytest.approx(float((logits.argmax(1).numpy() == labels[1000:]).mean()), abs=0.15)


def test_what_is_as_near_as_its_successor_does_not_vote():
    features = np.array([[1.0], [2.0], [-2.0], [9.0]], np.float32)
    model = fitted(KNN(neighbours=2), features, np.array([0, 1, 2, 2]), 3)
    exact, above, below = model(torch.tensor([[0.0], [1e-6], [-1e-6]]))
    torch.testing.assert_close(above, below, atol=1e-4, rtol=0)
    assert exact.argmax() == 0


def test_few_equal_and_absent_training_spectra_are_no_trouble():
    features, labels = classes(4)
    few = fitted(KNN(neighbours=9), features, 2 * (labels % 2), 4)(torch.from_numpy(features))
    assert few.isfinite().all()
    assert not set(few.argmax(1).tolist()) & {1, 3}
    equal = fitted(KNN(), np.ones((50, 6), np.float32), np.arange(50) % 3, 3)(torch.ones(2, 6))
    assert equal.isfinite().all()


def test_a_balanced_vote_counts_a_rare_class_for_more():
    features, labels = classes(900)
    there = (labels != 2) | (np.arange(900) % 10 == 0)
    seen = torch.from_numpy(features[~there])
    network = KNN(neighbours=15)
    plain, fair = (fitted(network, features[there], labels[there], 3, balance=one)(seen) for one in (False, True))
    said = [float((logits.argmax(1) == 2).float().mean()) for logits in (plain, fair)]
    assert said[1] > said[0] + 0.2


def test_of_more_training_spectra_than_are_kept_a_sample_of_all_classes_is_taken(dataset: Dataset, tmp_path, caplog):
    network = KNN(kept=100, preprocess="standardise")
    spectra, labels = np.tile(dataset.train.spectra, (3, 1)), np.tile(dataset.train.labels, 3)
    there = (labels != 3) | (np.arange(len(labels)) == np.argmax(labels == 3))
    dataset = Dataset(**{**vars(dataset), "train": type(dataset.train)(spectra[there], labels[there])})
    (epoch,) = train(network, Training(), dataset, seed=1, epochs=9)
    assert f"knn is fitted to 100 of {there.sum()} training spectra" in caplog.text
    assert epoch.last
    weights = epoch.state["best"]["model"]
    votes = next(tensor for name, tensor in weights.items() if name.endswith("votes"))
    assert sorted((votes > 0).sum(0).tolist()) == [1, 33, 33, 33]
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    spectra = dataset.test.batch(torch.arange(len(dataset.test))).numpy()
    assert (read(tmp_path / "model").predict(spectra).argmax(1) == dataset.test.labels).mean() > 0.6


def test_more_numbers_than_an_onnx_file_holds_are_refused():
    with pytest.raises(ValueError, match=r"must store at most 400,000,000 numbers, got .*: keep fewer"):
        KNN(kept=20_000).cost(50_000, 3)
