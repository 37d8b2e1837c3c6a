"""One place says what a metric is: a line in the registry and a method add one everywhere."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from spectune.dashboards.style.words import title
from spectune.search.records.metrics import METRICS, ends, metric_of, objectives, scores
from spectune.trainables.metrics import OneLabel, SeveralLabels

ADDED = """
from spectune.spaces.metrics import METRICS, Metric
METRICS["top10"] = Metric(name="top10", title="top-10 accuracy", labels="one", by_epoch=True)

from spectune.trainables import metrics
metrics.OneLabel.top10 = lambda answers: answers.top(10)
"""
USED = """
import sys
from pathlib import Path

import torch
from mlflow import MlflowClient

from spectune.dashboards.report import build
from spectune.search.cli.main import main
from spectune.search.records import Journal, Options, read
from spectune.search.tracking.follower import Follower

scored = metrics.score(-torch.arange(20.0).repeat(20, 1), torch.arange(20))
assert scored["top10"] == 0.5, scored
assert "top10" not in metrics.score(torch.eye(20), torch.eye(20).long(), torch.zeros(20))

options = Options(name="s", objectives=("top10",))
assert main(["search", "--objective", "top11"]) == 2  # and names all that there are

folder = Path(sys.argv[1]) / "s"
journal = Journal(folder)
journal.append(
    "study", id="0123456789abcdef", name="s", session=1, space="mlp", seed=0, command="", versions={}, store="",
    dataset={"name": "challenge", "source": "challenge", "digest": "d1g357", "points": 9, "classes": 20, "options": {},
             "sizes": {"train": 9, "validation": 9, "test": 9}, "description": "made"},
    objectives=[["top10", METRICS["top10"].direction]], options=options.to_dict(), git="", init=None,
    machine={"cpus": 1, "gpus": 0, "nodes": 1, "processor": ""},
)
config = {"network": {"family": "mlp", "depth": 1}, "training": {"learning_rate": 1e-3}}
about = {"config": config, "label": "", "seed": 0, "candidate": None, "parameters": 10, "macs": 20}
journal.append("start", trial=0, stage="explore", **about)
journal.append("report", trial=0, epoch=1, metrics=scored)
journal.append(
    "end", trial=0, status="complete", reason="", best_epoch=1, epochs=1, seconds=1.0, values=[0.5], metrics=scored
)
journal.close()
store = f"sqlite:///{sys.argv[1]}/mlflow.db"
Follower(folder, store).catch_up()
client = MlflowClient(store)
found = client.search_runs([client.get_experiment_by_name("s").experiment_id])
assert sum("top10" in run.data.metrics for run in found) == 1

page = build(read(folder))
assert "top-10 accuracy" in page and "top10" not in page.split("</style>")[1].split("<script")[0]
"""


def test_a_metric_is_one_line_and_one_method(tmp_path: Path) -> None:
    """It is scored, can be asked for, goes to MLflow for every epoch, and has its name in the report."""
    done = subprocess.run(
        [sys.executable, "-c", ADDED + USED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (refusal,) = (line for line in done.stderr.splitlines() if "top11" in line)
    assert "top10" in refusal


def test_every_score_has_its_method_and_every_name_is_its_own() -> None:
    for answers in (OneLabel, SeveralLabels):
        for name in scores(answers.labels_per_spectrum):
            assert callable(getattr(answers, name))
    assert all(name == metric.name for name, metric in METRICS.items())
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_scores_rank_and_costs_stand_beside_them() -> None:
    assert scores("one") == [
        "accuracy",
        "balanced_accuracy",
        "top3",
        "top5",
        "macro_f1",
        "loss",
        "calibration_error",
    ]
    assert scores("several") == ["accuracy", "molecular_f1", "macro_f1", "auc", "loss"]
    assert set(objectives()) == {*scores(), "parameters", "macs", "latency"}
    assert {name for name, metric in METRICS.items() if metric.direction == "min"} == {
        "loss",
        "calibration_error",
        "parameters",
        "macs",
        "latency",
        "train_loss",
    }


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("accuracy", 0.0, 1.0), ("loss", 0.0, math.inf), ("", -math.inf, math.inf), ("of_old", -math.inf, math.inf)],
)
def test_a_metric_has_ends_and_one_that_is_not_known_has_none(name: str, low: float, high: float) -> None:
    assert ends(name) == (low, high)
    assert metric_of(name).points == (name == "accuracy")


def test_a_metric_that_is_not_known_is_called_by_its_name() -> None:
    assert title("of_old") == "of_old"
    assert title("auc") == "AUC"
