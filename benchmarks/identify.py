"""Many classes with few spectra each: AdaCos beside a plain softmax and the nearest raw spectrum.

    python benchmarks/identify.py [--epochs 10] [--seeds 3] [--known 2000] [--new 500] [--note "other work ran"]

Classes with 5 training spectra each. The same network is trained with either output layer for the same epochs, on one
core; the epoch with the lowest validation loss is kept. Known classes: what the network predicts for the test split;
raw spectra take the nearest of all training spectra. New classes, which no training saw: the nearest reference, 1 or 5
a class, by the cosine of embeddings, or of the spectra divided by their maximum. A seed draws data and weights anew;
nothing is chosen on test spectra or new classes.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from networks import interval
from numpy.typing import NDArray
from record import append
from torch import nn

from spectune.spaces import Training
from spectune.spaces.cnn import CNN
from spectune.trainables.data import load
from spectune.trainables.data.dataset import SPLITS, Dataset, Split
from spectune.trainables.data.dense import Dense
from spectune.trainables.identify import rank, top
from spectune.trainables.metrics import score
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

EACH = 5  # training spectra and references a class
DATA = {"points": 1000, "train": EACH, "validation": 2, "test": 2, "noise": 0.05, "change": 0.2}
NETWORK = CNN(
    depth=4,
    filters=12,
    filter_growth=1.5,
    kernel_size=25,
    kernel_last=9,
    stride=2,
    pooling="average",
    batch_norm=True,
    fc_depth=1,
    fc_width=128,
    fc_activation="linear",
    fc_dropout=0.0,
)
TRAINING = Training(learning_rate=2e-3, batch_size=64, schedule="cosine")
HEADS = {"AdaCos": "adacos", "softmax": "linear"}
RAW = "raw spectra"
TASKS = ("known classes", f"new classes, {EACH} references", "new classes, 1 reference")


def halves(dataset: Dataset, known: int) -> tuple[Dataset, dict[str, Split]]:
    """The dataset of the first ``known`` classes, and the splits of the others, whose labels start from 0."""
    parts: list[dict[str, Any]] = [{}, {}]  # Splits
    for name in SPLITS:
        split = dataset.split(name)
        for new, some in enumerate((split.labels < known, split.labels >= known)):
            rows = np.flatnonzero(some)
            parts[new][name] = Dense(split.batch(torch.from_numpy(rows)).numpy(), split.labels[rows] - new * known)
    seen = replace(dataset, classes=dataset.classes[:known], definition=None, digest="", **parts[0])
    return seen, parts[1]


def nearest(queries: NDArray[Any], references: NDArray[Any], truth: Split, owners: NDArray[np.int64]) -> list[float]:
    """Top-1 and top-5 of the nearest reference."""
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12) for rows in (queries, references)]
    names = [str(owner) for owner in owners]
    classes, order, _ = rank(units[0], units[1], names)
    labels = [str(label) for label in truth.labels]
    return [top(order, classes, labels, most) for most in (1, 5)]


def new_classes(embed: Any, new: dict[str, Split]) -> dict[str, list[float]]:
    """Both tasks with new classes, by what ``embed`` makes of a split."""
    queries, references, owners = embed(new["test"]), embed(new["train"]), new["train"].labels
    first = np.unique(owners, return_index=True)[1]
    return {
        TASKS[1]: nearest(queries, references, new["test"], owners),
        TASKS[2]: nearest(queries, references[first], new["test"], owners[first]),
    }


def raw(split: Split) -> NDArray[Any]:
    spectra = split.batch(torch.arange(len(split))).numpy()
    highest: NDArray[Any] = spectra / spectra.max(axis=1, keepdims=True)
    return highest


def trained(head: str, seen: Dataset, new: dict[str, Split], *, seed: int, epochs: int) -> dict[str, Any]:
    """The three tasks with a network that ends in ``head``, and what its training was."""
    network, began = NETWORK.replace(head=head), time.perf_counter()
    *_, last = train(network, TRAINING, seen, seed=seed, epochs=epochs)
    seconds, best = time.perf_counter() - began, last.state["best"]
    model = build(network, len(seen.axis), len(seen.classes))
    model.load_state_dict(best["model"])
    assert seen.test is not None and isinstance(model, nn.Sequential)
    tested = score(predict(model, seen.test), torch.from_numpy(seen.test.labels))
    trunk = model[:-1]
    return {
        TASKS[0]: [tested["accuracy"], tested["top5"]],
        **new_classes(lambda split: predict(trunk, split).numpy(), new),
        "epoch": best["epoch"],
        "seconds": round(seconds, 1),
    }


def measure(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Every way on one seed."""
    dataset = load("generated", **DATA, classes=options.known + options.new, seed=seed)
    seen, new = halves(dataset, options.known)
    assert seen.test is not None
    known = nearest(raw(seen.test), raw(seen.train), seen.test, seen.train.labels)
    rows: dict[str, Any] = {RAW: {TASKS[0]: known, **new_classes(raw, new)}}
    for name, head in HEADS.items():
        rows[name] = trained(head, seen, new, seed=seed, epochs=options.epochs)
        print(f"seed {seed} {name} {rows[name]}", flush=True)
    return {"seed": seed, "digest": dataset.digest, "known_digest": seen.digest, "ways": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--known", type=int, default=2000)
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--note", default="", help="what else the machine did")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = [measure(seed, options) for seed in range(options.seeds)]
    lines = [
        "| way | " + " | ".join(f"{task}, top-{most}" for task in TASKS for most in (1, 5)) + " |",
        "|---" * (1 + 2 * len(TASKS)) + "|",
    ]
    for way in (*HEADS, RAW):
        values = [[row["ways"][way][task][place] for row in found] for task in TASKS for place in (0, 1)]
        lines.append(f"| {way} | " + " | ".join("{:.3f} ± {:.3f}".format(*interval(some)) for some in values) + " |")
    print("\n".join(lines))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    kept = {"network": NETWORK.replace(head="adacos").to_dict(), "training": TRAINING.to_dict(), "data": DATA}
    append("identify", {**vars(options), **kept, "peak_megabytes": memory, "seeds_found": found, "table": lines})


if __name__ == "__main__":
    main()
