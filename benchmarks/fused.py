"""Replicas as one network, side by side with as many separate trainings, step by step in turns.

    python benchmarks/fused.py [--device cuda] [--replicas 1 2 5 10 32] [--points 1000] [--steps 20] [--threads 1]

A step is that of all R replicas on a batch of each: rendering, forward, backward and optimiser. The times are medians
over ``--steps`` steps of each way in turns, so that a busy machine slows both alike, in the training precision of the
device. ``alone`` are the same networks one after the other in the same process, as ``Replicas`` falls back to.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch
from record import append
from stepping import parser, synchronise

from spectune.spaces.published import KNOWN
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.stack import Objective, Stack
from spectune.trainables.train import Run

NETWORKS = ("compact", "sharp", "cnn2")


def measure(name: str, replicas: int, data: Dataset, options: argparse.Namespace) -> dict[str, Any]:
    """Median milliseconds of a step of all replicas, both ways."""
    network, training = KNOWN[name].network, KNOWN[name].training.replace(batch_size=options.batch)
    device = torch.device(options.device)
    runs = [Run(network, training, data, seed=seed, epochs=1, device=device, init=None) for seed in range(replicas)]
    for run in runs:
        run.begin()
        run.model.train()
    stack = Stack(runs, Objective(runs[0]))
    times: dict[str, list[float]] = {"alone": [], "fused": []}
    for number in range(options.steps + 2):
        indices = torch.randint(len(data.train), (replicas, options.batch))
        for way, step in (("alone", alone), ("fused", fused)):
            synchronise(device)
            began = time.perf_counter()
            step(runs, stack, indices)
            synchronise(device)
            if number >= 2:  # the first ones set up tables and choose kernels
                times[way].append(1000 * (time.perf_counter() - began))
    middle = {way: statistics.median(some) for way, some in times.items()}
    return {"network": name, "replicas": replicas, **{way: round(value, 3) for way, value in middle.items()}}


def alone(runs: list[Run], stack: Stack, indices: torch.Tensor) -> None:
    """One step of each run, as ``Run`` takes it."""
    for run, some in zip(runs, indices, strict=True):
        run.step(some)


def fused(runs: list[Run], stack: Stack, indices: torch.Tensor) -> None:
    """One step of the stack."""
    stack.learn(indices)


def main() -> None:
    asked = parser(__doc__, NETWORKS, points=1000, batch=32, steps=20)
    asked.add_argument("--replicas", nargs="+", type=int, default=[1, 2, 5, 10, 32])
    options = asked.parse_args()
    torch.set_num_threads(options.threads)
    data = load("generated", classes=20, points=options.points)
    lines = [
        "| network | replicas | alone, ms a step | fused, ms a step | times faster |",
        "|---|---|---|---|---|",
    ]
    rows = []
    for name in options.networks:
        for replicas in options.replicas:
            row = measure(name, replicas, data, options)
            rows.append(row)
            speed = row["alone"] / row["fused"]
            lines.append(f"| {name} | {replicas} | {row['alone']:.2f} | {row['fused']:.2f} | {speed:.2f} |")
            print(lines[-1], flush=True)
    print("\n".join(lines))
    kind = torch.cuda.get_device_name() if options.device.startswith("cuda") else "processor"
    append("fused", {**vars(options), "kind": kind, "torch": torch.__version__, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
