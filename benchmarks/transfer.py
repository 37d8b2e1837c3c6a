"""What another technique's network is worth as a start: XRD-like spectra first, then IR-like ones, from scratch or not.

    python benchmarks/transfer.py [--seeds 5] [--workers 2]

The source has narrow peaks on 1000 points and 80 classes, the target wide ones on 850 points and 30 other classes, of
which 10, 30 or 100 % of the training spectra are given. A seed is that of the initial weights and batches of both.
Every training runs to its own early stopping and keeps the epoch with the lowest validation loss; nothing is chosen on
the test split. The target is as noisy as leaves a training from scratch on 10 % at two thirds on the validation split.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from networks import interval
from record import append

from spectune.spaces import CNN, Training
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.metrics import score
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

SOURCE = {
    "classes": 80,
    "points": 1000,
    "min_peaks": 4,
    "max_peaks": 15,
    "min_width": 1.5,
    "max_width": 3.0,
    "noise": 0.2,
    "shift": 0.01,
    "change": 0.2,
    "train": 40,
    "validation": 5,
    "test": 1,
    "seed": 0,
}
TARGET = {
    "classes": 30,
    "points": 850,
    "min_peaks": 3,
    "max_peaks": 8,
    "min_width": 5.0,
    "max_width": 12.0,
    "noise": 0.6,
    "shift": 0.03,
    "change": 0.4,
    "train": 40,
    "validation": 10,
    "test": 20,
    "seed": 1,
}
SHARES = (0.1, 0.3, 1.0)
NETWORK = CNN(
    depth=4,
    filters=16,
    filter_growth=1.5,
    kernel_size=25,
    kernel_last=9,
    stride=2,
    pooling="max",
    fc_depth=1,
    fc_width=128,
    fc_dropout=0.3,
)
TRAINING = Training(learning_rate=1e-3, batch_size=32, patience=10)
STARTS = {
    "scratch": TRAINING,
    "backbone": TRAINING.replace(init="backbone"),
    "backbone, frozen": TRAINING.replace(init="backbone", freeze=10000),
    "network": TRAINING.replace(init="network"),
}
EPOCHS = 40


def few(dataset: Dataset, share: float) -> Dataset:
    """The dataset with the first spectra of each class only."""
    full = dataset.train
    assert isinstance(full, Peaks)
    each = len(full) // len(dataset.classes)
    rows = np.flatnonzero(np.arange(len(full)) % each < round(share * each))
    noise = None if full.noise is None else full.noise[rows]
    part = Peaks(
        full.positions[rows],
        full.heights[rows],
        full.widths[rows],
        full.labels[rows],
        points=full.points,
        noise=noise,
        seed=full.seed,
    )
    return replace(dataset, train=part, digest="")


def measure(seed: int) -> list[dict[str, Any]]:
    """One seed: the source once, then the target from every start at every share."""
    torch.set_num_threads(1)
    source, target = load("generated", **SOURCE), load("generated", **TARGET)
    *_, last = train(NETWORK, TRAINING, source, seed=seed, epochs=EPOCHS)
    weights, learned = last.state["best"]["model"], last.state["best"]["metrics"]["accuracy"]
    rows = []
    for share in SHARES:
        dataset = few(target, share)
        for start, training in STARTS.items():
            *_, last = train(NETWORK, training, dataset, seed=seed, epochs=EPOCHS, init=weights)
            best = last.state["best"]
            model = build(NETWORK, len(dataset.axis), len(dataset.classes))
            model.load_state_dict(best["model"])
            assert dataset.test is not None
            tested = score(predict(model, dataset.test), torch.from_numpy(dataset.test.labels.copy()))
            rows.append(
                {
                    "seed": seed,
                    "share": share,
                    "start": start,
                    "digest": dataset.digest,
                    "source": learned,
                    "epoch": best["epoch"],
                    "validation": best["metrics"]["accuracy"],
                    "test": tested["accuracy"],
                }
            )
    return rows


def said(values: list[float]) -> str:
    """Mean and half of the 95 % interval of the mean."""
    return "{:+.3f} ± {:.3f}".format(*interval(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for found in pool.imap_unordered(measure, range(options.seeds)):
            rows += found
            print(f"{len(rows)} of {options.seeds * len(SHARES) * len(STARTS)} trainings", flush=True)
    rows.sort(key=lambda row: (row["share"], row["seed"]))
    lines = ["| share | start | validation | test | test, against scratch | best epoch |", "|---|---|---|---|---|---|"]
    for share in SHARES:
        tested = {name: [r for r in rows if (r["share"], r["start"]) == (share, name)] for name in STARTS}
        for name, some in tested.items():
            pairs = [one["test"] - other["test"] for one, other in zip(some, tested["scratch"], strict=True)]
            values = [said([row[split] for row in some]).lstrip("+") for split in ("validation", "test")]
            against = "" if name == "scratch" else said(pairs)
            epochs = statistics.median(row["epoch"] for row in some)
            lines.append(f"| {share:.0%} | {name} | {values[0]} | {values[1]} | {against} | {epochs:g} |")
    print("\n".join(lines))
    append("transfer", {**vars(options), "source": SOURCE, "target": TARGET, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
