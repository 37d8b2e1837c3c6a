from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.dashboards.tables import importance
from spectune.search.records import study as record

HOSTILE = "</script><script>alert('x')</script> & <b>bold</b>"


def test_a_finished_page_has_all_figures(pages: dict[str, Any]) -> None:
    wanted = ["finalists", "history", "learning", "parallel", "importance", *(f"pair-{n}" for n in range(5))]
    assert list(pages["whole"].figures) == [f"plot-{name}" for name in wanted]
    assert "class 09 taken for class 10, 14 times" in pages["whole"].text
    assert "37 of 810 answers were wrong" in pages["whole"].text
    assert "plot-pareto-1" in pages["two"].figures
    assert "Pareto" not in pages["whole"].text


def test_studies_without_a_value_are_told_in_words(pages: dict[str, Any]) -> None:
    assert "No trial has a value: 6 of 6 failed." in pages["failed"].text
    assert "out of memory" in pages["failed"].text
    assert set(pages["failed"].figures) == {"plot-learning"}
    assert "No trial has ended yet." in pages["empty"].text
    assert pages["empty"].figures == {}


def test_nothing_on_the_page_comes_from_elsewhere(pages: dict[str, Any]) -> None:
    for page in pages.values():
        assert all(link.startswith("#") for link in page.links)


def test_the_page_forbids_itself_the_network_and_uploads(reports: dict[str, str], pages: dict[str, Any]) -> None:
    for html in reports.values():
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
        assert policy and "default-src 'none'" in policy[1] and "http" not in policy[1]
        assert html.count("plotly.js v") == 1
    assert all(figure["config"]["showSendToCloud"] is False for figure in pages["whole"].figures.values())


def test_what_users_wrote_cannot_become_html(scribe: Any, shown: Any) -> None:
    scribe.study(name=HOSTILE, command=HOSTILE, git=HOSTILE, versions={HOSTILE: HOSTILE})
    trial = scribe.train(scribe.config(), skill=0.9, label=HOSTILE)
    scribe.train(scribe.config(), skill=0.9, status="failed", reason=HOSTILE)
    confirmed = [scribe.train(scribe.config(), skill=0.9, label=HOSTILE, stage="confirm", candidate=trial)]
    pairs = [[HOSTILE, HOSTILE, 3]]
    scribe.test(trial, confirmed, [0.9], pairs)
    points = np.linspace(0, 1, 50)
    drawn = {f"{name}_spectrum_0": points for name in ("true", "predicted", "wrong")}
    np.savez(
        scribe.folder / "confused.npz",
        axis=points,
        axis_label=HOSTILE,
        pairs=1,
        count_0=3,
        true_0=HOSTILE,
        predicted_0=HOSTILE,
        **drawn,
    )
    html = report.build(record.read(scribe.folder))
    assert "<script>alert" not in html and "</script><script>" not in html
    page = shown(html)
    assert page.text.count(HOSTILE) > 5
    assert page.scripts == 2 + len(page.figures)  # plotly, the page's own, and the figures' data
    names = [one["name"] for one in page.figures["plot-pair-0"]["data"]]
    assert names[0].startswith("&lt;/script&gt;")


def test_the_command_writes_the_page_into_the_study(folders: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "study"
    shutil.copytree(folders["running"], folder)
    assert report.main([str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert (folder / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "report.html"]  # no half-written page
    assert report.main([str(folder), "--out", str(tmp_path / "other.html")]) == 0
    assert (tmp_path / "other.html").is_file()


def test_a_folder_without_a_study_is_one_clear_line(tmp_path: Path, capsys: Any) -> None:
    assert report.main([str(tmp_path)]) == 2
    (tmp_path / "journal.jsonl").write_text("not json\n")
    assert report.main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 2
    assert "give a study's folder" in error
    assert not (tmp_path / "report.html").exists()


def test_a_thousand_trials_fit_on_a_page(scribe: Any, monkeypatch: pytest.MonkeyPatch, shown: Any) -> None:
    monkeypatch.setattr(importance, "SHUFFLES", 1)
    scribe.study()
    config = [scribe.config() for _ in range(40)]
    for number in range(1000):
        changed = {**config[number % 40]["training"], "learning_rate": 10 ** scribe.random.uniform(-5, -1)}
        one = {**config[number % 40], "training": changed}
        scribe.train(one, skill=scribe.random.random(), status="stopped" if number % 3 else "complete", epochs=20)
    html = report.build(record.read(scribe.folder))
    page = shown(html)
    assert len(html) < 10_000_000
    assert len(page.rows("trial", "stage")) == 500
    assert "The best 500 of 1,000 are listed" in page.text
    assert "150 of 1,000 curves are drawn" in page.text
    shown = [
        one for one in page.figures["plot-history"]["data"] if one["name"] in ("stopped early", "trained to the end")
    ]
    assert sum(len(one["x"]) for one in shown) == 1000
