"""The sections of an ablation's page, each from the study's records to HTML; "" leaves a section out.

What the variants are compared by (intervals, p values, findings) is in the records: nothing is tested here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from spectune.dashboards.figures.differences import differences as forest
from spectune.dashboards.figures.learning import epochs
from spectune.dashboards.figures.paired import paired as pairs
from spectune.dashboards.sections.general import course, data, notice
from spectune.dashboards.style.marks import WORDS
from spectune.dashboards.style.page import Cell, captioned, facts, table
from spectune.dashboards.style.words import amount, between, duration, missing, number, ranges, settings, title
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.variants import SPLITS, Row, alpha, changed, config, names, reference, rows, significant

COMPARED = (
    "All were trained on the same seeds. The mean has its interval beneath it, the difference (variant minus "
    "reference, seed by seed) a bootstrap interval. p comes from a paired permutation test; beside it, p is corrected "
    "by Holm for the number of variants. The effect is the difference in units of its own spread over the seeds. Seeds "
    "needed: with so many, four of five studies would find a difference of this size significant."
)
ENDED = "These are the trainings that have ended. They are compared when all have."
MOST = 8  # findings that are shown; if there are more, those that are not significant are folded


def head(summary: Summary) -> str:
    """What was varied, on what, and what was found in plain words."""
    study = summary.study
    header, ablation, base = study.header, study.header["ablation"], reference(study)
    ended, seeds = summary.trials["status"].value_counts(), sorted({trial.seed for trial in study.stage("confirm")})
    splits = " and ".join(f"the {SPLITS[split]}" for split, *_ in _each(summary))
    rows = {
        **data(header["dataset"]),
        "Family": header["space"],
        "Reference": base,
        "Variants": f"{len(names(study)) - 1}{', in all combinations' if ablation['grid'] else ''}",
        "Metric": f"{title(summary.metric)} ({summary.direction}imal), on {splits}",
        "Ideal classifier": ", ".join(
            f"{number(line['ceiling'])} on the {SPLITS[split]}"
            for split, line in study.comparisons.items()
            if line.get("ceiling") is not None
        ),
        "Seeds": ranges(seeds) if seeds else "",
        "Trainings": ", ".join(f"{ended[status]} {words}" for status, words in WORDS.items() if status in ended),
        "Re-tuned for each variant": ", ".join(ablation["retune"]),
        **course(summary),
    }
    return (
        f'<p class="kicker">spectune ablation on {escape(header["dataset"]["name"])}</p>\n'
        f"<h1>{escape(study.name)}</h1>\n{_findings(summary)}\n{notice(summary)}{facts(rows)}"
        + _folded(f"the reference {base} in words", [settings(config(study, base))])
        + _folded(
            f"{len(ablation['skipped'])} left out, and why", [f"{name}: {why}" for name, why in ablation["skipped"]]
        )
    )


def _findings(summary: Summary) -> str:
    """The study's sentences, split by split; how far it is before it has any."""
    parts: list[str] = []
    for split, heading, results in _each(summary):
        every = [row for row in results if row["finding"]]
        level = alpha(summary.study, split)
        shown = [row for row in every if len(every) <= MOST or significant(row, level)]
        rest = [row["finding"] for row in every if row not in shown]
        kicker = f'<p class="kicker">{heading}</p>' if heading and every else ""
        parts += [kicker, _listed([row["finding"] for row in shown], style="result")]
        if rest:
            none = f"None of {len(rest)} variants differs significantly from {reference(summary.study)}."
            parts.append("" if shown else f'<p class="result">{escape(none)}</p>')
            parts.append(_folded(f"findings on the {len(rest)} variants without a significant difference", rest))
    return "".join(parts) or f'<p class="result">{_progress(summary)}</p>'


def _progress(summary: Summary) -> str:
    ended = summary.trials.loc[summary.trials["stage"] == "confirm", "status"].value_counts()
    done, failed = int(ended.get("complete", 0)), int(ended.get("failed", 0))
    if "validation" in summary.study.comparisons:
        return "The trainings are too few to say anything of the differences."
    if done:
        return f"Nothing is compared yet: {done} of {ended.sum()} trainings that were started are done."
    if failed:
        return f"No variant has a value: {failed} of {ended.sum()} trainings failed."
    return "No training has ended yet."


def variants(summary: Summary) -> str:
    """All numbers of every variant, a table for each split."""
    parts: list[str] = []
    heads = (
        "variant",
        f"{title(summary.metric)}>",
        "std>",
        "difference>",
        "p>",
        "p, Holm>",
        "effect>",
        "seeds needed>",
        "parameters>",
        "multiply-adds>",
        "training>",
    )
    for split, heading, results in _each(summary):
        lines = [_line(row, summary, alpha(summary.study, split)) for row in results]
        parts.append((f"<h3>{heading}</h3>" if heading else "") + table(heads, lines, style="sortable", first=0))
    words = COMPARED if "validation" in summary.study.comparisons else ENDED
    return f"<p>{words}</p>{''.join(parts)}"


def _line(row: Row, summary: Summary, level: float) -> list[Cell]:
    what, along = changed(summary.study, row["variant"])
    gap = row["difference"] or dict.fromkeys(("mean", "low", "high", "p", "p_holm", "effect", "seeds_needed"))
    count, planned = len(row["seeds"]), sum(one.candidate == row["variant"] for one in summary.study.stage("confirm"))
    seeds = f"{f'{count} of ' if count < planned else ''}{planned} seed{'s' if planned > 1 else ''}" if planned else ""
    return [
        Cell(row["variant"], small=", ".join(part for part in (what, along) if part)),
        Cell(number(row["mean"]), value=row["mean"], small=between(row["low"], row["high"])),
        Cell(number(row["std"]), value=row["std"], small=seeds),
        Cell(_signed(gap["mean"], 4), value=gap["mean"], small=between(gap["low"], gap["high"])),
        Cell(_chance(gap["p"]), value=gap["p"]),
        Cell(_chance(gap["p_holm"]), value=gap["p_holm"], style="significant" if significant(row, level) else ""),
        Cell(_signed(gap["effect"], 2), value=gap["effect"]),
        Cell(_needed(gap["seeds_needed"]), value=gap["seeds_needed"]),
        *(Cell("" if missing(row[key]) else amount(row[key]), value=row[key]) for key in ("parameters", "macs")),
        Cell(duration(row["seconds"]), value=row["seconds"]),
    ]


def paired(summary: Summary) -> str:
    """Every variant beside the reference, seed by seed."""
    words = (
        "Each variant beside the reference: a dot for each seed, a line between the two trainings of a seed, a bar for "
        "the mean. Lines that all lean to the same side speak for a difference."
    )
    parts: list[str] = []
    for split, heading, results in _each(summary):
        drawing = pairs(results, summary.metric, split=SPLITS[split])
        parts.append(captioned("" if parts else words, drawing, f"plot-paired-{split}", heading=heading))
    return "".join(parts)


def differences(summary: Summary) -> str:
    """The mean differences with their intervals, and whether so many seeds can show any."""
    words = "Each line has the mean of the differences with its interval, and the single seeds above it."
    parts: list[str] = []
    for split, heading, results in _each(summary):
        drawing = forest(results, summary.metric, direction=summary.direction, alpha=alpha(summary.study, split))
        caption = _blind(summary, split) if parts else f"{words} {_blind(summary, split)}"
        parts.append(captioned(caption, drawing, f"plot-differences-{split}", heading=heading))
    return "".join(parts)


def _blind(summary: Summary, split: str) -> str:
    """That the seeds are too few for any significance, if they are."""
    line, level = summary.study.comparisons.get(split), alpha(summary.study, split)
    if not line:
        return ""
    tests = sum(bool(row["difference"]) and row["difference"]["p"] is not None for row in line["rows"])
    if not tests:
        return "One seed does not show how much the seeds alone would change: there are no intervals and no tests."
    least = (line.get("least_p") or 0.0) * tests
    if least <= level:
        return ""
    needed = next(seeds for seeds in range(2, 99) if tests * 2 ** (1 - seeds) <= level)
    return (
        f"With so few seeds no difference can be significant, however clear: the smallest p is {line['least_p']:.2g}, "
        f"corrected for {tests} variant{'s' if tests > 1 else ''} {min(1.0, least):.2g}. From {needed} seeds on it can."
    )


def losses(summary: Summary) -> str:
    """How every variant learned."""
    words = (
        "A panel for each variant: its single seeds are thin, their median is thick, and the median of the reference, "
        "the same in every panel, is dotted."
    )
    return captioned(words, epochs(summary), "plot-epochs")


def _each(summary: Summary) -> list[tuple[str, str, list[Row]]]:
    """(split, heading, rows) of what is compared; one split needs no heading."""
    by_split = {split: rows(summary.study, split) for split in SPLITS}
    splits = [split for split in SPLITS if by_split[split]]
    return [(split, f"On the {SPLITS[split]}" if len(splits) > 1 else "", by_split[split]) for split in splits]


def _listed(items: Sequence[str], *, style: str = "") -> str:
    return f'<ul class="{style}">{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul>' if items else ""


def _folded(heading: str, items: Sequence[str]) -> str:
    """A list to unfold; nothing when it is empty."""
    known = [item for item in items if item]
    return f"<details><summary>{escape(heading)}</summary>{_listed(known)}</details>" if known else ""


def _signed(value: float | None, digits: int) -> str:
    return "" if value is None else f"{round(value, digits) + 0.0:+.{digits}f}"  # no -0.0000


def _needed(seeds: int | None) -> str:
    return "" if seeds is None else f"{seeds:,}" if seeds < 10_000 else "over 10,000"


def _chance(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"
