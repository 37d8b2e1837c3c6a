"""Ray around the trials: joining it, files that workers share, and the blind test."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import ray
import torch
from ray._raylet import Config  # type: ignore[attr-defined]
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from safetensors.torch import load as unpack

from spectune.search import own
from spectune.search.node import QUIET
from spectune.search.stop import FULL
from spectune.search.task import WEIGHTS, Task, configs, stored
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.metrics import by_label, confused, score
from spectune.trainables.models import THRESHOLDS, restored
from spectune.trainables.pace import Load, gpu_load
from spectune.trainables.train import predict

QUICK = 4e10  # multiply-adds of a second or two
LOST_WORKERS = 3  # times a trial is started again after its process or node was lost


class NoSpace(OSError):
    """The disk under the study's folder is full."""


class Shelf:
    """Files of the study that workers write and read: weights and checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Replace a file at once, so that a crash or a full disk leaves the old one or the new one."""
        path = self.folder / name
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in FULL:
                raise NoSpace(error.errno, os.strerror(error.errno), str(path)) from None
            raise

    def read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class DistantShelf:
    """The same for workers on nodes that do not see the study's folder: the bytes travel through Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def write(self, name: str, data: bytes) -> None:
        ray.get(self._actor.write.remote(name, data))

    def read(self, name: str) -> bytes | None:
        found: bytes | None = ray.get(self._actor.read.remote(name))
        return found

    def remove(self, name: str) -> None:
        ray.get(self._actor.remove.remote(name))


@contextmanager
def joined(address: str) -> Iterator[dict[str, float]]:
    """Join the Ray at ``address`` and leave it at the end; gives its resources with ``nodes``."""
    Config.initialize("")  # reads the environment again: Ray may have been imported before its door's mode was set
    try:
        ray.init(address=address, **QUIET)
        alive = [node for node in ray.nodes() if node["Alive"]]
        yield {**ray.cluster_resources(), "nodes": len(alive)}
    finally:
        ray.shutdown()


def shelf_for(folder: Path, nodes: int) -> Shelf | DistantShelf:
    """Where workers keep files: the folder itself on one node, an actor beside the driver on several."""
    if nodes == 1:
        return Shelf(folder.absolute())
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(Shelf).options(num_cpus=0, scheduling_strategy=here).remote(folder.absolute())
    return DistantShelf(actor)


class Room(NamedTuple):
    """What a task has: the shelf with its files, CPU cores and GPUs."""

    shelf: Shelf | DistantShelf
    cpus: float
    gpus: float


def evaluate(tasks: list[Task], *, dataset: Dataset, split: str, room: Room) -> list[dict[str, Any]]:
    """Evaluate the weights of confirmed tasks on a split, each: in this process where that takes less than a worker to
    start.

    Gives ``metrics`` with ``predictions`` (N,) and ``confused`` pairs, or with ``labels``, how each label did.
    """
    points, classes = len(dataset.axis), len(dataset.classes)
    work = sum(task.network.cost(points, classes).macs for task in tasks) * len(dataset.split(split))
    if isinstance(room.shelf, Shelf) and work < QUICK:
        return [_evaluate(task.to_dict(), dataset, room.shelf, split) for task in tasks]
    remote = ray.remote(num_cpus=room.cpus, num_gpus=room.gpus, max_retries=LOST_WORKERS)(_evaluate)
    shared = ray.put(dataset)
    found: list[dict[str, Any]] = ray.get([remote.remote(task.to_dict(), shared, room.shelf, split) for task in tasks])
    return found


def _evaluate(values: dict[str, Any], dataset: Dataset, shelf: Shelf | DistantShelf, split: str) -> dict[str, Any]:
    own.known(shelf.read(own.COPY))
    task = Task.from_dict(values)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(threads())
    data = shelf.read(stored(task.number, WEIGHTS))
    assert data is not None, f"weights of trial {task.number} are gone"
    sizes = len(dataset.axis), len(dataset.classes)
    model = restored(task.network, *sizes, unpack(data), several=dataset.several).to(device)
    spectra = dataset.split(split)
    logits = predict(model, spectra, device)
    labels = torch.from_numpy(spectra.labels.copy())
    if dataset.several:
        above = model.get_buffer(THRESHOLDS).cpu()
        return {"metrics": _finite(score(logits, labels, above)), "labels": by_label(logits, labels, above)}
    predictions = logits.argmax(dim=1)
    found = {"predictions": predictions.numpy(), "confused": confused(predictions, labels)}
    return {"metrics": _finite(score(logits, labels)), **found}


def loads(tried: list[dict[str, Any]], dataset: Dataset, source: str | None, *, cpus: float) -> tuple[list[Load], int]:
    """What trainings of configs take of one of the cluster's GPUs, and the bytes of its memory; no loads where torch
    sees none."""
    remote = ray.remote(num_cpus=cpus, num_gpus=1)(_loads)
    found: tuple[list[Load], int] = ray.get(remote.remote(tried, ray.put(dataset), source))
    return found


def _loads(tried: list[dict[str, Any]], dataset: Dataset, source: str | None) -> tuple[list[Load], int]:
    own.known(source)
    if not torch.cuda.is_available():
        return [], 0
    torch.set_num_threads(threads())
    memory, found = torch.cuda.get_device_properties(0).total_memory, []
    for config in tried:
        try:
            found.append(gpu_load(*configs(config), dataset))
        except torch.OutOfMemoryError:
            found.append(Load(memory, 1.0))
    return found, memory


def _finite(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def threads() -> int:
    """Threads of a worker: as many as Ray gave it processors."""
    return max(1, int(os.environ.get("OMP_NUM_THREADS") or 1))
