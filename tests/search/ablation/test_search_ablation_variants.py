"""Ablations as a user starts them: real processes, a real Ray, a real MLflow store, a real kill."""

import csv
import json
import shutil
import signal
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from mlflow import MlflowClient

from spectune.search.ablation.variants import refer
from spectune.search.cli.main import main
from spectune.search.records.study import read

ROOT = Path(__file__).parents[3]
DATA = ["--dataset", "generated"]
for setting in ("classes=4", "points=200", "train=12", "validation=10", "test=5"):
    DATA += ["--data", setting]
VARY = ["--vary", "fc_activation=linear,relu", "--vary", "batch_norm", "--vary", "plateau_patience=900"]
TINY = ["compact", *DATA, *VARY, "--set", "schedule=plateau", "--set", "depth=2", "--epochs", "3", "--seeds", "3"]
VARIANTS = ["fc_activation=linear", "batch_norm=True", "plateau_patience=900"]
NAME = "compact schedule=plateau depth=2"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, spectune):
    """The folder in which an ablation called ``tiny`` was run, and what it printed."""
    folder = tmp_path_factory.mktemp("ablation")
    return folder, spectune(folder, "ablate", "--name", "tiny", *TINY)


def table(folder):
    with (folder / "studies/tiny/ablation.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def test_every_variant_is_trained_on_the_same_seeds_and_nothing_else(finished):
    study = read(finished[0] / "studies/tiny")
    assert study.finished
    assert {name: [trial.seed for trial in trials] for name, trials in study.confirmed().items()} == {
        name: [0, 1, 2] for name in (NAME, *VARIANTS)
    }
    assert len(study.trials) == 12
    reference, linear = study.confirmed()[NAME][0], study.confirmed()["fc_activation=linear"][0]
    assert linear.flat == {**reference.flat, "fc_activation": "linear"}


def test_what_is_compared_is_what_the_trainings_reached(finished):
    study = read(finished[0] / "studies/tiny")
    rows = {row["variant"]: row for row in study.comparisons["validation"]["rows"]}
    assert list(rows) == [NAME, *VARIANTS]
    for name, trials in study.confirmed().items():
        assert rows[name]["values"] == pytest.approx([trial.metrics["accuracy"] for trial in trials])
    pairs = np.subtract(rows["batch_norm=True"]["values"], rows[NAME]["values"])
    assert rows["batch_norm=True"]["difference"]["values"] == pytest.approx(pairs)
    assert rows[NAME]["difference"] is None


def test_right_answers_are_counted_by_class(finished):
    study = read(finished[0] / "studies/tiny")
    for line in study.evaluations.values():
        assert line["spectra"] == [10, 10, 10, 10]
        shares = [sum(right) / 40 for right in line["right"]]
        assert shares == pytest.approx([row["accuracy"] for row in line["metrics"]])


def test_what_does_nothing_differs_by_nothing(finished):
    """Three epochs never wait for 900."""
    _, done = finished
    sentence = next(line for line in done.stdout.splitlines() if line.startswith("plateau_patience 900 instead of 10"))
    assert "+0.0 points validation accuracy" in sentence and sentence.endswith("no difference at all")


def test_a_sentence_says_what_the_numbers_say(finished):
    folder, done = finished
    row = next(row for row in table(folder) if row["variant"] == "fc_activation=linear")
    sentence = next(
        line for line in done.stdout.splitlines() if line.startswith("fc_activation linear instead of relu:")
    )
    assert f"{100 * float(row['difference_mean']):+.1f} points validation accuracy" in sentence
    assert "3 seeds" in sentence and f"p = {float(row['difference_p']):.2g}" in sentence
    assert float(row["difference_p"]) >= 0.25  # three seeds cannot say more
    assert "not told apart" in sentence or "the test does not" in sentence or "no difference" in sentence


def test_the_blind_test_stays_blind_unless_asked_for_and_more_seeds_extend(finished, tmp_path, spectune):
    folder, _ = finished
    before = read(folder / "studies/tiny")
    assert list(before.comparisons) == ["validation"]
    shutil.copytree(folder / "studies", tmp_path / "studies")
    done = spectune(tmp_path, "ablate", "--resume", "--name", "tiny", "--test", "--seeds", "4")
    study = read(tmp_path / "studies/tiny")
    assert "points test accuracy" in done.stdout
    assert {line["split"]: sum(line["spectra"]) for line in study.evaluations.values()} == {
        "validation": 40,
        "test": 20,
    }
    assert {number: study.trials[number] for number in before.trials} == before.trials  # nothing was trained again
    rows = study.comparisons["validation"]["rows"]
    assert [row["seeds"] for row in rows] == [[0, 1, 2, 3]] * 4
    first = {row["variant"]: row["values"] for row in before.comparisons["validation"]["rows"]}
    assert {row["variant"]: row["values"][:3] for row in rows} == first


def test_the_result_keeps_its_schema(finished):
    found = json.loads((finished[0] / "studies/tiny/result.json").read_text())
    jsonschema.validate(found, json.loads((ROOT / "docs/result.schema.json").read_text()))
    assert found["ablation"]["reference"] == NAME
    assert 0.9 < found["ablation"]["comparisons"]["validation"]["ceiling"] <= 1


def test_every_training_is_a_run_beside_that_of_the_study(finished):
    folder, _ = finished
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    [study] = [run for run in runs if run.data.tags["stage"] == "study"]
    assert len(runs) == 13
    assert {run.data.tags.get("candidate") for run in runs} >= set(VARIANTS)
    files = client.list_artifacts(study.info.run_id)
    assert {"ablation.csv", "report.html"} <= {file.path for file in files}


@pytest.mark.slow
def test_a_killed_ablation_ends_with_the_same_table(finished, tmp_path, begin, spectune):
    process = begin(tmp_path, "ablate", "--name", "tiny", *TINY, ended=5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(read(tmp_path / "studies/tiny").trials) < 12
    spectune(tmp_path, "ablate", "--resume", "--name", "tiny")
    assert table(tmp_path) == table(finished[0])


def test_a_winner_is_varied_and_every_variant_chooses_its_own_learning_rate(finished, tmp_path, spectune):
    folder, _ = finished
    shutil.copytree(folder / "studies", tmp_path / "studies")
    tuned = ["--retune", "lr", "--retune-trials", "3", "--seeds", "1"]
    spectune(tmp_path, "ablate", "--of", "tiny", "--vary", "fc_width=16", *tuned, "--name", "tuned")
    study, before = read(tmp_path / "studies/tuned"), read(tmp_path / "studies/tiny")
    assert study.header["dataset"]["digest"] == before.header["dataset"]["digest"]
    best = max(before.confirmed().values(), key=lambda trials: np.mean([one.metrics["accuracy"] for one in trials]))
    rates = {}
    for name in ("winner", "fc_width=16"):
        tried = [trial for trial in study.stage("tune") if trial.candidate == name]
        rates[name] = [trial.flat["learning_rate"] for trial in tried]
        chosen = max(tried, key=lambda trial: (trial.metrics["accuracy"], -trial.metrics["loss"]))
        (confirmed,) = study.confirmed()[name]
        assert confirmed.config == chosen.config
        assert confirmed.seed not in {trial.seed for trial in tried}
    assert rates["winner"] == rates["fc_width=16"] and len(set(rates["winner"])) == 3
    assert rates["winner"][0] == best[0].flat["learning_rate"]


def test_a_config_file_is_a_reference(tmp_path):
    known = refer("resnet", None)
    (tmp_path / "mine.json").write_text(json.dumps({**known["reference"]["config"], "classes": ["an export has more"]}))
    found = refer(str(tmp_path / "mine.json"), None)
    assert found == {"reference": {"name": "mine", "config": known["reference"]["config"]}, "space": "resnet"}


@pytest.fixture
def beside(finished, tmp_path, monkeypatch):
    """The working directory: with the study ``tiny``, and a file that is no config."""
    shutil.copytree(finished[0] / "studies", tmp_path / "studies")
    (tmp_path / "broken.json").write_text('{"network": 3}')
    warm = refer("cnn2", None)["reference"]["config"]
    warm["training"]["init"] = "backbone"
    (tmp_path / "warm.json").write_text(json.dumps(warm))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cnn6"], "needs to know what to vary"),
        (["cnn7", "--vary", "batch_norm"], "varies one of cnn2, "),
        (["--vary", "batch_norm"], "varies one of cnn2, "),
        (["cnn6", "--of", "tiny", "--vary", "batch_norm"], "one reference"),
        (["cnn6", "--vary", "depth=3"], "needs one value, or one per layer"),
        (["cnn6", "--vary", "fc_activation=tanhh"], "fc_activation must be one of"),
        (["cnn6", "--vary", "batch_norm", "--retune", "colour"], "no hyperparameter 'colour'"),
        (["cnn6", "--vary", "batch_norm", "--max-params", "1k"], "unrecognized arguments"),
        (["cnn6", "--vary", "batch_norm", "--init-from", "exported"], "unrecognized arguments"),
        (["warm.json", "--vary", "batch_norm"], "warm has init=backbone: set init=scratch"),
        (["broken.json", "--vary", "batch_norm"], "JSON with network and training"),
        (["compact", "--vary", "batch_norm", "--resume", "--name", "tiny"], "keeps its --reference"),
    ],
)
def test_bad_input_is_one_line(beside, capsys, arguments, said):
    try:
        code = main(["ablate", *arguments])
    except SystemExit as error:
        code = error.code
    errors = capsys.readouterr().err.splitlines()
    assert code == 2 and said in errors[-1]
    assert len(errors) == 1 or "usage" in errors[0]
    assert {path.name for path in (beside / "studies").iterdir()} == {"tiny"}
