"""Tables and spans of time on the terminal."""

from __future__ import annotations

import sys
from typing import Any


def span(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def table(rows: list[dict[str, Any]], title: str) -> None:
    """Print rows as a table on stdout, columns by the first row's keys.

    On a narrow terminal an interval goes below its value, and of the columns the last ones are left out.
    """
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    names, console = list(rows[0]), Console(highlight=False, markup=False, emoji=False)
    boundless = console.options.update(max_width=sys.maxsize)
    for shown, interval in ((shown, interval) for shown in range(len(names), 0, -1) for interval in (" (", "\n(")):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in names[:shown]:
            text = isinstance(rows[0][name], str) and name == "config"
            table.add_column(name, justify="left" if text else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(str(row[name]).replace(" (", interval) for name in names[:shown]))
        widest = Measurement.get(console, boundless, table).maximum
        if not console.is_terminal or widest <= console.width:
            break
    if not console.is_terminal:
        console.width = max(widest, len(title))
    console.print(title, style="italic")
    console.print(table)
    if absent := names[shown:]:
        print(f"no room for {', '.join(absent)}: a wider terminal shows more")
