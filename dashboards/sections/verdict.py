"""A study's result in one or two plain sentences."""

from __future__ import annotations

from html import escape
from typing import Any

from spectune.dashboards.style.words import missing, number, spoken, title
from spectune.dashboards.tables.candidates import KNOWN, trained, who
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import ENSEMBLE
from spectune.search.records.metrics import EXPECTED
from spectune.search.records.ranking import difference, duel, remark, rivals


def verdict(summary: Summary) -> str:
    """Who won with what on the blind test, against the baseline; or how far the study is. HTML."""
    if not len(summary.confirmed):
        return _leader(summary)
    return (_training(summary) if trained(summary.study) else _winner(summary)) + _ceiling(summary)


def _ceiling(summary: Summary) -> str:
    """What the ideal classifier expects of the blind test, where the study says."""
    expected = next((test["ceiling"] for test in summary.study.tests if test.get("ceiling") is not None), None)
    if expected is None or summary.metric != EXPECTED:
        return ""
    return f" The ideal classifier, which knows how training spectra are made and no more, expects {number(expected)}."


def _training(summary: Summary) -> str:
    row, metric = summary.confirmed.iloc[0], escape(title(summary.metric))
    if missing(row.test_mean):
        where, value, more = "validation split", _validated(row), " It was not tested yet."
    else:
        where, value, more = "blind test", _tested(row), ""
    beside = escape(f" {remark(summary.study)}".rstrip())
    return f"{_name(row.who)} was trained: its {metric} on the {where} is {value}.{more}{beside}"


def _winner(summary: Summary) -> str:
    frame, metric = summary.confirmed, escape(title(summary.metric))
    winner, known = frame.iloc[0], frame[frame["kind"] == KNOWN]
    name = _name(str(winner.candidate) if winner.kind == KNOWN else winner.who)
    if missing(winner.test_mean):
        value = _validated(winner)
        return f"{name} leads the confirmed configs: {metric} {value} on the validation split. It was not tested yet."
    value = _tested(winner)
    duels = [escape(duel(summary.study, row)) for row in rivals(summary.study)]
    if winner.kind == KNOWN:
        first = f"Nothing that was found beats the baseline {name}, whose {metric} on the blind test is {value}."
        return " ".join([first, *duels])
    wins = escape(remark(summary.study)) or f"{name} wins."
    sentence = f"{wins} Its {metric} on the blind test is {value}"
    if not len(known) or missing(known.iloc[0].test_mean):
        return " ".join([f"{sentence}.", *duels])
    other = known.iloc[0]
    rival = f"that of the baseline {escape(str(other.candidate))} {_tested(other)}"
    return " ".join([f"{sentence}, {rival}.", *(duels or [_compared(summary, winner, other)])])


def _compared(summary: Summary, winner: Any, baseline: Any) -> str:
    sign = 1 if summary.direction == "max" else -1
    interval = difference(winner.test_values, baseline.test_values)
    gap, *ends = (sign * value for value in interval.values() if value is not None)
    size = f"The winner is {abs(gap):.4f} {'better' if gap >= 0 else 'worse'}"
    if not ends:
        return f"{size}, on a single seed."
    low, high = sorted(ends)
    size += f" (95 % interval {low:+.4f} to {high:+.4f} over seeds)"
    return f"{size}, which does not tell them apart." if low <= 0 <= high else f"{size}."


def _leader(summary: Summary) -> str:
    frame = summary.trials
    values = frame.loc[frame["stage"] == "explore", "value"].dropna()
    if not len(values):
        what, failed = "training" if trained(summary.study) else "trial", int((frame["status"] == "failed").sum())
        return f"No {what} has a value: {failed} of {len(frame)} failed." if failed else f"No {what} has ended yet."
    trial = int(values.idxmax() if summary.direction == "max" else values.idxmin())
    name = who(summary.study, trial, str(frame.loc[trial, "label"]))
    return (
        f"No config is confirmed yet. Best so far is {_name(name, start=False)} with "
        f"{escape(title(summary.metric))} {number(values[trial])} on the validation split: one seed, and the best of "
        f"{len(values)}, so expect less when it is confirmed."
    )


def _name(name: str, *, start: bool = True) -> str:
    shown = name[0].upper() + name[1:] if start and name.startswith(("trial", ENSEMBLE)) else name
    return f"<strong>{escape(shown)}</strong>"


def _validated(row: Any) -> str:
    return _scored(row["mean"], spoken(row["low"], row["high"], len(row["values"]), row["over"]))


def _tested(row: Any) -> str:
    ends = row["test_low"], row["test_high"]
    return _scored(row["test_mean"], spoken(*ends, len(row["test_values"]), row["test_over"]))


def _scored(mean: float, evidence: str) -> str:
    return f"{number(mean)} ({escape(evidence)})"
