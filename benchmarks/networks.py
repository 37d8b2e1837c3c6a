"""Every published network side by side: the same data, the same time, its own published training settings.

    python benchmarks/networks.py [--seconds 30] [--seeds 3] [--workers 2]

Each training gets ``--seconds`` on one core and stops after the epoch that passes them (or where its own early stopping
says so). The epoch with the lowest validation loss is kept and tested; nothing is chosen on the test split. A budget
that is small for all is smaller for the large networks: the table says what a network is worth so soon on a processor,
not what it is worth.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import time
from typing import Any

import torch
from record import append

from spectune.search.records import ranking
from spectune.spaces import PUBLISHED
from spectune.trainables.data import load
from spectune.trainables.metrics import score
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

DATA = {
    "classes": "20",
    "points": "500",
    "noise": "0.3",
    "shift": "0.03",
    "change": "0.3",
    "train": "30",
    "validation": "20",
    "test": "50",
}


def measure(job: tuple[str, int, float]) -> dict[str, Any]:
    """One network on one seed: validation and test accuracy at its best epoch."""
    name, seed, seconds = job
    torch.set_num_threads(1)
    dataset = load("generated", **DATA)
    network, training = PUBLISHED[name].network, PUBLISHED[name].training
    began = time.perf_counter()
    best: dict[str, Any] = {}
    number = 0
    for epoch in train(network, training, dataset, seed=seed, epochs=100_000):
        best, number = epoch.state["best"], epoch.number
        if time.perf_counter() - began > seconds:
            break
    taken = time.perf_counter() - began
    model = build(network, len(dataset.axis), len(dataset.classes))
    model.load_state_dict(best["model"])
    assert dataset.test is not None
    tested = score(predict(model, dataset.test), torch.from_numpy(dataset.test.labels.copy()))
    return {
        "network": name,
        "seed": seed,
        "digest": dataset.digest,
        "epochs": number,
        "seconds": round(taken, 1),
        "validation": best["metrics"]["accuracy"],
        "test": tested["accuracy"],
    }


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half of the 95 % interval of the mean (Student's t)."""
    ends = ranking.interval(values)
    assert ends["mean"] is not None
    return ends["mean"], math.nan if ends["high"] is None else ends["high"] - ends["mean"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    jobs = [(name, seed, options.seconds) for name in PUBLISHED for seed in range(options.seeds)]
    rows: dict[str, list[dict[str, Any]]] = {}
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for row in pool.imap_unordered(measure, jobs):
            rows.setdefault(row["network"], []).append(row)
            print(f"{sum(map(len, rows.values()))}/{len(jobs)} {row}", flush=True)
    dataset = load("generated", **DATA)
    lines = [
        "| network | parameters | multiply-adds | epochs | validation accuracy | test accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name in sorted(rows, key=lambda name: -statistics.fmean(row["validation"] for row in rows[name])):
        cost = PUBLISHED[name].network.cost(len(dataset.axis), len(dataset.classes))
        cells = [
            "{:.3f} ± {:.3f}".format(*interval([row[split] for row in rows[name]])) for split in ("validation", "test")
        ]
        epochs = "-".join(str(row["epochs"]) for row in sorted(rows[name], key=lambda row: row["seed"]))
        lines.append(f"| {name} | {cost.parameters:,} | {cost.macs / 1e6:,.1f} M | {epochs} | {' | '.join(cells)} |")
    print("\n".join(lines))
    append("networks", {**vars(options), "data": DATA, "digest": dataset.digest, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
