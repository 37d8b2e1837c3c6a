"""Optuna's TPE as it comes, drawn in batches so that a simulation takes seconds.

What is drawn has Optuna's own distribution; only the order of its random numbers differs. Proposals that are refused
teach the model nothing, so that what replaces them comes from the same batch: ``changed`` says that it learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.trial import TrialState
from scipy.special import log_ndtr

BATCH = 16  # draws made at once


class Quick(optuna.samplers.TPESampler):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        _truncnorm._log_ndtr = log_ndtr  # the same function, compiled
        self.changed()

    def changed(self) -> None:
        """Trials were added or told, other than refused ones."""
        self._drawn: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._split: Any = None  # the trials below and above
        self._few: bool | None = None  # whether proposals are random yet

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        if self._few is None:
            ended = study._get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED), use_cache=True)
            self._few = len(ended) < self._n_startup_trials
        if self._few:
            return self._random_sampler.sample_independent(study, trial, param_name, param_distribution)
        return self._sample(study, trial, {param_name: param_distribution})[param_name]

    def _sample(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        drawn = self._drawn.setdefault(tuple(search_space), [])
        if not drawn:
            drawn += self._batch(study, trial, search_space)
        return drawn.pop()

    def _batch(self, study: Any, trial: Any, search_space: dict[str, Any]) -> list[dict[str, Any]]:
        if self._split is None:
            states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
            trials = [one for one in study._get_trials(deepcopy=False, states=states) if one.number != trial.number]
            ended = sum(one.state != TrialState.RUNNING for one in trials)
            self._split = _split_trials(study, trials, default_gamma(ended))
        below = self._build_parzen_estimator(study, search_space, self._split[0], handle_below=True)
        above = self._build_parzen_estimator(study, search_space, self._split[1], handle_below=False)
        samples = below.sample(self._rng.rng, self._n_ei_candidates * BATCH)
        gain = self._compute_acquisition_func(samples, below, above).reshape(BATCH, -1)
        best = np.arange(BATCH) * self._n_ei_candidates + gain.argmax(1)
        return [
            {name: one.to_external_repr(samples[name][place].item()) for name, one in search_space.items()}
            for place in best
        ]
