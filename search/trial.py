"""Trials on Ray: the worker that trains one task, and the run that keeps all workers busy.

The only file that knows Ray Tune. What to run next and what to stop is asked of a ``Plan``: nothing here knows the
study.
"""

from __future__ import annotations

import errno
import json
import os
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from safetensors.torch import load as unpack
from safetensors.torch import save as pack

from spectune.search import own, warm
from spectune.search.checkpoint import Checkpoints
from spectune.search.cluster import LOST_WORKERS, DistantShelf, NoSpace, Room, Shelf, latency, threads
from spectune.search.task import ENDED, WEIGHTS, Task, stored
from spectune.search.watch import Watch
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.epoch import Epoch
from spectune.trainables.models import build
from spectune.trainables.replicas import Replicas

CHECKPOINT_SECONDS = 30.0  # between two checkpoints of a running trial; shorter trials never write one
MEMORY, SPACE = "out of memory", "no space left for its weights"  # why a trial failed


class Plan(Protocol):
    """Decides what is trained. Called from one thread, the driver's."""

    def next(self) -> Task | None:
        """The next task, or None when there is none now (``done`` says whether there will be)."""

    def alongside(self, task: Task) -> Sequence[Task]:
        """Tasks that a worker is to train along with ``task``, the next one, as replicas of one network."""

    @property
    def done(self) -> bool:
        """Whether no task will come any more."""

    def report(self, number: int, message: dict[str, Any]) -> bool:
        """Take in an epoch's message; False stops the trial."""

    def end(self, number: int, failure: str = "") -> None:
        """The trial ended; ``failure`` says why when its workers were lost for good."""


class Worker(tune.Trainable):  # type: ignore[misc]
    """Trains one task after another in one process, or some at once as replicas; each Tune step is one epoch of all."""

    def setup(self, config: dict[str, Any], dataset: Dataset, shelf: Shelf, epochs: int, stall: float) -> None:
        torch.set_num_threads(threads())
        own.known(shelf.read(own.COPY))
        self._watch, self._shelf, self._limit = Watch(stall), shelf, epochs
        self._dataset = self._watch.over(dataset)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.reset_config(config)

    def reset_config(self, config: dict[str, Any]) -> bool:
        tasks = [Task.from_dict(values) for values in json.loads(config["tasks"])]
        self._tasks = {replica: task for replica, task in enumerate(tasks) if len(tasks) == 1 or not self._left(task)}
        self._together = max(1, len(self._tasks))
        self._checkpoints = Checkpoints(self._shelf)
        self._began = self._saved = time.monotonic()
        self._replicas: Replicas | None = None
        return True

    def step(self) -> dict[str, Any]:
        """One epoch, or the end of the training; an exception is an answer, not a crash of the worker."""
        failed = ""
        try:
            with self._watch:
                messages = self._step()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            failed = MEMORY
        except MemoryError:
            failed = MEMORY
        except NoSpace:
            failed = SPACE
        except Exception as error:
            text = str(error).splitlines()[0][:300] if str(error) else ""
            failed = MEMORY if "can't allocate memory" in text else f"error: {text or repr(error)}"
        if failed:
            messages = [{"failed": failed, "done": True, "number": task.number} for task in self._tasks.values()]
        ended = {message["number"] for message in messages if message["done"]}
        self._tasks = {replica: task for replica, task in self._tasks.items() if task.number not in ended}
        if not self._tasks:
            self._replicas = None
        return {"messages": json.dumps(messages), "done": not self._tasks}

    def cleanup(self) -> None:
        """Let go of the networks when Tune stops the trial."""
        self._replicas = None

    def _step(self) -> list[dict[str, Any]]:
        if self._replicas is None:
            self._replicas = self._start()
        elif self._together > 1:
            for replica in [replica for replica, task in self._tasks.items() if self._left(task)]:
                self._replicas.drop(replica)
                del self._tasks[replica]
        epochs = self._replicas.epoch()
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            for replica, epoch in epochs.items():
                if not epoch.last:
                    self._checkpoint(self._tasks[replica], epoch)
            self._saved = time.monotonic()
        return [self._message(self._tasks[replica], epoch) for replica, epoch in epochs.items()]

    def _left(self, task: Task) -> bool:
        """Whether the plan needs no more of a replica, while others go on."""
        return self._shelf.read(stored(task.number, ENDED)) is not None

    def _start(self) -> Replicas:
        tasks = list(self._tasks.values())
        self._tasks = dict(enumerate(tasks))
        init = None
        if tasks[0].training.init != "scratch":
            weights = self._shelf.read(warm.COPY)
            init = None if weights is None else unpack(weights)
        replicas = Replicas(
            [task.network for task in tasks],
            [task.training for task in tasks],
            self._dataset,
            seeds=[task.seed for task in tasks],
            epochs=self._limit,
            device=self._device,
            init=init,
        )
        saved = {replica: self._checkpoints.read(task.number, self._device) for replica, task in self._tasks.items()}
        states = {replica: state for replica, state in saved.items() if state is not None}
        self._began -= self._together * max((state["seconds"] for state in states.values()), default=0.0)
        replicas.load(states)
        return replicas

    def _checkpoint(self, task: Task, epoch: Epoch) -> None:
        """A full disk costs no training here: the checkpoints before stay, and the journal is the one to say it."""
        with suppress(NoSpace):
            self._checkpoints.write(task.number, {**epoch.state, "seconds": self._seconds()})

    def _message(self, task: Task, epoch: Epoch) -> dict[str, Any]:
        assert self._replicas is not None
        best = epoch.state.get("best") or {"epoch": 0, "metrics": {}}
        message = {
            "number": task.number,
            "epoch": epoch.number,
            "metrics": epoch.metrics,
            "best_epoch": best["epoch"],
            "best": dict(best["metrics"]),
            "done": epoch.last,
            "failed": "",
            "apart": self._replicas.reason if self._together > 1 else "",
        }
        if epoch.last:
            data = self._dataset
            with torch.device("meta"):  # its weights are there already
                model = build(task.network, len(data.axis), len(data.classes), several=data.several)
            model.load_state_dict(best["model"], assign=True)
            message["best"]["latency"] = latency(model, len(data.axis), self._device)
            if task.stage == "confirm":
                weights = {name: tensor.detach().cpu().contiguous() for name, tensor in best["model"].items()}
                self._shelf.write(stored(task.number, WEIGHTS), pack(weights))
            self._checkpoints.remove(task.number)
        message["seconds"] = round(self._seconds(), 3)
        return message

    def _seconds(self) -> float:
        """A task's share of the time since it began."""
        return (time.monotonic() - self._began) / self._together


class _Feed(Searcher):  # type: ignore[misc]
    """Hands the plan's tasks to Tune, and what comes back to the plan."""

    def __init__(self, plan: Plan, shelf: Shelf | DistantShelf) -> None:
        super().__init__(metric="messages", mode="max")
        self._plan, self._shelf = plan, shelf
        self._together: dict[str, list[int]] = {}  # Tune's trial id -> numbers of the trials it is to us
        self.living: dict[str, list[int]] = {}  # those of them that have not ended

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune stores a copy of its searcher and scheduler that nobody reads

    def suggest(self, trial_id: str) -> Any:
        if self._plan.done:
            return Searcher.FINISHED
        task = self._plan.next()
        if task is None:
            return Searcher.FINISHED if self._plan.done else None
        tasks = [task, *self._plan.alongside(task)]
        self.living[trial_id] = [one.number for one in tasks]
        self._together[trial_id] = list(self.living[trial_id])
        return {"tasks": json.dumps([one.to_dict() for one in tasks])}

    def take(self, trial_id: str, messages: str) -> bool:
        """Tell the plan; whether any of the tasks goes on. Messages that come again are passed over."""
        living = self.living[trial_id]
        for message in json.loads(messages):
            number = message["number"]
            if message["failed"] == SPACE:
                raise NoSpace(f"trial {number}: {os.strerror(errno.ENOSPC)}")  # it did not fail: the study cannot go on
            if number in living and (not self._plan.report(number, message) or message["done"]):
                self._plan.end(number)
                living.remove(number)
                if living:
                    self._shelf.write(stored(number, ENDED), b"")
        return bool(living)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self.living:
            return
        if not error and result and "messages" in result:
            self.take(trial_id, result["messages"])
        lost = f"its worker was lost {LOST_WORKERS + 1} times: it crashed, hung or was killed"
        for number in self.living.pop(trial_id):
            self._plan.end(number, failure=lost)
        together = self._together.pop(trial_id)
        for number in together if len(together) > 1 else ():
            self._shelf.remove(stored(number, ENDED))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study's journal is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a resumed study starts a new run."""


class _Judge(FIFOScheduler):  # type: ignore[misc]
    """Stops a trial when nothing of it goes on."""

    def __init__(self, feed: _Feed) -> None:
        super().__init__()
        self._feed = feed

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return str(self.CONTINUE if self._feed.take(trial.trial_id, result["messages"]) else self.STOP)


def run(
    plan: Plan,
    *,
    dataset: Dataset,
    room: Room,
    epochs: int,
    stall: float,
    concurrent: int,
    scratch: Path,
) -> None:
    """Train what the plan asks for, ``concurrent`` tasks at a time, until it is done. Actors are reused."""
    feed = _Feed(plan, room.shelf)
    resources = {"cpu": room.cpus, "gpu": room.gpus}
    worker = tune.with_resources(
        tune.with_parameters(Worker, dataset=dataset, shelf=room.shelf, epochs=epochs, stall=stall), resources
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Tune's remarks on its own deprecations
        tuner = tune.Tuner(
            worker,
            tune_config=tune.TuneConfig(
                search_alg=feed,
                scheduler=_Judge(feed),
                num_samples=10**9,
                max_concurrent_trials=concurrent,
                reuse_actors=True,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(scratch),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=LOST_WORKERS),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # workers keep their own
            ),
        )
        tuner.fit()
    assert not feed.living, f"Tune ended before the trials {list(feed.living.values())} did"
