"""Searches on real trainings: ours and what a user would start instead, with equal head starts and equal seconds.

    python benchmarks/real.py fetch --set gases   # and coffee: the real tasks, once
    python benchmarks/trained.py run [--seconds 60] [--seeds 5] [--only ours ...] [--tasks gases ...]
    python benchmarks/trained.py table [--seconds 60]

None of the tasks is in the table that the head start and the prior were learned from (``metatable.py``). All searches
propose from the same space within the same limits, with the same rungs, begin with the same configs, and run on the
product's own workers, two of one thread each, until their trainings took so many seconds together. What is waited for,
the start of a worker or a proposal, costs none of them anything. The best TOP configs by validation are then trained on
CONFIRMED fresh seeds, the best of them by the mean of these is the winner, and only its weights meet the blind test.
What is recorded stays: the next call does what is missing.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from curves import EPOCHS, SPACE, Pair
from metatable import families
from real import CACHE, file_of
from record import append, rows
from rivals import ASHA, Rival, TuneOptuna, ours
from safetensors.torch import load_file
from starts import CATALOGUE, Start, fitting

from spectune.search.records import WEIGHTS, Options, Plan, Task, stored, uncertainty
from spectune.search.workers import cluster, node, pool
from spectune.search.workers.files import Folder, Resources
from spectune.spaces.saved import portfolio
from spectune.trainables.data import load
from spectune.trainables.epoch import logits
from spectune.trainables.models import restored

WORKERS, TOP, CONFIRMED, FRESH = 2, 3, 3, 1000  # FRESH is the first seed of the confirmation
NAME = "trained"
TASKS: dict[str, tuple[str, dict[str, str]]] = {
    "wide": (
        "generated",
        {"classes": "30", "points": "380", "train": "10", "validation": "10", "test": "30", "noise": "0.08",
         "shift": "0.03", "background": "1", "change": "0.3", "seed": "101"},
    ),
    "crowded": (
        "generated",
        {"classes": "18", "points": "320", "train": "8", "validation": "17", "test": "50", "noise": "0.5",
         "min_peaks": "8", "max_peaks": "14", "max_width": "4", "shift": "0.03", "change": "0.4", "seed": "102"},
    ),
    "gases": ("gases", {"points": "400"}),
    "coffee": ("coffee", {"points": "400"}),
}  # fmt: skip


class Spectra:
    """A task as searches see it, with its spectra."""

    def __init__(self, name: str) -> None:
        source, given = TASKS[name]
        self.name = name
        self.dataset = load(source if source == "generated" else str(file_of(CACHE, source)), **given)
        self.points, self.classes, _, self.spectra = self.dataset.sizes
        self.fitting = families(self.points, self.classes, random.Random(name))
        self.start: Start = fitting(self, portfolio(CATALOGUE.learned, SPACE))


SEARCHES: dict[str, Callable[[Spectra, int], Any]] = {
    "ours": lambda problem, seed: ours(problem, seed, catalogue=CATALOGUE),
    "ours, near": lambda problem, seed: ours(problem, seed, catalogue=CATALOGUE, sampler="near"),
    "random + ASHA": lambda problem, seed: ASHA(problem, seed, problem.start),
    "Tune's OptunaSearch + ASHA": lambda problem, seed: TuneOptuna(problem, seed, problem.start),
}


class Timed:
    """A plan until its trainings took ``seconds`` together; remembers what each config reached."""

    def __init__(self, plan: Any, seconds: float) -> None:
        self._plan, self._seconds = plan, seconds
        self._tasks: dict[int, Task] = {}
        self._newest: dict[int, dict[str, Any]] = {}  # trial -> its newest message that says no failure

    @property
    def done(self) -> bool:
        return self.spent >= self._seconds

    @property
    def spent(self) -> float:
        """Seconds of all trainings."""
        return math.fsum(message["seconds"] for message in self._newest.values())

    @property
    def values(self) -> dict[int, float]:
        """Trial -> its validation accuracy where its loss was lowest."""
        return {number: message["best"].get("accuracy", 0.0) for number, message in self._newest.items()}

    def next(self) -> Task | None:
        task = None if self.done else self._plan.next()
        if task is not None:
            self._tasks[task.number] = task
        return task

    def alongside(self, task: Task) -> Sequence[Task]:
        return ()

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if not message["failed"]:
            self._newest[number] = message
        if isinstance(self._plan, Rival):
            message = self._told(message)
        return bool(self._plan.report(number, message)) and not self.done

    def _told(self, message: dict[str, Any]) -> dict[str, Any]:
        """What a rival hears: the accuracy that ours goes by, and no failure, which it does not know, but an end."""
        if message["failed"]:
            message = {"epoch": 0, "best": {}, **self._newest.get(message["number"], {}), "done": True}
            message["epoch"] += 1
        return {**message, "metrics": {"accuracy": message["best"].get("accuracy", 0.0)}}

    def end(self, number: int, failure: str = "") -> None:
        self._plan.end(number, failure)

    def spare(self) -> Collection[int]:
        spare: Collection[int] = self._plan.spare()
        return spare

    def leading(self) -> list[Task]:
        """The best TOP, which differ; equal ones are told apart by the loss, as in a study."""
        best: dict[Pair, Task] = {}
        values = self.values

        def rank(number: int) -> tuple[float, float]:
            return -values[number], self._newest[number]["best"].get("loss", math.inf)

        for number in sorted(values, key=rank):
            task = self._tasks[number]
            best.setdefault((task.network, task.training), task)
        return list(best.values())[:TOP]


class Confirmation:
    """Some configs on fresh seeds."""

    def __init__(self, leading: Sequence[Task]) -> None:
        pairs = [(place, task, FRESH + n) for n in range(CONFIRMED) for place, task in enumerate(leading)]
        self.tasks = [
            Task(number=number, stage="confirm", network=one.network, training=one.training, seed=seed, candidate=place)
            for number, (place, one, seed) in enumerate(pairs)
        ]
        self._left = iter(self.tasks)
        self.done = False
        self.values: dict[int, float] = {}

    def next(self) -> Task | None:
        task = next(self._left, None)
        self.done = task is None
        return task

    def alongside(self, task: Task) -> Sequence[Task]:
        return ()

    def report(self, number: int, message: dict[str, Any]) -> bool:
        self.values[number] = 0.0 if message["failed"] else message["best"].get("accuracy", 0.0)
        return True

    def end(self, number: int, failure: str = "") -> None: ...

    def spare(self) -> set[int]:
        return set()

    def winner(self) -> list[Task]:
        """Its trainings: those of the config with the highest mean."""
        by_place: dict[Any, list[Task]] = {}
        for task in self.tasks:
            by_place.setdefault(task.candidate, []).append(task)
        return max(by_place.values(), key=lambda some: statistics.fmean(self.values[one.number] for one in some))


def train(plan: Plan, problem: Spectra, folder: Path) -> None:
    """On the product's workers."""
    pool.run(
        plan,
        dataset=problem.dataset.blind(),
        resources=Resources(Folder(folder), 1.0, 0.0),
        epochs=EPOCHS,
        rungs=Options(name="s", epochs=EPOCHS).rungs,
        stall=600.0,
        concurrent=WORKERS,
        scratch=folder / "ray",
        tick=lambda: None,
    )


def searched(problem: Spectra, search: str, seed: int, seconds: float) -> dict[str, Any]:
    """One search, the confirmation of its best and the blind test of its winner."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        plan = Timed(SEARCHES[search](problem, seed), seconds)
        train(plan, problem, folder / "search")
        wall = time.monotonic() - began
        confirmation = Confirmation(plan.leading())
        train(confirmation, problem, folder / "confirm")
        winner, test = confirmation.winner(), problem.dataset.test
        assert test is not None
        correct = []
        for task in winner:
            weights = load_file(folder / "confirm" / stored(task.number, WEIGHTS))
            model = restored(task.network, problem.points, problem.classes, weights)
            right = logits(model, test, torch.device("cpu")).argmax(dim=1).numpy() == np.asarray(test.labels)
            correct.append(right.astype(int).tolist())
    groups = range(len(test)) if test.groups is None else np.unique(test.groups, return_inverse=True)[1].tolist()
    return {
        "trials": len(plan.values),
        "spent": round(plan.spent, 1),
        "wall": round(wall, 1),
        "explored": max(plan.values.values()),
        "validation": [confirmation.values[task.number] for task in winner],
        "begun_with": (winner[0].network, winner[0].training) in problem.start,
        "winner": winner[0].config,
        "correct": correct,
        "groups": list(groups),
    }


def run(options: argparse.Namespace) -> None:
    """Seed by seed, what is missing."""
    done = {tuple(row[key] for key in ("task", "search", "seed", "seconds")) for row in rows(NAME)}
    problems = {name: Spectra(name) for name in options.tasks}
    with node.running(None) as address, cluster.joined(address()):
        for seed in range(options.seeds):
            for name, problem in problems.items():
                for search in options.only:
                    key = (name, search, seed, options.seconds)
                    if key in done:
                        continue
                    found = searched(problem, search, seed, options.seconds)
                    row = dict(zip(("task", "search", "seed", "seconds"), key, strict=True))
                    append(NAME, {**row, "digest": problem.dataset.digest, **found})
                    blind, mean = np.mean(found["correct"]), statistics.fmean(found["validation"])
                    print(f"{name}, {search}, {seed}: validation {mean:.3f}, blind {blind:.3f}, {found['trials']}")


def estimate(mine: list[dict[str, Any]], theirs: list[dict[str, Any]] | None = None) -> uncertainty.Spread:
    """The blind accuracy over seeds and blind spectra or their groups, or its difference to that of other rows of the
    same seeds."""
    right = np.array([np.mean(row["correct"], axis=0) for row in mine])
    if theirs is not None:
        right = right - np.array([np.mean(row["correct"], axis=0) for row in theirs])
    groups = mine[0]["groups"]
    blocks, spectra = max(groups) + 1, len(groups)
    sums = np.array([np.bincount(groups, row) for row in right])
    return uncertainty.spread(sums * blocks / spectra, units=blocks, grouped=blocks < spectra)


def shown(mean: float, ends: tuple[float, float]) -> str:
    return f"{mean:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def table(options: argparse.Namespace) -> Iterator[str]:
    """A row a task and search, on the seeds that all of the task have."""
    yield "| task | search | seeds | trials | validation | blind test | ours less it |"
    yield "|---" * 7 + "|"
    some = [row for row in rows(NAME) if row["seconds"] == options.seconds]
    for name in options.tasks:
        here: dict[str, dict[int, Any]] = {}  # search -> seed -> its row
        for row in some:
            if row["task"] == name:
                here.setdefault(row["search"], {})[row["seed"]] = row
        seeds = sorted(set.intersection(*(set(found) for found in here.values()))) if here else []
        each = {search: [here[search][seed] for seed in seeds] for search in SEARCHES if search in here and seeds}
        for search, mine in each.items():
            trials = statistics.median(row["trials"] for row in mine)
            validation = statistics.fmean(statistics.fmean(row["validation"]) for row in mine)
            blind, margin = estimate(mine), ""
            if search != "ours" and "ours" in each:
                ahead = estimate(each["ours"], mine)
                margin = shown(ahead.mean, uncertainty.gap(ahead))
            cells = [f"{trials:g}", f"{validation:.3f}", shown(blind.mean, uncertainty.share(blind)), margin]
            yield f"| {name} | {search} | {len(seeds)} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--seconds", type=float, default=60.0, help="of all trainings of a search together")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what == "run":
        run(options)
    else:
        print("\n".join(table(options)))


if __name__ == "__main__":
    main()
