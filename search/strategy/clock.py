"""How much time is left: limits on the clock of a study, of which earlier sessions took some."""

from __future__ import annotations

import time
from collections.abc import Callable


class TimeLimit:
    """The seconds that something may take, of which earlier sessions took some; none where there is no limit."""

    def __init__(self, seconds: float | None, *, before: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.began = clock()
        self.seconds = seconds
        self._before = before
        self._waited = 0.0

    def passed(self) -> float:
        """Seconds of this session."""
        return self.clock() - self.began

    def begin(self) -> None:
        """What is limited begins now: what passed of this session until here does not count."""
        self._waited = self.passed()

    def spent(self) -> float:
        """Seconds that count, of all sessions."""
        return self._before + self.passed() - self._waited

    def up(self, share: float = 1.0) -> bool:
        """Whether a share of the time is over."""
        return self.seconds is not None and self.spent() > share * self.seconds
