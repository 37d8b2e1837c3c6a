"""Whole programs that a user would start instead of one method: spectune, Ray Tune with Optuna and ASHA, AutoGluon.

Each gets an .npz of ``sets.py``, an equal wall-clock limit and ``CORES`` cores, chooses by the validation split, and
answers with the class of every blind test spectrum.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spectune.spaces.errors import InputError

CORES = 2
SEARCHED = 0.9  # of the limit, as spectune's total time; the start of Python and the export's check take the rest
TUNED = 0.8  # of the limit, the start of Ray in it; trainings that are told to end take the rest
FITTED = 0.85  # AutoGluon's own limit; its start and its predictions take the rest
HERE = Path(__file__).parent

Answer = dict[str, Any]


def spectune(path: Path, minutes: float, seed: int, cache: Path) -> Answer:
    """``spectune search --space any`` with a total time a little below the limit; the winner's export predicts."""
    from spectune.trainables.export import read

    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("spectune")), "search", "--space", "any", "--name", "real"]
        command += ["--dataset", str(path.absolute()), "--trials", "100000", "--seed", str(seed)]
        command += ["--total-time", f"{60 * minutes * SEARCHED:.0f}s", "--concurrent", str(CORES)]
        start = time.monotonic()
        _ended(command, 60 * minutes, folder)
        seconds = round(time.monotonic() - start, 1)
        study = Path(folder) / "studies" / "real"
        exported = read(min((study / "exports").iterdir()))
        found = json.loads((study / "result.json").read_text("utf-8"))
        x, names = _blind(path)
        indices = exported.predict(x).argmax(axis=1)
        predicted = [names.index(exported.classes[index]) for index in indices]
    won = {"validation": found["confirmed"][0]["validation"]["mean"], "chosen": exported.network.describe()}
    return {"predicted": predicted, "seconds": seconds, **won}


def ray_tune(path: Path, minutes: float, seed: int, cache: Path) -> Answer:
    """Optuna's TPE and ASHA of Ray Tune over the space ``any``, the best epoch of the best trial predicting."""
    start = time.monotonic()
    import ray
    import torch
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from spectune.trainables.data import load
    from spectune.trainables.epoch import logits
    from spectune.trainables.models import restored

    dataset = load(str(path))
    assert dataset.test is not None
    ray.init(num_cpus=CORES, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": str(HERE)}})
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        tuner = tune.Tuner(
            tune.with_parameters(trial, path=str(path.absolute()), seed=seed),
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                search_alg=OptunaSearch(space=define, metric="accuracy", mode="max", seed=seed),
                scheduler=ASHAScheduler(max_t=100, grace_period=4, reduction_factor=3),
                num_samples=-1,
                max_concurrent_trials=CORES,
                time_budget_s=60 * minutes * TUNED - (time.monotonic() - start),
            ),
            run_config=tune.RunConfig(
                storage_path=folder, checkpoint_config=tune.CheckpointConfig(1, "accuracy", "max"), verbose=0
            ),
        )
        try:
            best = tuner.fit().get_best_result(scope="all")
        except RuntimeError as error:
            raise InputError(f"Ray Tune must report a trial within {minutes:g} minutes, got {error}") from None
        finally:
            ray.shutdown()
        checkpoint, metrics = best.best_checkpoints[0]
        weights = torch.load(Path(checkpoint.path) / "model.pt", weights_only=True)
    network, _ = proposed(best.config)
    model = restored(network, len(dataset.axis), len(dataset.classes), weights)
    _, names = _blind(path)
    indices = logits(model, dataset.test, torch.device("cpu")).argmax(dim=1).tolist()
    predicted = [names.index(dataset.classes[index]) for index in indices]
    return {"predicted": predicted, "validation": metrics["accuracy"], "chosen": network.family}


def define(asked: Any) -> None:
    """Optuna's trial is asked for what the space has; a refused combination is left to the trial to fail on."""
    from spectune.spaces.domain import Choice, Float, Int

    def choose(name: str, domain: Any) -> Any:
        match domain:
            case Int():
                return asked.suggest_int(name, domain.low, domain.high, log=domain.log, step=domain.step)
            case Float():
                return asked.suggest_float(name, domain.low, domain.high, log=domain.log)
            case Choice():
                return domain.options[asked.suggest_categorical(name, list(range(len(domain.options))))]

    try:
        _proposed(choose)
    except ValueError:
        return


def proposed(config: dict[str, Any]) -> Any:
    """(network, training) of the values that Optuna gave; ValueError where they are refused."""
    from spectune.spaces.domain import Choice

    return _proposed(lambda name, domain: domain.options[config[name]] if isinstance(domain, Choice) else config[name])


def _proposed(choose: Callable[[str, Any], Any]) -> Any:
    from spectune.spaces import SPACES, Training

    return SPACES["any"].propose(choose), Training.propose(choose)


def trial(config: dict[str, Any], path: str, seed: int) -> None:
    """One training for Ray Tune: every epoch is reported, with its weights where they are the best so far."""
    import torch
    from ray import tune

    from spectune.trainables.data import load
    from spectune.trainables.train import train

    torch.set_num_threads(1)
    dataset = load(path).blind()
    try:
        network, training = proposed(config)
        network.cost(len(dataset.axis), len(dataset.classes))
    except ValueError:
        tune.report({"accuracy": 0.0})
        return
    highest = -1.0
    for epoch in train(network, training, dataset, seed=seed, epochs=100):
        if not epoch.metrics["accuracy"] > highest:
            tune.report({"accuracy": epoch.metrics["accuracy"]})
            continue
        highest = epoch.metrics["accuracy"]
        with tempfile.TemporaryDirectory() as folder:
            torch.save(epoch.state["model"], Path(folder) / "model.pt")
            tune.report({"accuracy": highest}, checkpoint=tune.Checkpoint.from_directory(folder))


def autogluon(path: Path, minutes: float, seed: int, cache: Path) -> Answer:
    """AutoGluon's tabular predictor, in an environment of its own: it needs another pandas than spectune."""
    python = cache / "autogluon" / "bin" / "python"
    if not python.exists():
        raise InputError(f"AutoGluon must be in {python.parents[1]}, it is not: run real.py fetch --autogluon")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answer.json"
        words = [path.absolute(), out, 60 * minutes * FITTED, CORES]
        _ended([str(python), str(HERE / "gluon.py"), *map(str, words)], 60 * minutes, folder)
        answer: Answer = json.loads(out.read_text("utf-8"))
    return answer


PROGRAMS: dict[str, tuple[str, Callable[[Path, float, int, Path], Answer]]] = {
    "spectune": ("spectune search --space any", spectune),
    "ray-tune": ("Ray Tune, OptunaSearch + ASHA", ray_tune),
    "autogluon": ("AutoGluon, tabular", autogluon),
}


def _ended(command: list[str], seconds: float, folder: str) -> None:
    """Run a program to its end; InputError where it fails or goes past the limit."""
    settings, name = {**os.environ, "OMP_NUM_THREADS": str(CORES)}, Path(command[0]).name
    with subprocess.Popen(
        command,
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            printed, _ = program.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)  # with what it started
            raise InputError(f"{name} must end within {seconds:g} s, it did not: give more minutes") from None
    if program.returncode:
        words = " ".join(printed.strip().splitlines()[-1:])
        raise InputError(f"{name} must end well, got {program.returncode}: {words}")


def _blind(path: Path) -> tuple[Any, list[str]]:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["x"][arrays["split"] == "test"], arrays["names"].tolist()
