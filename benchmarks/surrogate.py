"""What a training of any config would give, from the recorded table: a forest over configs whose leaves hold curves.

A forest of extremely randomised trees learns the mean curve of each recorded config (with the seconds of an epoch) from
its hyperparameters and its cost. At a recorded config it gives the recorded mean, elsewhere a mean of similar ones. So
nothing is better than the best recorded config, and a difference that the table does not show does not exist. Around
the mean goes the deviation of one recorded seed, of a config of about the same value; it is the same for every search
that asks for the same config with the same seed.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from typing import Any

import numpy as np
from curves import DATA, EPOCHS, SPACE, read, value
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold

from spectune.search.planning.simulate import Curve
from spectune.search.records.task import Task
from spectune.spaces import Network, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Float, Int
from spectune.spaces.saved import configs
from spectune.trainables.data import load

TREES = 100
ABSENT = -1.0  # of a hyperparameter that a config does not have
ALIKE = 20  # recorded deviations that one is drawn from

Array = NDArray[np.float64]


class Surrogate:
    """Answers for one dataset of the table. ``best`` is the highest true value of a recorded config."""

    def __init__(self, name: str) -> None:
        source, settings = DATA[name]
        dataset = load(source, **settings)
        self.name, self.points, self.classes = name, len(dataset.axis), len(dataset.classes)
        groups: dict[int, list[dict[str, Any]]] = {}
        for row in read():
            if row["dataset"] == name and "slow" not in row:
                groups.setdefault(row["index"], []).append(row)
        self.trainings = sum(map(len, groups.values()))
        self.inputs = np.array([self._features(*configs(rows[0]["config"])) for rows in groups.values()])
        curves = [np.array([self._curve(row) for row in rows]) for rows in groups.values()]
        self.curves = np.array([some.mean(0) for some in curves])
        pace = [np.log([self._pace(row) for row in rows]).mean() for rows in groups.values()]
        self.targets = np.column_stack([self.curves, pace])
        repeated = [some for some in curves if len(some) > 1]
        self._noise = np.concatenate(
            [(some - some.mean(0)) * (len(some) / (len(some) - 1)) ** 0.5 for some in repeated]
        )
        levels = np.concatenate([np.full(len(some), some[:, -1].mean()) for some in repeated])
        self.best = float(levels.max())
        order = np.argsort(levels, kind="stable")
        self._noise, self._levels = self._noise[order], levels[order]
        self._forest = _Forest(self.inputs, self.targets)

    def mean(self, network: Network, training: Training) -> Array:
        """The expected value after each epoch (EPOCHS,), then the logarithm of an epoch's seconds."""
        return self._forest.predict(self._features(network, training))

    def true(self, task: Task) -> float:
        """The expected value at the end: what confirmation on endless seeds would find."""
        return float(self.mean(task.network, task.training)[EPOCHS - 1])

    def look_up(self, task: Task, seed: int) -> Curve:
        """One training: the expected curve with a recorded deviation, cut to what an accuracy can be."""
        expected = self.mean(task.network, task.training)
        chance = random.Random(hashlib.sha256(f"{seed} {json.dumps(task.config, sort_keys=True)}".encode()).digest())
        near = int(np.searchsorted(self._levels, expected[EPOCHS - 1])) + chance.randint(-ALIKE // 2, ALIKE // 2)
        noise = self._noise[min(max(near, 0), len(self._noise) - 1)]
        values = np.clip(expected[:EPOCHS] + noise, 0.0, 1.0)
        pace = math.exp(expected[EPOCHS])
        # the value is that of the best epoch so far: a falling loss says so
        metrics = [{"accuracy": float(v), "loss": 1.0 - n / 100, "train_loss": 0.0} for n, v in enumerate(values)]
        return Curve(metrics, [pace * (n + 1) for n in range(EPOCHS)])

    def validate(self, folds: int = 5) -> dict[str, float]:
        """How well left-out configs are predicted: the share of variance, and Spearman's correlation, at the end."""
        found = np.zeros(len(self.inputs))
        for learn, left in KFold(folds, shuffle=True, random_state=0).split(self.inputs):
            forest = _Forest(self.inputs[learn], self.targets[learn])
            found[left] = [forest.predict(row)[EPOCHS - 1] for row in self.inputs[left]]
        true = self.curves[:, -1]
        a, b = (np.argsort(np.argsort(values)).astype(float) for values in (found, true))
        return {
            "r2": round(1 - float(((found - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()), 3),
            "spearman": round(float(np.corrcoef(a, b)[0, 1]), 3),
        }

    def _curve(self, row: dict[str, Any]) -> Array:
        """The value after each epoch; after a loss that was not finite it is what guessing gives."""
        values = value(row)
        return np.array(values + [1 / self.classes] * (EPOCHS - len(values)))

    def _pace(self, row: dict[str, Any]) -> float:
        return float(row["seconds"][-1] / len(row["seconds"])) if row["seconds"] else 0.05

    def _features(self, network: Network, training: Training) -> Array:
        cost = network.cost(self.points, self.classes)
        values = {**SPACE.values(network), **training.to_dict()}
        domains = [(name, hp.domain) for name, _, hp in SPACE.hyperparameters()]
        domains += [(hp.name, hp.domain) for hp in hyperparameters(Training)]
        found = [math.log10(cost.macs + 1), math.log10(cost.parameters + 1)]
        for name, domain in domains:
            given = values.get(name)
            given = given[0] if isinstance(given, list) else given
            if isinstance(domain, Choice) and not _ordered(domain):
                found += [float(given == option) for option in domain.options]
            else:
                found.append(_scaled(domain, given))
        return np.array(found)


def _ordered(domain: Choice) -> bool:
    return not isinstance(domain.options[0], str) and len(domain.options) > 2


def _scaled(domain: Any, given: Any) -> float:
    if given is None:
        return ABSENT
    if isinstance(domain, Choice):
        return float(domain.options.index(given)) if given in domain.options else ABSENT
    if isinstance(domain, Int | Float) and domain.log:
        return math.log(given / domain.low)
    return float(given - domain.low)


class _Forest:
    """The trees as flat arrays, so that one config is answered in a fraction of a millisecond."""

    def __init__(self, inputs: Array, targets: Array) -> None:
        learner = ExtraTreesRegressor(TREES, max_features=0.5, random_state=0, n_jobs=1).fit(inputs, targets)
        trees = [tree.tree_ for tree in learner.estimators_]
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        self._roots = starts
        self._left, self._right = (
            np.concatenate(
                [
                    np.where(getattr(t, side) < 0, np.arange(t.node_count), getattr(t, side)) + s
                    for t, s in zip(trees, starts, strict=True)
                ]
            )
            for side in ("children_left", "children_right")
        )
        self._feature = np.concatenate([np.maximum(tree.feature, 0) for tree in trees])
        self._threshold = np.concatenate([tree.threshold for tree in trees])
        self._values = np.concatenate([tree.value[:, :, 0] for tree in trees])
        self._depth = max(tree.max_depth for tree in trees)

    def predict(self, row: Array) -> Array:
        row = row.astype(np.float32)  # as the trees were grown
        nodes = self._roots
        for _ in range(self._depth):
            nodes = np.where(row[self._feature[nodes]] <= self._threshold[nodes], self._left[nodes], self._right[nodes])
        return np.asarray(self._values[nodes].mean(0))
