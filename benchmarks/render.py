"""How fast peak tables render, side by side with one scipy.ndimage.gaussian_filter1d call a spectrum, on one core.

python benchmarks/render.py            # prints and writes benchmarks/results/render.md
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from scipy.ndimage import gaussian_filter1d

from spectune.trainables.data import load
from spectune.trainables.data.dataset import Split
from spectune.trainables.data.peaks import Peaks

BATCH, ROUNDS = 128, 5
RESULTS = Path(__file__).parent / "results" / "render.md"


def main() -> None:
    torch.set_num_threads(1)
    data = load("benchmark")
    splits = [split for split in (data.train, data.validation) if isinstance(split, Peaks)]
    noisy = load("generated", classes=500, noise=0.02, background=0.1)
    rounds = []
    for _ in range(ROUNDS):  # turn and turn about, so that a busy machine slows all alike
        rounds.append(
            {
                "scipy, one call a spectrum": seconds(blur, *splits),
                "peak table, batches of 128": seconds(render, *splits),
                "the same with noise and background": seconds(render, noisy.train, noisy.validation),
                "zeros alone, batches of 128": seconds(zeros, *splits),
            }
        )
    text = table(rounds, sum(len(split) for split in splits), difference(splits[0]))
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)


def blur(split: Peaks) -> None:
    """One call a spectrum on a line of deltas that is only written where the peaks are."""
    deltas = np.zeros(split.points)
    for positions, heights, width in zip(split.positions, split.heights, split.widths, strict=True):
        deltas[positions] = heights
        gaussian_filter1d(deltas, width, mode="constant")
        deltas[positions] = 0


def render(split: Split) -> None:
    for indices in torch.split(torch.randperm(len(split)), BATCH):
        split.batch(indices)


def zeros(split: Peaks) -> None:
    """What nothing that returns new spectra can undercut."""
    for indices in torch.split(torch.randperm(len(split)), BATCH):
        torch.zeros(len(indices), split.points)


def seconds(work: Callable[[Any], None], *splits: Split) -> float:
    start = time.perf_counter()
    for split in splits:
        work(split)
    return time.perf_counter() - start


def difference(split: Peaks) -> float:
    """Largest difference between both ways over some spectra."""
    rows = range(0, len(split), 250)
    expected = np.zeros((len(rows), split.points))
    for line, row in zip(expected, rows, strict=True):
        np.add.at(line, split.positions[row], split.heights[row])
        line[:] = gaussian_filter1d(line, split.widths[row], mode="constant")
    return float(np.abs(split.batch(torch.tensor(rows)).numpy() - expected).max())


def table(rounds: list[dict[str, float]], spectra: int, worst: float) -> str:
    middle = {name: float(np.median([some[name] for some in rounds])) for name in rounds[0]}
    slowest = middle["scipy, one call a spectrum"]
    versions = f"python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    lines = [
        "# Rendering spectra",
        "",
        f"`python benchmarks/render.py` on {date.today()}: {spectra} spectra of 5000 points (training and validation",
        f"of the benchmark), one thread, median of {ROUNDS} rounds that take turns, the first with setting up the",
        f"tables. {processor()}, {versions}, torch {torch.__version__}.",
        "",
        "| way | seconds (lowest to highest) | us a spectrum | times faster |",
        "|---|---|---|---|",
    ]
    for name, value in middle.items():
        low, high = (extreme(some[name] for some in rounds) for extreme in (min, max))
        each = 1e6 * value / spectra
        lines.append(f"| {name} | {value:.3f} ({low:.3f} to {high:.3f}) | {each:.2f} | {slowest / value:.0f} |")
    lines += ["", f"Largest difference between peak table (float32) and scipy (float64): {worst:.1e}.", ""]
    return "\n".join(lines)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
