from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spectune.dashboards.style import page
from spectune.dashboards.style.page import Cell, Folded, command, facts, plot, table
from spectune.dashboards.style.theme import empty

HOSTILE = "</script><b>&"


def test_two_writers_of_a_page_do_not_share_a_file(tmp_path: Path) -> None:
    """What another one has written so far is left alone."""
    out, other = tmp_path / "page.html", tmp_path / "page.html.part"
    other.write_text("half a page")
    assert command("report", out, lambda: "<!doctype html>") == 0
    assert (out.read_text("utf-8"), other.read_text("utf-8")) == ("<!doctype html>", "half a page")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "page.html.part"]


@pytest.mark.parametrize("error", [ValueError("a study has a journal, this has none: search"), OSError("no space")])
def test_a_page_that_cannot_be_drawn_leaves_the_old_one_and_one_line(
    tmp_path: Path, capsys: Any, error: Exception
) -> None:
    def build() -> str:
        raise error

    out = tmp_path / "page.html"
    out.write_text("old")
    assert command("report", out, build) == 2
    assert capsys.readouterr().err == f"spectune report: {error}\n"
    assert out.read_text() == "old"


def test_text_becomes_html_only_escaped() -> None:
    for html in (
        page.page(HOSTILE, ""),
        page.nothing(HOSTILE),
        page.code(HOSTILE),
        facts({HOSTILE: HOSTILE}),
        table([HOSTILE], [[Cell(HOSTILE, small=HOSTILE)], [Folded(HOSTILE, HOSTILE)]]),
        plot(empty(100, meta={"note": HOSTILE}), HOSTILE),
    ):
        assert HOSTILE not in html


def test_a_head_that_ends_in_an_arrow_is_above_numbers() -> None:
    html = table(["name", "size>"], [[Cell("a"), Cell(1, value=1.0)], [Cell("b"), Cell(2)]], first=0)
    assert '<th scope="col">name</th><th scope="col" class="num">size</th>' in html
    assert '<tr class="first"><td>a</td><td class="num" data-value="1.0">1</td></tr>' in html
    assert '<tr><td>b</td><td class="num">2</td></tr>' in html


def test_words_stand_where_there_is_no_figure() -> None:
    assert plot("Nothing yet.", "plot-a") == '<p class="nothing">Nothing yet.</p>'
    assert page.captioned("What it shows.", "Nothing yet.", "plot-a", heading="A") == (
        '<h3>A</h3><p class="nothing">Nothing yet.</p>'
    )
