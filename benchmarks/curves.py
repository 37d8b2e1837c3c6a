"""One training's learning curve, the space that its config comes from, and the table of recorded ones.

``metatable.py`` fills the table, ``surrogate.py`` answers from it. The space is ``any`` without what is fitted at once:
its one epoch is no curve, and epochs would no longer compare.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectune.spaces import FAMILIES, KNOWN, Network, Space, Training
from spectune.spaces.domain import Domain
from spectune.spaces.space import FAMILY

FOLDER = Path(__file__).parent / "results" / "meta"
INDEX = FOLDER / "index.json"  # task -> its points, classes, families that fit, and descriptors
SPACE = Space("networks", tuple(family for family in FAMILIES.values() if family.by_steps))
EPOCHS, LIMIT = 27, 600_000  # of a full training; multiply-adds of a network
REDRAWN = 0.15  # of the hyperparameters of a near config
ROUNDED = 2e-5  # what two recorded losses may differ by without a difference

Pair = tuple[Network, Training]


def read(name: str) -> list[dict[str, Any]]:
    """The trainings of a task, from the packed file and from the plain one beside it."""
    packed, plain = FOLDER / f"{name}.jsonl.gz", FOLDER / f"{name}.jsonl"
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines(keepends=True) if packed.is_file() else []
    lines += plain.read_text().splitlines(keepends=True) if plain.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def value(row: dict[str, Any]) -> list[float]:
    """After each epoch what the study goes by: the accuracy where the validation loss was lowest so far."""
    best, found, values = math.inf, 0.0, []
    for loss, accuracy in zip(row["loss"], row["accuracy"], strict=True):
        if loss < best:
            best, found = loss, accuracy
        values.append(found)
    return values


def diverged(row: dict[str, Any]) -> bool:
    """Whether a training ended by a loss that was not finite: before its time, and not by its own patience."""
    return len(row["loss"]) < EPOCHS and "slow" not in row and not _patience_over(row)


def _patience_over(row: dict[str, Any]) -> bool:
    """Early stopping as in ``trainables/progress.py``; a fall by just ``min_delta`` is none, as losses are rounded."""
    training = row["config"]["training"]
    lowest, wait = math.inf, 0
    for loss in row["loss"]:
        better = loss < lowest - training["min_delta"] - ROUNDED
        lowest, wait = (loss, 0) if better else (lowest, wait + 1)
    return wait >= int(training["patience"])


def fits(network: Network, points: int, classes: int) -> bool:
    try:
        return SPACE.holds(network) and network.cost(points, classes).macs <= LIMIT
    except ValueError:
        return False


def built(choose: Callable[[str, Domain], Any], points: int, classes: int, family: str = "") -> Pair | None:
    """The config that ``choose`` makes, of a ``family`` if so said; None where it is refused or beyond the limits."""
    try:
        network = SPACE.propose(choose, {FAMILY: family} if family else {})
        return (network, Training.propose(choose)) if fits(network, points, classes) else None
    except ValueError:
        return None


def drawn(
    chance: random.Random, points: int, classes: int, family: str, parent: dict[str, Any] | None = None
) -> Pair | None:
    """A random config of a family, or one near ``parent``, whose values under the space's names it keeps; None where it
    is refused or beyond the limits."""

    def choose(name: str, domain: Domain) -> Any:
        if parent is not None and name in parent and chance.random() >= REDRAWN:
            kept = parent[name]
            return kept[0] if isinstance(kept, list) else kept
        return domain.at(chance.random())

    return built(choose, points, classes, family)


def known(points: int, classes: int) -> dict[str, Pair]:
    """The known networks within the limits."""
    return {name: (one.network, one.training) for name, one in KNOWN.items() if fits(one.network, points, classes)}


def measure(network: Network, training: Training, dataset: Any, seed: int, slow: float) -> dict[str, Any]:
    """The whole learning curve of one training; a loss that is not finite ends it, and so does the pace of ``slow``."""
    from spectune.trainables.train import train  # seconds, which a search on recorded curves does not need

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
