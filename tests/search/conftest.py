"""The command as a user types it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from spectune.search.cli.main import main
from spectune.search.records.study import Study, Trial, read

SPECTUNE = str(Path(sys.executable).with_name("spectune"))


def _fill(disk):
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                while True:
                    file.write(bytes(size))
    return filler


def _environment():
    return {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_", "COLUMNS"))}


@pytest.fixture(scope="session")
def spectune():
    """``spectune(folder, *arguments)`` runs it in a folder and checks its exit ``code``, unless that is None."""

    def run(folder, *arguments, program=(SPECTUNE,), code=0):
        done = subprocess.run(
            [*program, *arguments],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def little():
    """Options for so few spectra that an epoch takes no time."""
    settings = ("classes=4", "points=200", "train=20", "validation=5", "test=5")
    return ["--dataset", "generated", *(word for setting in settings for word in ("--data", setting))]


@pytest.fixture(scope="session")
def tiny(little):
    """Options for a whole study on them: 6 trials, then 3 candidates (with the baseline) on 2 seeds; no simple methods,
    whose studies are in test_search_session_simple.py."""
    budget = {"trials": "6", "epochs": "4", "seeds": "2", "top": "2", "max-params": "60k", "max-macs": "600k"}
    return [*little, "--baseline", "cnn2", *(word for name, value in budget.items() for word in (f"--{name}", value))]


@pytest.fixture
def refused(capsys):
    """``refused(*arguments)``: the one line with which a command in this process refuses them."""

    def run(*arguments):
        assert main([*map(str, arguments)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


@pytest.fixture
def begin():
    """``begin(folder, *arguments, ended=n)`` starts it and comes back when its journal holds so many ended trials."""
    begun = []

    def start(folder, *arguments, ended):
        journal = folder / "studies" / arguments[arguments.index("--name") + 1] / "journal.jsonl"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([SPECTUNE, *arguments], cwd=folder, env=_environment(), text=True, **pipes)
        begun.append(process)
        deadline = time.monotonic() + 200
        while not (journal.is_file() and journal.read_bytes().count(b'"event":"end"') >= ended):
            assert process.poll() is None, f"exit {process.poll()}\n{process.stderr.read()}"
            assert time.monotonic() < deadline, f"the study did not get to {ended} ended trials"
            time.sleep(0.02)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def disk(tmp_path):
    """A file system of its own with 16 MB."""
    if os.geteuid():
        pytest.skip("a file system of its own needs root")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def fill():
    """``fill(disk)`` leaves no byte free; returns the file to be deleted for space."""
    return _fill


@pytest.fixture(scope="session")
def mlflow_runs():
    """``mlflow_runs(folder, name)``: a study's runs in the folder's store by their spectune.trial tag."""
    return _mlflow_runs


@pytest.fixture(scope="session")
def optuna_trials():
    """``optuna_trials(folder, name)``: what the study told Optuna."""
    return _optuna_trials


@pytest.fixture(scope="session")
def check_whole():
    """``check_whole(folder, name, trials, candidates, seeds)``: the study, after everything of it was found once."""
    return _check_whole


def _mlflow_runs(folder, name):
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(name)
    found = client.search_runs([experiment.experiment_id], max_results=1000)
    keys = [run.data.tags["spectune.trial"] for run in found]
    assert len(keys) == len(set(keys)), "a trial has two runs"
    return dict(zip(keys, found, strict=True))


def _optuna_trials(folder, name):
    storage = JournalStorage(JournalFileBackend(str(folder / "studies" / name / "optuna.journal")))
    return optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)


def _check_whole(folder, name, trials, candidates, seeds):
    """Every trial is there once, ended, in the records, in Optuna and in MLflow."""
    study = read(folder / "studies" / name)
    assert study.finished
    assert len(study.stage("explore")) == trials
    assert all(trial.status in ("complete", "paused", "stopped") for trial in study.trials.values())
    confirmations = [(trial.candidate, trial.seed) for trial in study.stage("confirm")]
    assert len(confirmations) == len(set(confirmations)) == candidates * seeds
    told = _optuna_trials(folder, name)
    assert sorted(trial.user_attrs["trial"] for trial in told) == [trial.number for trial in study.stage("explore")]
    assert {trial.state for trial in told} <= {TrialState.COMPLETE, TrialState.PRUNED}
    runs = _mlflow_runs(folder, name)
    assert set(runs) == {"study", *(str(number) for number in study.trials)}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for number, trial in study.trials.items():
        steps = MlflowClient(f"sqlite:///{folder}/mlflow.db").get_metric_history(runs[str(number)].info.run_id, "loss")
        assert [point.step for point in steps] == list(range(1, trial.epochs + 1))
    return study


@pytest.fixture(scope="session")
def trial():
    """``trial(number, value, ...)``: one that ended, as records have it."""
    return _trial


@pytest.fixture(scope="session")
def study():
    """``study(*trials, objectives=...)``: one that is nowhere but in memory."""
    return _study


def _trial(number, value, *, stage="explore", status="complete", loss=1.0, config=None, values=None, **more):
    return Trial(
        number=number,
        stage=stage,
        config=config or {"network": {"family": "cnn", "filters": number}, "training": {}},
        label="",
        seed=more.pop("seed", 0),
        candidate=more.pop("candidate", None),
        parameters=1,
        macs=1,
        started=0.0,
        status=status,
        metrics={} if status == "failed" else {"accuracy": value, "loss": loss},
        values=None if status == "failed" else values or [value],
    )


def _study(*trials, objectives=(("accuracy", "max"),)):
    found = Study(folder=None)
    found.sessions.append({"name": "s", "objectives": [list(row) for row in objectives]})
    found.trials = {one.number: one for one in trials}
    return found
