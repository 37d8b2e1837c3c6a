"""A table of full learning curves: networks of all families, each trained to the last epoch whatever it is worth.

    python benchmarks/curves.py [--configs 300] [--minutes 40]

Of each dataset the known networks within LIMIT first, then RANDOM random configs, then near ones: a config of the best
fifth so far with some of its hyperparameters drawn anew, so that the table is dense where a search ends up. A config
in the best quarter of those before it is trained on two more seeds (in the committed table the first 75 were if in the
better half). The datasets take turns. What is recorded stays: Ctrl-C loses one training, and the next call goes on.
``search_quality.py`` replays searches on the table.

The space is ``any`` without the forests: their one epoch is no curve, and epochs would no longer compare. A config
that is not a known one and would take longer than SLOW seconds is given up after its second epoch and left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from spectune.spaces import FAMILIES, KNOWN, Network, Space, Training
from spectune.spaces.domain import Domain
from spectune.spaces.saved import configs, recorded
from spectune.trainables.data import load
from spectune.trainables.train import train

TABLE = Path(__file__).parent / "results" / "curves.jsonl"
SPACE = Space("networks", tuple(family for family in FAMILIES.values() if family.by_steps))
EPOCHS, LIMIT, RANDOM, SEEDS = 27, 600_000, 80, (0, 1, 2)
SLOW = 15.0
REDRAWN = 0.15  # of the hyperparameters of a near config
DATA: dict[str, tuple[str, dict[str, str]]] = {
    "challenge": ("challenge", {"points": "400", "train": "15", "validation": "12"}),
    "noisy": (
        "generated",
        {
            "classes": "30",
            "points": "400",
            "shift": "0.02",
            "change": "0.2",
            "noise": "0.1",
            "background": "0.5",
            "train": "12",
            "validation": "11",
            "test": "2",
        },
    ),
}


def read(path: Path = TABLE) -> list[dict[str, Any]]:
    """All trainings of the table, from the plain file and from the compressed one beside it."""
    lines: list[str] = []
    packed = path.with_name(path.name + ".gz")
    if packed.is_file():
        lines += gzip.decompress(packed.read_bytes()).decode().splitlines()
    if path.is_file():
        lines += [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in lines]


def value(row: dict[str, Any]) -> list[float]:
    """After each epoch what the study goes by: the accuracy where the validation loss was lowest so far."""
    best, found, values = math.inf, 0.0, []
    for loss, accuracy in zip(row["loss"], row["accuracy"], strict=True):
        if loss < best:
            best, found = loss, accuracy
        values.append(found)
    return values


def fits(network: Network, points: int, classes: int) -> bool:
    try:
        return SPACE.holds(network) and network.cost(points, classes).macs <= LIMIT
    except ValueError:
        return False


def built(choose: Callable[[str, Domain], Any], points: int, classes: int) -> tuple[Network, Training] | None:
    """The config that ``choose`` makes; None where it is refused or beyond the limits."""
    try:
        network, training = SPACE.propose(choose), Training.propose(choose)
    except ValueError:
        return None
    return (network, training) if fits(network, points, classes) else None


def draw(chance: random.Random, points: int, classes: int, parent: dict[str, Any] | None) -> tuple[Network, Training]:
    """A random config within the limits, or one near ``parent``, whose values under the space's names it keeps."""

    def choose(name: str, domain: Domain) -> Any:
        if parent is not None and name in parent and chance.random() >= REDRAWN:
            kept = parent[name]
            return kept[0] if isinstance(kept, list) else kept
        return domain.at(chance.random())

    while True:
        if found := built(choose, points, classes):
            return found


def proposed(name: str, index: int, rows: list[dict[str, Any]], points: int, classes: int) -> tuple[str, Any]:
    """(what kind it is, the network and training) of config ``index`` of a dataset, given the rows before it."""
    known = [label for label, one in KNOWN.items() if fits(one.network, points, classes)]
    if index < len(known):
        return known[index], (KNOWN[known[index]].network, KNOWN[known[index]].training)
    chance = random.Random(f"{name} {index}")
    if index < len(known) + RANDOM:
        return "random", draw(chance, points, classes, None)
    first = sorted((row for row in rows if row["seed"] == 0), key=lambda row: -value(row)[-1])
    parent = chance.choice(first[: len(first) // 5])
    network, training = configs(parent["config"])
    return "near", draw(chance, points, classes, {**SPACE.values(network), **training.to_dict()})


def measure(network: Network, training: Training, dataset: Any, seed: int, slow: float) -> dict[str, Any]:
    """The whole learning curve of one training; a loss that is not finite ends it, and so does the pace of ``slow``."""
    row: dict[str, Any] = {"seed": seed, "loss": [], "accuracy": [], "seconds": []}
    began = time.process_time()  # of one thread: what else the machine does is not counted
    for epoch in train(network, training, dataset, seed=seed, epochs=EPOCHS):
        if not math.isfinite(epoch.metrics["loss"]):
            break
        row["loss"].append(round(epoch.metrics["loss"], 5))
        row["accuracy"].append(round(epoch.metrics["accuracy"], 5))
        row["seconds"].append(round(time.process_time() - began, 4))
        if len(row["seconds"]) == 2 and row["seconds"][1] > 2 * slow / EPOCHS:
            return {**row, "slow": True}
    return row


def extend(name: str, index: int, dataset: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train config ``index`` on the seeds that it lacks."""
    points, classes = len(dataset.axis), len(dataset.classes)
    own = [row for row in rows if row["index"] == index]
    kind, (network, training) = proposed(name, index, [r for r in rows if r["index"] < index], points, classes)
    others = [(value(row) or [0.0])[-1] for row in rows if row["seed"] == 0 and row["index"] < index]
    added: list[dict[str, Any]] = []
    for seed in SEEDS:
        done = [*own, *added]
        if any(row["seed"] == seed or "slow" in row for row in done):
            continue
        if seed and others and (value(done[0]) or [0.0])[-1] < sorted(others)[3 * len(others) // 4]:
            continue
        row = measure(network, training, dataset, seed, SLOW if kind in ("random", "near") and not seed else math.inf)
        cost = network.cost(points, classes)
        about = {"dataset": name, "index": index, "kind": kind, "macs": cost.macs, "parameters": cost.parameters}
        added.append({**about, "config": recorded(network, training), **row})
        if "slow" in row:
            break
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=300, help="of each dataset")
    parser.add_argument("--minutes", type=float, default=math.inf)
    options = parser.parse_args()
    torch.set_num_threads(1)
    datasets = {name: load(source, **settings) for name, (source, settings) in DATA.items()}
    rows = read()
    began = time.time()
    for index in range(options.configs):
        for name, dataset in datasets.items():
            added = extend(name, index, dataset, [row for row in rows if row["dataset"] == name])
            rows += added
            with TABLE.open("a") as file:
                file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in added)
            if added:
                shown = [(value(row) or [math.nan])[-1] for row in added]
                seconds = sum((row["seconds"] or [0.0])[-1] for row in added)
                print(f"{name} {index} {added[0]['kind']} {shown} {seconds:.1f} s", flush=True)
            if time.time() - began > 60 * options.minutes:
                return


if __name__ == "__main__":
    main()
