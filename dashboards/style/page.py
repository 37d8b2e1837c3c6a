"""One self-contained HTML page: figures, tables and text in, one file out. It loads nothing from anywhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from spectune.dashboards.style.assets import SCRIPT, STYLE
from spectune.dashboards.style.words import missing
from spectune.search.records import replace_file

CONFIG = {
    "responsive": True,
    "displayModeBar": False,
    "showSendToCloud": False,  # plotly's own default uploads the figure
    "doubleClickDelay": 500,
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def page(title: str, body: str) -> str:
    """The whole page; ``body`` is HTML made by the functions of this module."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def plot(drawing: go.Figure | str, name: str) -> str:
    """A figure under a name of its own, or the words that stand for one."""
    if isinstance(drawing, str):
        return nothing(drawing)
    note = (drawing.layout.meta or {}).get("note", "")
    figure = {**drawing.to_plotly_json(), "config": CONFIG}
    text = json.dumps(figure, separators=(",", ":"), default=list)
    for character in "<>&":  # so that nothing in it can end the script element
        text = text.replace(character, f"\\u{ord(character):04x}")
    return (
        f'<div class="plot" id="{escape(name)}" style="height:{drawing.layout.height}px"></div>'
        f'<script type="application/json">{text}</script>' + (f'<p class="note">{escape(note)}</p>' if note else "")
    )


def captioned(words: str, drawing: go.Figure | str, name: str, *, heading: str = "") -> str:
    """A figure under its heading and its words, if it has any; what stands for a missing figure needs none."""
    top = f"<h3>{heading}</h3>" if heading else ""
    return top + (f"<p>{words}</p>" if words and not isinstance(drawing, str) else "") + plot(drawing, name)


def nothing(words: str) -> str:
    """What stands where there is nothing to show."""
    return f'<p class="nothing">{escape(words)}</p>'


class Cell:
    """A table cell: its HTML, what it is sorted by, and its class."""

    def __init__(self, text: object, *, value: float | None = None, small: str = "", style: str = "") -> None:
        self.html = escape(str(text)) + (f"<small>{escape(small)}</small>" if small else "")
        self.value = None if missing(value) else value
        self.style = style

    def draw(self) -> str:
        style = f' class="{self.style}"' if self.style else ""
        value = f' data-value="{self.value!r}"' if self.value is not None else ""
        return f"<td{style}{value}>{self.html}</td>"


class Folded(Cell):
    """A cell that shows a short text and unfolds a long one; of all these on a page one is open at a time."""

    def __init__(self, short: str, long: str, *, left: bool = False) -> None:
        super().__init__(short)
        where = ' class="left"' if left else ""
        self.html = (
            f'<details name="folded"{where}><summary>{escape(short)}</summary><div>{escape(long)}</div></details>'
        )


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, style: str = "", first: int | None = None) -> str:
    """A table; a head that ends in > is above numbers. ``first`` is the row that stands out."""
    named = [(head.rstrip(">"), ' class="num"' if head.endswith(">") else "") for head in heads]
    top = "".join(f'<th scope="col"{style}>{escape(head)}</th>' for head, style in named)
    lines = []
    for index, row in enumerate(rows):
        for cell, (_, numeric) in zip(row, named, strict=True):
            cell.style = (cell.style + " num").strip() if numeric else cell.style
        mark = ' class="first"' if index == first else ""
        lines.append(f"<tr{mark}>{''.join(cell.draw() for cell in row)}</tr>")
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table class="{style}"><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>'
    )


def facts(rows: dict[str, object]) -> str:
    """Names and values side by side; empty ones are left out."""
    known = ((escape(name), escape(str(value))) for name, value in rows.items())
    pairs = (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in known if value)
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def code(text: str) -> str:
    """Something to copy."""
    return f'<pre class="copy">{escape(text)}</pre>'


def arguments_of(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """What a page's program was given. With ``--wait`` it has imported what draws and now waits for a line of input; it
    ends with exit code 1 where there is none, because nobody wants the page any more."""
    parser.add_argument("--wait", action="store_true", help="draw after a line on standard input, end without one")
    options = parser.parse_args(arguments)
    if options.wait and not sys.stdin.readline():
        raise SystemExit(1)
    return options


def command(name: str, out: Path, build: Callable[[], str]) -> int:
    """Write the page that ``build`` gives and say where: 0, or 2 with one line on stderr when that cannot be done."""
    try:
        replace_file(out, build())
    except (ValueError, OSError) as error:
        print(f"spectune {name}: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0
