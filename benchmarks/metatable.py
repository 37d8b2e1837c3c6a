"""A table of learning curves over many small tasks: what a search, a prior and a portfolio are judged by.

    python benchmarks/real.py fetch --set NAME ...   # the real tasks, once
    python benchmarks/metatable.py run [--part 0/2] [--minutes 60] [--configs 240] [--tasks meats ...]
    python benchmarks/metatable.py cross   # choose the best of each task for all others
    python benchmarks/metatable.py run --crossed [--part 0/2]
    python benchmarks/metatable.py index   # what is known of a task before training
    python benchmarks/metatable.py pack
    python benchmarks/metatable.py table

Of each task the known networks within its limits first, then, the families that fit in turn, RANDOM configs drawn at
random, and near ones: a config of the best fifth of its family so far, those that came from other tasks included, with
some of its hyperparameters drawn anew. A config in the best quarter of those before it is trained on two more seeds.
The tasks take turns. What is recorded stays: Ctrl-C loses one training, and the next call goes on. ``--part 1/2`` takes
every second task, for a process of its own on each core; each has one thread.

A portfolio is made of configs whose worth is known on many tasks. So ``cross`` writes down the best CROSSING configs of
each task, of different families, beside those that are written down, and ``run --crossed`` trains them on all other
tasks.

Real tasks are without their blind tests, which ``real.py`` judges by, and the table keeps only curves and the index,
none of their data: what replays searches on it needs no more. Families that are fitted at once have no curve and are
left out. A config that would take longer than SLOW seconds is given up after its second epoch.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from curves import FOLDER, INDEX, SPACE, drawn, fits, known, measure, read, value
from real import CACHE, file_of
from record import commit, machine
from surrogate import Surrogate

from spectune.spaces import Network, Training
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs, recorded
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.descriptors import descriptors

RANDOM, SEEDS, SLOW = 72, (0, 1, 2), 10.0
CROSSING, FIRST = 3, 1000  # configs of a task that are trained on the others, and the index of the first of them all
CROSSED = FOLDER / "crossed.json"


@dataclass(frozen=True)
class Task:
    """Where spectra come from, and in words what makes the task another one than the others."""

    source: str
    options: dict[str, str]
    what: str

    def load(self) -> Dataset:
        """Without its blind test. InputError where a real set was not fetched."""
        source = self.source if self.source in ("generated", "challenge") else str(file_of(CACHE, self.source))
        return load(source, **self.options).blind()


def _made(what: str, **options: float) -> Task:
    sizes = {"validation": max(5, round(300 / options["classes"])), "test": 1}
    return Task("generated", {name: f"{number:g}" for name, number in {**sizes, **options}.items()}, what)


TASKS = {
    "plain": _made("few classes, clean", classes=10, points=300, train=20, noise=0.05, seed=1),
    "narrow": _made(
        "narrow peaks, background", classes=40, points=400, max_width=2, train=12, noise=0.05, background=0.3, seed=2
    ),
    "few": _made("eight noisy spectra per class", classes=5, points=300, train=8, noise=0.3, shift=0.02, seed=3),
    "many": _made("100 classes", classes=100, points=400, train=6, shift=0.01, noise=0.05, seed=4),
    "shifted": _made("peaks move far", classes=20, points=400, train=20, shift=0.05, change=0.1, noise=0.05, seed=5),
    "heights": _made(
        "heights alone vary", classes=15, points=300, train=15, shift=0, change=0.4, noise=0.2, min_peaks=6, seed=6
    ),
    "background": _made("high background", classes=15, points=350, train=20, noise=0.1, background=3, seed=7),
    "noise": _made("noise as high as a third", classes=10, points=400, train=60, noise=0.35, shift=0.01, seed=8),
    "shots": _made("three spectra per class", classes=50, points=300, train=3, noise=0.02, shift=0.01, seed=9),
    "dense": _made(
        "15 to 30 peaks", classes=25, points=400, train=15, min_peaks=15, max_peaks=30, noise=0.1, change=0.2, seed=10
    ),
    "broad": _made(
        "one or two broad peaks", classes=12, points=300, train=25, min_peaks=1, max_peaks=2, min_width=6, max_width=15,
        noise=0.1, seed=11,
    ),
    "mixed": _made(
        "all at once", classes=30, points=400, train=12, shift=0.02, change=0.2, noise=0.1, background=0.5, seed=12
    ),
    "challenge": Task("challenge", {"points": "400", "train": "15", "validation": "12"}, "classes that overlap"),
    "tissue": Task("tissue", {}, "FTIR of tissue"),
    "meats": Task("meats", {}, "NIR of meats"),
    "mayonnaise": Task("mayonnaise", {}, "NIR of mayonnaise"),
    "fermentation": Task("fermentation", {"points": "350"}, "Raman of a fermentation"),
    "crystals": Task("crystals", {"points": "400"}, "powder patterns"),
}  # fmt: skip


def families(points: int, classes: int, chance: random.Random, tries: int = 200) -> list[str]:
    """Those of which something fits, found by drawing."""
    fitting = []
    for family in SPACE.families:
        if any(drawn(chance, points, classes, family.family) for _ in range(tries)):
            fitting.append(family.family)
    return fitting


class Table:
    """The trainings of one task, and the next ones."""

    def __init__(self, name: str) -> None:
        self.name, self.rows = name, read(name)
        self.dataset = TASKS[name].load()
        self.points, self.classes = len(self.dataset.axis), len(self.dataset.classes)
        self.known = known(self.points, self.classes)
        self.families = families(self.points, self.classes, random.Random(name))

    def proposed(self, index: int) -> tuple[str, Network, Training]:
        """What kind config ``index`` is, and it: as recorded, or given what is recorded so far."""
        done = next((row for row in self.rows if row["index"] == index), None)
        if done is not None:
            return done["kind"], *configs(done["config"])
        if index >= FIRST:
            one = crossed()[index - FIRST]
            return f"of {one['task']}", *configs(one["config"])
        if index < len(self.known):
            label = list(self.known)[index]
            return label, *self.known[label]
        chance, turn = random.Random(f"{self.name} {index}"), index - len(self.known)
        family = self.families[turn % len(self.families)]
        mine = [one for one in self.first() if one["config"]["network"]["family"] == family and one["loss"]]
        best = sorted(mine, key=lambda row: -value(row)[-1])[: math.ceil(len(mine) / 5)] if turn >= RANDOM else []
        while True:
            parent = _values(chance.choice(best)["config"]) if best else None
            if found := drawn(chance, self.points, self.classes, family, parent):
                return "near" if best else "random", *found

    def foreign(self, index: int) -> bool:
        """Whether a config comes from another task, and fits here."""
        own, network = crossed()[index - FIRST]["task"] == self.name, self.proposed(index)[1]
        return not own and fits(network, self.points, self.classes)

    def first(self, before: float = math.inf) -> list[dict[str, Any]]:
        """The trainings on the first seed, of configs with a lower index if so said."""
        return [row for row in self.rows if row["seed"] == SEEDS[0] and row["index"] < before]

    def lacks(self, index: int) -> list[int]:
        """The seeds that config ``index`` is still to be trained on, as far as that is known."""
        done = {row["seed"]: row for row in self.rows if row["index"] == index}
        if SEEDS[0] not in done:
            return [SEEDS[0]]
        others = sorted((value(row) or [0.0])[-1] for row in self.first(index))
        mine = (value(done[SEEDS[0]]) or [0.0])[-1]
        good = not others or mine >= others[3 * len(others) // 4]
        return [seed for seed in SEEDS if seed not in done] if good and "slow" not in done[SEEDS[0]] else []

    def extend(self, index: int) -> None:
        """Train config ``index`` on the seeds that it lacks."""
        while seeds := self.lacks(index):
            kind, network, training = self.proposed(index)
            slow = SLOW if kind not in self.known and seeds[0] == SEEDS[0] else math.inf
            row = measure(network, training, self.dataset, seeds[0], slow)
            cost = network.cost(self.points, self.classes)
            about = {"index": index, "kind": kind, "macs": cost.macs, "parameters": cost.parameters}
            row = {**about, "config": recorded(network, training), **row, "commit": commit(), "machine": machine()}
            FOLDER.mkdir(exist_ok=True)
            with (FOLDER / f"{self.name}.jsonl").open("a") as file:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
            self.rows.append(row)
            shown = (value(row) or [math.nan])[-1]
            print(f"{self.name} {index} {kind} seed {row['seed']} {shown:.4f}", flush=True)


def crossed() -> list[dict[str, Any]]:
    """The configs that are trained on all tasks, each with the task that it is of."""
    chosen: list[dict[str, Any]] = json.loads(CROSSED.read_text()) if CROSSED.is_file() else []
    return chosen


def cross() -> None:
    """Choose more of them, by the mean of their seeds on their own task."""
    chosen = crossed()
    for name in TASKS:
        values: dict[int, list[float]] = {}
        rows = [row for row in read(name) if row["kind"] in ("random", "near") and row["loss"]]
        for row in rows:
            values.setdefault(row["index"], []).append(value(row)[-1])
        whole = {row["index"]: row["config"] for row in rows}
        families: set[str] = set()
        for index in sorted(values, key=lambda index: -sum(values[index]) / len(values[index])):
            config = whole[index]
            if config["network"]["family"] not in families and len(families) < CROSSING:
                families.add(config["network"]["family"])
                if config not in [one["config"] for one in chosen]:
                    chosen.append({"task": name, "config": config})
    CROSSED.write_text("[\n" + ",\n".join(json.dumps(one) for one in chosen) + "\n]\n")


def _values(config: dict[str, Any]) -> dict[str, Any]:
    network, training = configs(config)
    return {**SPACE.values(network), **training.to_dict()}


def run(names: list[str], part: tuple[int, int], indices: range, minutes: float) -> None:
    torch.set_num_threads(1)
    began = time.time()
    tables = [Table(name) for at, name in enumerate(names) if at % part[1] == part[0]]
    for index in indices:
        for one in tables:
            if index < FIRST or one.foreign(index):
                one.extend(index)
            if time.time() - began > 60 * minutes:
                return


def pack() -> None:
    """Put what is in plain files into the packed ones."""
    for name in TASKS:
        rows, plain = read(name), FOLDER / f"{name}.jsonl"
        if plain.is_file():
            text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
            (FOLDER / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
            plain.unlink()


def index() -> None:
    """Write what is known of each task before a training; what was written of a real set that is not here stays."""
    about = json.loads(INDEX.read_text()) if INDEX.is_file() else {}
    for name in TASKS:
        try:
            one = Table(name)
        except InputError as error:
            print(f"{name} stays as it was: {error}")
            continue
        sizes = {"points": one.points, "classes": one.classes, "families": one.families}
        about[name] = {**sizes, "descriptors": descriptors(one.dataset)}
    lines = (f"{json.dumps(name)}: {json.dumps(about[name])}" for name in TASKS if name in about)
    INDEX.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def table() -> None:
    """Per task: how many configs and trainings there are, of which families, the best, known and other, and how well
    configs that are left out are predicted."""
    print("| task | what | configs | trainings | least of a family | best known | best other | R2 | Spearman |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    by_family = []
    for name, task in TASKS.items():
        one = Surrogate(name)
        least = min(Counter(one.families).values()) / len(one.families)
        others, best = (one.best_of(known=which) for which in (False, True))
        mark = " (known)" if best >= others else ""
        whole, parts = one.validate()
        print(
            f"| {name} | {task.what} | {len(one.families)} | {one.trainings} | {least:.0%} | {best:.3f} | "
            f"{others:.3f}{mark} | {whole.r2:.2f} | {whole.spearman:.2f} |"
        )
        by_family.append((name, parts))
    names = [family.family for family in SPACE.families]
    print(f"\nR2 and Spearman by family\n\n| task | {' | '.join(names)} |\n|{' --- |' * (1 + len(names))}")
    for name, parts in by_family:
        cells = (f"{parts[one].r2:.2f} {parts[one].spearman:.2f}" if one in parts else "-" for one in names)
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("run", "cross", "index", "pack", "table"))
    parser.add_argument("--part", default="0/1", help="I/N: every N-th task from the I-th on")
    parser.add_argument("--configs", type=int, default=240, help="of each task")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--crossed", action="store_true", help="train those that were chosen on other tasks")
    options = parser.parse_args()
    if options.what == "run":
        first, count = options.part.split("/")
        indices = range(FIRST, FIRST + len(crossed())) if options.crossed else range(options.configs)
        run(options.tasks, (int(first), int(count)), indices, options.minutes)
    else:
        {"cross": cross, "index": index, "pack": pack, "table": table}[options.what]()


if __name__ == "__main__":
    main()
