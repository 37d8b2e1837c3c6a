"""What a diagnosis found, as tables on the terminal."""

from __future__ import annotations

from typing import Any

from spectune.search.process.table import table
from spectune.search.records.metrics import EXPECTED, metric_of

WHAT = metric_of(EXPECTED).title
MOST_LISTED = 12  # confused pairs, and classes


def show(facts: dict[str, Any]) -> None:
    """Print accuracies with the ceiling, errors by cause, and what is confused most."""
    _accuracies(facts)
    if facts["unknown"]:
        print(f"no ceiling: {facts['unknown']}\n")
    if facts["causes"]:
        rows = [{"config": one["name"], **_errors(facts, one["errors"])} for one in facts["models"]]
        rows += [{"config": "ideal classifier", **_errors(facts, facts["ideal"]["errors"])}] if facts["ideal"] else []
        table(rows, "errors per training, by what the two confused classes differ in")
    times = f"times ({' + '.join(one['name'] for one in facts['models'])})"
    pairs = [
        {"true class": a, "taken for": b, **({"cause": why} if why else {}), times: " + ".join(map(str, counts))}
        for a, b, why, counts in facts["confused"][:MOST_LISTED]
    ]
    if pairs:
        table(pairs, f"most confused classes, {len(facts['confused'])} pairs in all")
    classes = [
        {"config": name, "spectra": size, WHAT: ", ".join(f"{share:.4f}" for share in shares)}
        for name, size, shares in facts.get("classes", [])[:MOST_LISTED]
    ]
    if classes:
        table(classes, "least accurate classes")


def _accuracies(facts: dict[str, Any]) -> None:
    data, ideal = facts["dataset"], facts["ideal"]
    heads = [f"{name} ({size})" for name, size in {WHAT: facts["spectra"], **facts["groups"]}.items()]
    rows = []
    for model in facts["models"]:
        shares = map(_said, (model[EXPECTED], *model["groups"].values()))
        rows.append({"config": model["name"], "seeds": _seeds(model), **dict(zip(heads, shares, strict=True))})
    if ideal:
        shares = map("{:.4f}".format, (ideal[EXPECTED], *ideal["groups"].values()))
        name = "ideal classifier" + (" (upper bound)" if ideal["bound"] else "")
        rows.append({"config": name, "seeds": "", **dict(zip(heads, shares, strict=True))})
    table(
        rows,
        f"{facts['split']} split of {data['name']} (digest {data['digest']}), after the fact: {WHAT}, mean and "
        "95 % interval over seeds" + (", by how classes differ from their nearest rivals" if facts["groups"] else ""),
    )


def _errors(facts: dict[str, Any], errors: dict[str, float]) -> dict[str, str]:
    return {"all": f"{sum(errors.values()):.1f}", **{name: f"{errors.get(name, 0):.1f}" for name in facts["causes"]}}


def _seeds(model: dict[str, Any]) -> str:
    return ", ".join(map(str, model["seeds"])) or "unknown"


def _said(share: dict[str, Any]) -> str:
    return f"{share['mean']:.4f}" + ("" if share["low"] is None else f" ({share['low']:.4f} to {share['high']:.4f})")
