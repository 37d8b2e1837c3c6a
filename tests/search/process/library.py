"""A program that uses studies as a library: three in one process, of which the first is interrupted and the last runs
in a thread. It prints what differs afterwards."""

import concurrent.futures
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "3"  # which a study is not to change

import optuna
import psutil
import scipy.signal  # noqa: F401 - its import adds filters of warnings
import sympy  # noqa: F401 - torch imports it when it exports, and its import adds another
import torch
from ray.tune import progress_reporter
from ray.tune import tune as tuning
from ray.tune.execution import class_cache, tune_controller

from spectune.search.records import read
from spectune.search.session.launch import Interrupted, launch

CACHE = "TORCHINDUCTOR_CACHE_DIR"  # torch sets it when it exports
SMALL = {
    "dataset": "generated",
    "data": ["classes=4", "points=200", "train=20", "validation=5", "test=5"],
    "epochs": 2,
    "seeds": 1,
    "top": 1,
    "baseline": "none",
    "concurrent": 2,
}


def state():
    """What belongs to the process, not to a study."""
    loggers = [logging.getLogger(name) for name in ("", "ray", "ray.tune", "optuna", "alembic", "mlflow")]
    return {
        "signals": {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)},
        "environment": {name: value for name, value in os.environ.items() if name != CACHE},
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "optuna": optuna.logging.get_verbosity(),
        "ray": (tune_controller.RayActorManager, tuning.TuneController, progress_reporter.TrialProgressCallback),
        "ray's variables": dict(class_cache.DEFAULT_ENV_VARS),
        "loggers": [(one.name, one.level, one.propagate, list(one.handlers)) for one in loggers],
        "warnings": list(warnings.filters),
        "hooks": (sys.excepthook, threading.excepthook),
        "path": list(sys.path),
        "threads of torch": torch.get_num_threads(),
    }


def interrupt(folder, ended):
    """What a person does once some trials have ended."""
    journal = folder / "journal.jsonl"
    while not (journal.is_file() and journal.read_bytes().count(b'"event":"end"') >= ended):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


def main():
    optuna.logging.get_verbosity()  # which sets its logger up
    before = state()
    threading.Thread(target=interrupt, args=(Path("studies/first"), 3), daemon=True).start()
    try:
        launch({**SMALL, "name": "first", "trials": 1000})
        raise AssertionError("it was not interrupted")
    except Interrupted as interrupted:
        assert "--name first" in interrupted.resume
    between = state()
    assert launch({**SMALL, "name": "second", "trials": 2}).study.finished
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(launch, {**SMALL, "name": "third", "trials": 2}).result().study.finished
    assert not read(Path("studies/first")).finished
    found = [
        f"{name}: {key} was {value}, is {after[key]}"
        for name, after in [("between", between), ("after", state())]
        for key, value in before.items()
        if after[key] != value
    ]
    found += [f"left: {process}" for process in psutil.Process().children(recursive=True)]
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        found.append("SIGINT does nothing")
    except KeyboardInterrupt:
        pass
    print("differences", json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
