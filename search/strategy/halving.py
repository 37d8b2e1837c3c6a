"""Which explore trials may go on: asynchronous successive halving (Li et al. 2020), rebuilt from records."""

from __future__ import annotations

import math
from collections import deque

RECENT = 32


class Halving:
    """Stops a trial at a rung unless its value is among the best 1/eta of the newest RECENT that reached the rung.

    Older ones do not count: a search that learns proposes better and better configs, and against all since its random
    beginning nearly every one would go on. Rungs are at ``grace * eta**k`` epochs, below ``epochs``. Ties go on. The
    first trial at a rung always goes on.
    """

    def __init__(self, *, grace: int, epochs: int, eta: int, direction: str) -> None:
        self.eta = eta
        self._sign = 1.0 if direction == "min" else -1.0
        self._seen: set[tuple[int, int]] = set()
        self.rungs: dict[int, deque[float]] = {}
        rung = grace
        while rung < epochs:
            self.rungs[rung] = deque(maxlen=RECENT)
            rung *= eta

    def good(self, trial: int, epoch: int, value: float) -> bool:
        """Record the value a trial reached; False when it should stop. A report that comes twice counts once."""
        losses = self.rungs.get(epoch)
        if losses is None:
            return True
        loss = self._sign * value
        if (trial, epoch) not in self._seen:
            self._seen.add((trial, epoch))
            losses.append(loss)
        return sum(other < loss for other in losses) < math.ceil(len(losses) / self.eta)
