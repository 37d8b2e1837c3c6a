"""How much each hyperparameter decided, by Optuna's PED-ANOVA on a study that is rebuilt from the records.

Rebuilt, not read from Optuna's mirror: the records are there in every state of a study, and the answer does not depend
on what else was written. PED-ANOVA (Watanabe et al. 2023) asks how differently a hyperparameter is distributed among
the best trials and among all. So it may use the trials that were stopped early (they are not among the best), it
corrects for the sampler's own preferences, and a hyperparameter that exists only under a condition is judged where it
exists.
"""

from __future__ import annotations

import warnings

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from spectune.dashboards.style.words import missing
from spectune.dashboards.tables.trials import CONFIG, flat, scale, varied

ENDED = ("complete", "paused", "stopped")  # sound ends
FEWEST = 16  # trials below which importances would be noise
BEST_SHARE, FEWEST_BEST = 0.1, 5  # what counts as the best trials
SHUFFLES = 20  # of the values, to learn what chance alone gives


def importances(frame: pd.DataFrame, direction: str) -> pd.DataFrame:
    """One row per hyperparameter: ``importance`` for ``value`` (sum 1), ``chance``, ``trials``.

    The most important come first, but whatever does not pass what chance reaches comes behind all that do.
    ``chance`` is what it reaches in the luckiest of twenty studies whose values are shuffled, ``trials`` counts those
    that have the hyperparameter. Only explore trials with a value count; empty when they are fewer than ``FEWEST``.
    """
    frame = frame[(frame["stage"] == "explore") & frame["status"].isin(ENDED)].dropna(subset="value")
    names = varied(frame)
    if len(frame) < FEWEST or not names:
        return pd.DataFrame(columns=["importance", "chance", "trials"])
    configs = frame[names].apply(flat).rename(columns=lambda name: name.removeprefix(CONFIG))
    losses = frame["value"].to_numpy(float) * (1 if direction == "min" else -1)
    study = _rebuilt(configs)
    divergences = _divergences(study, losses)
    random = np.random.default_rng(0)
    chance = pd.concat([_divergences(study, random.permutation(losses)) for _ in range(SHUFFLES)], axis=1).max(axis=1)
    table = pd.DataFrame({"importance": divergences, "chance": chance}) / (divergences.sum() or 1.0)
    table["trials"] = configs.notna().sum()
    clear = (table["importance"] > table["chance"]).rename("clear")
    return table.join(clear).sort_values(["clear", "importance"], ascending=False, kind="stable").drop(columns="clear")


def _rebuilt(configs: pd.DataFrame) -> optuna.Study:
    """An Optuna study of these configs; the values are given to the evaluator."""
    distributions = {name: _distribution(configs[name]) for name in configs}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    optuna.logging.set_verbosity(verbosity)
    for row in configs.to_dict("records"):
        params = {name: value for name, value in row.items() if not missing(value)}
        known = {name: distributions[name] for name in params}
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=0.0, params=params, distributions=known))
    return study


def _divergences(study: optuna.Study, losses: np.ndarray) -> pd.Series:
    share = min(0.5, max(BEST_SHARE, FEWEST_BEST / len(losses)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PED-ANOVA is experimental, and low targets are what we mean
        values = get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=share),
            target=lambda trial: float(losses[trial.number]),
            normalize=False,
        )
    return pd.Series(values)


def _distribution(values: pd.Series) -> BaseDistribution:
    """What the values that were tried span."""
    tried = [value for value in values if not missing(value)]
    laid = scale(values)
    if laid == "category":
        return CategoricalDistribution(tuple(sorted(set(tried), key=str)))
    if all(isinstance(value, int) for value in tried):
        return IntDistribution(min(tried), max(tried), log=laid == "log")
    return FloatDistribution(float(min(tried)), float(max(tried)), log=laid == "log")
