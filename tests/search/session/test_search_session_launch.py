"""Whole studies as a user starts them: real processes, a real Ray, a real MLflow store, real signals."""

import json
import re
import shutil
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from spectune.search.records.study import read
from spectune.trainables.data import load
from spectune.trainables.data.ceiling.ideal import ideal

ROOT = Path(__file__).parents[3]


COUNTED = """
import gc, os, sys
from pathlib import Path
from ray._private.worker import global_worker
from ray.tune.experiment import Trial
from spectune.search.workers import pool
from spectune.search.cli.main import main

pool.ENDED_TRIALS = 3
counts, complete = [], pool._Searcher.on_trial_complete

def count(*arguments, **named):
    global started
    counts.append(sum(isinstance(thing, Trial) for thing in gc.get_objects()))
    started = len(list(Path(global_worker.node.get_logs_dir_path()).glob("worker-*.out")))
    return complete(*arguments, **named)

pool._Searcher.on_trial_complete = count
main(sys.argv[1:])
print(len(counts), "trials, at most", max(counts), "in memory")
print(started - os.cpu_count(), "workers too many;", "mlflow" in sys.modules and "with" or "without", "MLflow")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, spectune, tiny):
    """The folder in which a copy of the script ran a study called ``tiny``, and what it printed."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(ROOT / "search/run.py", folder / "copied.py")  # as ray submit does
    script = (sys.executable, str(folder / "copied.py"))
    return folder, spectune(folder, "--name", "tiny", *tiny, program=script)


def test_one_command_explores_confirms_tests_and_exports(finished, check_whole):
    folder, done = finished
    study = check_whole(folder, "tiny", trials=6, candidates=3, seeds=2)
    assert {test["candidate"] for test in study.tests} >= {"cnn2"}
    assert len(study.tests) <= 2
    assert (folder / "studies/tiny/report.html").stat().st_size > 100_000
    assert not (folder / "studies/tiny/ray").exists()
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr


def test_it_ends_with_a_table_and_what_comes_next(finished):
    _, done = finished
    assert re.search(r"cnn2 \(baseline\)|cnn2 \*", done.stdout)
    assert "validation" in done.stdout and "blind test" in done.stdout
    for line in ("report  studies/tiny/report.html", "spectune predict studies/tiny/exports/", "--resume --name tiny"):
        assert line in done.stdout


@pytest.fixture(scope="module")
def many(tmp_path_factory, spectune, little):
    """The folder of a study of 14 small forests on two workers, and what a driver that looks at itself printed."""
    folder = tmp_path_factory.mktemp("many")
    settings = ["--set", "trees=10", "--set", "max_depth=3", "--trials", "14", "--seeds", "1", "--top", "1"]
    options = ["--space", "forest", "--name", "many", "--baseline", "none", "--concurrent", "2", *little, *settings]
    return folder, spectune(folder, "search", *options, program=(sys.executable, "-c", COUNTED)).stdout


def test_the_driver_forgets_what_tune_keeps_of_trials_that_ended(many):
    folder, said = many
    assert len(read(folder / "studies/many").trials) == 15
    trials, most = map(int, re.search(r"(\d+) trials, at most (\d+) in memory", said).groups())
    assert trials == 15 and most <= 8


def test_a_study_starts_without_what_only_takes_time(many):
    """Workers are those that Ray has at hand, and the driver does not import MLflow."""
    extra, mlflow = re.search(r"(-?\d+) workers too many; (\w+) MLflow", many[1]).groups()
    assert int(extra) <= 0 and mlflow == "without"


@pytest.mark.slow
def test_trees_go_through_a_study_as_networks_do(tmp_path, check_whole, spectune, little):
    settings = ["--set", "trees=10", "--set", "max_depth=4", "--trials", "3", "--seeds", "2", "--top", "1"]
    settings += ["--ensemble", "none"]
    spectune(tmp_path, "search", "--space", "forest", "--name", "trees", "--baseline", "none", *little, *settings)
    study = check_whole(tmp_path, "trees", trials=3, candidates=1, seeds=2)
    assert {(trial.status, trial.epochs) for trial in study.trials.values()} == {("complete", 1)}
    (export,) = (tmp_path / "studies/trees/exports").iterdir()
    assert {"model.onnx", "weights.safetensors"} <= {path.name for path in export.iterdir()}
    assert "What decides" in (tmp_path / "studies/trees/report.html").read_text()


@pytest.mark.slow
def test_simple_methods_are_searched_confirmed_and_exported_together(tmp_path, check_whole, spectune, little):
    settings = ["--space", "simple", "--trials", "12", "--seeds", "1", "--top", "1", "--max-params", "600k"]
    spectune(tmp_path, "search", "--name", "simple", "--baseline", "none", *little, *settings)
    study = check_whole(tmp_path, "simple", trials=12, candidates=1, seeds=1)
    explored = study.stage("explore")
    assert {trial.flat["family"] for trial in explored} == {"forest", "logistic", "svm", "plsda", "rocket", "knn"}
    assert {(trial.status, trial.epochs) for trial in explored} == {("complete", 1)}


def test_progress_is_plain_lines_in_a_log(finished):
    _, done = finished
    assert re.search(r"^\d+:\d\d explore  \d+/\d+ trials", done.stderr, re.MULTILINE)
    assert "\r" not in done.stderr and "\x1b" not in done.stderr


def test_the_result_keeps_its_schema_and_says_what_the_records_say(finished, little):
    folder, _ = finished
    found = json.loads((folder / "studies/tiny/result.json").read_text())
    jsonschema.validate(found, json.loads((ROOT / "docs/result.schema.json").read_text()))
    options = dict(setting.split("=") for setting in little[3::2])
    assert found["ceiling"] == pytest.approx(ideal(load("generated", **options), "test").accuracy)
    study = read(folder / "studies/tiny")
    tested = {test["candidate"]: test for test in study.tests}
    for row in found["confirmed"]:
        trials = study.confirmed()[row["candidate"]]
        assert row["validation"]["values"] == [trial.metrics["accuracy"] for trial in trials]
        assert row["validation"]["mean"] == pytest.approx(np.mean(row["validation"]["values"]))
        assert (row["test"] is not None) == (row["candidate"] in tested)
        if row["test"]:
            assert row["test"]["values"] == [metrics["accuracy"] for metrics in tested[row["candidate"]]["metrics"]]
    means = [row["validation"]["mean"] for row in found["confirmed"]]
    assert means == sorted(means, reverse=True)
    assert found["winner"] == found["confirmed"][0]["candidate"]


def test_the_winner_is_a_registered_model_that_gives_the_exports_answers(finished):
    import onnxruntime
    from mlflow.artifacts import download_artifacts

    folder, _ = finished
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    version = client.get_model_version_by_alias("tiny", "winner")
    place = download_artifacts(version.source, tracking_uri=f"sqlite:///{folder}/mlflow.db")
    registered = onnxruntime.InferenceSession(next(Path(place).rglob("*.onnx")))
    exported = onnxruntime.InferenceSession(next((folder / "studies/tiny/exports").rglob("model.onnx")))
    spectra = np.random.default_rng(0).random((3, 200), dtype=np.float32)
    answers = [one.run(None, {one.get_inputs()[0].name: spectra})[0] for one in (registered, exported)]
    np.testing.assert_array_equal(*answers)
    assert not list(Path(place).rglob("*.pkl"))


def test_the_export_classifies_a_written_split_as_the_study_said(finished, spectune, little):
    folder, _ = finished
    spectune(folder, "data", "export", "generated", *little[2:], "--split", "test", "--out", "test.npz")
    export = next((folder / "studies/tiny/exports").iterdir())
    done = spectune(folder, "predict", str(export), "test.npz")
    lines = done.stdout.splitlines()
    with np.load(folder / "test.npz") as arrays:
        names, labels = [str(name) for name in arrays["names"]], arrays["y"]
    predicted = [re.match(r".*?: (\S+) ([01]\.\d{4})", line)[1] for line in lines]
    accuracy = np.mean([name == names[label] for name, label in zip(predicted, labels, strict=True)])
    found = json.loads((folder / "studies/tiny/result.json").read_text())
    winner = next(row for row in found["confirmed"] if row["candidate"] == found["winner"])
    best = int(np.argmax(winner["validation"]["values"]))
    assert accuracy == pytest.approx(winner["test"]["values"][best], abs=1e-6) or accuracy in winner["test"]["values"]


def test_an_export_identifies_spectra_by_references_and_says_how_sure_it_is(finished, spectune, little):
    folder, _ = finished
    for split in ("train", "test"):
        out = ("--split", split, "--out", f"{split}.npz")
        spectune(folder, "data", "export", "generated", *little[2:], *out)
    export = str(next((folder / "studies/tiny/exports").iterdir()))
    done = spectune(folder, "identify", export, "test.npz", "--references", "train.npz")
    *lines, summary = done.stdout.splitlines()
    assert len(lines) == 20 and re.fullmatch(
        r"top-1 (\S+), top-3 .* of 20 spectra, 80 references of 4 classes", summary
    )
    assert float(summary.split()[1].strip(",")) > 0.5  # by chance a quarter
    sure = spectune(folder, "predict", export, "test.npz", "--passes", "5", code=None)
    if sure.returncode:
        assert "needs a network with dropout" in sure.stderr
    else:
        assert re.search(r"[01]\.\d{4} \(\+- [01]\.\d{4}\)", sure.stdout)


def test_the_best_three_can_be_exported_later(finished, spectune):
    folder, _ = finished
    done = spectune(folder, "export", "tiny", "--top", "3")
    folders = [folder / line for line in done.stdout.split()]
    assert len(folders) == 3
    for export in folders:
        assert {"model.onnx", "weights.safetensors", "config.json", "README.md"} <= {f.name for f in export.iterdir()}


def test_a_study_is_not_started_twice_by_accident(finished, spectune, tiny):
    folder, _ = finished
    done = spectune(folder, "search", "--name", "tiny", *tiny, code=2)
    assert done.stderr.count("\n") == 1 and "--resume" in done.stderr


def test_a_resumed_study_keeps_its_data_and_space(finished, spectune):
    folder, _ = finished
    done = spectune(folder, "search", "--name", "tiny", "--resume", "--epochs", "9", code=2)
    assert "keeps its --epochs, it is 4, got 9" in done.stderr and done.stderr.count("\n") == 1


def test_a_finished_study_is_extended(finished, tmp_path, mlflow_runs, spectune):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "copy")
    before = read(tmp_path / "copy/studies/tiny")
    spectune(tmp_path / "copy", "search", "--name", "tiny", "--resume", "--trials", "9", "--time", "10m")
    after = read(tmp_path / "copy/studies/tiny")
    assert len(after.stage("explore")) == 9
    assert {number: after.trials[number] for number in before.trials} == before.trials
    assert set(mlflow_runs(tmp_path / "copy", "tiny")) == {"study", *(str(number) for number in after.trials)}


@pytest.mark.slow
def test_two_objectives_end_with_their_pareto_front(tmp_path, optuna_trials, check_whole, spectune, tiny):
    objectives = ("--objective", "accuracy", "--objective", "latency")
    spectune(tmp_path, "search", "--name", "two", *objectives, *tiny, "--set", "pooling=max")
    study = check_whole(tmp_path, "two", trials=6, candidates=3, seeds=2)
    found = json.loads((tmp_path / "studies/two/result.json").read_text())
    complete = {trial.number: trial.metrics for trial in study.stage("explore") if trial.status == "complete"}
    assert all(metrics["latency"] > 0 for metrics in complete.values())

    def beats(one, other):
        no_worse = one["accuracy"] >= other["accuracy"] and one["latency"] <= other["latency"]
        return no_worse and (one["accuracy"], one["latency"]) != (other["accuracy"], other["latency"])

    front = [n for n, mine in complete.items() if not any(beats(other, mine) for other in complete.values())]
    assert found["pareto"] == front != []
    assert "Pareto" in (tmp_path / "studies/two/report.html").read_text()
    for told in optuna_trials(tmp_path, "two"):
        if told.state == TrialState.COMPLETE:
            metrics = complete[told.user_attrs["trial"]]
            assert told.values == [metrics["accuracy"], metrics["latency"]]
