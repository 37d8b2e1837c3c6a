"""The ridge's penalty by leaving one out, against leaving every one out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifierCV

from spectune.trainables.models.scores import Sample, class_weights
from spectune.trainables.models.solvers import STRENGTHS, ridge


def sample(rows: int, features: int, *, balance: bool = False) -> Sample:
    random = np.random.default_rng(features)
    y = np.sort(random.integers(0, 3, rows))[: rows - 3] if balance else random.integers(0, 3, rows)
    x = random.normal(size=(3, features))[y] + 2 * random.normal(size=(len(y), features))
    return Sample(x, y, class_weights(y, balance=balance))


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("features", [5, 80])
def test_the_penalty_is_the_best_one_when_every_spectrum_is_left_out(features, balance):
    given = sample(40, features, balance=balance)
    targets = given.targets()
    errors = []
    for strength in STRENGTHS:
        error = 0.0
        for left in range(len(given.y)):
            inside = np.arange(len(given.y)) != left
            model = Ridge(alpha=strength).fit(given.x[inside], targets[inside], given.weight[inside])
            error += given.weight[left] * ((model.predict(given.x[[left]]) - targets[left]) ** 2).sum()
        errors.append(error)
    scores, strength = ridge(given)
    assert strength == STRENGTHS[np.argmin(errors)]
    whole = Ridge(alpha=strength).fit(given.x, targets, given.weight).predict(given.x)
    found = scores.of(given.x)
    np.testing.assert_allclose(found / np.linalg.norm(found), whole / np.linalg.norm(whole), atol=1e-10)


@pytest.mark.parametrize("features", [20, 300])
def test_its_labels_are_those_of_scikit_learn(features):
    given = sample(150, features)
    labels = RidgeClassifierCV(alphas=STRENGTHS).fit(given.x, given.y).predict(given.x)
    assert (ridge(given)[0].of(given.x).argmax(1) == labels).all()
