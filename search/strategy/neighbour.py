"""The default sampler, as one of Optuna's, and the storage of its trials."""

from __future__ import annotations

import bisect
import random
import sys
from collections.abc import Container, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

UNGUIDED = 20  # trials told before any is looked at
FRESH = 1 / 3  # of the proposals after them that are drawn at random
REDRAWN = 0.15  # of the hyperparameters of the others, which are a good trial's
PARENTS = 0.05  # best share of the trials that they come from, three at least


class Neighbour(optuna.samplers.BaseSampler):
    """Proposes a good trial's config with some hyperparameters drawn anew: one that has no conditions to model.

    A paused or stopped trial counts by its last report. Asking takes milliseconds however many families a space has.
    """

    def __init__(self, seed: int) -> None:
        self._random = optuna.samplers.RandomSampler(seed=seed)
        self._chance = random.Random(seed)
        self._number = -1  # of the newest trial
        self._parent = dict[str, Any]()  # what it comes from
        self._learned: set[int] = set()  # numbers of trials
        self._ranked: list[tuple[float, int, dict[str, Any]]] = []  # (loss, trial, hyperparameters), best first
        self._front: list[tuple[list[float], dict[str, Any]]] = []  # of several objectives: what no trial beats

    def infer_relative_search_space(self, study: Any, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Any, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Any, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if trial.number != self._number:
            self._number = trial.number
            self._parent = self._choose()
        if param_name in self._parent and self._chance.random() >= REDRAWN:
            return self._parent[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def learn(self, trial: FrozenTrial, signs: list[int]) -> None:
        """Take in a trial that ended; times ``signs`` its values are losses. Kept in order for cheap asking. One that
        was paused and went on takes its own place."""
        number = trial.user_attrs["trial"]
        if number in self._learned:
            self._ranked = [row for row in self._ranked if row[1] != number]
        if trial.state == TrialState.FAIL:
            return
        self._learned.add(number)
        if len(signs) == 1:
            value = _reached(trial)
            if value is not None:
                bisect.insort(self._ranked, (signs[0] * value, number, trial.params))
        elif trial.state == TrialState.COMPLETE:
            losses = [sign * value for sign, value in zip(signs, trial.values, strict=True)]
            if not any(_dominates(other, losses) for other, _ in self._front):
                self._front = [(other, params) for other, params in self._front if not _dominates(losses, other)]
                self._front.append((losses, trial.params))

    def _choose(self) -> dict[str, Any]:
        """The hyperparameters of a good trial; none where all are to be drawn."""
        if len(self._learned) < UNGUIDED or self._chance.random() < FRESH:
            return {}
        best = self._ranked[: max(3, int(PARENTS * len(self._ranked)))]
        good = [params for _, _, params in best] or [params for _, params in self._front]
        return self._chance.choice(good) if good else {}


def _reached(trial: FrozenTrial) -> float | None:
    """The value a trial ended with, be it stopped."""
    if trial.state == TrialState.COMPLETE:
        return trial.value
    return trial.intermediate_values[max(trial.intermediate_values)] if trial.intermediate_values else None


def _dominates(one: list[float], other: list[float]) -> bool:
    """Whether losses are nowhere higher, and somewhere lower."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


class Storage(optuna.storages.InMemoryStorage):
    """In memory, and small: trials share names and distributions, refused and failed ones keep no hyperparameters.

    For a sampler that does not look at them no trial that ended keeps any. An ask does not look through all trials for
    one that is waiting: none is ever enqueued.
    """

    def __init__(self, *, looked_at: bool) -> None:
        super().__init__()
        self._looked_at = looked_at
        self._shared: dict[tuple[str, BaseDistribution], BaseDistribution] = {}

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        shared = self._shared.setdefault((param_name, distribution), distribution)
        super().set_trial_param(trial_id, sys.intern(param_name), param_value_internal, shared)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        done = super().set_trial_state_values(trial_id, state, values)
        self._forget(trial_id)
        return done

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        self._forget(trial_id)
        return trial_id

    def _forget(self, trial_id: int) -> None:
        trial = self._get_trial(trial_id)
        if trial.state == TrialState.FAIL or (trial.state.is_finished() and not self._looked_at):
            trial.params = {}
            trial.distributions = {}
            trial.intermediate_values = {}

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [] if states == (TrialState.WAITING,) else super().get_all_trials(study_id, deepcopy, states)
