"""What an ablation found: its variants evaluated, compared with the reference in pairs, in figures and in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import numpy as np

from spectune.search.ablation.paired import ALPHA, LEVEL, bootstrap, effect, holm, least, permutation, seeds_needed
from spectune.search.ablation.vary import spelled
from spectune.search.process.table import table
from spectune.search.records import Journal, Options, Study
from spectune.search.records.metrics import metric_of
from spectune.search.records.ranking import CEILING, measured, nothing
from spectune.spaces.files import replace

TABLE = "ablation.csv"


def compare(study: Study, journal: Journal) -> None:
    """Record what the evaluations say of the variants, on each split that was evaluated."""
    for split in dict.fromkeys(split for _, split in study.evaluations):
        study.apply(journal.append("compare", **comparison(study, split)))


def comparison(study: Study, split: str) -> dict[str, Any]:
    """The rows of a comparison: every variant's values, and its difference to the reference in pairs of one seed."""
    metric, direction = study.objectives[0]
    ablation = study.header["ablation"]
    values = {
        name: scores
        for name in ablation["variants"]
        if (line := study.evaluations.get((name, split))) is not None and (scores := _values(line, metric))
    }
    reference = values.get(ablation["reference"], {})
    rows = [_row(study, name, split, scores, reference) for name, scores in values.items()]
    _correct([row["difference"] for row in rows if row["difference"]])
    for row in rows:
        row["finding"] = finding(row, ablation, metric=metric, split=split)
    return {
        "split": split,
        "metric": metric,
        "direction": direction,
        "level": LEVEL,
        "ceiling": next((line["ceiling"] for (_, on), line in study.evaluations.items() if on == split), None),
        "least_p": least(len(reference)) if len(reference) > 1 else None,
        "rows": rows,
    }


def _values(line: dict[str, Any], metric: str) -> dict[int, float]:
    """Seed -> value of an evaluation, where there is one: some scores have none on a split."""
    pairs = zip(line["seeds"], (row.get(metric) for row in line["metrics"]), strict=True)
    return {seed: value for seed, value in pairs if value is not None}


def _row(study: Study, name: str, split: str, values: dict[int, float], reference: dict[int, float]) -> dict[str, Any]:
    trials = study.confirmed()[name]
    seeds = [seed for seed in values if seed in reference]
    score = measured(study.objectives[0][0], list(values), list(values.values()), study.evaluations[name, split])
    row: dict[str, Any] = {
        "variant": name,
        "seeds": list(values),
        "values": list(values.values()),
        **{key: score[key] for key in ("mean", "std", "low", "high", "over")},
        "parameters": trials[0].parameters,
        "macs": trials[0].macs,
        "seconds": round(sum(one.seconds for one in trials) / len(trials), 3),
        "difference": None,
    }
    if seeds and name != study.header["ablation"]["reference"]:
        differences = [values[seed] - reference[seed] for seed in seeds]
        low, high = bootstrap(differences) or (None, None)
        row["difference"] = {
            "seeds": seeds,
            "values": differences,
            "mean": float(np.mean(differences)),
            "low": low,
            "high": high,
            "p": permutation(differences) if len(seeds) > 1 else None,
            "p_holm": None,
            "effect": effect(differences),
            "seeds_needed": None,
        }
    return row


def _correct(differences: list[dict[str, Any]]) -> None:
    """Fill in what depends on how many comparisons there are."""
    tested = [one for one in differences if one["p"] is not None]
    for one, p in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one["p_holm"] = p
        if p > ALPHA:
            one["seeds_needed"] = seeds_needed(one["effect"], len(tested))


def finding(row: dict[str, Any], ablation: dict[str, Any], *, metric: str, split: str) -> str:
    """A variant's difference in a sentence that says no more than the numbers do; "" for the reference."""
    difference = row["difference"]
    if difference is None:
        return ""
    what = ablation["variants"][row["variant"]]
    also = [f"{name} {'gone' if value is None else spelled(value)}" for name, value in what["also"].items()]
    changed = ", ".join(
        f"{name} {spelled(value)} instead of {spelled(what['before'][name])}" for name, value in what["changes"].items()
    )
    along = f" (and with it {', '.join(also)})" if also else ""
    unit = " points" if metric_of(metric).points else ""
    size = f"{_signed(difference['mean'], metric)}{unit} {split} {metric_of(metric).title}"
    return f"{changed}{along}: {size} ({_evidence(difference, metric)}){_verdict(difference)}"


def _evidence(difference: dict[str, Any], metric: str) -> str:
    count = len(difference["seeds"])
    parts = [f"{count} seeds" if count > 1 else "one seed"]
    if difference["low"] is not None:
        parts.insert(0, f"95 % CI {_signed(difference['low'], metric)} to {_signed(difference['high'], metric)}")
    if difference["p"] is not None:
        corrected = f", {difference['p_holm']:.2g} corrected" if difference["p_holm"] != difference["p"] else ""
        parts.append(f"p = {difference['p']:.2g}{corrected}")
    return ", ".join(parts)


def _verdict(difference: dict[str, Any]) -> str:
    """What may be concluded, where it is not that there is a difference."""
    if difference["p_holm"] is not None and difference["p_holm"] <= ALPHA:
        return ""
    if difference["p"] is None:
        return ": too few seeds to tell"
    if not any(difference["values"]):
        return ": no difference at all"
    needed, count = difference["seeds_needed"], len(difference["seeds"])
    more = f"; about {needed} seeds would tell a difference of this size" if needed else ""
    if difference["low"] is None or difference["low"] <= 0 <= difference["high"]:
        return f": not told apart{more}"
    floor = f", {count} seeds cannot give p below {least(count):.2g}" if difference["p"] <= least(count) else ""
    return f": the interval excludes zero, the test does not{floor}{more}"


def _signed(value: float, metric: str) -> str:
    return f"{100 * value:+.1f}" if metric_of(metric).points else f"{value:+.4f}"


def write(study: Study) -> None:
    """Write ablation.csv, one row per variant and split."""
    rows = list(_flat(study))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0] if rows else ["split", "variant"])
    writer.writeheader()
    writer.writerows(rows)
    replace(study.folder / TABLE, text.getvalue())


def _flat(study: Study) -> Iterable[dict[str, Any]]:
    ablation = study.header["ablation"]
    for split, line in study.comparisons.items():
        for row in line["rows"]:
            difference = row["difference"] or {}
            yield {
                "split": split,
                "metric": line["metric"],
                "variant": row["variant"],
                "reference": ablation["reference"],
                "seeds": " ".join(map(str, row["seeds"])),
                "values": " ".join(f"{value:.6g}" for value in row["values"]),
                **{key: row[key] for key in ("mean", "std", "low", "high")},
                **{
                    f"difference_{key}": difference.get(key)
                    for key in ("mean", "low", "high", "p", "p_holm", "effect", "seeds_needed")
                },
                **{key: row[key] for key in ("parameters", "macs", "seconds")},
            }


def show(study: Study, options: Options) -> None:
    """Print the variants with their differences, and what they say."""
    header = study.header
    if not study.comparisons:
        print(f"nothing can be compared: {nothing(study)}")
    for split, line in study.comparisons.items():
        title = (
            f"{study.name}: {split} {line['metric']} on {header['dataset']['name']} (digest "
            f"{header['dataset']['digest']}), {options.epochs} epochs at most; mean and 95 % interval over "
            f"{next((row['over'] for row in line['rows'] if row['over']), 'seeds')}; "
            f"difference to {header['ablation']['reference']}, paired by seed"
        )
        table([_shown(row, line["metric"]) for row in line["rows"]], title)
        if line["ceiling"] is not None:
            print(CEILING.format(line["ceiling"], split))
        for row in line["rows"]:
            if row["finding"]:
                print(row["finding"])
    for name, reason in header["ablation"]["skipped"]:
        print(f"left out: {name}: {reason}")


def _shown(row: dict[str, Any], metric: str) -> dict[str, str]:
    gap = row["difference"]
    spread = "" if row["low"] is None else f" ({row['low']:.4f} to {row['high']:.4f})"
    shown = {"config": row["variant"], "mean": f"{row['mean']:.4f}{spread}"}
    keys = ("difference", "p", "corrected", "effect", "seeds needed")
    shown |= dict.fromkeys(keys, "")
    if gap:
        ends = "" if gap["low"] is None else f" ({_signed(gap['low'], metric)} to {_signed(gap['high'], metric)})"
        cells = [_signed(gap["mean"], metric) + ends]
        cells += ["" if gap[key] is None else f"{gap[key]:.2g}" for key in ("p", "p_holm", "effect")]
        cells += [str(gap["seeds_needed"] or "")]
        shown |= dict(zip(keys, cells, strict=True))
    shown["std"] = "" if row["std"] is None else f"{row['std']:.4f}"
    return {**shown, "parameters": f"{row['parameters']:,}", "seconds": f"{row['seconds']:.1f}"}
