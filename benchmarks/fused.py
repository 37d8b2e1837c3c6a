"""Replicas as one network, side by side with as many separate trainings, step by step in turns.

    python benchmarks/fused.py [--device cuda] [--replicas 1 2 5 10 32] [--points 1000] [--steps 20] [--threads 1]

A step is that of all R replicas on a batch of each: rendering, forward, backward and optimiser. The times are medians
over ``--steps`` steps of each way in turns, so that a busy machine slows all alike, in the training precision of the
device. ``alone`` are the same networks one after the other in the same process, as ``Replicas`` falls back to. On a GPU
both are taken as CUDA graphs, too (``replayed``). ``times faster`` compares the best of either.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from record import append
from stepping import parser, synchronise
from torch import Tensor

from spectune.spaces import KNOWN, Network, Training
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.graph import WARM_UP, Replayed
from spectune.trainables.stack import Objective, Stack
from spectune.trainables.train import Run

NETWORKS = ("compact", "sharp", "cnn2")


def measure(name: str, replicas: int, data: Dataset, options: argparse.Namespace) -> dict[str, Any]:
    """Median milliseconds of a step of all replicas, in each way."""
    device = torch.device(options.device)
    steps: dict[str, Callable[[Tensor], object]] = {}
    for replay in (False, True) if device.type == "cuda" else (False,):
        training = KNOWN[name].training.replace(batch_size=options.batch, replay=replay)
        steps |= ways(KNOWN[name].network, training, replicas, data, device)
    times: dict[str, list[float]] = {way: [] for way in steps}
    for number in range(WARM_UP + 2 + options.steps):
        indices = torch.randint(len(data.train), (replicas, options.batch), device=device)
        for way, step in steps.items():
            synchronise(device)
            began = time.perf_counter()
            step(indices)
            synchronise(device)
            if number >= WARM_UP + 2:  # the first ones set up tables, choose kernels and record
                times[way].append(1000 * (time.perf_counter() - began))
    middle = {way: statistics.median(some) for way, some in times.items()}
    return {"network": name, "replicas": replicas, **{way: round(value, 3) for way, value in middle.items()}}


def ways(
    network: Network, training: Training, replicas: int, data: Dataset, device: torch.device
) -> dict[str, Callable[[Tensor], object]]:
    """What takes a step of each replica's batch (R, B), by its name."""
    runs = [Run(network, training, data, seed=seed, epochs=1, device=device, init=None) for seed in range(replicas)]
    for run in runs:
        run.begin()
        run.model.train()
    fused, each = Stack(runs, Objective(runs[0])).learn, [run.step for run in runs]
    if training.replay:
        fused = Replayed(fused, (replicas, training.batch_size), device)
        each = [Replayed(step, (training.batch_size,), device) for step in each]

    def alone(indices: Tensor) -> None:
        for step, some in zip(each, indices, strict=True):
            step(some)

    also = " replayed" if training.replay else ""
    return {f"alone{also}": alone, f"fused{also}": fused}


def main() -> None:
    asked = parser(__doc__, NETWORKS, points=1000, batch=32, steps=20)
    asked.add_argument("--replicas", nargs="+", type=int, default=[1, 2, 5, 10, 32])
    options = asked.parse_args()
    torch.set_num_threads(options.threads)
    data = load("generated", classes=20, points=options.points)
    named = ["alone", "fused", *(["alone replayed", "fused replayed"] if options.device.startswith("cuda") else [])]
    lines = [
        f"| network | replicas | {' | '.join(f'{way}, ms a step' for way in named)} | times faster |",
        "|---" * (len(named) + 3) + "|",
    ]
    rows = []
    for name in options.networks:
        for replicas in options.replicas:
            row = measure(name, replicas, data, options)
            rows.append(row)
            alone, fused = (min(row[way] for way in named if way.startswith(kind)) for kind in ("alone", "fused"))
            cells = " | ".join(f"{row[way]:.2f}" for way in named)
            lines.append(f"| {name} | {replicas} | {cells} | {alone / fused:.2f} |")
            print(lines[-1], flush=True)
    print("\n".join(lines))
    kind = torch.cuda.get_device_name() if options.device.startswith("cuda") else "processor"
    append("fused", {**vars(options), "kind": kind, "torch": torch.__version__, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
