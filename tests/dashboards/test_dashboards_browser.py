"""The pages in a real browser: no errors, nothing from the network, every figure drawn, and they react."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import classes, report
from spectune.search.records import study as record
from spectune.trainables.data import examples, load

pytestmark = pytest.mark.browser
WINDOW = (1200, 900)
DRAWN = "return document.documentElement.dataset.drawn"
SPOTS = """
const place = document.getElementById(arguments[0]), box = place.getBoundingClientRect();
const { xaxis, yaxis, _size: { l, t } } = place._fullLayout;
return arguments[1].map(([x, y]) => [box.x + l + xaxis.l2p(x), box.y + t + yaxis.l2p(y)]);
"""
MARKS = """
const marks = '.plot-container path.js-line, .plot-container .point, .plot-container .point path';
const seen = mark => { const box = mark.getBoundingClientRect(); return box.width + box.height > 0; };
return [...document.querySelectorAll('.plot')].map(place => [...place.querySelectorAll(marks)].filter(seen).length);
"""
LINES = """
return document.getElementById(arguments[0]).data.map(({ x, y, customdata }) => [x, y, customdata]);
"""
KEPT = """
const { data } = document.getElementById('plot-parallel'), last = data[data.length - 1];
return [last.x.filter(x => x === null).length, data[0].opacity ?? 1];
"""
COLUMN = """
const { rows } = document.querySelector('table.sortable').tBodies[0];
return [...rows].map(row => row.cells[arguments[0]].innerText);
"""
SHIFT = 8  # what Chromium's protocol calls it
PATIENCE = 60  # seconds for a page on a busy machine


class Visit:
    """A page that was opened, with what the browser noted meanwhile."""

    def __init__(self, driver: Any, page: Path) -> None:
        self.driver = driver
        driver.get_log("browser"), driver.get_log("performance")  # of the page before
        driver.get(page.as_uri())
        self.wait(lambda: self.run(DRAWN) is not None)

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def wait(self, condition: Any) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(lambda _: condition())

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        notes = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [note["params"]["request"]["url"] for note in notes if note["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:"))]

    def mouse(self, kind: str, x: float, y: float, **options: Any) -> None:
        press = {"button": "left", "clickCount": 1, "buttons": int(kind != "mouseReleased")}
        given = {"type": kind, "x": x, "y": y, **(press if kind != "mouseMoved" else {}), **options}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", given)

    def scroll(self, name: str) -> None:
        """Bring a figure to the top of the screen."""
        self.run("document.getElementById(arguments[0]).scrollIntoView({ behavior: 'instant' })", name)

    def spots(self, name: str, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Where points of a figure, in the units of its axes, are on the screen."""
        found: list[tuple[float, float]] = self.run(SPOTS, name, points)
        return found

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, modifiers: int = 0) -> None:
        self.mouse("mouseMoved", *start, modifiers=modifiers)
        self.mouse("mousePressed", *start, modifiers=modifiers)
        for step in (0.3, 0.7, 1.0):
            spot = [a + (b - a) * step for a, b in zip(start, end, strict=True)]
            self.mouse("mouseMoved", *spot, buttons=1, button="left", modifiers=modifiers)
        self.mouse("mouseReleased", *end, modifiers=modifiers)

    def picture(self, path: Path) -> bytes:
        """A picture of the whole page."""
        width, height = self.run("return [1200, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.5}
        options = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        path.write_bytes(base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]))
        return path.read_bytes()


@pytest.fixture(scope="session")
def pages(reports: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page, as a file."""
    place = Path(os.environ.get("PICTURES") or tmp_path_factory.mktemp("pages"))
    place.mkdir(exist_ok=True)
    html = dict(reports)
    loaded = load("generated", classes=6, points=800, train=5, validation=3, test=2)
    html["classes"] = classes.build({**examples(loaded, 6), "names": np.array([f"<b>{n}</b>" for n in range(6)])})
    for name, text in html.items():
        (place / f"{name}.html").write_text(text, "utf-8")
    return {name: place / f"{name}.html" for name in html}


KINDS = {
    "whole": 10,
    "two": 11,
    "running": 3,
    "failed": 1,
    "empty": 0,
    "classes": 1,
    "training": 7,
    "ablation": 8,
    "interrupted": 3,
}  # figures of each page
SCALES = """
const { yaxis, yaxis2, yaxis3 } = document.getElementById('plot-epochs')._fullLayout;
return [yaxis, yaxis2, yaxis3].map(axis => axis.type);
"""


@pytest.mark.parametrize("name", KINDS)
def test_a_page_draws_all_its_figures_without_errors_or_requests(
    driver: Any, pages: dict[str, Path], name: str
) -> None:
    visit = Visit(driver, pages[name])
    figures = visit.run("return document.querySelectorAll('.plot').length")
    assert figures == KINDS[name]
    marks = visit.run(MARKS)
    assert all(marks), marks
    assert visit.errors() == []
    assert visit.requests() == [pages[name].as_uri()]
    assert len(visit.picture(pages[name].with_suffix(".png"))) > 10_000


@pytest.mark.parametrize("name", ["whole", "ablation"])
@pytest.mark.parametrize("width", [1200, 800, 390])
def test_a_page_needs_no_scrolling_to_the_side(driver: Any, pages: dict[str, Path], width: int, name: str) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        visit = Visit(driver, pages[name])
        assert visit.run("return document.documentElement.scrollWidth") == width
        widest = "return Math.max(...[...document.querySelectorAll('.main-svg')].map(one => one.clientWidth))"
        visit.wait(lambda: visit.run(widest) <= width)
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_table_of_trials_sorts_by_any_column(driver: Any, pages: dict[str, Path]) -> None:
    visit = Visit(driver, pages["whole"])
    heads = visit.run("return [...document.querySelectorAll('table.sortable th')].map(head => head.innerText.trim())")
    for name, kind in (("trial", int), ("parameters", int), ("stage", str)):
        index = heads.index(name)
        head = driver.find_elements("css selector", "table.sortable th")[index]
        for backwards in (False, True):
            visit.run("arguments[0].click()", head)
            values = [kind(text.replace(",", "")) for text in visit.run(COLUMN, index)]
            assert values == sorted(values, reverse=backwards)
    accuracy = driver.find_elements("css selector", "table.sortable th")[heads.index("accuracy")]
    visit.run("arguments[0].click()", accuracy)
    assert visit.run(COLUMN, heads.index("accuracy"))[-1] == ""  # without a value always last


def test_boxes_over_rows_keep_the_trials_that_pass_them_all(driver: Any, pages: dict[str, Path]) -> None:
    """Over the right half of the values, then, with Shift, also over the left half of the second row."""
    visit = Visit(driver, pages["whole"])
    rows: dict[int, dict[int, float]] = {0: {}, -1: {}}
    for xs, ys, owners in visit.run(LINES, "plot-parallel"):
        for x, y, owner in zip(xs, ys, owners or (), strict=False):
            rows.get(y, {})[owner] = x
    first = {owner for owner, x in rows[0].items() if x >= 0.5}
    both = {owner for owner in first if rows[-1][owner] <= 0.5}
    assert 0 < len(both) < len(first) < len(rows[0])
    visit.scroll("plot-parallel")
    corners = visit.spots("plot-parallel", [(0.5, 0.4), (1.03, -0.4), (-0.1, -0.6), (0.5, -1.4)])
    visit.drag(corners[0], corners[1])
    visit.wait(lambda: visit.run(KEPT) == [len(first), 0.12])
    visit.drag(corners[2], corners[3], modifiers=SHIFT)
    visit.wait(lambda: visit.run(KEPT) == [len(both), 0.12])
    visit.run("document.getElementById('plot-parallel').emit('plotly_deselect')")
    visit.wait(lambda: visit.run(KEPT) == [0, 1])
    assert visit.errors() == []


def test_the_curve_under_the_pointer_comes_to_the_front(driver: Any, pages: dict[str, Path]) -> None:
    visit = Visit(driver, pages["whole"])
    visit.scroll("plot-learning")
    x, y = next(line for line in visit.run(LINES, "plot-learning") if line[2])[:2]
    (spot,) = visit.spots("plot-learning", [(x[1], y[1])])
    visit.mouse("mouseMoved", spot[0] + 9, spot[1] + 3)
    visit.mouse("mouseMoved", *spot)
    visit.wait(lambda: visit.run(LINES, "plot-learning")[-1][0])
    said = visit.run("return document.querySelector('#plot-learning .hoverlayer').textContent")
    trial = int(re.match(r"trial (\d+)", said)[1])
    *lines, (x, y, _) = visit.run(LINES, "plot-learning")
    expected = next([*zip(*line, strict=True)] for line in lines if trial in (line[2] or ()))
    shown = [(a, b) for a, b, owner in expected if owner == trial and b is not None]
    assert [*zip(x, y, strict=True)] == [*shown, (None, None)]


def test_buttons_change_what_the_axes_show(driver: Any, pages: dict[str, Path]) -> None:
    visit = Visit(driver, pages["whole"])
    for place, button, axis, words in (
        ("plot-history", 1, "xaxis", "minutes from the first start"),
        ("plot-history", 0, "xaxis", "trial"),
        ("plot-learning", 1, "yaxis", "loss, validation"),
    ):
        visit.scroll(place)
        driver.find_elements("css selector", f"#{place} .updatemenu-button")[button].click()
        title = f"return document.getElementById('{place}')._fullLayout.{axis}.title.text"
        visit.wait(lambda title=title, words=words: visit.run(title).startswith(words))
    assert visit.errors() == []


def test_a_button_changes_all_panels_of_an_ablation(driver: Any, pages: dict[str, Path]) -> None:
    visit = Visit(driver, pages["ablation"])
    visit.scroll("plot-epochs")
    for button, scale in ((1, "linear"), (0, "log")):
        driver.find_elements("css selector", "#plot-epochs .updatemenu-button")[button].click()
        visit.wait(lambda scale=scale: visit.run(SCALES) == [scale] * 3)
    assert visit.errors() == []


def test_hostile_names_stay_text(driver: Any, scribe: Any) -> None:
    hostile = "<img src=x onerror='window.caught=1'></script><script>window.caught=1</script>"
    scribe.study(name=hostile, command=hostile)
    trial = scribe.train(scribe.config(), skill=0.9, label=hostile)
    scribe.train(scribe.config(), skill=0.8, status="failed", reason=hostile)
    scribe.train(scribe.config(), skill=0.9, label=hostile, stage="confirm", candidate=trial)
    page = scribe.folder / "report.html"
    page.write_text(report.build(record.read(scribe.folder)), "utf-8")
    visit = Visit(driver, page)
    assert visit.run("return window.caught") is None
    assert visit.run("return document.querySelector('h1').innerText") == hostile
    assert visit.run("return document.querySelectorAll('img').length") == 0
    assert visit.requests() == [page.as_uri()]
    assert visit.errors() == []
