"""How many trials share a GPU: as many as its memory holds and its time serves, by the load of the first configs.

A small network leaves a GPU waiting for the processor most of the time; another trial can have it meanwhile, as trials
that share a GPU take turns. What turns out too large for its share is trained again with a GPU to itself (``trial``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from spectune.search.records import AUTO, Options
from spectune.search.workers import cluster
from spectune.spaces import Network, Training
from spectune.spaces.errors import InputError
from spectune.spaces.saved import recorded
from spectune.trainables import own
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.pace import Load

MEASURED = 8  # configs whose load is measured
OWN = 0.8e9  # bytes that a process takes of a GPU before it trains: CUDA and its libraries
LARGE = 0.9  # a trial's share is to hold so many of the configs, as a quantile
FULL = 0.9  # of a GPU's memory, that trials are to fill
MOST = 16  # trials of a GPU


class Trainable(Protocol):
    """Something with a network and its training, such as a task."""

    @property
    def network(self) -> Network: ...
    @property
    def training(self) -> Training: ...


def trials_of_gpu(loads: list[Load], *, memory: float, cores: float, replicas: int = 1) -> int:
    """How many trials of ``replicas`` such ``loads`` share a GPU of ``memory`` bytes, with processors for ``cores``."""
    needs = sorted(load.memory * replicas + OWN for load in loads)
    fit = FULL * memory / needs[math.ceil(LARGE * len(needs)) - 1]
    busy = replicas * sum(load.busy for load in loads) / len(loads)
    return max(1, int(min(fit, math.ceil(1 / max(busy, 1e-3)), cores, MOST)))


def gpus(options: Options, dataset: Dataset, capacity: dict[str, float], tasks: Iterator[Trainable]) -> float:
    """GPUs of a trial: as many as asked for, or one where there are some. ValueError where they cannot be measured.

    ``tasks`` are those that would be trained first; where a GPU is to be measured some of them are tried.
    """
    if options.gpus_per_trial == AUTO:
        return _share(options, dataset, capacity, tasks)
    if options.gpus_per_trial is not None:
        return float(options.gpus_per_trial)
    return 1.0 if capacity.get("GPU") else 0.0


def concurrent(options: Options, capacity: dict[str, float], gpus: float) -> int:
    """Trials at a time: as many as asked for, or as fit. ValueError where not one fits."""
    cpus = options.cpus_per_trial
    fit = {"--cpus-per-trial": int(capacity.get("CPU", 0) / cpus)}
    if gpus:
        fit["--gpus-per-trial"] = int(capacity.get("GPU", 0) / gpus)
    if lacking := " and ".join(option for option, trials in fit.items() if not trials):
        have = f"{capacity.get('CPU', 0):g} CPUs and {capacity.get('GPU', 0):g} GPUs"
        raise InputError(f"a trial needs {cpus:g} CPUs and {gpus:g} GPUs, Ray has {have}: lower {lacking}")
    return options.concurrent or min(fit.values())


def _share(options: Options, dataset: Dataset, capacity: dict[str, float], tasks: Iterator[Trainable]) -> float:
    """That of a trial in a GPU, measured on one of the cluster's."""
    steps = (one for one in tasks if one.network.by_steps)
    tried = [recorded(one.network, one.training) for one in islice(steps, MEASURED)]
    if not tried or not capacity.get("GPU"):
        return 0.0
    loads, memory = cluster.loads(tried, dataset.blind(), own.kept(options.folder), cpus=options.cpus_per_trial)
    if not loads:
        raise InputError("--gpus-per-trial auto measures a GPU, torch sees none on its node: give a number")
    cores = capacity["CPU"] / capacity["GPU"] / options.cpus_per_trial
    return 1 / trials_of_gpu(loads, memory=memory, cores=cores, replicas=options.replicas)
