"""An ablation's records as one row per variant, in the order of the variants, at any moment of the study."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median_low
from typing import Any

from spectune.dashboards.style.words import missing, setting, settings
from spectune.search.records import Study, Trial
from spectune.search.records.ranking import measured

Row = dict[str, Any]  # of a variant, as the journal's compare event has it
SPLITS = {"validation": "validation split", "test": "blind test"}
FAR = 4  # so many times the usual difference is left out of a close-up


def names(study: Study) -> list[str]:
    """The variants, the reference first."""
    return list(study.header["ablation"]["variants"])


def reference(study: Study) -> str:
    return str(study.header["ablation"]["reference"])


def rows(study: Study, split: str = "validation") -> list[Row]:
    """A row for every variant, those that are compared from the comparison.

    Before there is one the validation rows come from the trainings that have ended: they have no p values, and their
    differences no intervals. Other splits have no rows until they are compared. What is not known is None or empty.
    """
    by_variant = {row["variant"]: row for row in study.comparisons.get(split, {}).get("rows", ())}
    if not by_variant and split != "validation":
        return []
    by_variant = by_variant or _counted(study)
    unknown = dict.fromkeys(("mean", "std", "low", "high", "parameters", "macs", "seconds", "difference"))
    empty: Row = {**unknown, "seeds": [], "values": [], "finding": ""}
    return [by_variant.get(name, {"variant": name, **empty}) for name in names(study)]


def _counted(study: Study) -> dict[str, Row]:
    metric, _ = study.objectives[0]
    by_variant = {str(name): _row(str(name), trials, metric) for name, trials in study.confirmed().items()}
    base = by_variant.get(reference(study), {"seeds": [], "values": []})
    for name, row in by_variant.items():
        if name != reference(study):
            row["difference"] = _difference(row, base)
    return by_variant


def _row(name: str, trials: list[Trial], metric: str) -> Row:
    score = measured(metric, [trial.seed for trial in trials], [trial.metrics[metric] for trial in trials])
    return {
        "variant": name,
        **score,
        "parameters": trials[0].parameters,
        "macs": trials[0].macs,
        "seconds": fmean(trial.seconds for trial in trials),
        "difference": None,
        "finding": "",
    }


def _difference(row: Row, base: Row) -> dict[str, Any] | None:
    ours, theirs = by_seed(row), by_seed(base)
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    values = [ours[seed] - theirs[seed] for seed in seeds]
    unknown = dict.fromkeys(("low", "high", "p", "p_holm", "effect", "seeds_needed"))
    return {"seeds": seeds, "values": values, "mean": fmean(values), **unknown}


def by_seed(row: Row) -> dict[int, float]:
    return dict(zip(row["seeds"], row["values"], strict=True))


def differing(rows: Sequence[Row]) -> list[Row]:
    """The rows with a difference from the reference."""
    return [row for row in rows if row["difference"]]


def alpha(study: Study, split: str) -> float:
    """The p up to which a difference counts as significant."""
    return round(1 - float(study.comparisons.get(split, {}).get("level", 0.95)), 9)


def significant(row: Row, alpha: float) -> bool:
    """Whether a variant differs from the reference: its p, corrected by Holm, is known and at most ``alpha``."""
    p = (row["difference"] or {}).get("p_holm")
    return p is not None and p <= alpha


def without_outliers(rows: Sequence[Row]) -> list[Row]:
    """Those of the rows whose differences are not many times the usual one, which a close-up shows."""
    reach = [max(map(abs, row["difference"]["values"])) for row in rows]
    usual = median_low(reach) if reach else 0.0
    return [row for row, size in zip(rows, reach, strict=True) if size <= FAR * usual or not usual]


def config(study: Study, variant: str) -> dict[str, Any]:
    """The hyperparameters a variant is confirmed with under their names; empty before its first training."""
    trial = next((one for one in study.stage("confirm") if one.candidate == variant), None)
    return trial.flat if trial else {}


def changed(study: Study, variant: str) -> tuple[str, str]:
    """(what a variant changes, what changed along with it) in words."""
    entry = study.header["ablation"]["variants"][variant]
    before, now = config(study, reference(study)), config(study, variant)
    changes = [
        f"{name} {f'{setting(before[name])} → ' if not missing(before.get(name)) else ''}{setting(value)}"
        for name, value in entry["changes"].items()
    ]
    without = [name for name, value in entry["also"].items() if missing(value)]
    tuned = {name: now[name] for name in study.header["ablation"]["retune"] if name in now}
    also = [
        f"with {settings(entry['also'])}" if len(without) < len(entry["also"]) else "",
        f"without {', '.join(without)}" if without else "",
        f"re-tuned {settings(tuned)}" if tuned else "",
    ]
    return ", ".join(changes), ", ".join(part for part in also if part)
