"""A training step of each family against what the machine could do at most.

    python benchmarks/roofline.py [--device cuda] [--networks cnn6 resnet vit_xrd] [--points 5000] [--threads 1]

The floor of a step is the sum over its layers of the longer of two times: that of their operations at the speed of a
large matrix product, and that of their bytes at the speed of a large copy, both measured first. Operations: a
multiply-add forward and two backward, two each. Bytes: the output of each layer with weights is written and read
forward, read once more backward, and its gradient written and read; weights are read twice, their gradients written,
and Adam reads four and writes three numbers for each. Layers without weights count as if they were fused with those
that have them. Wide convolutions by Fourier transform take fewer operations than are counted here: the share of the
floor can be above 1.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from record import append
from stepping import parser, synchronise

from spectune.spaces import KNOWN, Network
from spectune.trainables.augment import augment
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.summary import layers
from spectune.trainables.train import Run

NETWORKS = ("cnn2", "cnn6", "vgg", "resnet", "inc6", "regnet", "vit_xrd", "cnn_bilstm", "dense", "compact", "sharp")
SIDE = 4096  # of the matrices whose product is the ceiling of operations, on a GPU; half on a processor
ACTIVATION_PASSES, WEIGHT_PASSES = 5, 10


def median_seconds(step: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """Of ``repeats`` calls behind two that warm up, each waited for."""
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        step()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def ceilings(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of a large matrix product in ``dtype``, and bytes a second of a large copy."""
    side = SIDE if device.type == "cuda" else SIDE // 2
    left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    operations = 2 * side**3 / median_seconds(lambda: left @ right, 5, device)
    source = torch.rand(1 << 26, device=device)
    target = torch.empty_like(source)
    return operations, 2 * source.nbytes / median_seconds(lambda: target.copy_(source), 5, device)


def floor(network: Network, data: Dataset, batch: int, speeds: tuple[float, float], width: int) -> float:
    """Seconds that a step takes at least; ``width`` bytes hold a number of an activation."""
    seconds = 0.0
    for layer in layers(network, len(data.axis), len(data.classes)):
        if layer.macs or layer.parameters:
            operations = 6 * layer.macs * batch
            moved = ACTIVATION_PASSES * math.prod(layer.shape) * batch * width + WEIGHT_PASSES * layer.parameters * 4
            seconds += max(operations / speeds[0], moved / speeds[1])
    return seconds


def measure(name: str, data: Dataset, speeds: tuple[float, float], options: argparse.Namespace) -> dict[str, Any]:
    """A network's step, its share of rendering, and the floor, in milliseconds."""
    known, device = KNOWN[name], torch.device(options.device)
    training = known.training.replace(batch_size=options.batch)
    run = Run(known.network, training, data, seed=0, epochs=1, device=device, init=None)
    run.begin()
    run.model.train()
    indices = torch.randint(len(data.train), (options.batch,))
    with run.progress.own_random():
        step = median_seconds(lambda: run.step(indices), options.steps, device)
        drawn = median_seconds(lambda: augment(data.train.batch(indices, device), training), options.steps, device)
    width = 2 if device.type == "cuda" and training.precision == "auto" else 4
    least = floor(known.network, data, options.batch, speeds, width)
    return {
        "network": name,
        "family": known.network.family,
        "step": 1000 * step,
        "rendering": 1000 * drawn,
        "floor": 1000 * least,
        "share": least / step,
        "spectra": options.batch / step,
    }


def main() -> None:
    options = parser(__doc__, NETWORKS, points=5000, batch=128, steps=5).parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    speeds = ceilings(device, dtype)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{options.threads} thread(s)"
    lines = [
        f"{kind}: {speeds[0] / 1e9:.0f} Gop/s in {dtype}, {speeds[1] / 1e9:.1f} GB/s; "
        f"batch {options.batch}, {options.points} points",
        "",
        "| network | family | step, ms | of which rendering | floor, ms | floor / step | spectra/s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    data = load("generated", classes=50, points=options.points)
    rows = []
    for name in options.networks:
        row = measure(name, data, speeds, options)
        rows.append(row)
        lines.append(
            f"| {name} | {row['family']} | {row['step']:.1f} | {row['rendering']:.1f} | {row['floor']:.1f} "
            f"| {row['share']:.2f} | {row['spectra']:.0f} |"
        )
        print(lines[-1], flush=True)
    append("roofline", {**vars(options), "kind": kind, "torch": torch.__version__, "rows": rows, "table": lines})


if __name__ == "__main__":
    main()
