"""The table of ``real.py``: what each method had right on the blind test of each set, and its mean rank over sets;
then spectune in pairs with the best simple method of each.

Intervals are of 95 % over the groups of the blind test (a spectrum of its own is a group of one): Jeffreys' interval
(Brown, Cai and DasGupta 2001) with the share of each group that is right as its part of a success. Balanced accuracy is
the mean over classes of such shares, its interval by draws of the classes' own. With several seeds a spectrum counts by
the share of seeds that had it right.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, rankdata
from simple import METHODS as SIMPLE

from spectune.search.records import uncertainty

OURS = "spectune"
DRAWS, EDGES = 20_000, (0.025, 0.975)
Floats = NDArray[np.float64]
Row = dict[str, Any]


def accuracy(right: Floats, groups: NDArray[np.int64]) -> tuple[float, float, float]:
    """(accuracy, low, high) of spectra (N,), each 1 where it is right, 0 where not, or a share between."""
    _, shares = _shares(right, groups)
    return _with(float(right.mean()), *beta.ppf(EDGES, *_jeffreys(shares)))


def balanced(right: Floats, truth: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[float, float, float]:
    """(mean over classes of the share that is right, low, high)."""
    chance = np.random.default_rng(0)
    points, draws = [], []
    for one in np.unique(truth):
        mine = truth == one
        points.append(right[mine].mean())
        draws.append(chance.beta(*_jeffreys(_shares(right[mine], groups[mine])[1]), DRAWS))
    low, high = np.quantile(np.mean(draws, axis=0), EDGES)
    return _with(float(np.mean(points)), float(low), float(high))


def _shares(right: Floats, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    names, numbers = np.unique(groups, return_inverse=True)
    return names, np.bincount(numbers, right) / np.bincount(numbers)


def _jeffreys(shares: Floats) -> tuple[float, float]:
    return float(shares.sum()) + 0.5, float((1 - shares).sum()) + 0.5


def _with(point: float, low: float, high: float) -> tuple[float, float, float]:
    """The interval holds its point, as it should where all or nothing is right."""
    return point, min(float(low), point), max(float(high), point)


def right(rows: list[Row]) -> Floats:
    """For each test spectrum the share of the rows (one for each seed) that had it right."""
    return np.asarray(np.mean([np.equal(row["predicted"], row["truth"]) for row in rows], axis=0))


def ranks(scores: dict[str, dict[str, float]]) -> dict[str, tuple[float, float, float]]:
    """(mean rank over sets, low, high) of the methods that have a score on every set: 1 is best, equal ones share. The
    interval is of 95 % over draws of the sets."""
    sets = {one for by_set in scores.values() for one in by_set}
    whole = [method for method, by_set in scores.items() if set(by_set) == sets]
    if not whole:
        return {}
    places = np.array([rankdata([-scores[method][one] for method in whole]) for one in sorted(sets)])  # (sets, methods)
    drawn = np.random.default_rng(0).integers(len(places), size=(DRAWS, len(places)))
    low, high = np.quantile(places[drawn].mean(axis=1), EDGES, axis=0)
    return dict(zip(whole, zip(places.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True), strict=True))


def against(ours: list[Row], theirs: list[Row]) -> tuple[float, float, float, float]:
    """(difference of accuracy, low, high, mid-p) of two methods on the same test spectra, paired over groups."""
    gap = right(ours) - right(theirs)
    _, groups = np.unique(ours[0]["groups"], return_inverse=True)
    sums = np.bincount(groups, gap)
    spread = uncertainty.spread(sums[None] * len(sums) / len(gap), units=len(sums), grouped=True)
    seeds = max(len(ours), len(theirs))
    return float(gap.mean()), *uncertainty.gap(spread), uncertainty.pairs((sums * seeds).round())


def draw(rows: list[Row], names: dict[str, str], minutes: float) -> str:
    """Tables in Markdown of the rows with this limit: accuracy and balanced accuracy of each method on each set, and
    ours beside the best simple one."""
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["minutes"] == minutes:
            found[row["method"]][row["set"]].append(row)
    methods = [method for method in names if method in found]
    sets = list(dict.fromkeys(row["set"] for row in rows if row["minutes"] == minutes))
    parts = []
    for title, measure in (("accuracy", _accuracy), ("balanced accuracy", _balanced)):
        cells = {method: {one: measure(runs) for one, runs in found[method].items()} for method in methods}
        parts.append(_table(title, cells, names, sets))
    if OURS in found:
        parts.append(_duels(found, names, sets))
    return "\n".join(parts)


def _duels(found: dict[str, dict[str, list[Row]]], names: dict[str, str], sets: list[str]) -> str:
    """Ours on each set beside the simple method that did best on its blind test, which a user could not know."""
    lines = [f"| set | {names[OURS]} | best simple method | difference | mid-p |", "|---" * 5 + "|"]
    for one in sets:
        scores = {method: right(runs[one]).mean() for method, runs in found.items() if one in runs}
        simple = [method for method in SIMPLE if method in scores]
        if OURS in scores and simple:
            best = max(simple, key=scores.__getitem__)
            gap, low, high, p = against(found[OURS][one], found[best][one])
            mine, theirs = f"{scores[OURS]:.3f}", f"{names[best]} {scores[best]:.3f}"
            lines.append(f"| {one} | {mine} | {theirs} | {gap:+.3f} ({low:+.2f} to {high:+.2f}) | {p:.2f} |")
    return "\n".join(lines) + "\n"


def _accuracy(rows: list[Row]) -> tuple[float, float, float]:
    return accuracy(right(rows), np.array(rows[0]["groups"]))


def _balanced(rows: list[Row]) -> tuple[float, float, float]:
    return balanced(right(rows), np.array(rows[0]["truth"]), np.array(rows[0]["groups"]))


def _table(
    title: str, cells: dict[str, dict[str, tuple[float, float, float]]], names: dict[str, str], sets: list[str]
) -> str:
    """Methods as rows, the best mean rank first, then those that lack a set."""
    mean = ranks({method: {one: cell[0] for one, cell in row.items()} for method, row in cells.items()})
    lines = [f"| {title} | mean rank | " + " | ".join(sets) + " |", "|---" * (len(sets) + 2) + "|"]
    best = {one: max(row[one][0] for row in cells.values() if one in row) for one in sets}
    for method in sorted(cells, key=lambda method: mean.get(method, (np.inf,))):
        place = "{:.1f} ({:.1f} to {:.1f})".format(*mean[method]) if method in mean else "-"
        shown = [_cell(cells[method].get(one), best[one]) for one in sets]
        lines.append(f"| {' | '.join((names[method], place, *shown))} |")
    return "\n".join(lines) + "\n"


def _cell(value: tuple[float, float, float] | None, best: float) -> str:
    if value is None:
        return "-"
    point, low, high = value
    return f"{f'**{point:.3f}**' if point == best else f'{point:.3f}'} ({low:.2f} to {high:.2f})"
