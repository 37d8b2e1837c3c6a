"""Builds the forests of ``spectune.spaces.forest``. B batch, L points, C classes, T trees, N nodes, K leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spectune.spaces.forest import Forest
from spectune.trainables.models.estimator import Estimator, kept
from spectune.trainables.models.layers import front

LEAST = 1e-7  # probability whose logarithm stands for that of 0


def build(network: Forest, points: int, classes: int) -> nn.Module:
    """The trees on what is read of a spectrum, ``points`` numbers."""
    return nn.Sequential(*front(network), nn.Flatten(), Trees(network, points, classes))


class Trees(Estimator):
    """Trees as tables: (B, L) to the logarithms (B, C) of the mean probabilities.

    A tree has room for N = 2 K - 1 nodes: its splits from the root on, then from K - 1 on its leaves. All trees stand
    behind each other, and ``left`` and ``right`` say where a spectrum goes on whose ``feature`` is at most the
    ``threshold``, or above. A leaf leads to itself; so does a root without a split,
    which stands for the first leaf.
    """

    def __init__(self, network: Forest, points: int, classes: int) -> None:
        super().__init__(importances=points)
        self.network = network
        self.steps = network.steps()
        self.splits = network.slots() - 1
        shape = (network.trees, self.splits + network.slots())
        self.feature = kept(torch.zeros(shape, dtype=torch.int32))
        self.threshold = kept(torch.zeros(shape))
        self.left = kept(torch.arange(shape[0] * shape[1], dtype=torch.int32).view(shape))
        self.right = kept(self.left.clone())
        self.probability = kept(torch.full((network.trees, network.slots(), classes), 1 / classes))

    def forward(self, x: Tensor) -> Tensor:
        tables = self.feature, self.threshold, self.left, self.right
        feature, threshold, left, right = (table.flatten() for table in tables)
        tree = torch.arange(self.feature.shape[0], device=x.device)
        root = tree * self.feature.shape[1]
        node = root.expand(x.shape[0], -1)  # (B, T)
        for _ in range(self.steps):
            below = x.gather(1, feature[node].long()) <= threshold[node]
            node = torch.where(below, left[node], right[node]).long()
        leaf = (node - root - self.splits).clamp(min=0) + tree * self.probability.shape[1]
        return self.probability.flatten(0, 1)[leaf].mean(dim=1).clamp(min=LEAST).log()

    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

        network = self.network
        forest = (ExtraTreesClassifier if network.kind == "extra" else RandomForestClassifier)(
            network.trees,
            criterion=network.criterion,
            max_depth=network.max_depth,
            max_leaf_nodes=network.leaves,
            max_features=min(network.features, features.shape[1]),
            min_samples_leaf=network.min_leaf,
            class_weight="balanced" if balance else None,
            random_state=seed,
            n_jobs=torch.get_num_threads(),
        ).fit(features.numpy(), labels.numpy())
        with torch.no_grad():
            for number, tree in enumerate(forest.estimators_):
                self._take(number, tree.tree_, forest.classes_)
            self.importances.copy_(torch.from_numpy(forest.feature_importances_))

    def _take(self, number: int, tree: Any, classes: NDArray[np.int64]) -> None:
        """Fill the tables of one tree from scikit-learn's; ``classes`` are those that its columns stand for."""
        is_leaf = tree.children_left < 0
        split, leaf = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        first = number * self.feature.shape[1]
        place = np.empty(len(is_leaf), np.int32)
        place[split], place[leaf] = first + np.arange(len(split)), first + self.splits + np.arange(len(leaf))
        tables = (
            (self.feature, tree.feature[split].astype(np.int32)),
            (self.threshold, rounded_down(tree.threshold[split])),
            (self.left, place[tree.children_left[split]]),
            (self.right, place[tree.children_right[split]]),
        )
        for table, values in tables:
            table[number, : len(split)] = torch.from_numpy(values)
        self.probability[number] = 0
        columns = torch.from_numpy(classes).to(self.probability.device)
        shares = torch.from_numpy(tree.value[leaf, 0].astype(np.float32)).to(self.probability.device)
        self.probability[number][: len(leaf), columns] = shares


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: a float32 value is at most one where it is at most the other."""
    near = thresholds.astype(np.float32)
    down: NDArray[np.float32] = np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
    return down
