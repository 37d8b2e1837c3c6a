"""A study's result in one or two plain sentences."""

from __future__ import annotations

from html import escape
from typing import Any

from spectune.dashboards.style.words import between, missing, number, title, who
from spectune.dashboards.tables.summary import Summary
from spectune.search.records.ranking import difference


def verdict(summary: Summary) -> str:
    """Who won with what on the blind test, against the baseline; or how far the study is. HTML."""
    if not len(summary.confirmed):
        return _leader(summary)
    return _told(summary) + _ceiling(summary)


def _ceiling(summary: Summary) -> str:
    """What the ideal classifier expects of the blind test, where the study says."""
    expected = next((test["ceiling"] for test in summary.study.tests if test.get("ceiling") is not None), None)
    if expected is None or summary.metric != "accuracy":
        return ""
    return f" The ideal classifier, which knows how training spectra are made and no more, expects {number(expected)}."


def _told(summary: Summary) -> str:
    found, metric = summary.confirmed, escape(title(summary.metric))
    winner, known = found.iloc[0], found[found["baseline"]]
    name = _name(winner.candidate, winner.label)
    if missing(winner.test_mean):
        value = _interval(winner["mean"], winner.low, winner.high, len(winner["values"]))
        return f"{name} leads the confirmed configs: {metric} {value} on the validation split. It was not tested yet."
    value = _interval(winner.test_mean, winner.test_low, winner.test_high, len(winner.test_values))
    if winner.baseline:
        return f"Nothing that was found beats the baseline {name}, whose {metric} on the blind test is {value}."
    said = f"{name} wins. Its {metric} on the blind test is {value}"
    if not len(known) or missing(known.iloc[0].test_mean):
        return f"{said}."
    other = known.iloc[0]
    rival = _interval(other.test_mean, other.test_low, other.test_high, len(other.test_values))
    return f"{said}, that of the baseline {escape(other.candidate)} {rival}. {_compared(summary, winner, other)}"


def _compared(summary: Summary, winner: Any, baseline: Any) -> str:
    sign = 1 if summary.direction == "max" else -1
    found = difference(winner.test_values, baseline.test_values)
    gap, *ends = (sign * value for value in found.values() if value is not None)
    size = f"The winner is {abs(gap):.4f} {'better' if gap >= 0 else 'worse'}"
    if not ends:
        return f"{size}, on a single seed."
    low, high = sorted(ends)
    size += f" (95 % interval {low:+.4f} to {high:+.4f})"
    return f"{size}, which does not tell them apart." if low <= 0 <= high else f"{size}."


def _leader(summary: Summary) -> str:
    frame = summary.trials
    values = frame.loc[frame["stage"] == "explore", "value"].dropna()
    if not len(values):
        failed = int((frame["status"] == "failed").sum())
        return f"No trial has a value: {failed} of {len(frame)} failed." if failed else "No trial has ended yet."
    trial = int(values.idxmax() if summary.direction == "max" else values.idxmin())
    return (
        f"No config is confirmed yet. Best so far is {_name(trial, str(frame.loc[trial, 'label']), start=False)} with "
        f"{escape(title(summary.metric))} {number(values[trial])} on the validation split: one seed, and the best of "
        f"{len(values)}, so expect less when it is confirmed."
    )


def _name(candidate: int | str, label: str, *, start: bool = True) -> str:
    name = candidate if isinstance(candidate, str) else who(candidate, label)
    return f"<strong>{escape(name[0].upper() + name[1:] if start and name.startswith('trial') else name)}</strong>"


def _interval(mean: float, low: float, high: float, seeds: int) -> str:
    spread = between(low, high)
    return f"{number(mean)} ({f'95 % interval {spread}, {seeds} seeds' if spread else 'one seed'})"
