"""What the benchmarks of training steps share: their options, and waiting for a device."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from spectune.spaces import KNOWN


def parser(about: str, networks: Sequence[str], *, points: int, batch: int, steps: int) -> argparse.ArgumentParser:
    """The common options with a benchmark's own defaults; ``about`` is its docstring."""
    found = argparse.ArgumentParser(description=about.splitlines()[0])
    found.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    found.add_argument("--networks", nargs="+", default=networks, choices=sorted(KNOWN))
    found.add_argument("--points", type=int, default=points)
    found.add_argument("--batch", type=int, default=batch)
    found.add_argument("--steps", type=int, default=steps)
    found.add_argument("--threads", type=int, default=1)
    return found


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
