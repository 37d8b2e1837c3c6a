"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from spectune.search.records.metrics import metric_of


def title(name: str) -> str:
    """A metric's name for people."""
    return metric_of(name).title


def missing(value: Any) -> bool:
    """Whether there is no value: None, NaN or pandas' own nothing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: float | None) -> str:
    """A metric with four decimals as the terminal prints it, a count with its thousands."""
    if value is None or math.isnan(value):
        return ""
    if float(value).is_integer() and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"


def between(low: float | None, high: float | None) -> str:
    """The two ends of an interval; nothing when there is none."""
    return "" if missing(low) else f"{number(low)} to {number(high)}"


def spoken(low: float | None, high: float | None, seeds: int, over: str | None) -> str:
    """An interval with the seeds that it comes from, and what it is over: seeds alone need not be said."""
    count = f"{seeds} seeds" if seeds > 1 else "one seed"
    drawn = str(over or "").removeprefix("seeds").removeprefix(" and ")
    return (
        count
        if missing(low)
        else f"95 % interval {between(low, high)}, {count}" + (f" and the {drawn}" if drawn else "")
    )


def setting(value: Any) -> str:
    """A hyperparameter's value in a few characters: 3.2e-4, 64, 2,563, yes, (35, 30, 25)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(setting, value)) + ")"
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer():
        return f"{value:,.0f}" if abs(value) < 10**6 else amount(value)
    if abs(value) < 0.001:
        digits, exponent = f"{value:.1e}".split("e")
        return f"{digits.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}"


def settings(values: dict[str, Any], *, sign: str = " = ") -> str:
    """Hyperparameters, or other names and values, in a line; what has no value is left out."""
    return ", ".join(f"{name}{sign}{setting(value)}" for name, value in values.items() if not missing(value))


def ranges(seeds: list[int]) -> str:
    """1, 2, 3 as 1 to 3."""
    whole = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 2 else ", ".join(map(str, seeds))


def amount(value: float) -> str:
    """A count in two or three digits: 950, 1.25 M, 19.2 M."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """Seconds as 4.2 s, 3 min 20 s or 2 h 05 min."""
    if seconds is None or math.isnan(seconds):
        return ""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(seconds: float) -> str:
    """A Unix time as a date in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
