"""What a training of any config would give, from the recorded table: a landscape that the recorded configs allow.

A recorded config gives its recorded mean. Any other gives what one recorded config gives that is like it: a tree of
splits at random (Geurts et al. 2006), by hyperparameters and cost, has one of them in each leaf. There are as many
landscapes as seeds, and each simulation has that of its seed. A mean over many trees would predict better and be
smoother than trainings are: of 72 random configs the best would lose four times what it does lose, and two configs that
differ a little would differ by half of what they do (``docs/decisions/search.md``, 2026-11-30).

Around the mean goes the deviation of one recorded seed: of that config where it has several, else of one of about the
same value; it is the same for every search that asks for the same config with the same seed.

A training that its patience ended holds its last value, as the study takes it; one whose loss was not finite is worth
no more than guessing from there on.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import json
import math
import random
from typing import Any, NamedTuple

import numpy as np
from curves import EPOCHS, INDEX, SPACE, Pair, diverged, read, value
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold
from sklearn.tree import ExtraTreeRegressor

from spectune.search.planning.simulate import Curve
from spectune.search.records.task import Task
from spectune.spaces import KNOWN, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Float, Int
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs

TREES = 100  # by which left-out configs are predicted
FEATURES = 0.5  # of the columns, looked at for each split
ABSENT = -1.0  # of a hyperparameter that a config does not have
ALIKE = 20  # recorded deviations that one is drawn from
LEAST = 10  # recorded configs of a task
LAST, LENGTH, PACE = EPOCHS - 1, EPOCHS, EPOCHS + 1  # places of what is predicted beside the curve

Array = NDArray[np.float64]


class Skill(NamedTuple):
    """How well configs that are left out are predicted, by their value at the end."""

    r2: float  # share of the variance
    spearman: float  # correlation of the ranks


class Surrogate:
    """Answers for one task of the table, in one ``landscape`` of many. ``best`` is the highest mean value of a recorded
    config, and what regret is counted from; ``unit`` are the median seconds of a full training."""

    def __init__(self, name: str, landscape: int = 0) -> None:
        self.name = name
        about = described()[name]
        self.points, self.classes, self.fitting = about["points"], about["classes"], about["families"]
        self.spectra = int(about["descriptors"]["spectra"])
        groups: dict[int, list[dict[str, Any]]] = {}
        for row in read(name):
            if "slow" not in row:
                groups.setdefault(row["index"], []).append(row)
        if len(groups) < LEAST:
            raise InputError(f"a task must have at least {LEAST} recorded configs, got {len(groups)} of {name}")
        self.trainings = sum(map(len, groups.values()))
        self.kinds = [rows[0]["kind"] for rows in groups.values()]
        pairs = [configs(rows[0]["config"]) for rows in groups.values()]
        self.families = [network.family for network, _ in pairs]
        self._places = {pair: place for place, pair in enumerate(pairs)}
        self.inputs = np.array([self._features(pair) for pair in pairs])
        self.targets = np.array([np.mean([self._target(row) for row in rows], axis=0) for rows in groups.values()])
        self.best = float(self.targets[:, LAST].max())
        paces = [rows[0]["seconds"][-1] for rows in groups.values() if len(rows[0]["seconds"]) == EPOCHS]
        self.unit = float(np.median(paces))
        self._deviations(list(groups.values()))
        learner = ExtraTreeRegressor(max_features=FEATURES, random_state=landscape)
        self._tree = learner.fit(self.inputs, self.targets).tree_
        self._leaves = dict(zip(self._tree.apply(self.inputs.astype(np.float32)), range(len(pairs)), strict=True))

    def true(self, pair: Pair) -> float:
        """The expected value at the end: what confirmation on endless seeds would find."""
        return float(self.targets[self._like(pair), LAST])

    def _like(self, pair: Pair) -> int:
        """The place of the recorded config whose answers a config gives."""
        if pair not in self._places:
            row = self._features(pair).astype(np.float32)[None]
            self._places[pair] = self._leaves[self._tree.apply(row)[0]]
        return self._places[pair]

    def look_up(self, task: Task, seed: int) -> Curve:
        """One training: the expected curve with a recorded deviation, cut to what an accuracy can be."""
        place = self._like((task.network, task.training))
        expected, told = self.targets[place], json.dumps(task.config, sort_keys=True)
        chance = random.Random(hashlib.sha256(f"{seed} {task.seed} {told}".encode()).digest())
        noise = chance.choice(self._own.get(place) or self._alike(expected[LAST]))
        least = min(EPOCHS, task.training.patience + 1)  # patience ends nothing sooner, whatever similar ones did
        length = max(least, round(expected[LENGTH]))
        values = np.clip(expected[:length] + noise[:length], 0.0, 1.0)
        pace = math.exp(expected[PACE])
        # the value is that of the best epoch so far: a falling loss says so
        metrics = [{"accuracy": float(v), "loss": 1.0 - n / 100, "train_loss": 0.0} for n, v in enumerate(values)]
        return Curve(metrics, [pace * (n + 1) for n in range(length)])

    def best_of(self, *, known: bool) -> float:
        """The highest value of the known networks, or of the other configs."""
        values = [one for one, kind in zip(self.targets[:, LAST], self.kinds, strict=True) if (kind in KNOWN) == known]
        return float(max(values, default=math.nan))

    def validate(self, folds: int = 5) -> tuple[Skill, dict[str, Skill]]:
        """How well left-out configs are predicted, all together and within each family."""
        found = np.zeros(len(self.inputs))
        for learn, left in KFold(folds, shuffle=True, random_state=0).split(self.inputs):
            forest = ExtraTreesRegressor(TREES, max_features=FEATURES, random_state=0)
            found[left] = forest.fit(self.inputs[learn], self.targets[learn]).predict(self.inputs[left])[:, LAST]
        true, family = self.targets[:, LAST], np.array(self.families)
        parts = {str(one): _skill(found[family == one], true[family == one]) for one in np.unique(family)}
        return _skill(found, true), parts

    def _deviations(self, groups: list[list[dict[str, Any]]]) -> None:
        """What recorded seeds deviate from their mean: each config's own, and all in the order of its value."""
        self._own: dict[int, list[Array]] = {}
        for place, rows in enumerate(groups):
            if len(rows) > 1:
                curves = np.array([self._curve(row) for row in rows])
                self._own[place] = list((curves - curves.mean(0)) * (len(curves) / (len(curves) - 1)) ** 0.5)
        order = sorted(self._own, key=lambda place: self.targets[place, LAST])
        self._noise = [one for place in order for one in self._own[place]]
        self._levels = [self.targets[place, LAST] for place in order for _ in self._own[place]]

    def _alike(self, value: float) -> list[Array]:
        """The deviations of recorded configs of about this value."""
        least = max(0, min(bisect.bisect(self._levels, value) - ALIKE // 2, len(self._noise) - ALIKE))
        return self._noise[least : least + ALIKE]

    def _target(self, row: dict[str, Any]) -> list[float]:
        taken = row["seconds"]
        length = EPOCHS if diverged(row) else len(taken)
        return [*self._curve(row), length, math.log(taken[-1] / len(taken) if taken else 0.05)]

    def _curve(self, row: dict[str, Any]) -> list[float]:
        """The value after each epoch."""
        values = value(row)
        rest = 1 / self.classes if diverged(row) else values[-1]
        return values + [rest] * (EPOCHS - len(values))

    def _features(self, pair: Pair) -> Array:
        network, training = pair
        cost = network.cost(self.points, self.classes)
        values = {**SPACE.values(network), **training.to_dict()}
        found = [math.log10(cost.macs + 1), math.log10(cost.parameters + 1)]
        for name, domain in _domains():
            given = values.get(name)
            given = given[0] if isinstance(given, list) else given
            if isinstance(domain, Choice) and not _ordered(domain):
                found += [float(given == option) for option in domain.options]
            else:
                found.append(_scaled(domain, given))
        return np.array(found)


@functools.cache
def described() -> dict[str, dict[str, Any]]:
    """Task -> what the index of the table says of it."""
    if not INDEX.is_file():
        raise InputError(f"the table must have {INDEX.name}: python benchmarks/metatable.py index")
    found: dict[str, dict[str, Any]] = json.loads(INDEX.read_text())
    return found


def _skill(found: Array, true: Array) -> Skill:
    spread = float(((true - true.mean()) ** 2).sum())
    if len(true) < 3 or not spread:
        return Skill(math.nan, math.nan)
    return Skill(1 - float(((found - true) ** 2).sum()) / spread, float(spearmanr(found, true).statistic))


@functools.cache
def _domains() -> list[tuple[str, Any]]:
    own = [(name, hp.domain) for name, _, hp in SPACE.hyperparameters()]
    return own + [(hp.name, hp.domain) for hp in hyperparameters(Training)]


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
