from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.dashboards.sections import common
from spectune.dashboards.tables import importance
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record
from spectune.search.records.options import Options
from spectune.search.session import result

HOSTILE = "</script><script>alert('x')</script> & <b>bold</b>"


@pytest.fixture(scope="module")
def summary(folders: dict[str, Path]) -> Summary:
    return Summary(record.read(folders["whole"]))


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


def test_the_verdict_compares_the_winner_with_the_baseline(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    tests = {test["candidate"]: test["metrics"] for test in record.read(folders["whole"]).tests}
    means = {name: np.mean([row["accuracy"] for row in rows]) for name, rows in tests.items()}
    winner = next(name for name in means if name != "cnn2")
    text = pages["whole"].text
    assert f"Trial {winner} wins. Its accuracy on the blind test is {means[winner]:.4f} (95 % interval" in text
    assert f"that of the baseline cnn2 {means['cnn2']:.4f} (95 % interval" in text
    assert f"The winner is {means[winner] - means['cnn2']:.4f} better (95 % interval +" in text


def test_every_trial_is_listed_with_its_records(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    study = record.read(folders["whole"])
    rows = {int(row[0]): row for row in pages["whole"].rows("trial", "stage")}
    assert set(rows) == set(study.trials)
    for number, trial in study.trials.items():
        row = rows[number]
        assert row[1] == trial.stage
        assert row[2].startswith(trial.status)
        assert row[4] == (f"{trial.values[0]:.4f}" if trial.values else "")
        assert row[5:8] == [str(trial.epochs), f"{trial.parameters:,}", f"{trial.seconds:.1f}"]
        assert f"depth = {trial.config['network']['depth']}," in row[-1]
    values = [row[4] for row in pages["whole"].rows("trial", "stage")]
    assert values == sorted(values, reverse=True)  # best first, without a value last


def test_everything_to_repeat_the_run_is_there(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    text = pages["whole"].text
    header = record.read(folders["whole"]).header
    assert header["command"] in text
    assert "Seed0" in text.replace("\n", "")  # also the seed 0
    assert header["dataset"]["digest"] in text
    assert "minor = 0.035" in text
    assert "4ec6c63a90b1, with uncommitted changes" in text
    assert all(f"{name} {version}" in text for name, version in header["versions"].items())
    assert "processor = x86_64" in text
    assert "1,350 train, 270 validation, 162 test" in text


def test_a_finished_page_has_all_figures(pages: dict[str, Any]) -> None:
    wanted = ["finalists", "history", "learning", "parallel", "importance", *(f"pair-{n}" for n in range(5))]
    assert list(pages["whole"].figures) == [f"plot-{name}" for name in wanted]
    assert "class 09 taken for class 10, 14 times" in pages["whole"].text
    assert "37 of 810 answers were wrong" in pages["whole"].text
    assert "plot-pareto-1" in pages["two"].figures
    assert "Pareto" not in pages["whole"].text


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


def test_studies_without_a_value_are_told_in_words(pages: dict[str, Any]) -> None:
    assert "No trial has a value: 6 of 6 failed." in pages["failed"].text
    assert "out of memory" in pages["failed"].text
    assert set(pages["failed"].figures) == {"plot-learning"}
    assert "No trial has ended yet." in pages["empty"].text
    assert pages["empty"].figures == {}


@pytest.mark.parametrize(
    ("winner", "baseline", "said"),
    [
        (
            [0.7, 0.72, 0.71],
            None,
            "Trial 0 wins. Its accuracy on the blind test is 0.7100 (95 % interval 0.6852 to 0.7348",
        ),
        ([0.7, 0.72], [0.69, 0.73], "which does not tell them apart."),
        ([0.7], [0.6], "The winner is 0.1000 better, on a single seed."),
        ([0.5, 0.51, 0.5], [0.6, 0.61, 0.6], "The winner is 0.1000 worse (95 % interval -0."),
        (None, [0.6, 0.61], "Nothing that was found beats the baseline cnn2, whose accuracy on the blind test is"),
        (None, None, "leads the confirmed configs: accuracy"),
    ],
)
def test_the_verdict_is_plain(
    scribe: Any, winner: list[float] | None, baseline: list[float] | None, said: str, shown: Any
) -> None:
    """Of a winner and a baseline with these test accuracies; without a winner's the baseline ranks first."""
    scribe.study()
    scribe.train(scribe.config(), skill=0.9)
    asked = {0: (0.9 if winner or not baseline else 0.1, winner), "cnn2": (0.5, baseline)}
    for candidate, (skill, accuracy) in asked.items():
        trials = [
            scribe.train(scribe.config(), skill=skill, stage="confirm", seed=seed, candidate=candidate)
            for seed in range(1, 1 + len(accuracy or [0]))
        ]
        if accuracy:
            scribe.test(candidate, trials, accuracy, [])
    page = shown(report.build(record.read(scribe.folder)))
    assert said in page.text
    if winner:
        assert "The winner made no mistake" in page.text
    assert ("knows how training spectra are made and no more, expects 0.7778" in page.text) == bool(winner or baseline)


def test_half_confirmed_finalists_say_how_many_seeds_there_are(scribe: Any, shown: Any) -> None:
    scribe.study()
    scribe.train(scribe.config(), skill=0.9)
    for seed, status in ((1, "complete"), (2, "complete"), (3, "failed"), (4, "running")):
        scribe.train(scribe.config(), skill=0.9, stage="confirm", seed=seed, candidate=0, status=status)
    page = shown(report.build(record.read(scribe.folder)))
    assert page.rows("", "config")[0][2].endswith("2 of 4 seeds")
    assert "It was not tested yet." in page.text


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


def test_confused_spectra_that_cannot_be_read_are_told_in_words(
    summary: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Any
) -> None:
    monkeypatch.setattr(summary.study, "folder", tmp_path)
    page = shown(common.confused(summary))
    assert "confused.npz is missing or broken" in page.text
    assert ["class 09", "class 10", "14"] in page.rows("true class")


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
