"""One worker of a study: a process that trains one task after another, and stays for the next.

Workers reach the study only through messages and its files, so that they may run on other machines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from contextlib import nullcontext, suppress
from typing import Any

from ray import WORKER_MODE
from ray._private.worker import global_worker

from spectune.search.process.collector import importing

with importing() if global_worker.mode == WORKER_MODE else nullcontext():  # a driver imports this as well
    import torch
    from ray import tune
    from safetensors.torch import load as unpack
    from safetensors.torch import save as pack

    from spectune.search.records import ENDED, WEIGHTS, Task, stored
    from spectune.search.workers.checkpoint import Checkpoints
    from spectune.search.workers.cluster import threads
    from spectune.search.workers.files import Folder, NoSpace
    from spectune.search.workers.watch import Watch
    from spectune.trainables import own, warm
    from spectune.trainables.data import Folds
    from spectune.trainables.data.dataset import Dataset
    from spectune.trainables.epoch import Epoch
    from spectune.trainables.models import restored
    from spectune.trainables.replicas import Replicas

STEP_SECONDS = 0.2  # shorter epochs are reported together: a report costs Ray and the driver more than they take
CHECKPOINT_SECONDS = 30.0  # between two checkpoints of a running trial
PAUSED_SECONDS = 1.0  # of training, from which on there is one where it may be paused; a shorter one begins anew
OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED")  # so say PyTorch, CUDA and its libraries
MEMORY, SPACE = "out of memory", "no space left for its weights"  # why a trial failed


class Worker(tune.Trainable):  # type: ignore[misc]
    """Trains one task after another in one process, or some at once as replicas; a Tune step is some epochs."""

    def setup(
        self,
        config: dict[str, Any],
        *,
        dataset: Dataset,
        folder: Folder,
        epochs: int,
        rungs: Collection[int],
        stall: float,
    ) -> None:
        torch.set_num_threads(threads())
        files = folder.files()
        self._families = own.known(files.read(own.COPY)).families
        self._watch = Watch(stall)
        self._files = files
        self._limit = epochs
        self._rungs = rungs
        self._dataset = self._watch.over(dataset)
        self._divided: Folds | None = None  # the dataset, once a task is of folds
        self._folds: dict[int, Dataset] = {}  # those that were trained on: the same ones each time
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        if self._device == "cuda" and 0 < config["gpus"] < 1:
            torch.cuda.set_per_process_memory_fraction(config["gpus"])  # one that needs more takes nothing from others
        self.reset_config(config)

    def reset_config(self, config: dict[str, Any]) -> bool:
        tasks = [Task.from_dict(values, self._families) for values in json.loads(config["tasks"])]
        self._tasks = {replica: task for replica, task in enumerate(tasks) if len(tasks) == 1 or not self._left(task)}
        self._together = max(1, len(self._tasks))
        self._checkpoints = Checkpoints(self._files)
        self._began = self._saved = time.monotonic()
        self._replicas: Replicas | None = None
        self._pause = False  # whether the plan is to say now what goes on
        return True

    def step(self) -> dict[str, Any]:
        """The epochs of ``STEP_SECONDS``, at least one, up to where a trial may be paused or to the training's end."""
        until, messages = time.monotonic() + STEP_SECONDS, self._epoch()
        while self._tasks and time.monotonic() < until and not self._pause:
            messages += self._epoch()
        if not self._tasks:
            self._replicas = None
        return {"messages": json.dumps(messages), "done": not self._tasks}

    def _epoch(self) -> list[dict[str, Any]]:
        """One epoch, or the end of the training; an exception is an answer, not a crash of the worker."""
        failed = ""
        try:
            with self._watch:
                messages = self._train()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            failed = MEMORY
        except MemoryError:
            failed = MEMORY
        except NoSpace:
            failed = SPACE
        except Exception as error:
            text = str(error).splitlines()[0][:300] if str(error) else ""
            memory = any(said in text for said in OUT_OF_MEMORY)
            failed = MEMORY if memory else f"error: {text or repr(error)}"
        if failed:
            messages = [{"failed": failed, "done": True, "number": task.number} for task in self._tasks.values()]
        ended = {message["number"] for message in messages if message["done"]}
        self._tasks = {replica: task for replica, task in self._tasks.items() if task.number not in ended}
        return messages

    def cleanup(self) -> None:
        """Let go of the networks when Tune stops the trial."""
        self._replicas = None

    def _train(self) -> list[dict[str, Any]]:
        if self._replicas is None:
            self._replicas = self._start()
        elif self._together > 1:
            for replica in [replica for replica, task in self._tasks.items() if self._left(task)]:
                self._replicas.drop(replica)
                del self._tasks[replica]
        epochs = self._replicas.epoch()
        self._pause = any(self._rung(self._tasks[replica], epoch) for replica, epoch in epochs.items())
        if self._pause or time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            for replica, epoch in epochs.items():
                if not epoch.last:
                    self._checkpoint(self._tasks[replica], epoch)
            self._saved = time.monotonic()
        return [self._message(self._tasks[replica], epoch) for replica, epoch in epochs.items()]

    def _rung(self, task: Task, epoch: Epoch) -> bool:
        """Whether a trial may be paused after this epoch and should then go on from it."""
        judged = task.stage == "explore" and epoch.fold == 0 and epoch.number in self._rungs
        return judged and self._seconds() > PAUSED_SECONDS

    def _left(self, task: Task) -> bool:
        """Whether the plan needs no more of a replica, while others go on."""
        return self._files.read(stored(task.number, ENDED)) is not None

    def _start(self) -> Replicas:
        tasks = list(self._tasks.values())
        self._tasks = dict(enumerate(tasks))
        init = None
        if tasks[0].training.init != "scratch":
            weights = self._files.read(warm.COPY)
            init = None if weights is None else unpack(weights)
        replicas = Replicas(
            [task.network for task in tasks],
            [task.training for task in tasks],
            *self._datasets(tasks[0]),
            seeds=[task.seed for task in tasks],
            epochs=self._limit,
            device=self._device,
            init=init,
        )
        saved = {replica: self._checkpoints.read(task.number, self._device) for replica, task in self._tasks.items()}
        states = {replica: state for replica, state in saved.items() if state is not None}
        self._began -= self._together * max((state["seconds"] for state in states.values()), default=tasks[0].spent)
        replicas.load(states)
        return replicas

    def _datasets(self, task: Task) -> list[Dataset]:
        """What a task is trained on in turn."""
        if not task.folds:
            return [self._dataset]
        self._divided = self._divided or Folds(self._dataset, task.folds)
        for number in task.turn:
            if number not in self._folds:
                self._folds[number] = self._watch.over(self._divided.fold(number))
        return [self._folds[number] for number in task.turn]

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
            "fold": epoch.fold,
            "metrics": epoch.metrics,
            "best_epoch": best["epoch"],
            "best": dict(best["metrics"]),
            "done": epoch.last,
            "failed": "",
            "apart": self._replicas.reason if self._together > 1 else "",
        }
        if epoch.last:
            data = self._dataset
            sizes = len(data.axis), len(data.classes)
            model = restored(task.network, *sizes, best["model"], multilabel=data.multilabel)
            message["best"]["latency"] = latency(model, len(data.axis), self._device)
            if task.stage == "confirm":
                weights = {name: tensor.detach().cpu().contiguous() for name, tensor in best["model"].items()}
                self._files.write(stored(task.number, WEIGHTS), pack(weights))
            self._checkpoints.remove(task.number)
        message["seconds"] = round(self._seconds(), 3)
        return message

    def _seconds(self) -> float:
        """A task's share of the time since it began."""
        return (time.monotonic() - self._began) / self._together


def latency(model: torch.nn.Module, points: int, device: str) -> float:
    """Median milliseconds to classify one spectrum, of 9 runs after one to warm up."""
    spectrum = torch.rand(1, points, device=device)
    model.eval()
    milliseconds = []
    with torch.inference_mode():
        for _ in range(10):
            began = time.perf_counter()
            model(spectrum).sum().item()  # waits for the device
            milliseconds.append(1000 * (time.perf_counter() - began))
    return round(sorted(milliseconds[1:])[4], 4)
