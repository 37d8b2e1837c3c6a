"""Ends a worker in which nothing moves any more, so that its trial is started again.

The clock is C's, in a thread that needs no Python: it also ends a process whose native code hangs. The stack of every
thread goes to the worker's error log first. A process that is frozen as a whole (SIGSTOP, a dead file system) is
beyond it.
"""

from __future__ import annotations

import faulthandler
import time
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch

from spectune.trainables.data.dataset import Dataset, Split

ERRORS = 2  # the process's stderr, which Ray keeps as the worker's error log


class Watch:
    """Within it, this process ends with exit code 1 ``seconds`` after the last sign of life."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = 0.0  # when the alarm was set last

    def __enter__(self) -> None:
        self._arm()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        faulthandler.cancel_dump_traceback_later()

    def alive(self) -> None:
        """A sign of life. Setting the alarm takes 0.1 ms, so it is done for one sign a second at most."""
        if time.monotonic() - self._armed > min(1.0, self._seconds / 10):
            self._arm()

    def over(self, dataset: Dataset) -> Dataset:
        """The dataset, of which every batch that is drawn is a sign of life: a slow epoch is none that hangs."""
        return replace(dataset, train=_Watched(dataset.train, self), validation=_Watched(dataset.validation, self))

    def _arm(self) -> None:
        self._armed = time.monotonic()
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=ERRORS)


class _Watched(Split):
    """A split that tells of its batches."""

    def __init__(self, split: Split, watch: Watch) -> None:
        self.labels = split.labels
        self.groups = split.groups
        self.varies = split.varies
        self._split = split
        self._watch = watch

    def batch(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        self._watch.alive()
        return self._split.batch(indices, device)

    def fresh(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        self._watch.alive()
        return self._split.fresh(indices, device)

    def feed(self, digest: Any) -> None:
        self._split.feed(digest)

    def instead(self, other: Split) -> Split:
        return _Watched(self._split.instead(other), self._watch)
