"""Trials on Ray: the worker that trains one task, and the run that keeps all workers busy.

The only file that knows Ray Tune. What to run next and what to stop is asked of a ``Plan``: nothing here knows the
study.
"""

from __future__ import annotations

import io
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from safetensors.torch import load as unpack
from safetensors.torch import save as pack

from spectune.search import own, warm
from spectune.search.cluster import LOST_WORKERS, Room, Shelf, threads
from spectune.search.task import STATE, WEIGHTS, Task, stored
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.epoch import Epoch
from spectune.trainables.models import build
from spectune.trainables.train import train

CHECKPOINT_SECONDS = 30.0  # between two checkpoints of a running trial; shorter trials never write one


class Plan(Protocol):
    """Decides what is trained. Called from one thread, the driver's."""

    def next(self) -> Task | None:
        """The next task, or None when there is none now (``done`` says whether there will be)."""

    @property
    def done(self) -> bool:
        """Whether no task will come any more."""

    def report(self, number: int, message: dict[str, Any]) -> bool:
        """Take in an epoch's message; False stops the trial."""

    def end(self, number: int, failure: str = "") -> None:
        """The trial ended; ``failure`` says why when its workers were lost for good."""


class Worker(tune.Trainable):  # type: ignore[misc]
    """Trains one task after another in one process; each Tune step is one epoch."""

    def setup(self, config: dict[str, Any], dataset: Dataset, shelf: Shelf, epochs: int) -> None:
        torch.set_num_threads(threads())
        own.known(shelf.read(own.COPY))
        self._dataset, self._shelf, self._limit = dataset, shelf, epochs
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.reset_config(config)

    def reset_config(self, config: dict[str, Any]) -> bool:
        self._task = Task.from_dict(json.loads(config["task"]))
        self._began = self._saved = time.monotonic()
        self._epochs: Iterator[Epoch] | None = None
        return True

    def step(self) -> dict[str, Any]:
        """One epoch, or the end of the training; an exception is an answer, not a crash of the worker."""
        try:
            message = self._step()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            message = {"failed": "out of memory"}
        except MemoryError:
            message = {"failed": "out of memory"}
        except Exception as error:
            text = str(error).splitlines()[0][:300] if str(error) else ""
            message = {
                "failed": "out of memory" if "can't allocate memory" in text else f"error: {text or repr(error)}"
            }
        message.setdefault("failed", "")
        done = bool(message["failed"]) or message["done"]
        if done:
            self._epochs = None
        return {"message": json.dumps({**message, "number": self._task.number}), "done": done}

    def cleanup(self) -> None:
        """Let go of the network when Tune stops the trial."""
        self._epochs = None

    def _step(self) -> dict[str, Any]:
        if self._epochs is None:
            self._epochs = self._start()
        epoch = next(self._epochs)
        if not epoch.last and time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            self._checkpoint(epoch)
        return self._message(epoch)

    def _start(self) -> Iterator[Epoch]:
        task = self._task
        saved = self._shelf.read(stored(self._task.number, STATE))
        state = None
        if saved is not None:
            state = torch.load(io.BytesIO(saved), map_location=self._device, weights_only=True)
            self._began -= state["seconds"]
        init = None
        if task.training.init != "scratch":
            weights = self._shelf.read(warm.COPY)
            init = None if weights is None else unpack(weights)
        return train(
            task.network,
            task.training,
            self._dataset,
            seed=task.seed,
            epochs=self._limit,
            device=self._device,
            state=state,
            init=init,
        )

    def _checkpoint(self, epoch: Epoch) -> None:
        buffer = io.BytesIO()
        torch.save({**epoch.state, "seconds": time.monotonic() - self._began}, buffer)
        self._shelf.write(stored(self._task.number, STATE), buffer.getvalue())
        self._saved = time.monotonic()

    def _message(self, epoch: Epoch) -> dict[str, Any]:
        best = epoch.state.get("best") or {"epoch": 0, "metrics": {}}
        message = {
            "epoch": epoch.number,
            "metrics": epoch.metrics,
            "best_epoch": best["epoch"],
            "best": dict(best["metrics"]),
            "done": epoch.last,
        }
        if epoch.last:
            task, data = self._task, self._dataset
            with torch.device("meta"):  # its weights are there already
                model = build(task.network, len(data.axis), len(data.classes), several=data.several)
            model.load_state_dict(best["model"], assign=True)
            message["best"]["latency"] = latency(model, len(data.axis), self._device)
            if task.stage == "confirm":
                weights = {name: tensor.detach().cpu().contiguous() for name, tensor in best["model"].items()}
                self._shelf.write(stored(task.number, WEIGHTS), pack(weights))
            self._shelf.remove(stored(self._task.number, STATE))
        message["seconds"] = round(time.monotonic() - self._began, 3)
        return message


def latency(model: torch.nn.Module, points: int, device: str) -> float:
    """Median milliseconds to classify one spectrum, of 9 runs after one to warm up."""
    spectrum = torch.rand(1, points, device=device)
    model.eval()
    taken = []
    with torch.inference_mode():
        for _ in range(10):
            began = time.perf_counter()
            model(spectrum).sum().item()  # waits for the device
            taken.append(1000 * (time.perf_counter() - began))
    return round(sorted(taken[1:])[4], 4)


class _Feed(Searcher):  # type: ignore[misc]
    """Hands the plan's tasks to Tune."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(metric="message", mode="max")
        self._plan = plan
        self.numbers: dict[str, int] = {}  # Tune's trial id -> trial number

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune stores a copy of its searcher and scheduler that nobody reads

    def suggest(self, trial_id: str) -> Any:
        if self._plan.done:
            return Searcher.FINISHED
        task = self._plan.next()
        if task is None:
            return Searcher.FINISHED if self._plan.done else None
        self.numbers[trial_id] = task.number
        return {"task": json.dumps(task.to_dict())}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        number = self.numbers.pop(trial_id, None)
        if number is None:
            return
        if error or not result or "message" not in result:
            self._plan.end(number, failure=f"its worker was lost {LOST_WORKERS + 1} times")
            return
        self._plan.report(number, json.loads(result["message"]))
        self._plan.end(number)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study's journal is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a resumed study starts a new run."""


class _Judge(FIFOScheduler):  # type: ignore[misc]
    """Stops a trial when the plan says so."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        message = json.loads(result["message"])
        go_on = self._plan.report(message["number"], message)
        return str(self.CONTINUE if go_on else self.STOP)


def run(
    plan: Plan,
    *,
    dataset: Dataset,
    room: Room,
    epochs: int,
    concurrent: int,
    scratch: Path,
) -> None:
    """Train what the plan asks for, ``concurrent`` tasks at a time, until it is done. Actors are reused."""
    feed = _Feed(plan)
    resources = {"cpu": room.cpus, "gpu": room.gpus}
    worker = tune.with_resources(
        tune.with_parameters(Worker, dataset=dataset, shelf=room.shelf, epochs=epochs), resources
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Tune's remarks on its own deprecations
        tuner = tune.Tuner(
            worker,
            tune_config=tune.TuneConfig(
                search_alg=feed,
                scheduler=_Judge(plan),
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
    assert not feed.numbers, f"Tune ended before the trials {sorted(feed.numbers.values())} did"
