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

    origin = ""  # of the newest proposal: chance, or near a good trial

    def __init__(self, seed: int) -> None:
        self._random = optuna.samplers.RandomSampler(seed=seed)
        self._chance = random.Random(seed)
        self._number = -1  # of the newest trial
        self._chosen = dict[str, Any](), 0.0  # what it comes from, and the share that is drawn anew
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
            self._chosen = self._choose()
        config, redrawn = self._chosen
        if param_name in config and self._chance.random() >= redrawn:
            return config[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def learn(self, number: int, config: dict[str, Any], losses: list[float] | None, *, complete: bool) -> None:
        """Take in a trial that ended, with what it reached as losses; none where it failed. Kept in order for cheap
        asking. One that was paused and went on takes its own place."""
        if number in self._learned:
            self._ranked = [row for row in self._ranked if row[1] != number]
        if losses is None:
            return
        self._learned.add(number)
        if len(losses) == 1:
            bisect.insort(self._ranked, (losses[0], number, config))
        elif complete and not any(_dominates(other, losses) for other, _ in self._front):
            self._front = [(other, params) for other, params in self._front if not _dominates(losses, other)]
            self._front.append((losses, config))

    def _choose(self) -> tuple[dict[str, Any], float]:
        """The hyperparameters of a good trial and the share that is to be drawn anew; none where all are."""
        self.origin = "chance"
        if len(self._learned) < UNGUIDED or self._chance.random() < FRESH:
            return {}, 0.0
        best = self._ranked[: max(3, int(PARENTS * len(self._ranked)))]
        good = [params for _, _, params in best] or [params for _, params in self._front]
        self.origin = "near" if good else "chance"
        return (self._chance.choice(good), REDRAWN) if good else ({}, 0.0)


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
