"""What a study found, also where its objective has no value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spectune.search.records import Options, Study
from spectune.search.records.reports import Reports
from spectune.search.records.study import Trial
from spectune.search.session import result

OPTIONS = Options(name="s", objectives=("auc",), seeds=2)


def trained(number, value, *, stage="confirm", status="complete"):
    return Trial(
        number=number,
        stage=stage,
        config={"network": {"family": "cnn"}, "training": {}},
        label="cnn2",
        seed=number,
        candidate="cnn2" if stage == "confirm" else None,
        parameters=1,
        macs=1,
        started=0.0,
        status=status,
        metrics={} if status == "failed" else {"auc": value, "loss": 1.0},
        reports=Reports([(1, {"auc": value, "loss": 1.0})]),
    )


def studied(tmp_path, *trials):
    study = Study(tmp_path)
    dataset = {"name": "d", "digest": "f00", "source": "d", "options": {}}
    study.sessions.append({"name": "s", "objectives": [["auc", "max"]], "dataset": dataset, "store": ""})
    study.trials = {one.number: one for one in trials}
    return study


def was_tested(study, *rows):
    study.tests.append({"candidate": "cnn2", "trials": [0, 1], "seeds": [0, 1], "metrics": list(rows)})


def test_what_was_measured_stands_beside_its_interval(tmp_path):
    study = studied(tmp_path, trained(0, 0.8), trained(1, 0.9))
    was_tested(study, {"auc": 0.7}, {"auc": 0.6})
    (row,) = result.build(study, OPTIONS)["confirmed"]
    assert row["validation"]["mean"] == pytest.approx(0.85)
    assert row["test"]["values"] == [0.7, 0.6]


def test_it_counts_how_trials_ended(tmp_path):
    ends = ["complete", "paused", "paused", "stopped", "failed"]
    trials = [trained(number, 0.5, stage="explore", status=end) for number, end in enumerate(ends)]
    counts = result.build(studied(tmp_path, *trials), OPTIONS)["stages"]["explore"]
    assert {name: counts[name] for name in set(ends)} == {"complete": 1, "paused": 2, "stopped": 1, "failed": 1}


def test_a_blind_test_without_a_value_counts_as_none(tmp_path, capsys):
    """No label of the test split is both present and absent: there is no AUC, and the journal leaves it out."""
    study = studied(tmp_path, trained(0, 0.8), trained(1, 0.9))
    was_tested(study, {"loss": 1.0}, {"loss": 1.0})
    (row,) = result.build(study, OPTIONS)["confirmed"]
    assert row["test"] is None
    result.show(study, OPTIONS, 0)
    assert "cnn2" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["complete", "failed"])
def test_a_study_whose_every_value_is_null_says_so(tmp_path, capsys, status):
    study = studied(tmp_path, trained(0, None, status=status), trained(1, None, stage="explore", status=status))
    assert result.build(study, OPTIONS)["confirmed"] == []
    result.show(study, OPTIONS, 0)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("no trial could be confirmed: AUC has no value on the validation split")


def test_a_study_whose_every_trial_failed_says_so(tmp_path, capsys):
    study = studied(tmp_path, trained(0, 0.5, status="failed"))
    result.show(study, OPTIONS, 0)
    assert "all of them failed" in capsys.readouterr().out.splitlines()[0]


def test_what_goes_on_with_a_study_gives_it_more_of_all_that_ended_it(tmp_path):
    study = studied(tmp_path, trained(0, 0.8), trained(1, 0.9))
    extend = result.build(study, replace(OPTIONS, total_time=300.0))["commands"]["extend"]
    assert "--trials 100" in extend and "--total-time 600s" in extend and "--time" not in extend.split()
    assert "--time 120s" in result.build(study, replace(OPTIONS, time=60.0))["commands"]["extend"]
    assert "--total-time" not in result.build(study, OPTIONS)["commands"]["extend"]


def unequal(tmp_path):
    study = studied(tmp_path, trained(0, 0.8), trained(1, 0.9))
    shares = {"class": "common", "share": 0.9852}
    study.header["dataset"] |= {"unequal": True, "largest": {"validation": shares, "test": shares}}
    study.header["options"] = {}
    study.header["objectives"] = [["accuracy", "max"]]
    for one in study.trials.values():
        one.metrics |= {"accuracy": 0.98, "balanced_accuracy": 0.5, "macro_f1": 0.49}
    was_tested(study, {"accuracy": 0.9852, "balanced_accuracy": 0.5}, {"accuracy": 0.9852, "balanced_accuracy": 0.5})
    return study


def test_unequal_classes_do_not_read_as_their_accuracy_alone(tmp_path, capsys):
    study = unequal(tmp_path)
    (row,) = result.build(study, Options(name="s", seeds=2))["confirmed"]
    assert [one["metric"] for one in row["beside"]["validation"]] == ["balanced_accuracy", "macro_f1"]
    assert [one["mean"] for one in row["beside"]["test"]] == [0.5]
    result.show(study, Options(name="s", seeds=2), 0)
    said = capsys.readouterr().out
    assert "0.5000, test 0.5000" in said
    (always,) = (line for line in said.splitlines() if "always common" in line)
    assert always.count("0.9852") == 2


def test_equal_classes_need_no_more_than_their_accuracy(tmp_path):
    study = unequal(tmp_path)
    study.header["dataset"]["unequal"] = False
    assert "beside" not in result.build(study, Options(name="s", seeds=2))["confirmed"][0]
