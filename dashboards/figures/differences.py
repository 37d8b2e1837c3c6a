"""How far each variant of an ablation is from the reference: means with their intervals, a line per variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spectune.dashboards.style.theme import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    Drawing,
    buttons,
    empty,
    error_bars,
    plain,
    rounded,
    span,
    wrapped,
)
from spectune.dashboards.style.words import between, title
from spectune.dashboards.tables.variants import Row, differing, significant, without_outliers

ABOVE = 0.26  # the single seeds are so much of a line above their mean

Traces = list[tuple[list[str], float, dict[str, Any]]]  # the variant of each point, how far above its line, the trace


def differences(rows: Sequence[Row], metric: str, *, direction: str, alpha: float) -> Drawing:
    """The figure of all variants that share a seed with the reference, which is the first row."""
    shown = differing(rows)
    if not shown:
        return "Differences need a seed that the reference and a variant have both been trained on."
    sign = 1 if direction == "max" else -1
    figure = empty(110 + 32 * len(shown))
    traces = [one for one in (_seeds(shown), *_means(shown, sign=sign, alpha=alpha)) if one[0]]
    ranked = sorted(shown, key=lambda row: -sign * row["difference"]["mean"])
    choices = {name: _ordered(order, traces) for name, order in (("by difference", ranked), ("in order", shown))}
    restyled, layout = choices["by difference"]
    for (*_, trace), y in zip(traces, restyled["y"], strict=True):
        figure.add_scatter(**trace, y=y)
    figure.add_shape(type="line", x0=0, x1=0, y0=0, y1=1, yref="paper", line={"color": MUTED, "width": 1.2})
    better = "right" if direction == "max" else "left"
    words = f"{title(metric)}, difference from {plain(rows[0]['variant'])} ({better} is better)"
    figure.update_xaxes(title_text=words)
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=layout["yaxis.ticktext"],
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
        tickfont={"size": 12.5, "color": INK},
        automargin=True,
    )
    close = without_outliers(shown)
    if len(close) < len(shown):
        ends = [row["difference"][key] for row in close for key in ("mean", "low", "high")]
        reach = span([0.0, *(end for end in ends if end is not None)])
        choices["close up"] = [{}, {"xaxis.range": reach}]
    buttons(figure, choices)
    return figure


def _ordered(order: Sequence[Row], traces: Traces) -> list[Any]:
    """What a button changes so that the variants stand in this order."""
    line = {row["variant"]: index for index, row in enumerate(order)}
    ys = [[line[variant] - above for variant in variants] for variants, above, _ in traces]
    return [{"y": ys}, {"yaxis.ticktext": [wrapped(name, 44) for name in line], "xaxis.autorange": True}]


def _seeds(shown: Sequence[Row]) -> tuple[list[str], float, dict[str, Any]]:
    dots = [
        (row["variant"], seed, value)
        for row in shown
        for seed, value in zip(row["difference"]["seeds"], row["difference"]["values"], strict=True)
    ]
    trace = {
        "x": rounded(value for *_, value in dots),
        "text": [f"{plain(variant)}, seed {seed}: {value:+.4f}" for variant, seed, value in dots],
        "mode": "markers",
        "marker": {"size": 5, "color": GREY, "opacity": 0.6},
        "hoverinfo": "text",
        "name": "single seeds",
    }
    return [variant for variant, *_ in dots], ABOVE, trace


def _means(shown: Sequence[Row], *, sign: int, alpha: float) -> Traces:
    """The means by their significance, each with its interval if it has one."""
    words = f"(p ≤ {alpha:.2g}, Holm)"
    looks = {
        "better": (f"better {words}", BLUE, "diamond"),
        "worse": (f"worse {words}", ORANGE, "square"),
        "unclear": ("not significant", MUTED, "circle-open"),
        "untested": ("not tested", MUTED, "circle-open"),
    }
    groups: dict[str, list[Row]] = {verdict: [] for verdict in looks}
    for row in shown:
        sense = "better" if sign * row["difference"]["mean"] > 0 else "worse"
        other = "untested" if row["difference"]["p_holm"] is None else "unclear"
        groups[sense if significant(row, alpha) else other].append(row)
    traces = []
    for verdict, (name, colour, symbol) in looks.items():
        group = groups[verdict]
        gaps = [row["difference"] for row in group]
        means, lows, highs = ([gap[key] for gap in gaps] for key in ("mean", "low", "high"))
        trace = {
            "x": rounded(means),
            "error_x": error_bars(means, lows, highs, colour, 2.5),
            "text": [f"{plain(row['variant'])}: {row['difference']['mean']:+.4f}{_reach(row)}" for row in group],
            "mode": "markers",
            "marker": {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": PAPER}},
            "hoverinfo": "text",
            "name": name,
        }
        traces.append(([row["variant"] for row in group], 0.0, trace))
    return traces


def _reach(row: Row) -> str:
    ends = between(row["difference"]["low"], row["difference"]["high"])
    return f" ({ends})" if ends else ""
