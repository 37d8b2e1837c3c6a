"""Records -> tables: one row per trial, one row per epoch, one row per confirmed config. Nothing here draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from spectune.dashboards.style.words import missing
from spectune.dashboards.tables.candidates import kind, who
from spectune.search.records import ENSEMBLE, Study, Trial
from spectune.search.records.ranking import beside, members, ranking, scored

CONFIG = "config."  # hyperparameters are columns under their name in the space behind this
TRIAL_COLUMNS = (
    "stage",
    "status",
    "reason",
    "label",
    "origin",
    "candidate",
    "seed",
    "parameters",
    "macs",
    "epochs",
    "best_epoch",
    "seconds",
    "started",
    "ended",
)
FEW = 6  # distinct numbers up to which a fractional hyperparameter counts as a choice
MOST_CURVES, MOST_EPOCHS = 150, 24_000  # learning curves that are drawn, and their epochs in all
WIDE = 10.0  # a hyperparameter whose largest value is less than this times its smallest is not logarithmic


def trials(study: Study) -> pd.DataFrame:
    """One row per trial, indexed by its number: ``TRIAL_COLUMNS``, metrics under their names, hyperparameters.

    The metrics are those of the epoch with the lowest validation loss, of a running trial those of the best one so far.
    ``value`` is the first objective. What a trial does not have (a failed one's metrics, a hyperparameter that does not
    exist under its config) is NaN or None.
    """
    configs = _configs(study)
    rows = [_row(trial, study) | configs[number] for number, trial in sorted(study.trials.items())]
    numbers = pd.Index([row.pop("trial") for row in rows], name="trial", dtype="int64")
    frame = pd.DataFrame(rows, index=numbers)
    frame["candidate"] = pd.Series([row["candidate"] for row in rows], numbers, dtype=object)  # whole numbers stay so
    metrics = [metric for metric, _ in study.objectives]
    wanted = [*TRIAL_COLUMNS, "value", *metrics, *max(configs.values(), key=len, default=())]
    for name in wanted:
        if name not in frame:
            frame[name] = np.nan
    for name in ("value", *metrics):
        frame[name] = pd.to_numeric(frame[name])
    return frame[[*dict.fromkeys(wanted), *(name for name in frame if name not in wanted)]]


def _row(trial: Trial, study: Study) -> dict[str, Any]:
    metrics = trial.metrics if trial.status != "running" else trial.best()
    row: dict[str, Any] = {"trial": trial.number, **{name: getattr(trial, name) for name in TRIAL_COLUMNS}, **metrics}
    row["parameters"], row["macs"] = trial.parameters, trial.macs
    if trial.status == "running":
        row["epochs"] = max((epoch for epoch, _ in trial.reports), default=0)
    row["value"] = row.get(study.objectives[0][0]) if metrics else None
    return row


def _configs(study: Study) -> dict[int, dict[str, Any]]:
    """Trial -> column -> hyperparameter. Where several families are explored, a network's are named as in their space:
    cnn.depth, for the depth of one family says nothing of that of another. An ensemble has none."""
    several = len({trial.config["network"]["family"] for trial in study.stage("explore")}) > 1
    by_trial: dict[int, dict[str, Any]] = {}
    for number, trial in study.trials.items():
        if trial.stage == ENSEMBLE:
            by_trial[number] = {}
            continue
        family = trial.config["network"]["family"]
        prefix = f"{family}." if several else ""
        network = {prefix + name: value for name, value in trial.config["network"].items() if name != "family"}
        values = {"family": family, **network, **trial.config["training"]}
        by_trial[number] = {CONFIG + name: value for name, value in values.items()}
    return by_trial


def curves(study: Study) -> pd.DataFrame:
    """One row per epoch: trial, stage, epoch, and the metrics of that epoch; NaN where training diverged."""
    rows = [
        {"trial": trial.number, "stage": trial.stage, "epoch": epoch, **metrics}
        for _, trial in sorted(study.trials.items())
        for epoch, metrics in trial.reports
    ]
    frame = pd.DataFrame(rows, columns=None if rows else ["trial", "stage", "epoch"])
    return frame.apply(lambda column: column if column.name == "stage" else pd.to_numeric(column))


def confirmed(study: Study) -> pd.DataFrame:
    """One row per confirmed config, ranked as the search ranks them: by the mean of the first objective, then the loss.

    ``values``/``seeds`` of the validation split with mean, low and high (95 % interval of the mean), the same with
    ``test_`` in front (empty and NaN where it was not tested), what the intervals are ``over``, the scores ``beside``
    them by (split, metric), ``planned`` (trainings that were started; none for an ensemble), its ``config`` in short
    words (``flat``) and in full, and the ``kind`` and the name (``who``) of the candidate.
    """
    rows = []
    for candidate, group in ranking(study):
        rows.append(
            {
                "candidate": candidate,
                "kind": kind(study, candidate),
                "who": who(study, candidate, group[0].label),
                **_scored("", scored(study, candidate, "validation")),
                **_scored("test_", scored(study, candidate, "test")),
                "beside": {
                    (split, name): score
                    for name in beside(study)
                    for split in ("validation", "test")
                    if (score := scored(study, candidate, split, name)) is not None
                },
                "planned": sum(trial.candidate == candidate for trial in study.stage("confirm")),
                "parameters": group[0].parameters,
                "macs": group[0].macs,
                "seconds": float(np.mean([trial.seconds for trial in group])),
                "config": group[0].config,
                "flat": _weights(study) if group[0].stage == ENSEMBLE else group[0].flat,
            }
        )
    return pd.DataFrame(rows, columns=None if rows else ["candidate", "kind", "who", "mean", "test_mean"])


def _weights(study: Study) -> dict[str, int]:
    """The members of the ensemble in words, with their weights."""
    return {
        f"{who(study, one['candidate'], study.trials[one['trial']].label)}, seed {one['seed']}": one["weight"]
        for one in members(study)
    }


def _scored(prefix: str, score: dict[str, Any] | None) -> dict[str, Any]:
    parts: dict[str, Any] = {"values": [], "seeds": [], "over": None}
    parts |= {key: score[key] for key in parts} if score else {}
    for end in ("mean", "low", "high"):
        parts[end] = math.nan if score is None or score[end] is None else score[end]
    return {prefix + name: part for name, part in parts.items()}


def best_so_far(values: pd.Series, direction: str) -> pd.Series:
    """The best value so far, row by row; rows without a value keep the one before."""
    return (values.cummax() if direction == "max" else values.cummin()).ffill()


def varied(frame: pd.DataFrame) -> list[str]:
    """Columns of the hyperparameters that took more than one value, in the order of the space."""
    names = [name for name in frame if name.startswith(CONFIG)]
    return [name for name in names if len({_plain(value) for value in frame[name]} - {None}) > 1]


def thinned(curves: pd.DataFrame, wanted: Sequence[int] = ()) -> pd.DataFrame:
    """Fewer curves (the wanted ones and an even sample of the others by length), then fewer epochs, if there are many.

    The first and the last epoch of a curve stay.
    """
    lengths = curves.groupby("trial")["epoch"].max()
    if len(lengths) > MOST_CURVES:
        must = [trial for trial in dict.fromkeys(wanted) if trial in lengths]
        rest = lengths.drop(must).sort_values(kind="stable").index
        places = np.linspace(0, len(rest) - 1, max(0, MOST_CURVES - len(must))).round().astype(int)
        curves = curves[curves["trial"].isin([*must, *rest[places]])]
    step = -(-len(curves) // MOST_EPOCHS)
    if step <= 1:
        return curves
    last = ~curves["trial"].duplicated(keep="last")
    return curves[(curves.groupby("trial").cumcount() % step == 0) | last]


def flat(values: pd.Series) -> pd.Series:
    """A hyperparameter with one value per trial: of a value per layer the first one."""
    return values.map(lambda value: value[0] if isinstance(value, list) and value else value)


def scale(values: pd.Series) -> str:
    """How a hyperparameter is laid out: "category", "log" or "linear", from the values that were tried (flat ones)."""
    tried = [value for value in values if not missing(value)]
    if any(isinstance(value, bool | str) for value in tried):
        return "category"
    fractional = any(isinstance(value, float) and not value.is_integer() for value in tried)
    if fractional and len(set(tried)) <= FEW < len(tried):
        return "category"
    return "log" if _logarithmic(sorted(map(float, tried))) else "linear"


def _logarithmic(numbers: list[float]) -> bool:
    """Whether the median lies nearer to the geometric than to the arithmetic middle of a wide, positive range."""
    low, high = (numbers[0], numbers[-1]) if numbers else (0.0, 0.0)
    if low <= 0 or high / low < WIDE:
        return False
    middle = float(np.median(numbers))
    return abs(math.log(middle / low) / math.log(high / low) - 0.5) < abs((middle - low) / (high - low) - 0.5)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else None if missing(value) else value
