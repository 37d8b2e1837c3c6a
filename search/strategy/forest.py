"""A model of the study's own trials, by which the default sampler chooses among configs that it might propose."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TREES = 24
REGROWN = 3  # trees before each proposal, the oldest ones, so that asking takes about as long at a thousand trials
FEATURES = 0.4  # of the columns, looked at for each division
LEAF = 2  # trials at least
JUDGED = 40  # newest trials by which the model is judged
ENOUGH = 12  # of them, before it is

Array = NDArray[np.float32]


class Forest:
    """Extremely randomised trees (Geurts et al. 2006) over configs: what value a trial will reach.

    Values are ranks among those so far, from 0 to 1: what is learned does not hang on the metric's scale. Trees are
    grown anew a few at a time.
    """

    def __init__(self, seed: int) -> None:
        self._places: dict[int, int] = {}  # trial -> its row
        self._rows: list[Array] = []
        self._losses: list[float] = []
        self._trees: deque[Any] = deque(maxlen=TREES)
        self._chance = np.random.default_rng(seed)
        self._guessed: deque[tuple[float, float]] = deque(maxlen=JUDGED)  # (what was expected, the loss it had)

    def learn(self, number: int, row: Array, loss: float) -> None:
        """Take in what a trial reached, with its config as the row of its ``Columns``; a loss that is lower is better.
        One that was paused and went on takes its own place."""
        if number in self._places:
            self._losses[self._places[number]] = loss
            return
        self._places[number] = len(self._rows)
        if self._trees:
            self._guessed.append((float(self._predicted(row[None])[0].mean()), loss))
        self._rows.append(row)
        self._losses.append(loss)

    @property
    def trusted(self) -> bool:
        """Whether it ranked the newest trials better than chance before it knew them."""
        if len(self._guessed) < ENOUGH:
            return True
        expected, losses = np.array(self._guessed).T
        return bool(np.corrcoef(_ranks(expected), _ranks(-losses))[0, 1] > 0)

    def gain(self, rows: Sequence[Array]) -> NDArray[np.float64]:
        """Expected improvement of each of some configs on the best so far, in ranks."""
        from scipy.special import ndtr  # scipy takes half a second to import, and the first proposals need no model

        self._grow()
        guesses = self._predicted(np.stack(rows))
        mean, spread = guesses.mean(1), guesses.std(1) + 1e-3
        above = (mean - self._best) / spread
        density = np.exp(-0.5 * above**2) / np.sqrt(2 * np.pi)
        return np.asarray(spread * (above * ndtr(above) + density))

    def _grow(self) -> None:
        from sklearn.tree import ExtraTreeRegressor

        rows, goals = np.stack(self._rows), _ranks(-np.array(self._losses))
        self._best = float(goals.max())
        for _ in range(REGROWN if len(self._trees) == TREES else TREES):
            tree = ExtraTreeRegressor(
                max_features=FEATURES, min_samples_leaf=LEAF, random_state=int(self._chance.integers(2**31))
            )
            self._trees.append(tree.fit(rows, goals).tree_)

    def _predicted(self, rows: Array) -> NDArray[np.float64]:
        """(configs, trees)."""
        return np.column_stack([tree.predict(rows)[:, 0] for tree in self._trees])


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """From 0 to 1, equal ones their mean."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 0.5) / len(values))
