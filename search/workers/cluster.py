"""Ray around the trials: joining it, files that workers share, and the blind test."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import OutOfMemoryError, RayTaskError
from torch import Tensor

from spectune.search.records import WEIGHTS, Task, stored
from spectune.search.workers.files import Folder, Resources
from spectune.search.workers.node import QUIET, read_door
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs
from spectune.trainables import own
from spectune.trainables.data import Folds
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.jackknife import pseudo
from spectune.trainables.metrics import Answers, answered, by_label, confused, scored
from spectune.trainables.models import THRESHOLDS, restored
from spectune.trainables.pace import Load, gpu_load
from spectune.trainables.train import predict
from spectune.trainables.weights import unpacked

QUICK = 4e10  # multiply-adds of a second or two
KNOCK = 10.0  # seconds for a cluster to take a connection
LOST_WORKERS = 3  # times a trial is started again after its process or node was lost


@contextmanager
def joined(address: str) -> Iterator[dict[str, float]]:
    """Join the Ray at ``address`` and leave it at the end; gives its resources with ``nodes``."""
    _knock(address)
    read_door()  # Ray may have been imported before the environment was set
    logger = logging.getLogger("ray")
    level = logger.level
    try:
        ray.init(address=address, **QUIET)
        alive = [node for node in ray.nodes() if node["Alive"]]
        yield {**ray.cluster_resources(), "nodes": len(alive)}
    finally:
        ray.shutdown()
        logger.setLevel(level)


def _knock(address: str) -> None:
    """Ray itself tries for many minutes. ValueError where nothing answers at ``host:port``."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()) or "/" in host:
        return  # "auto", or a client's address
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK).close()
    except OSError as error:
        raise InputError(
            f"--address must be that of a Ray that runs, nothing answers at {address} ({error}): start it, or leave "
            "--address out"
        ) from None


def evaluate(
    sets: Sequence[Sequence[Task]], *, dataset: Dataset, split: str, resources: Resources, sure: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Evaluate the weights of confirmed tasks on a split.

    Of each set of tasks the answers are taken together: it is one task, or on the validation split several that
    validate on different folds, each on its own. Gives ``metrics`` with ``predictions`` (N,) and ``confused`` pairs, or
    with ``labels``, how each label did; which spectra were ``right`` (N,), their classes or labels as ``truth``, and
    the ``pseudo`` values of the scores in ``sure``, for their intervals.
    """
    return _each(_evaluate, sets, dataset, split, resources, sure)


def logits(
    sets: Sequence[Sequence[Task]], *, dataset: Dataset, split: str, resources: Resources
) -> tuple[Tensor, Tensor, NDArray[np.int64] | None]:
    """(M, N, C) the logits of M sets of tasks, as ``evaluate`` takes them together; labels and groups of the N
    spectra, which must be the same for all sets."""
    answers: list[_Answered] = _each(_answered, sets, dataset, split, resources)
    every = torch.stack([one.logits.clone() for one in answers])  # Ray's memory is read-only, which torch warns about
    return every, answers[0].labels.clone(), answers[0].groups


def _each(
    function: Callable[..., Any],
    sets: Sequence[Sequence[Task]],
    dataset: Dataset,
    split: str,
    resources: Resources,
    *more: Any,
) -> list[Any]:
    """What ``function`` gives of each set of tasks, the dataset, the study's folder and the split: in this process
    where that takes less than a worker to start."""
    points, classes = len(dataset.axis), len(dataset.classes)
    work = sum(task.network.cost(points, classes).macs for tasks in sets for task in tasks) * len(dataset.split(split))
    if work < QUICK:
        with few_threads():
            return [function(_dicts(tasks), dataset, resources.folder, split, *more) for tasks in sets]
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=LOST_WORKERS)(function)
    shared = ray.put(dataset)
    pending = [remote.remote(_dicts(tasks), shared, resources.folder, split, *more) for tasks in sets]
    try:
        return list(ray.get(pending))
    except RayTaskError as error:
        raise error.cause from error
    except OutOfMemoryError:
        raise InputError(
            f"a worker must fit into its node's memory, Ray ended one on the {split} split to save the machine: stop "
            "what else runs there, or give it more memory"
        ) from None


def _dicts(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    return [task.to_dict() for task in tasks]


@contextmanager
def few_threads() -> Iterator[None]:
    """Within this, torch computes in as many threads as a worker does: more wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _evaluate(
    values: list[dict[str, Any]], dataset: Dataset, folder: Folder, split: str, sure: Sequence[str]
) -> dict[str, Any]:
    outputs, labels, above, groups = _answered(values, dataset, folder, split)
    answers = answered(outputs, labels, above)
    row = {**judged(answers, groups, sure), "right": answers.right().numpy(), "truth": labels.numpy()}
    if above is not None:
        return {**row, "labels": by_label(outputs, labels, above)}
    predictions = outputs.argmax(dim=1)
    return {**row, "predictions": predictions.numpy(), "confused": confused(predictions, labels)}


def judged(answers: Answers, groups: NDArray[np.int64] | None, sure: Sequence[str]) -> dict[str, Any]:
    """The ``metrics`` of answers that have a value, and the ``pseudo`` values of the scores in ``sure``."""
    metrics = {name: value for name, value in scored(answers).items() if math.isfinite(value)}
    return {"metrics": metrics, "pseudo": pseudo(answers, sure, groups) if answers.finite else {}}


class _Answered(NamedTuple):
    """The logits (N, C) of tasks together, the labels of their spectra, above which logit of each a label is found
    (N, C) where there may be several, and the groups (N,)."""

    logits: Tensor
    labels: Tensor
    above: Tensor | None
    groups: NDArray[np.int64] | None


def _answered(values: list[dict[str, Any]], dataset: Dataset, folder: Folder, split: str) -> _Answered:
    torch.set_num_threads(threads())
    families = own.known(folder.files().read(own.COPY)).families
    tasks = [Task.from_dict(one, families) for one in values]
    splits, order = _asked(tasks, dataset, split)
    outputs = [_answers(task, spectra, dataset, folder) for task, spectra in zip(tasks, splits, strict=True)]
    numbers = [spectra.groups for spectra in splits if spectra.groups is not None]
    return _Answered(
        logits=torch.cat([one for one, _ in outputs])[order],
        labels=torch.from_numpy(np.concatenate([spectra.labels for spectra in splits]))[order],
        above=torch.cat([one.expand(len(some), -1) for some, one in outputs])[order] if dataset.multilabel else None,
        groups=np.concatenate(numbers)[order] if numbers else None,
    )


def _asked(tasks: list[Task], dataset: Dataset, split: str) -> tuple[list[Split], NDArray[np.int64]]:
    """The spectra that each task answers to, and the order of all in which every division into folds has them."""
    if split != "validation" or not tasks[0].folds:
        return [dataset.split(split)] * len(tasks), np.arange(len(dataset.split(split)))
    divided = Folds(dataset, tasks[0].folds)
    splits = [divided.fold(*task.turn).validation for task in tasks]
    return splits, np.argsort(np.concatenate([divided.validated(*task.turn) for task in tasks]))


def _answers(task: Task, spectra: Split, dataset: Dataset, folder: Folder) -> tuple[Tensor, Tensor]:
    """The logits (N, C) of a task, and above which of them a label is found (C,)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    file = stored(task.number, WEIGHTS)
    weights = unpacked(folder.files().read(file), folder.path / file)
    sizes = len(dataset.axis), len(dataset.classes)
    model = restored(task.network, *sizes, weights, multilabel=dataset.multilabel).to(device)
    return predict(model, spectra, device), model.get_buffer(THRESHOLDS).cpu() if dataset.multilabel else torch.zeros(0)


def loads(tried: list[dict[str, Any]], dataset: Dataset, source: str | None, *, cpus: float) -> tuple[list[Load], int]:
    """What trainings of configs take of one of the cluster's GPUs, and the bytes of its memory; no loads where torch
    sees none."""
    remote = ray.remote(num_cpus=cpus, num_gpus=1)(_loads)
    measured: tuple[list[Load], int] = ray.get(remote.remote(tried, ray.put(dataset), source))
    return measured


def _loads(tried: list[dict[str, Any]], dataset: Dataset, source: str | None) -> tuple[list[Load], int]:
    families = own.known(source).families
    if not torch.cuda.is_available():
        return [], 0
    torch.set_num_threads(threads())
    memory, measured = torch.cuda.get_device_properties(0).total_memory, []
    for config in tried:
        try:
            measured.append(gpu_load(*configs(config, families), dataset))
        except torch.OutOfMemoryError:
            measured.append(Load(memory, 1.0))
    return measured, memory


def threads() -> int:
    """Threads of a worker: as many as Ray gave it processors."""
    return max(1, int(os.environ.get("OMP_NUM_THREADS") or 1))
