"""Trials on Ray: the run that keeps all workers busy.

Only this file and worker.py know Ray Tune. What to run next and what to stop is asked of a ``Plan``: nothing here
knows the study.
"""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import tune
from ray.air.execution._internal import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune import progress_reporter
from ray.tune import tune as tuning
from ray.tune.execution import class_cache, tune_controller
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from spectune.search.records import ENDED, Plan, Task, stored
from spectune.search.workers.checkpoint import Checkpoints
from spectune.search.workers.cluster import LOST_WORKERS
from spectune.search.workers.files import Files, NoSpace, RemoteFiles, Resources
from spectune.search.workers.sharing import Sharing
from spectune.search.workers.worker import MEMORY, SPACE, Worker
from spectune.trainables.data.dataset import Dataset

ENDED_TRIALS = 100  # that Tune may keep
CRASHED = f"its worker was lost {LOST_WORKERS + 1} times: it crashed, hung or was killed"
HOARDED = (
    f"out of memory: Ray ended its worker {LOST_WORKERS + 1} times to save the machine; fewer at a time need less "
    "(--concurrent)"
)


class _OutOfMemory(RayActorError):  # type: ignore[misc]
    """Ray ended an actor because its machine ran out of memory."""


class _Actors(RayActorManager):  # type: ignore[misc]
    """Tune's, to which an actor that Ray ended because the machine ran out of memory is one that died.

    That of Ray 2.60 knows no such error and lets it end the driver.
    """

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = _OutOfMemory(error_msg=str(exception))
        super()._actor_task_failed(tracked_actor_task, exception)


class _Controller(tune_controller.TuneController):  # type: ignore[misc]
    """Tune's, which keeps every trial, and looks through them at every step: those that ended are forgotten.

    A step ends after an event, or after 0.1 s without one.

    Tune's also gives a free worker to the first trial that waits, be it one whose own worker is being started, and ends
    that worker. The next trial then has another started: where trials take less time than a worker's start, one worker
    does all of them. And when a free worker is lost as it takes up a trial, Tune's counts it twice, once for the worker
    and once for its task, and gives up on the trial.
    """

    def step(self) -> None:
        super().step()
        self._scheduler_alg.tick()
        if len(self._trials) > len(self._live_trials) + ENDED_TRIALS:
            self._trials[:] = [one for one in self._trials if one in self._live_trials or one in self._trial_to_actor]
            self._stopped_trials.clear()
            self._failed_trials.clear()

    def _maybe_reuse_cached_actor(self, trial: Any) -> bool:
        """A free worker is for a trial that has none coming, while there are more trials to come."""
        own = self._trial_to_actor.get(trial)
        coming = own is not None and self._actor_manager.is_actor_started(own)  # its process is
        if coming and trial not in self._resetting_trials and not self._search_alg.is_finished():
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    def _actor_failed(self, tracked_actor: Any, exception: Exception) -> None:
        """A trial that a free worker was taking up is one that runs, for which only the task counts."""
        trial = self._actor_to_trial[tracked_actor]
        if trial in self._resetting_trials:
            self._resetting_trials.remove(trial)
            self._unstage_trial_with_resources(trial)
            self._set_trial_status(trial, trial.RUNNING)
        super()._actor_failed(tracked_actor, exception)

    def _process_trial_failure(self, trial: Any, exception: Exception) -> None:
        self._scheduler_alg.lost(trial, exception)
        super()._process_trial_failure(trial, exception)

    def _mark_trial_to_checkpoint(self, trial: Any) -> None:
        """Nothing is kept of it: the study's journal is the truth."""


class _Silent(progress_reporter.TrialProgressCallback):  # type: ignore[misc]
    """In the place of Tune's, which keeps every trial's last result."""

    def log_result(self, trial: Any, result: dict[str, Any], error: bool = False) -> None: ...

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None: ...


OURS: tuple[tuple[Any, str, Any], ...] = (
    (tune_controller, "RayActorManager", _Actors),
    (tuning, "TuneController", _Controller),
    (progress_reporter, "TrialProgressCallback", _Silent),  # as one of ours Tune would count it, and import MLflow
    (class_cache, "DEFAULT_ENV_VARS", {}),  # of no use here, and Ray's idle workers are none for an actor with some
)


@contextmanager
def _adapted() -> Iterator[None]:
    """Tune with our classes in the place of its own, and without its remarks on its own deprecations."""
    before = [(module, name, getattr(module, name)) for module, name, _ in OURS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for module, name, value in OURS:
                setattr(module, name, value)
            yield
        finally:
            for module, name, value in before:
                setattr(module, name, value)


class _Searcher(Searcher):  # type: ignore[misc]
    """Hands the plan's tasks to Tune, and what comes back to the plan."""

    def __init__(self, plan: Plan, files: Files | RemoteFiles, sharing: Sharing) -> None:
        super().__init__(metric="messages", mode="max")
        self._plan = plan
        self._files = files
        self._checkpoints = Checkpoints(files)
        self._tasks: dict[str, list[Task]] = {}  # Tune's trial id -> the trials it is to us
        self.living: dict[str, list[int]] = {}  # numbers of those of them that have not ended
        self._sharing = sharing
        self._losses: dict[str, str] = {}  # Tune's trial id -> how its worker was lost the last time
        self._failure: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune stores a copy of its searcher and scheduler that nobody reads

    def suggest(self, trial_id: str) -> Any:
        self.check()
        tasks = self._sharing.again() or self._next()
        if not tasks:
            return Searcher.FINISHED if self._plan.done and not (self._sharing.shares and self.living) else None
        self.living[trial_id] = [one.number for one in tasks]
        self._tasks[trial_id] = tasks
        return {"tasks": json.dumps([one.to_dict() for one in tasks]), "gpus": self._sharing.gpus(tasks)}

    def _next(self) -> list[Task]:
        """What the plan wants to be trained next as one; nothing while it wants nothing. What is of no use any more
        makes room."""
        task = None if self._plan.done else self._plan.next()
        for number in self._plan.spare():
            self._checkpoints.remove(number)
        return [] if task is None else [task, *self._plan.alongside(task)]

    def lost(self, trial_id: str, error: Exception) -> None:
        """Ray lost a trial's worker; Tune starts it again, or says that the trial is complete."""
        self._losses[trial_id] = HOARDED if isinstance(error, _OutOfMemory) else CRASHED

    def take(self, trial_id: str, messages: str) -> bool:
        """Tell the plan; whether any of the tasks goes on. Messages that come again are passed over."""
        living = self.living[trial_id]
        for message in json.loads(messages):
            number = message["number"]
            if message["failed"] == MEMORY and self._sharing.retries(self._tasks[trial_id], living):
                self._forget(trial_id)
                return False
            if message["failed"] == SPACE:
                raise NoSpace(f"trial {number}: {os.strerror(errno.ENOSPC)}")  # it did not fail: the study cannot go on
            if number in living and (not self._plan.report(number, message) or message["done"]):
                self._plan.end(number)
                living.remove(number)
                if living:
                    self._files.write(stored(number, ENDED), b"")
        return bool(living)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Whatever fails here, on a full disk, Tune would log with its traceback, and go on: ``check`` raises it."""
        try:
            self._complete(trial_id, result, error)
        except Exception as failure:
            self._failure = failure

    def check(self) -> None:
        """Raises what failed when a trial ended."""
        if self._failure is not None:
            raise self._failure

    def _complete(self, trial_id: str, result: dict[str, Any] | None, error: bool) -> None:
        if trial_id not in self.living:
            return
        if not error and result and "messages" in result:
            self.take(trial_id, result["messages"])
        for number in self.living.get(trial_id, ()):
            self._plan.end(number, failure=self._losses.get(trial_id, CRASHED))
        self._forget(trial_id)

    def _forget(self, trial_id: str) -> None:
        self.living.pop(trial_id, None)
        self._losses.pop(trial_id, None)
        tasks = self._tasks.pop(trial_id, [])
        for task in tasks if len(tasks) > 1 else ():
            self._files.remove(stored(task.number, ENDED))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study's journal is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a resumed study starts a new run."""


class _Scheduler(FIFOScheduler):  # type: ignore[misc]
    """Stops a trial when nothing of it goes on."""

    def __init__(self, searcher: _Searcher, tick: Callable[[], None]) -> None:
        super().__init__()
        self._searcher = searcher
        self.tick = tick

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def lost(self, trial: Any, error: Exception) -> None:
        self._searcher.lost(trial.trial_id, error)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return str(self.CONTINUE if self._searcher.take(trial.trial_id, result["messages"]) else self.STOP)


def run(
    plan: Plan,
    *,
    dataset: Dataset,
    resources: Resources,
    epochs: int,
    rungs: Collection[int],
    stall: float,
    concurrent: int,
    scratch: Path,
    tick: Callable[[], None],
) -> None:
    """Train what the plan asks for, ``concurrent`` tasks at a time, until it is done. Actors are reused.

    ``tick`` is called some times a second, whether there is news or not.
    """
    sharing = Sharing(resources.gpus, len(dataset.axis), len(dataset.classes))
    searcher = _Searcher(plan, resources.folder.files(), sharing)
    worker = tune.with_resources(
        tune.with_parameters(Worker, dataset=dataset, folder=resources.folder, epochs=epochs, rungs=rungs, stall=stall),
        lambda config: tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": config["gpus"]}]),
    )
    with _adapted():
        tuner = tune.Tuner(
            worker,
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=_Scheduler(searcher, tick),
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
    searcher.check()
    assert not searcher.living, f"Tune ended before the trials {list(searcher.living.values())} did"
