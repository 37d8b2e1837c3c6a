"""A training step taken in several ways, in turns: what each brings, and when what it costs first is paid back.

    python benchmarks/steps.py [--device cuda] [--networks cnn6 resnet vit_xrd] [--points 1000] [--threads 1]

``float32`` and ``bfloat16`` are the precisions, ``compiled`` is the device's default one with the network through
``torch.compile``, ``replayed`` the same as a CUDA graph, on a GPU only. ``first`` is what the first steps of a way take
longer than later ones: compiling, recording. ``pays after`` that many steps, beside the default precision. Times are
medians of steps in turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch
from record import append
from stepping import parser, synchronise

from spectune.spaces import KNOWN
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.graph import WARM_UP, Replayed
from spectune.trainables.train import Run

NETWORKS = ("cnn2", "cnn6", "resnet", "vit_xrd", "sharp", "compact")
WAYS: dict[str, dict[str, Any]] = {
    "float32": {"precision": "float32"},
    "bfloat16": {"precision": "bfloat16"},
    "compiled": {"precision": "auto"},
    "replayed": {"precision": "auto", "replay": True},
}


def measure(name: str, data: Dataset, ways: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of a step, and seconds that the first ones take longer, of each way of training a network."""
    known, device, batch = KNOWN[name], torch.device(options.device), options.batch
    taken: dict[str, list[float]] = {way: [] for way in ways}
    steps: dict[str, Any] = {}
    for way in ways:
        training = known.training.replace(batch_size=batch, **WAYS[way])
        run = Run(known.network, training, data, seed=0, epochs=1, device=device, init=None)
        run.begin()
        run.model.train()
        if way == "compiled":
            run.model.compile()
        steps[way] = Replayed(run.step, (batch,), device) if way == "replayed" else run.step
    for _ in range(WARM_UP + 2 + options.steps):
        indices = torch.randint(len(data.train), (batch,), device=device)
        for way, step in steps.items():
            synchronise(device)
            began = time.perf_counter()
            step(indices)
            synchronise(device)
            taken[way].append(time.perf_counter() - began)
        print(".", end="", flush=True)
    print()
    middle = {way: statistics.median(times[WARM_UP + 2 :]) for way, times in taken.items()}
    first = {way: sum(times[: WARM_UP + 2]) - (WARM_UP + 2) * middle[way] for way, times in taken.items()}
    return {"network": name, "step": {way: 1000 * value for way, value in middle.items()}, "first": first}


def main() -> None:
    options = parser(__doc__, NETWORKS, points=1000, batch=128, steps=20).parse_args()
    torch.set_num_threads(options.threads)
    gpu = options.device != "cpu"
    ways = [way for way in WAYS if gpu or way != "replayed"]
    plain = "bfloat16" if gpu else "float32"
    lines = [
        f"{options.device}, batch {options.batch}, {options.points} points, torch {torch.__version__}",
        "",
        f"| network | {' | '.join(f'{way}, ms' for way in ways)} | first, s | pays after |",
        "|---" * (len(ways) + 3) + "|",
    ]
    print("\n".join(lines), flush=True)
    data = load("generated", classes=50, points=options.points)
    rows = []
    for name in options.networks:
        row = measure(name, data, ways, options)
        rows.append(row)
        late = [way for way in ("compiled", "replayed") if way in ways]
        gains = {way: (row["step"][plain] - row["step"][way]) / 1000 for way in late}
        pays = ", ".join(
            f"{way} {row['first'][way] / gain:.0f} steps" if gain > 0 else f"{way} never" for way, gain in gains.items()
        )
        first = ", ".join(f"{way} {row['first'][way]:.1f}" for way in late)
        steps = " | ".join(f"{row['step'][way]:.1f}" for way in ways)
        lines.append(f"| {name} | {steps} | {first} | {pays} |")
        print(lines[-1], flush=True)
    append("steps", {**vars(options), "torch": torch.__version__, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
