"""Tracking against real MLflow stores: a SQLite file, and a server that is killed and brought back."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from mlflow import MlflowClient

from spectune.search.records.journal import Journal
from spectune.search.tracking import writer as module
from spectune.search.tracking.follower import Follower
from spectune.search.tracking.runs import page
from spectune.search.tracking.store import MOUNTS, local, make_database, public
from spectune.search.tracking.writer import Writer

CONFIG = {"network": {"family": "cnn", "depth": 2, "kernel_size": [5, 3]}, "training": {"learning_rate": 1e-3}}


def begin(journal):
    journal.append(
        "study",
        id="0123456789abcdef",
        name="s",
        session=1,
        space="cnn",
        dataset={"name": "challenge", "digest": "d1g357"},
        objectives=[["accuracy", "max"]],
        options={"trials": 3, "time": None},
        seed=0,
        command="spectune search",
        versions={"python": "3.11"},
        git="935971e4615b+",
    )


def start(journal, number, stage="explore", **more):
    values = {"config": CONFIG, "label": "", "seed": 0, "candidate": None, "parameters": 10, "macs": 20}
    journal.append("start", trial=number, stage=stage, **{**values, **more})


def report(journal, number, epoch):
    metrics = {"accuracy": epoch / 10, "loss": 1 / epoch, "train_loss": 1.0, "macro_f1": 0.1, "learning_rate": 1e-3}
    journal.append("report", trial=number, epoch=epoch, metrics=metrics)


def end(journal, number, **more):
    values = {"status": "complete", "reason": "", "metrics": {"accuracy": 0.3, "loss": 0.5}, "best_epoch": 3}
    journal.append("end", trial=number, epochs=3, seconds=2.0, values=[0.3], **{**values, **more})


def whole_study(journal):
    begin(journal)
    for number in range(3):
        start(journal, number)
        for epoch in (1, 2, 3):
            report(journal, number, epoch)
        end(journal, number, **({"status": "stopped", "reason": "asha"} if number == 1 else {}))
    start(journal, 3, "confirm", candidate=0, seed=1)
    end(journal, 3)
    journal.append("test", candidate=0, trials=[3], seeds=[1], metrics=[{"accuracy": 0.25}], confused=[])
    journal.append("finish", session=1, seconds=9.0)


def runs(uri):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("s")
    if experiment is None:
        return {}
    found = client.search_runs([experiment.experiment_id], max_results=1000)
    keys = [run.data.tags["spectune.trial"] for run in found]
    assert len(keys) == len(set(keys)), "a trial has two runs"
    return dict(zip(keys, found, strict=True))


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "studies" / "s")
    yield journal
    journal.close()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()  # makes the tables, which takes seconds
    return path


@pytest.fixture
def uri(tmp_path, empty_store):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_a_study_has_a_run_for_each_trial_and_one_of_its_own(journal, uri):
    whole_study(journal)
    follower = Follower(journal.path.parent, uri)
    follower.deliver()

    found = runs(uri)
    assert follower.behind == 0
    assert set(found) == {"study", "0", "1", "2", "3"}
    parent, trial = found["study"], found["1"]
    assert not any("mlflow.parentRunId" in run.data.tags for run in found.values())  # which would hide the trials
    assert trial.data.params["depth"] == "2" and trial.data.params["learning_rate"] == "0.001"
    assert trial.data.params["kernel_size"] == "[5, 3]"
    assert {"family": "cnn", "stage": "explore", "status": "stopped", "dataset.digest": "d1g357"}.items() <= (
        trial.data.tags.items()
    )
    assert trial.data.metrics["final/accuracy"] == 0.3
    assert (parent.info.status, found["0"].info.status) == ("FINISHED", "FINISHED")
    assert found["3"].data.metrics["test/accuracy"] == parent.data.metrics["test/0/accuracy"] == 0.25
    history = MlflowClient(uri).get_metric_history(trial.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_a_run_says_what_it_is_where_it_comes_from_and_what_it_was_trained_on(journal, uri):
    whole_study(journal)
    Follower(journal.path.parent, uri).deliver()
    found = runs(uri)
    names = {key: run.info.run_name for key, run in found.items()}
    assert names == {
        "study": "study s",
        "0": "0 cnn (explore)",
        "1": "1 cnn (explore)",
        "2": "2 cnn (explore)",
        "3": "winner trial 0, seed 1",
    }
    for run in found.values():
        [used] = run.inputs.dataset_inputs
        assert (used.dataset.name, used.dataset.digest) == ("challenge", "d1g357")
        wanted = {"mlflow.source.name": "spectune search", "mlflow.source.git.commit": "935971e4615b"}
        assert wanted.items() <= run.data.tags.items()
        assert {"mlflow.user", "mlflow.source.type"} <= run.data.tags.keys()


def test_the_study_s_run_has_the_winner_s_numbers_and_a_note_with_the_verdict(journal, uri):
    whole_study(journal)
    Follower(journal.path.parent, uri).deliver()
    study = runs(uri)["study"].data
    assert (study.metrics["final/accuracy"], study.metrics["test/accuracy"]) == (0.3, 0.25)
    note = study.tags["mlflow.note.content"]
    assert note.startswith("**trial 0 won**") and "| trial 0 | 0.3000 | 0.2500 | 10 | 20 |" in note


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of several kinds, when it saves a model
def test_a_note_and_a_description_that_somebody_wrote_stay(journal, uri):
    whole_study(journal)
    folder = network(journal, "first")
    Follower(journal.path.parent, uri).deliver()
    client = MlflowClient(uri)
    run = runs(uri)["study"].info.run_id

    def said():
        return runs(uri)["study"].data.tags["mlflow.note.content"], client.get_registered_model("s").description

    def again(text):
        (folder / "README.md").write_text(text)
        start(journal, 4, "confirm", candidate=0, seed=2)
        end(journal, 4)
        journal.append("export", folder="exports/1-trial0", trial=4, rank=1)
        journal.append("finish", session=2, seconds=9.0)
        Follower(journal.path.parent, uri).deliver()

    once = said()
    again("second")
    twice = said()
    assert once[0] != twice[0] and (once[1], twice[1]) == ("first", "second")  # ours is brought up to date
    client.set_tag(run, "mlflow.note.content", "broken detector in May")
    client.update_registered_model("s", "do not use")
    again("third")
    assert said() == ("broken detector in May", "do not use")


def test_a_run_whose_delivery_broke_off_still_says_what_it_was_trained_on(journal, uri, monkeypatch):
    whole_study(journal)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_inputs", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Follower(journal.path.parent, uri).deliver()
    Follower(journal.path.parent, uri).deliver()
    assert {len(run.inputs.dataset_inputs) for run in runs(uri).values()} == {1}


HELD_BACK = {"status": "paused", "reason": "asha", "best_epoch": 1}


@pytest.mark.parametrize("apart", [True, False])
def test_a_trial_that_was_paused_and_goes_on_keeps_its_run(journal, uri, apart):
    """Delivered between its pause, its start, its reports and its end, or all at once."""
    begin(journal)
    start(journal, 0)
    report(journal, 0, 1)
    end(journal, 0, **HELD_BACK)
    follower, seen = Follower(journal.path.parent, uri), []

    def deliver():
        if apart:
            follower.deliver()
            seen.append((runs(uri)["0"].info.status, runs(uri)["0"].data.tags["status"]))

    deliver()
    start(journal, 0)
    deliver()
    report(journal, 0, 2)
    deliver()
    report(journal, 0, 3)
    end(journal, 0, metrics={"accuracy": 0.7, "loss": 0.4})
    follower.deliver()
    (run,) = (run for key, run in runs(uri).items() if key == "0")
    assert (run.info.status, run.data.tags["status"], run.data.tags["reason"]) == ("FINISHED", "complete", "")
    assert run.data.metrics["final/accuracy"] == 0.7
    history = MlflowClient(uri).get_metric_history(run.info.run_id, "accuracy")
    assert [point.step for point in history] == [1, 2, 3]
    if apart:
        assert seen == [("FINISHED", "paused"), ("RUNNING", "running"), ("RUNNING", "running")]


def test_a_trial_that_goes_on_is_running_however_much_is_delivered_at_once(journal, uri):
    begin(journal)
    start(journal, 0)
    report(journal, 0, 1)
    end(journal, 0, **HELD_BACK)
    start(journal, 0)
    report(journal, 0, 2)
    follower = Follower(journal.path.parent, uri)
    follower.deliver()
    assert (runs(uri)["0"].info.status, runs(uri)["0"].data.tags["status"]) == ("RUNNING", "running")
    start(journal, 0)  # after a crash, which repeats an epoch
    report(journal, 0, 2)
    follower.deliver()
    history = MlflowClient(uri).get_metric_history(runs(uri)["0"].info.run_id, "accuracy")
    assert [point.step for point in history] == [1, 2]


def test_a_journal_of_a_newer_version_is_not_delivered(journal, uri):
    whole_study(journal)
    journal.path.write_text(journal.path.read_text().replace('"format":3', '"format":4'))
    with pytest.raises(ValueError, match=r"format 4.*update spectune"):
        Follower(journal.path.parent, uri)


def test_the_experiment_has_a_view_of_the_trials_with_what_they_differ_in(journal, uri):
    begin(journal)
    for number, depth in enumerate((2, 3)):
        start(journal, number, config={**CONFIG, "network": {"family": "cnn", "depth": depth, "kernel_size": [5, 3]}})
        end(journal, number)
    follower = Follower(journal.path.parent, uri)
    follower.deliver()
    assert "params.`depth`" in view(uri)["selectedColumns"]
    begin(journal)  # a session that goes on
    follower.deliver()
    found = view(uri)
    assert (found["orderByKey"], found["orderByAsc"]) == ("metrics.`final/accuracy`", False)
    assert [name for name in found["selectedColumns"] if name.startswith("params")] == ["params.`depth`"]
    assert found["selectedColumns"][:2] == ["metrics.`final/accuracy`", "metrics.`test/accuracy`"]


def test_the_view_has_the_hyperparameters_while_the_study_runs(journal, uri):
    begin(journal)
    follower = Follower(journal.path.parent, uri)
    follower.catch_up()
    for number, depth in enumerate((2, 3, 4)):
        start(journal, number, config={**CONFIG, "network": {"family": "cnn", "depth": depth, "kernel_size": [5, 3]}})
    follower.catch_up()
    assert [name for name in view(uri)["selectedColumns"] if name.startswith("params")] == ["params.`depth`"]


def view(uri):
    """The state of the view that spectune saves."""
    tags = MlflowClient(uri).get_experiment_by_name("s").tags
    saved = json.loads(tags["mlflow.sharedViewState.spectune"])
    assert saved["name"] == "Trials by accuracy"
    return json.loads(saved["state"])


def test_a_page_is_that_of_the_study_or_the_first_one(journal, tmp_path, uri):
    begin(journal)
    assert page(uri, "s") == page(f"sqlite:///{tmp_path}/none.db", "s") == "/"
    assert not (tmp_path / "none.db").exists()
    Follower(journal.path.parent, uri).deliver()
    number = MlflowClient(uri).get_experiment_by_name("s").experiment_id
    assert page(uri, "s").startswith(f"/#/experiments/{number}/runs?workflowType=machine_learning&")


@pytest.mark.filterwarnings("ignore")  # of MLflow as it is imported
def test_the_winner_is_registered_with_what_it_takes_and_gives_an_example_and_a_description(journal, uri):
    import mlflow

    whole_study(journal)
    network(journal, "# A classifier")
    for _ in range(2):
        journal.append("export", folder="exports/1-trial0", trial=3, rank=1)
        Follower(journal.path.parent, uri).deliver()

    client = MlflowClient(uri)
    version = client.get_model_version_by_alias("s", "winner")
    assert (str(version.version), version.description) == ("1", "# A classifier")
    assert client.get_registered_model("s").description == "# A classifier"
    place = mlflow.artifacts.download_artifacts(version.source)
    model = mlflow.pyfunc.load_model(place)
    assert [(one.name, one.shape) for one in model.metadata.get_input_schema()] == [("spectra", (-1, 5))]
    assert [(one.name, one.shape) for one in model.metadata.get_output_schema()] == [("logits", (-1, 5))]
    example = model.input_example["spectra"]
    np.testing.assert_allclose(model.predict({"spectra": example})["logits"], example + 1)
    assert not [path for path in Path(place).rglob("*") if path.suffix in (".pkl", ".pickle")]


def network(journal, said):
    """The folder of an export of trial 3, which is told to the journal."""
    folder = journal.path.parent / "exports" / "1-trial0"
    folder.mkdir(parents=True)
    onnx.save(adds_one(), folder / "model.onnx")
    (folder / "README.md").write_text(said)
    journal.append("export", folder="exports/1-trial0", trial=3, rank=1)
    return folder


def adds_one():
    """A model in ONNX form that takes spectra of five points."""
    shape = ["batch", 5]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("spectra", "logits")]
    one = onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    node = onnx.helper.make_node("Add", ["spectra", "one"], ["logits"])
    graph = onnx.helper.make_graph([node], "adds", values[:1], values[1:], [one])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def test_a_failed_trial_is_a_failed_run(journal, uri):
    begin(journal)
    start(journal, 0)
    end(journal, 0, status="failed", reason="nan", metrics={})
    Follower(journal.path.parent, uri).deliver()
    assert runs(uri)["0"].info.status == "FAILED"
    assert runs(uri)["0"].data.tags["reason"] == "nan"


def test_delivering_again_from_the_start_changes_nothing(journal, uri):
    whole_study(journal)
    Follower(journal.path.parent, uri).deliver()
    (journal.path.parent / "tracking.json").unlink()  # as after a crash before the cursor was written

    Follower(journal.path.parent, uri).deliver()

    found = runs(uri)
    assert len(found) == 5
    assert len(MlflowClient(uri).get_metric_history(found["1"].info.run_id, "accuracy")) == 3


def test_a_delivery_that_breaks_off_is_taken_up_again(journal, uri, monkeypatch):
    whole_study(journal)
    follower = Follower(journal.path.parent, uri)
    real, calls = MlflowClient.log_batch, []

    def breaks(self, *arguments, **options):
        calls.append(arguments)
        if len(calls) == 4:
            raise ConnectionError("gone")
        return real(self, *arguments, **options)

    monkeypatch.setattr(MlflowClient, "log_batch", breaks)
    with pytest.raises(ConnectionError):
        follower.deliver()
    assert follower.behind > 0
    follower.deliver()
    assert follower.behind == 0
    assert set(runs(uri)) == {"study", "0", "1", "2", "3"}


def test_a_run_that_somebody_deleted_comes_back_when_there_is_more_to_say_of_it(journal, uri):
    begin(journal)
    for number in range(3):
        start(journal, number)
    follower = Follower(journal.path.parent, uri)
    follower.catch_up()
    client = MlflowClient(uri)
    for key in ("0", "1"):
        client.delete_run(runs(uri)[key].info.run_id)
    report(journal, 1, 1)
    end(journal, 1)
    with pytest.raises(Exception, match="active"):
        follower.catch_up()  # what MLflow says; deliveries are tried again
    follower.catch_up()
    assert follower.behind == 0
    found = runs(uri)
    assert found.keys() == {"study", "1", "2"}
    assert found["1"].info.status == "FINISHED" and found["1"].data.metrics["final/loss"] == 0.5


def test_a_database_that_was_removed_gets_everything_again(journal, tmp_path, uri):
    whole_study(journal)
    Follower(journal.path.parent, uri).catch_up()
    before = {key: (run.data.params, run.data.metrics) for key, run in runs(uri).items()}
    other = f"sqlite:///{tmp_path}/other.db"  # MLflow keeps a removed file open
    cursors = json.loads((journal.path.parent / "tracking.json").read_text())
    (journal.path.parent / "tracking.json").write_text(json.dumps({other: cursors[uri]}))
    follower = Follower(journal.path.parent, other)
    assert follower.behind == 0
    follower.catch_up()
    assert follower.behind == 0
    assert {key: (run.data.params, run.data.metrics) for key, run in runs(other).items()} == before


def test_two_studies_of_one_name_do_not_mix(tmp_path, uri):
    for place, identity in (("a", "1" * 16), ("b", "2" * 16)):
        journal = Journal(tmp_path / place / "s")
        begin(journal)
        text = journal.path.read_text().replace("0123456789abcdef", identity)
        journal.path.write_text(text)
        start(journal, 0)
        Follower(journal.path.parent, uri).deliver()
        journal.close()
    client = MlflowClient(uri)
    found = client.search_runs([client.get_experiment_by_name("s").experiment_id])
    assert len(found) == 4


def test_passwords_are_neither_stored_nor_shown(journal, tmp_path):
    secret = "http://user:geheim@127.0.0.1:9/"
    begin(journal)
    follower = Follower(journal.path.parent, secret)
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        follower.deliver()
    assert "geheim" not in (journal.path.parent / "tracking.json").read_text()
    assert public(secret) == "http://127.0.0.1:9/"
    assert public("sqlite:////tmp/mlflow.db") == "sqlite:////tmp/mlflow.db"


DELIVER = """
import sys
from pathlib import Path
from spectune.search.tracking.follower import Follower
Follower(Path(sys.argv[1]), sys.argv[2]).deliver()
"""


SLOW = pytest.mark.slow


@pytest.mark.parametrize("pause", [pytest.param(2.5, marks=SLOW), 3.5, pytest.param(4.5, marks=SLOW)])
def test_a_kill_while_the_database_is_made_leaves_none_or_a_whole_one(journal, tmp_path, monkeypatch, pause):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    whole_study(journal)
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    process = subprocess.Popen([sys.executable, "-c", DELIVER, str(journal.path.parent), uri])
    time.sleep(pause)  # it imports for about a second and makes tables for four
    process.kill()
    process.wait()

    Follower(journal.path.parent, uri).deliver()

    assert set(runs(uri)) == {"study", "0", "1", "2", "3"}
    assert [path.name for path in (tmp_path / "new").iterdir() if path.name.startswith("mlflow.db")] == ["mlflow.db"]


def test_mlflow_makes_an_empty_database_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    uris = [f"sqlite:///{tmp_path}/{name}/mlflow.db" for name in "ab"]
    make_database(uris[0])
    MlflowClient(uris[0]).create_experiment("mine")
    monkeypatch.setattr(sys, "executable", "/bin/false")  # so that MLflow cannot make another
    make_database(uris[1])
    assert [one.name for one in MlflowClient(uris[1]).search_experiments()] == ["Default"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    with pytest.raises(OSError, match="could not be made"):
        make_database(f"sqlite:///{tmp_path}/c/mlflow.db")


def test_a_home_that_cannot_be_written_to_stops_no_database(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    make_database(uri)
    assert [one.name for one in MlflowClient(uri).search_experiments()] == ["Default"]


@pytest.mark.slow
def test_two_deliveries_that_make_one_database_both_arrive(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    folders = []
    for name in ("a", "b"):
        journal = Journal(tmp_path / name / "s")
        begin(journal)
        journal.path.write_text(journal.path.read_text().replace('"name":"s"', f'"name":"{name}"'))
        journal.close()
        folders.append(journal.path.parent)
    processes = [subprocess.Popen([sys.executable, "-c", DELIVER, str(folder), uri]) for folder in folders]
    assert [process.wait() for process in processes] == [0, 0]
    names = {experiment.name for experiment in MlflowClient(uri).search_experiments()}
    assert {"a", "b"} <= names


class Server:
    """A real MLflow server that can be killed and started again on its store."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self):
        options = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db", "--workers", "1"]
        options += ["--artifacts-destination", str(self.folder / "artifacts"), "--host", "127.0.0.1"]
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), *options]
        with (self.folder / "server.log").open("ab") as log:
            environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environment)
        for _ in range(600):
            try:
                urllib.request.urlopen(self.uri + "/health", timeout=1).read()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the MLflow server did not start")

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def test_a_database_of_many_runs_knows_how_many_they_are(journal, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    begin(journal)
    for number in range(150):
        start(journal, number)
    Writer(journal.path.parent, uri, print).close()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        [(counted,)] = connection.execute("SELECT stat FROM sqlite_stat1 WHERE tbl = 'runs'")
    assert int(counted.split()[0]) == 151


def test_a_database_is_written_ahead_while_a_study_runs_and_one_plain_file_afterwards(journal, tmp_path, monkeypatch):
    if not local(tmp_path, MOUNTS):
        pytest.skip("the temporary folder is on no disk of this machine")
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.1)
    file = tmp_path / "mlflow.db"
    whole_study(journal)
    writer = Writer(journal.path.parent, f"sqlite:///{file}", print)
    until(lambda: file.is_file() and ahead(file))
    assert writer.close() == 0
    assert not ahead(file) and not list(tmp_path.glob("mlflow.db-*"))
    assert "study" in runs(f"sqlite:///{file}")


def test_a_database_that_somebody_else_has_open_stays_as_it_is(journal, tmp_path):
    file = tmp_path / "mlflow.db"
    make_database(f"sqlite:///{file}")
    whole_study(journal)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        assert other.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        assert Writer(journal.path.parent, f"sqlite:///{file}", print).close() == 0
        assert ahead(file)
        assert other.execute("SELECT count(*) FROM runs").fetchone() == (5,)


def ahead(file):
    """Whether a database's header says that there may be a write-ahead log."""
    return file.read_bytes()[18] == 2


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/home/me/mlflow.db", False),
        ("/home/me/own disk/studies/mlflow.db", True),
        ("/homely/mlflow.db", True),
        ("/scratch/mlflow.db", False),
        ("/mlflow.db", True),
    ],
)
def test_a_disk_of_this_machine_is_told_from_one_of_the_network(tmp_path, path, there):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw,relatime 0 0\n"
        "/dev/sdb1 /scratch xfs rw 0 0\n"
        "server:/home /home nfs4 rw,vers=4.2 0 0\n"
        "/dev/sdc1 /home/me/own\\040disk btrfs rw 0 0\n"
        "beegfs_nodev /scratch beegfs rw 0 0\n"
    )
    assert local(Path(path), mounts) == there
    assert not local(Path(path), tmp_path / "none")


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.kill()


def test_a_server_that_is_killed_and_comes_back_has_everything_in_the_end(journal, server, monkeypatch):
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    notes = []
    server.start()
    begin(journal)
    writer = Writer(journal.path.parent, server.uri, notes.append)
    for number in range(6):
        if number == 2:
            server.kill()
        start(journal, number)
        for epoch in (1, 2, 3):
            report(journal, number, epoch)
        end(journal, number)
        if number == 4:
            until(lambda: notes)
            server.start()
    left = writer.close(patience=120)

    found = runs(server.uri)
    assert left == 0
    assert set(found) == {"study", *map(str, range(6))}
    for number in range(6):
        history = MlflowClient(server.uri).get_metric_history(found[str(number)].info.run_id, "accuracy")
        assert [point.step for point in history] == [1, 2, 3]
    assert any("out of reach" in note for note in notes) and "MLflow is back" in notes


def test_the_study_s_run_has_the_system_metrics_of_this_machine_also_after_a_server_was_away(
    journal, server, monkeypatch
):
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    notes = []
    server.start()
    begin(journal)
    writer = Writer(journal.path.parent, server.uri, notes.append)
    memory = "system/system_memory_usage_percentage"

    def sampled():
        study = runs(server.uri).get("study")
        return [] if study is None else MlflowClient(server.uri).get_metric_history(study.info.run_id, memory)

    until(lambda: len(sampled()) > 1)
    server.kill()
    start(journal, 0)
    until(lambda: notes)
    server.start()
    until(lambda: "MLflow is back" in notes)
    before = len(sampled())
    until(lambda: len(sampled()) > before + 1)
    end(journal, 0)
    journal.append("finish", session=1, seconds=9.0)
    assert writer.close(patience=120) == 0

    points = sampled()
    assert [point.step for point in points] == list(range(len(points)))
    assert all(0 < point.value < 100 for point in points)
    names = set(runs(server.uri)["study"].data.metrics)
    assert {"system/cpu_utilization_percentage", "system/disk_available_megabytes"} <= names
    assert not [name for name in runs(server.uri)["0"].data.metrics if name.startswith("system/")]


def test_what_an_absent_server_missed_is_kept_and_can_be_delivered_later(journal, server, uri):
    whole_study(journal)
    notes = []
    writer = Writer(journal.path.parent, server.uri, notes.append)  # nobody listens there
    left = writer.close(patience=60)
    assert left == journal.path.stat().st_size
    assert len(notes) == 1

    follower = Follower(journal.path.parent, uri)
    follower.deliver()
    assert follower.behind == 0
    assert json.loads((journal.path.parent / "tracking.json").read_text())[server.uri]["offset"] == 0


DRIVER = """
import sys, time
from pathlib import Path
from spectune.search.tracking.writer import Writer
writer = Writer(Path(sys.argv[1]), sys.argv[2], print)
print("writes", flush=True)
time.sleep(600)
"""


def ignores(process, number):
    """Whether a process ignores a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def delivering(driver):
    """The process that delivers for a driver; a run of all the tests has children of its own beside it."""
    [process] = [
        child for child in psutil.Process(driver).children() if "spectune.search.tracking.writer" in child.cmdline()
    ]
    return process


def test_a_killed_driver_leaves_nothing_behind(journal, uri):
    begin(journal)
    command = [sys.executable, "-c", DRIVER, str(journal.path.parent), uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "writes\n"
        writer = delivering(driver.pid)
        driver.kill()
    until(lambda: not writer.is_running() or writer.status() == psutil.STATUS_ZOMBIE)


def test_the_process_that_delivers_shows_no_password(journal):
    begin(journal)
    writer = Writer(journal.path.parent, "http://me:secret@127.0.0.1:9", print)
    process = delivering(os.getpid())
    assert "secret" not in " ".join(process.cmdline()) + str(process.environ())
    writer.close(patience=0.1)
    assert not process.is_running()


def test_a_signal_to_the_whole_job_does_not_stop_the_delivery(journal, uri):
    """Slurm sends its SIGTERM to every process of a job."""
    whole_study(journal)
    writer = Writer(journal.path.parent, uri, print)
    process = delivering(os.getpid())
    until(lambda: ignores(process, signal.SIGTERM) and ignores(process, signal.SIGINT))
    process.send_signal(signal.SIGTERM)
    assert writer.close() == 0
    assert "study" in runs(uri)
