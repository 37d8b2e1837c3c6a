"""The tables of ``systems.py``: what was measured on the blind test, beside what was published."""

from __future__ import annotations

from statistics import mean
from typing import Any

import record

Row = dict[str, Any]
PUBLISHED = {  # of the blind test, as their authors split it
    "mofs-vit": "top-1 0.70, top-3 0.93, top-5 0.949 in 269 s (Chen et al. 2024, ViT)",
    "identify-regnet": "top-5 0.973 (XRDidentifier 2021)",
    "crystals-extra_trees": "0.677 on peaks, 0.321 on spectra (slides 2024)",
    "crystals-dense": "0.353 on spectra (slides 2024)",
    "crystals-transformer": "0.60 on peaks, 0.33 on spectra (slides 2024)",
}
MOFS = ("top-1", "top-3", "top-5")


def rows() -> list[Row]:
    """Every recorded study."""
    return record.rows("systems")


def draw(found: list[Row]) -> str:
    """The newest record of each study, a table for each system; markdown."""
    newest = list({row["study"]: row for row in found}.values())
    lines = []
    for system, drawn in (("mofs", _mofs), ("identify", _identify), ("crystals", _crystals)):
        mine = [row for row in newest if row["system"] == system]
        if mine:
            lines += [f"## {system}", "", *drawn(mine), "", *_commands(mine), ""]
    return "\n".join(lines)


def _mofs(found: list[Row]) -> list[str]:
    lines = [_line("study", *MOFS, "parameters", "epochs", "seconds of training", "published"), _line(*["---"] * 8)]
    for row in found:
        for one in row["found"].values():
            tops = [_of(one, name) for name in ("accuracy", "top3", "top5")]
            lines.append(_line(row["study"], *tops, *_cost(one), PUBLISHED.get(row["study"], "")))
    return lines


def _identify(found: list[Row]) -> list[str]:
    lines = [_line("study", "patterns", *MOFS, "published"), _line(*["---"] * 6)]
    for row in found:
        for one in row["found"].values():
            tops = [_of(one, name) for name in ("accuracy", "top3", "top5")]
            lines.append(_line(row["study"], "known, by the network", *tops, PUBLISHED.get(row["study"], "")))
        for one in row["references"]:
            tops = [f"{one[name]:.3f}" for name in ("top1", "top3", "top5")]
            said = one["said"].partition(" of ")[2]
            lines.append(_line(row["study"], f"new, by reference: {said}", *tops, ""))
    return lines


def _crystals(found: list[Row]) -> list[str]:
    head = ("study", "variant", "accuracy", "balanced accuracy", "parameters", "epochs", "seconds", "published")
    lines = [_line(*head), _line(*["---"] * len(head))]
    for row in found:
        for name, one in row["found"].items():
            said = PUBLISHED.get(row["study"], "")
            values = (_of(one, "accuracy"), _of(one, "balanced_accuracy"))
            lines.append(_line(row["study"], name, *values, *_cost(one), said))
    return lines


def _of(one: Row, metric: str) -> str:
    """The mean over seeds, with the interval over seeds and spectra where there is one."""
    values = [metrics[metric] for metrics in one["metrics"] if metric in metrics]
    if not values:
        return ""
    ends = one["intervals"].get(metric)
    return f"{mean(values):.3f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")


def _cost(one: Row) -> tuple[str, str, str]:
    return f"{one['parameters']:,}", _spread(one["epochs"]), _spread(one["seconds"])


def _spread(values: list[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low}" if low == high else f"{low} to {high}"


def _commands(found: list[Row]) -> list[str]:
    lines = ["```", *dict.fromkeys(row["command"] for row in found), "```", ""]
    for row in found:
        seeds = sorted({seed for one in row["found"].values() for seed in one["seeds"]})
        said = f"seeds {', '.join(map(str, seeds))}, digest `{row['digest']}`, {row['machine']}, commit {row['commit']}"
        lines.append(f"* {row['study']}: {said}")
    return lines


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
