"""What a search will take, before anything is spent: the study's own director, on trials that only pass the time.

Nothing is trained but a few batches of some configs, whose pace is measured. The director explores, stops and confirms
as it would; how good a trial is, is drawn. P configs whose pace was measured.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

from spectune.search.planning.simulate import Clock, Curve, director, simulate
from spectune.search.process.cpus import usable
from spectune.search.process.log import LOGGER
from spectune.search.process.table import span, table
from spectune.search.records import AUTO, SIMPLE, Options, Study, Task
from spectune.search.records.metrics import METRICS
from spectune.search.strategy.agenda import first
from spectune.spaces import SIMPLE as METHODS
from spectune.spaces import Network, Training
from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.pace import epoch_seconds

MEASURED = 16  # configs whose pace is measured
PATIENCE = 30.0  # seconds of measuring per stage; what is left of it is planned by what was measured
RUNS = 9  # searches that are simulated
WAKE, START = 6.0, 0.2  # seconds that a worker takes to start, and each of its trials
NOISE = 0.5  # of a value at a rung, in standard deviations of the values at the end

Pace = Callable[[Task], float]  # seconds per epoch


class Card(NamedTuple):
    """What a GPU can do at most: bfloat16 operations and bytes of memory per second (makers' data sheets)."""

    operations: float
    bandwidth: float


CARDS = {
    "h200": Card(989e12, 4.8e12),
    "h100": Card(989e12, 3.35e12),
    "a100": Card(312e12, 2.0e12),
    "l40s": Card(362e12, 0.864e12),
    "l4": Card(121e12, 0.3e12),
    "v100": Card(125e12, 0.9e12),
    "t4": Card(65e12, 0.32e12),
}
REACHED = (0.2, 0.5)  # shares of both that small networks are taken to reach
STEP = 1e-3  # seconds a step takes at least: some hundred kernels, one after the other


@dataclass(frozen=True)
class Machine:
    """What is planned for: ``number`` of ``units``, at a ``price`` per hour each; ``card`` where it is not at hand."""

    number: int
    units: str  # cores | GPUs
    card: str = ""
    price: float | None = None

    def workers(self, options: Options) -> int:
        """Trials at a time. ValueError where not one fits."""
        if self.units == "GPUs" and options.gpus_per_trial == AUTO:
            raise InputError(f"--gpus-per-trial {AUTO} is measured when a study starts: give a plan a number")
        each = options.cpus_per_trial if self.units == "cores" else float(options.gpus_per_trial or 1.0)
        if self.number < each:
            raise InputError(f"a trial needs {each:g} {self.units}, got {self.number}: plan for more of them")
        return options.concurrent or int(self.number / each)


def machine(*, cores: int | None, gpus: int | None, card: str, price: float | None) -> Machine:
    """The machine that was asked for: this one's cores unless said otherwise. ValueError where it cannot be told."""
    if gpus is None:
        if card:
            raise InputError(f"--gpu says the kind of --gpus, got {card} without a number: add --gpus N")
        return Machine(cores or usable(), "cores", price=price)
    if cores is not None:
        raise InputError("a plan is for --cores or for --gpus, got both: leave one away")
    if card and card not in CARDS:
        raise InputError(f"--gpu must be one of {', '.join(CARDS)}, got {card!r}: choose the one most like yours")
    if not card and not torch.cuda.is_available():
        raise InputError(f"there is no GPU here to measure on: say what yours are with --gpu {' | '.join(CARDS)}")
    return Machine(gpus, "GPUs", card, price)


class Use(NamedTuple):
    """What a stage of a study took: ``wall`` and ``busy`` are seconds, of the clock and of all workers together."""

    trainings: int
    epochs: int
    wall: float
    busy: float


def measured(options: Options, dataset: Dataset, *, device: str, note: Callable[[str], None]) -> Pace:
    """The pace of any config, from that of the baseline and of the first ones that the search would try.

    Between them it is a power of their multiply-adds, with a factor for each family.
    """
    timings: list[tuple[Network, Training, float]] = []
    torch.set_num_threads(max(1, int(options.cpus_per_trial)))
    beside = (options.baseline_name is not None) + options.simple * len(METHODS)
    count = min(MEASURED + beside, options.trials + beside) or 1
    spent = defaultdict[str, float](float)
    for number, task in enumerate(islice(first(options, options, dataset.sizes), count)):
        if spent[task.stage] > PATIENCE:
            continue
        began = time.monotonic()
        seconds = epoch_seconds(task.network, task.training, dataset, device=device)
        spent[task.stage] += time.monotonic() - began
        timings.append((task.network, task.training, seconds))
        note(f"measured {number + 1} of {count}: {seconds:.2g} s per epoch  {task.network.describe()}")
    return _between(timings, len(dataset.axis), len(dataset.classes))


def _between(timings: list[tuple[Network, Training, float]], points: int, classes: int) -> Pace:
    """The measured paces and, by least squares of their logarithms, those of other configs.

    A little weight holds what few configs cannot tell: families are alike, and cost grows with the root of size.
    """
    families = sorted({network.family for network, _, _ in timings})
    known = {(network, training): seconds for network, training, seconds in timings}

    def features(network: Network) -> list[float]:
        cost = network.cost(points, classes)
        size = math.log(cost.macs + cost.activations + cost.parameters)
        return [1.0, size, *(float(network.family == family) for family in families)]

    rows = np.array([features(network) for network, _, _ in timings])
    held = 0.3 * np.eye(rows.shape[1])[1:]
    wanted = [0.3 * 0.5, *[0.0] * len(families)]
    values = np.log([seconds for _, _, seconds in timings])
    fitted = np.linalg.lstsq(np.vstack([rows, held]), np.append(values, wanted), rcond=None)[0]

    def pace(task: Task) -> float:
        exact = known.get((task.network, task.training))
        return exact if exact is not None else math.exp(np.dot(features(task.network), fitted))

    return pace


def listed(card: Card, dataset: Dataset) -> Pace:
    """The pace on a GPU by its data sheet: the slower of its operations and its memory, and at least ``STEP``.

    A training step does three times the operations of an answer, and touches every activation some six times.
    """
    spectra, sizes = len(dataset.train), (len(dataset.axis), len(dataset.classes))

    def pace(task: Task) -> float:
        cost = task.network.cost(*sizes)
        steps = -(-spectra // task.training.batch_size)
        operations = 6 * cost.macs * spectra / (REACHED[0] * card.operations)
        moved = (24 * cost.activations * spectra + 28 * cost.parameters * steps) / (REACHED[1] * card.bandwidth)
        return float(max(operations, moved, STEP * steps))

    return pace


def simulated(options: Options, dataset: Dataset, pace: Pace, *, workers: int, seed: int) -> Study:
    """The study as it would go with so many trials at a time, in simulated seconds; no training ends by itself."""
    random, clock, asleep = np.random.default_rng(seed), Clock(), [WAKE] * workers

    def passing(task: Task) -> Curve:
        """A trial that only passes the time: how good it will be is drawn, and what its epochs show of that."""
        epochs = options.epochs if task.network.by_steps else 1
        values = random.standard_normal() + NOISE * random.standard_normal(epochs)
        metrics = [
            {name: -value if metric.direction == "min" else value for name, metric in METRICS.items()}
            for value in values.tolist()
        ]
        each = pace(task)
        seconds = [START + each * epoch for epoch in range(1, epochs + 1)]
        others = max(0, len(task.turn) - 1) * each * epochs
        return Curve(metrics, seconds, asleep.pop() if asleep else 0.0, others)

    # What it proposes at random takes as long as what a model would, and is there sooner.
    directing = director(replace(options, seed=seed, sampler="random"), clock, dataset.sizes, workers=workers)
    for _ in simulate(directing, passing, workers=workers, clock=clock):
        pass
    return directing.study


def used(study: Study) -> dict[str, Use]:
    """What a study took that was run or simulated: exploring until its last trial, confirming what comes after."""
    began = min((trial.started for trial in study.trials.values()), default=0.0)
    uses, until = {}, began
    for stage in (*([SIMPLE] if study.stage(SIMPLE) else []), "explore", "confirm"):
        trials = [trial for trial in study.stage(stage) if trial.ended is not None]
        ended = max((trial.ended or 0.0 for trial in trials), default=until)
        epochs, busy = sum(trial.epochs for trial in trials), sum(trial.seconds for trial in trials)
        uses[stage] = Use(len(trials), epochs, max(0.0, ended - until), busy)
        until = max(until, ended)
    return {**uses, "together": Use(*(sum(values) for values in zip(*uses.values(), strict=True)))}


def plan(options: Options, dataset: Dataset, on: Machine, actual: Study | None) -> None:
    """Print what the search will take on a machine, beside what ``actual`` took where it has been run.

    ValueError for an ablation.
    """
    if options.reference:
        raise InputError(
            f"a plan is of a search or of one network's trainings, {options.name} is an ablation: give another study"
        )
    began, workers = time.monotonic(), on.workers(options)
    if on.card:
        pace, source = listed(CARDS[on.card], dataset), f"from the data sheet of the {on.card}, not measured"
    else:
        device = "cpu" if on.units == "cores" else "cuda"
        pace = measured(options, dataset, device=device, note=LOGGER.info)
        source = f"from the pace of a few batches on this machine, measured in {time.monotonic() - began:.0f} s"
    simulations = [used(simulated(options, dataset, pace, workers=workers, seed=seed)) for seed in range(RUNS)]
    rows = [_row(stage, [one[stage] for one in simulations], on) for stage in simulations[0]]
    if actual is not None:
        rows += [_row(f"{stage}, actual", [one], on) for stage, one in used(actual).items()]
    title = f"{options.name}: {options.trials} trials of {options.space}, {workers} at a time on {on.number} {on.units}"
    table(rows, f"{title}; {dataset.description}")
    print(f"median of {RUNS} simulated searches (lowest to highest), {source}")
    print("a training that stops early by itself takes less than is planned for it")


def _row(stage: str, uses: list[Use], on: Machine) -> dict[str, str]:
    """A row of the table: the median of several, with their ends."""

    def shown(values: list[float], words: Callable[[float], str]) -> str:
        middle, low, high = (words(value) for value in (statistics.median(values), min(values), max(values)))
        return middle if low == high else f"{middle} ({low} to {high})"

    row = {
        "stage": stage,
        "trainings": shown([one.trainings for one in uses], "{:.0f}".format),
        "epochs": shown([one.epochs for one in uses], "{:.0f}".format),
        "wall time": shown([one.wall for one in uses], span),
        f"{on.units[:-1]} hours": shown([one.busy / 3600 for one in uses], "{:.3g}".format),
    }
    if on.price is not None:
        row["cost"] = shown([one.wall / 3600 * on.number * on.price for one in uses], "{:,.3g}".format)
    return row
