"""The tables of ``paper.py`` from rows: those of the studies at hand, and those that were recorded before.

A row is a network at one plateau factor: its ``seeds`` with their blind test accuracies ``values``, the ``published``
ones, the dataset's ``digest``, ``right``, the same accuracies by cause where they are known, and for fig3 its losses.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from itertools import chain
from typing import Any

from record import HERE
from scipy.stats import spearmanr

from spectune.search.ablation.paired import bootstrap, holm, permutation
from spectune.search.records.ranking import interval

Row = dict[str, Any]
SIMPLER = {"cnn6_bn": "cnn6", "cnn6_convdo": "cnn6", "cnn_bn": "cnn_bn_mod", "vgg": "vgg_mod", "resnet": "resnet_mod"}
CURVE = (1, 2, 5, 10, 20, 40, 80)  # epochs at which fig3's table shows the loss


def recorded(figure: str, *, reduced: bool) -> list[Row]:
    """All rows of a figure that were ever recorded, each with the commit and the machine that trained it."""
    path = HERE / "results" / "paper.jsonl"
    rows = []
    for line in map(json.loads, path.read_text().splitlines() if path.is_file() else ()):
        for row in line["rows"] if (line["figure"], line["reduced"]) == (figure, reduced) else ():
            seeds = list(range(len(row.get("values", ()))))  # as the first records had them
            rows.append({"commit": line["commit"], "machine": line["machine"], "seeds": seeds, **row})
    return rows


def merged(rows: list[Row], order: Sequence[str]) -> list[Row]:
    """Of each network at each factor the row with most seeds, the last of these; networks in ``order``."""
    found: dict[tuple[tuple[str, ...], float], Row] = {}
    for row in rows:
        key = tuple(row["network"]), row["factor"]
        before = found.get(key)
        if before is None or before["digest"] != row["digest"] or len(before["seeds"]) <= len(row["seeds"]):
            found[key] = row
    return sorted(found.values(), key=lambda row: (order.index(row["network"][0]), row["factor"], row["network"][1:]))


def accuracies(rows: list[Row], *, reduced: bool) -> list[str]:
    """A line for each row, beside the published numbers."""
    lines = [
        "| network | plateau factor | seeds | test accuracy, median (range) | mean, 95 % interval | published median "
        "(range) | verdict | commit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ends = interval(row["values"], "accuracy")
        mean = f"{ends['mean']:.4f}" + ("" if ends["low"] is None else f", {ends['low']:.4f} to {ends['high']:.4f}")
        said = "reduced: compare the rows" if reduced else verdict(row["values"], row["published"])
        cells = [
            *(" ".join(row["network"]), f"{row['factor']:g}", str(len(row["seeds"])), spread(row["values"]), mean),
            *(spread(row["published"]), said, row["commit"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})" if values else ""


def verdict(ours: list[float], theirs: list[float]) -> str:
    """Whether the median lies within the published seeds."""
    if not theirs:
        return "not published"
    median = statistics.median(ours)
    if min(theirs) <= median <= max(theirs):
        return "inside the published spread"
    nearest = min(theirs) if median < min(theirs) else max(theirs)
    return f"outside, {100 * (median - nearest):+.1f} points"


def losses(rows: list[Row]) -> list[str]:
    """Fig. 3: the validation loss over the epochs, median over the seeds, and where training stopped."""
    heads = [f"epoch {epoch}" for epoch in CURVE]
    lines = [
        f"| network | plateau factor | {' | '.join(heads)} | lowest | stopped after | commit |",
        "|---" * (len(CURVE) + 5) + "|",
    ]
    for row in rows:
        cells = [f"{row['curve'][epoch - 1]:.3g}" if epoch <= len(row["curve"]) else "" for epoch in CURVE]
        ends = f"{min(row['epochs'])} to {max(row['epochs'])} epochs"
        whole = [*row["network"], f"{row['factor']:g}", *cells, f"{row['lowest']:.3g}", ends, row["commit"]]
        lines.append(f"| {' | '.join(whole)} |")
    return lines


def activations(rows: list[Row]) -> list[str]:
    """What ReLU instead of linear FC layers brings: in each network of fig7, in those together, and there by cause."""
    alone: dict[str, list[float]] = {}
    together: dict[tuple[float, str], list[list[float]]] = {}
    for relu, linear in _beside(rows, lambda key: (key[0], "linear") if key[1:] == ("relu",) else None):
        name = f"relu instead of linear in {relu['network'][0]}, plateau factor {relu['factor']:g}"
        alone[name] = _differences(relu, linear, "values")
        one, other = ({**row, **row.get("right", {})} for row in (relu, linear))
        for spectra, key in {"all spectra": "values", **{cause: cause for cause in relu.get("right", ())}}.items():
            together.setdefault((relu["factor"], spectra), []).append(_differences(one, other, key))
    named = {
        f"relu instead of linear in {len(found)} networks, plateau factor {factor:g}, {spectra}": list(chain(*found))
        for (factor, spectra), found in together.items()
        if len(found) > 1
    }
    return [*compared(alone), "", *compared(named)]


def simpler(rows: list[Row]) -> list[str]:
    """How far table2's simpler networks are better than those that they were made of, in pairs of one seed."""
    found = {}
    for row, better in _beside(rows, lambda key: (SIMPLER[key[0]],) if key[0] in SIMPLER else None):
        name = f"{SIMPLER[row['network'][0]]} instead of {' '.join(row['network'])}, plateau factor {row['factor']:g}"
        found[name] = _differences(better, row, "values")
    return compared(found)


def _beside(rows: list[Row], other: Any) -> list[tuple[Row, Row]]:
    """Each row with the one at the same factor whose network is what ``other`` says, if there is one."""
    known = {(tuple(row["network"]), row["factor"]): row for row in rows}
    pairs = ((row, known.get((other(tuple(row["network"])), row["factor"]))) for row in rows)
    return [(row, found) for row, found in pairs if found is not None]


def _differences(one: Row, other: Row, key: str) -> list[float]:
    """In pairs of one seed; none where either lacks what is compared."""
    a, b = (dict(zip(row.get("seeds", ()), row.get(key, ()), strict=False)) for row in (one, other))
    return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]


def compared(found: dict[str, list[float]]) -> list[str]:
    """What paired differences say, a line for each name that has two."""
    told = {name: differences for name, differences in found.items() if len(differences) > 1}
    chances = [permutation(differences) for differences in told.values()]
    lines = []
    for (name, differences), chance, corrected in zip(told.items(), chances, holm(chances), strict=True):
        ends = bootstrap(differences)
        within = f"95 % CI {100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}, " if ends else ""
        lines.append(
            f"* {name}: {100 * statistics.fmean(differences):+.1f} points test accuracy ({within}{len(differences)} "
            f"pairs, p = {chance:.2g}, {corrected:.2g} corrected)"
        )
    return lines


def order(rows: list[Row]) -> list[str]:
    """How far the networks' order is the published one."""
    lines = []
    for factor in sorted({row["factor"] for row in rows}):
        some = [row for row in rows if row["factor"] == factor and row["published"]]
        if len(some) > 2:
            both = [[statistics.fmean(row[key]) for row in some] for key in ("values", "published")]
            found = spearmanr(*both)
            lines.append(
                f"* plateau factor {factor:g}: rank correlation of the {len(some)} mean accuracies with the published "
                f"ones {found.statistic:.2f} (p = {found.pvalue:.3f})"
            )
    return lines
