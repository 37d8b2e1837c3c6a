"""The sections of a diagnosis, each from what ``spectune diagnose`` found to HTML; "" leaves a section out."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from spectune.dashboards.figures.confusion import confusion
from spectune.dashboards.figures.confusion import read as read_pairs
from spectune.dashboards.style.page import Cell, facts, nothing, plot, table
from spectune.dashboards.style.theme import (
    BLUE,
    EDGE,
    GREEN,
    GREY,
    INK,
    NAVY,
    ORANGE,
    RED,
    SHADES,
    Drawing,
    empty,
    error_bars,
    plain,
    rounded,
)
from spectune.dashboards.style.words import number, setting

MOST_PAIRS, MOST_LISTED = 6, 30  # confused pairs that are drawn, and listed
COLOURS = (BLUE, ORANGE, GREEN, RED, NAVY, GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "triangle-down", "cross")
IDEAL = "ideal classifier"
SPLITS = {"test": "blind test", "validation": "validation"}

Facts = dict[str, Any]


def head(results: Facts) -> str:
    """Which networks, on what, and the result in a sentence each."""
    data, models, expected = results["dataset"], results["models"], results["ideal"]
    where = f"{SPLITS[results['split']]} split"
    shares = [f"<strong>{escape(one['name'])}</strong> is right in {_percent(one['accuracy'])}" for one in models]
    ceiling = ""
    if expected:
        ceiling = (
            f"; an ideal classifier, which knows the training distribution exactly, expects "
            f"<strong>{expected['accuracy']:.1%}</strong>"
            + (f", at most: {escape(expected['bound'])}" if expected["bound"] else "")
        )
    rows = {
        "Dataset": data["description"],
        "Data digest": data["digest"],
        "Split": f"{where}, {results['spectra']:,} spectra",
        **{one["name"]: _trainings(one) for one in models},
    }
    note = "An analysis after the fact: no network was chosen by it."
    return (
        f'<p class="kicker">spectune diagnosis on {escape(data["name"])}</p>\n<h1>Why {escape(_names(models))}'
        f" {'is' if len(models) == 1 else 'are'} wrong</h1>\n"
        f'<p class="result">On the {where} {", ".join(shares)}{ceiling}. {note}</p>\n{facts(rows)}'
    )


def accuracy(results: Facts) -> str:
    """Accuracy by what a class could be confused for, beside the ideal classifier's."""
    groups, expected = {"accuracy": results["spectra"], **results["groups"]}, results["ideal"]
    heads = ["", "seeds", *(f"{'all' if name == 'accuracy' else name} ({size:,})>" for name, size in groups.items())]
    rows = [[Cell(one["name"]), Cell(_seeds(one)), *map(_share, _shares(one))] for one in results["models"]]
    words = ""
    if results["groups"]:
        words = (
            "Classes are grouped by how they differ from their nearest rivals, according to their definitions: see "
            "the next section. "
        )
    if expected:
        shares = (Cell(f"{share:.4f}") for share in _expectations(results))
        rows.append([Cell(IDEAL, small=_bounded(expected)), Cell(""), *shares])
        words += (
            "The black marks are the ceiling: what is to be expected of an ideal classifier, which knows exactly how "
            "training spectra are drawn, sees every peak as it was made, and tosses a coin where classes are equally "
            "likely. A network beyond a mark guesses by more than its training data says, such as half way between two "
            "classes."
        )
    if results["unknown"]:
        words += f"There is no ceiling: {results['unknown']}."
    listed = table(heads, rows)
    return f"<p>{escape(words)}</p>{plot(_accuracies(results, list(groups)), 'plot-accuracy')}{listed}"


def _accuracies(results: Facts, groups: list[str]) -> Drawing:
    """A row per group, a mark with its interval for every config."""
    figure, models = empty(96 + len(groups) * (30 + 17 * len(results["models"])), showlegend=True), results["models"]
    step = 0.62 / max(1, len(models))
    for index, one in enumerate(models):
        shares, colour = _shares(one), COLOURS[index % len(COLOURS)]
        means, lows, highs = ([share[key] for share in shares] for key in ("mean", "low", "high"))
        figure.add_scatter(
            x=rounded(means),
            name=plain(one["name"]),
            mode="markers",
            hoverinfo="text",
            y=[row + step * (index - (len(models) - 1) / 2) for row in range(len(groups))],
            error_x=error_bars(means, lows, highs, colour, 2.5),
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 10, "color": colour},
            text=[f"{plain(one['name'])}: {_percent(share)}" for share in shares],
        )
    if results["ideal"]:
        ceiling = _expectations(results)
        figure.add_scatter(
            x=[x for share in ceiling for x in (share, share, None)],
            mode="lines",
            name=IDEAL,
            hoverinfo="text",
            y=[y for row in range(len(groups)) for y in (row - 0.42, row + 0.42, None)],
            line={"color": INK, "width": 2.5},
            text=[f"{IDEAL}: {share:.1%}" for share in ceiling for _ in range(3)],
        )
    figure.update_xaxes(
        title_text=f"accuracy, {SPLITS[results['split']]}", tickformat=".0%", range=[_lowest(results) - EDGE, 1 + EDGE]
    )
    figure.update_yaxes(
        tickvals=list(range(len(groups))),
        ticktext=["all", *map(plain, groups[1:])],
        showgrid=False,
        automargin=True,
        range=[len(groups) - 0.45, -0.55],
        tickfont={"size": 12.5, "color": INK},
    )
    return figure


def _shares(one: Facts) -> list[Facts]:
    """Shares of right answers of a config: of all spectra, then of each group."""
    return [one["accuracy"], *one["groups"].values()]


def _expectations(results: Facts) -> list[float]:
    """The same of the ideal classifier."""
    return [results["ideal"]["accuracy"], *results["ideal"]["groups"].values()]


def _lowest(results: Facts) -> float:
    """Where the axis begins: no share is below 0, whatever an interval says."""
    lows = [
        share["mean"] if share["low"] is None else share["low"] for one in results["models"] for share in _shares(one)
    ]
    lowest: float = min([*lows, *(_expectations(results) if results["ideal"] else ())])
    return max(0.0, lowest)


def errors(results: Facts) -> str:
    """Errors per training by cause; left out where there are no causes."""
    if not results["causes"]:
        return ""
    rows = [(one["name"], one["errors"]) for one in results["models"]]
    rows += [(IDEAL, results["ideal"]["errors"])] if results["ideal"] else []
    words = (
        "Every wrong answer is put down to what the two classes, the true one and the one it was taken for, differ in. "
        "Their peaks are matched one to one; what differs by less than a tenth of the range over which training lets "
        "it vary does not count. Minor peak: only one class has it, and it is no higher than the range of heights in "
        "training. Positions, intensities: those of matched peaks differ. Several: more than one of these. Other: a "
        "higher peak has no partner, so that the definitions do not explain it, or nothing differs."
    )
    if sum(sum(counts.values()) for _, counts in rows) == 0:
        return f"<p>{words}</p>{nothing('Nothing was wrong.')}"
    figure = empty(96 + 38 * len(rows), barmode="stack", showlegend=True)
    colours = (GREEN, SHADES[4], ORANGE, SHADES[1], GREY)
    for cause, colour in zip(results["causes"], colours, strict=True):
        x = [counts.get(cause, 0) for _, counts in rows]
        if any(x):
            figure.add_bar(
                x=rounded(x),
                y=[plain(name) for name, _ in rows],
                orientation="h",
                name=cause,
                width=0.6,
                marker={"color": colour},
                hoverinfo="text",
                texttemplate="%{x:.3~g}",
                insidetextanchor="middle",
                hovertext=[f"{plain(name)}, {cause}: {setting(counts.get(cause, 0))}" for name, counts in rows],
                textfont={"color": "#ffffff" if colour in (GREEN, SHADES[4]) else INK, "size": 12},
            )
    figure.update_layout(legend={"traceorder": "normal"})
    figure.update_xaxes(title_text=f"errors per training, of {results['spectra']:,} spectra")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, tickfont={"size": 12.5, "color": INK})
    return f"<p>{words}</p>{plot(figure, 'plot-errors')}"


def confused(results: Facts, path: Path) -> str:
    """The pairs that all configs together confuse most, as spectra and as a list."""
    pairs, models = results["confused"], results["models"]
    if not pairs:
        return nothing("No spectrum was taken for another class.")
    blocks = [
        f"<div><h3>{escape(true)} taken for {escape(predicted)}, {sum(counts)} times{escape(': ' + why if why else '')}"
        f"</h3>{plot(confusion(pair), f'plot-pair-{index}')}</div>"
        for index, (pair, (true, predicted, why, counts)) in enumerate(
            zip(read_pairs(path, MOST_PAIRS), pairs, strict=False)
        )
    ]
    words = (
        "Counted over all networks and seeds. Drawn are training spectra of both classes, the nearest ones, and a "
        "spectrum that was mistaken, without the stretches where nothing is. Drag to zoom, double-click to go back."
    )
    rows = [
        [Cell(true), Cell(predicted), Cell(why), *(Cell(count) for count in counts)]
        for true, predicted, why, counts in pairs[:MOST_LISTED]
    ]
    heads = ["true class", "taken for", "cause", *(f"{one['name']}>" for one in models)]
    more = f", without {len(pairs) - MOST_LISTED} rarer ones" if len(pairs) > MOST_LISTED else ""
    listed = table(heads, rows, style="short")
    return (
        f'<p>{words}</p><div class="pairs">{"".join(blocks)}</div>'
        f"<details><summary>all pairs with how often{more}</summary>{listed}</details>"
    )


def classes(results: Facts) -> str:
    """Accuracy by class, where there are no causes."""
    rows = [
        [Cell(name), Cell(size), *(Cell(number(share)) for share in shares)]
        for name, size, shares in results.get("classes", [])
    ]
    heads = ("class", "spectra>", *(f"{one['name']}>" for one in results["models"]))
    return table(heads, rows, style="short") if rows else ""


def _names(models: list[Facts]) -> str:
    names = [one["name"] for one in models]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _trainings(one: Facts) -> str:
    count = len(one["accuracy"]["values"])
    return f"{count} training{'s' if count > 1 else ''}, seed{'s' if count > 1 else ''} {_seeds(one)}"


def _seeds(one: Facts) -> str:
    return ", ".join(map(str, one["seeds"])) or "unknown"


def _percent(share: Facts) -> str:
    between = "" if share["low"] is None else f" ({share['low']:.1%} to {share['high']:.1%})"
    return f"{share['mean']:.1%}{between}"


def _share(share: Facts) -> Cell:
    return Cell(
        number(share["mean"]), small="" if share["low"] is None else f"{share['low']:.4f} to {share['high']:.4f}"
    )


def _bounded(expected: Facts) -> str:
    outside = f"{expected['outside']:,} spectra lie outside of all training ranges" if expected["outside"] else ""
    return "; ".join(words for words in (expected["bound"] and f"upper bound: {expected['bound']}", outside) if words)
