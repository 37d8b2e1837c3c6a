from __future__ import annotations

from pathlib import Path
from typing import Any

from spectune.dashboards import report
from spectune.search.records import study as record
from spectune.search.records.options import Options
from spectune.search.session import result


def test_the_finalists_are_those_of_result_json(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    study = record.read(folders["whole"])
    said = result.build(study, Options(name="whole", seeds=5))
    for row, shown in zip(said["confirmed"], pages["whole"].rows("", "config"), strict=True):
        validation, test = row["validation"], row["test"]
        assert shown[0] == str(row["rank"])
        assert shown[2] == "{:.4f}{:.4f} to {:.4f}, 5 seeds".format(*(validation[k] for k in ("mean", "low", "high")))
        if test:
            assert shown[3] == "{:.4f}{:.4f} to {:.4f}, 5 seeds".format(*(test[k] for k in ("mean", "low", "high")))
        else:
            assert shown[3] == ""
        assert shown[4:6] == [f"{row['parameters']:,}", f"{row['macs']:,}"]
        assert shown[6] == f"{row['seconds'] / 5:.1f} s"
    assert "cnn2 (baseline)" in pages["whole"].rows("", "config")[-1][1]


def test_a_running_study_says_so_and_shows_what_there_is(pages: dict[str, Any]) -> None:
    page = pages["running"]
    assert "This study has not finished." in page.text
    assert "has not finished" not in pages["whole"].text
    assert "No config is confirmed yet. Best so far is trial" in page.text
    assert "2 running" in page.text
    assert {"plot-history", "plot-learning", "plot-parallel"} == set(page.figures)
    assert "Importances need at least 16 explored trials" in page.text
    assert "spectune search --resume --name running" in page.text
    assert "Session 2" in page.text


def test_half_confirmed_finalists_say_how_many_seeds_there_are(scribe: Any, shown: Any) -> None:
    scribe.study()
    scribe.train(scribe.config(), skill=0.9)
    for seed, status in ((1, "complete"), (2, "complete"), (3, "failed"), (4, "running")):
        scribe.train(scribe.config(), skill=0.9, stage="confirm", seed=seed, candidate=0, status=status)
    page = shown(report.build(record.read(scribe.folder)))
    assert page.rows("", "config")[0][2].endswith("2 of 4 seeds")
    assert "It was not tested yet." in page.text


def test_as_many_hyperparameters_are_drawn_as_the_page_says(pages: dict[str, Any]) -> None:
    rows = pages["whole"].figures["plot-parallel"]["layout"]["yaxis"]["ticktext"]
    assert "The first 20 are drawn; 6 that decide less" in pages["whole"].text
    assert len(rows) == 1 + 20  # the objective above them
