"""How a trial is marked and what it says of itself when it is pointed at, the same in every figure."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spectune.dashboards.style.theme import BLUE, GREEN, GREY, RED, plain
from spectune.dashboards.style.words import duration, missing, number, title

STATUS = {"complete": BLUE, "paused": GREY, "stopped": GREY, "failed": RED, "running": GREEN}
SYMBOLS = {
    "complete": "circle",
    "paused": "circle-open",
    "stopped": "square-open",
    "failed": "x-thin-open",
    "running": "triangle-up-open",
}
WORDS = {
    "complete": "trained to the end",
    "paused": "paused",
    "stopped": "stopped early",
    "failed": "failed",
    "running": "not ended yet",
}
MANY = 60  # trials from which on marks are small and lines thin


def marker(status: str, size: float = 8) -> dict[str, Any]:
    """The mark of a trial that ended so."""
    width = 0 if status == "complete" else 1.8
    return {"symbol": SYMBOLS[status], "color": STATUS[status], "size": size, "line": {"width": width}}


def about(row: pd.Series, metric: str, other: str = "") -> str:
    """What a trial says of itself when it is pointed at."""
    name = f"trial {row.name}" + (f" ({row['label']})" if row["label"] else "")
    value = "" if missing(row["value"]) else f": {title(metric)} {number(row['value'])}"
    second = f", {title(other)} {number(row[other])}" if other else ""
    reason = f" ({row['reason']})" if row["reason"] else ""
    end = f"{WORDS[row['status']]}{reason}, {row['epochs']:.0f} epochs, {duration(row['seconds'])}"
    return f"{plain(name + value + second)}<br>{plain(end)}"


def tally(frame: pd.DataFrame) -> str:
    """How many trials ended how, in words."""
    counts = frame["status"].value_counts()
    parts = [f"{counts[status]} {words}" for status, words in WORDS.items() if status in counts]
    return f"of {len(frame)} trials " + ", ".join(parts) if parts else "none was started"


def by_status(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The trials that ended in each way, in the order of ``STATUS``; ways in which none ended are left out."""
    groups = [(status, frame[frame["status"] == status]) for status in STATUS]
    return [(status, rows) for status, rows in groups if len(rows)]
