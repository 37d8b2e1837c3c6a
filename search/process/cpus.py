"""The processors that this process may use, which may be fewer than the machine has."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

LIMIT = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds that it may use, of so many


def usable() -> int:
    """Processors by the process's affinity and by the limit of its control group, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = LIMIT.read_text().split()
        return max(1, min(cores, ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max"
        return cores


def limit_threads() -> None:
    """Have torch, when it is loaded, compute in as many threads; a number that the user set stays.

    Torch on its own knows nothing of control groups, and many threads on few processors wait for each other.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(usable()))
