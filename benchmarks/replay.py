"""One simulated search, and what it would have confirmed at any time."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from curves import EPOCHS, Pair
from rivals import Rival
from surrogate import Surrogate

from spectune.search.planning.simulate import Clock, simulate

AT = (1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 60)  # trainings' worth of epochs that are looked at
BY_SECONDS = AT[:8]  # of seconds: who tries small networks has most of his epochs still before him


class Currency:
    """What the leading configs lose ``at`` so many full trainings' worth of a currency, each of which is a ``unit``."""

    def __init__(self, unit: float, at: tuple[int, ...]) -> None:
        self.ends, self.lost = [unit * one * (1 - 1e-9) for one in at], list[tuple[float, float]]()

    def due(self, spent: float) -> int:
        """How many were reached and not noted yet."""
        return sum(spent >= end for end in self.left)

    @property
    def left(self) -> list[float]:
        return self.ends[len(self.lost) :]


def replay(plan: Any, surrogate: Surrogate, *, workers: int, seed: int, known: float) -> dict[str, Any]:
    """Regret of the best by validation (``first``), and of the truly best of the best three (``three``), at each of AT
    and, as ``first_s`` and ``three_s``, of BY_SECONDS.

    ``better`` says whether at the end of the epochs the best three hold one with a value above ``known``; ``fell`` is
    the last of AT where they lost less than before. What ends early keeps what it found.
    """
    newest: dict[Pair, dict[int, float]] = {}  # config -> trial -> value: some are tried more than once
    taken: dict[int, float] = {}  # trial -> seconds of its newest training
    epochs, seconds, spent = Currency(EPOCHS, AT), Currency(surrogate.unit, BY_SECONDS), 0.0
    whole, clock = set[int](), Clock()  # trials that came to their end

    def worth(pair: Pair) -> float:
        """The mean of the trainings that came to their end; the best so far while none did."""
        values = newest[pair]
        ended = [value for number, value in values.items() if number in whole]
        return fmean(ended) if ended else max(values.values())

    def lost() -> tuple[float, float]:
        order = sorted(newest, key=worth, reverse=True)[:3]
        found = [surrogate.best - surrogate.true(pair) for pair in order]
        return round(found[0], 4), round(min(found), 4)

    look_up = plan.look_up if isinstance(plan, Rival) else lambda task: surrogate.look_up(task, seed)
    for step in simulate(plan, look_up, workers=workers, clock=clock):
        message, number = step.message, step.task.number
        newest.setdefault((step.task.network, step.task.training), {})[number] = message["metrics"]["accuracy"]
        spent += message["seconds"] - (taken.get(number, 0.0) if message["epoch"] > 1 else 0.0)
        taken[number] = message["seconds"]
        if message["done"]:
            whole.add(number)
        for currency, so_far in ((epochs, step.epochs), (seconds, spent)):
            if due := currency.due(so_far):
                currency.lost += [lost()] * due
        if not (epochs.left or seconds.left):
            break
    for currency in (epochs, seconds):
        currency.lost += [lost()] * len(currency.left)
    three = [least for _, least in epochs.lost]
    fell = max(place for place, least in enumerate(three) if least < min(three[:place], default=math.inf))
    return {
        "first": [one for one, _ in epochs.lost],
        "three": three,
        "first_s": [one for one, _ in seconds.lost],
        "three_s": [least for _, least in seconds.lost],
        "better": surrogate.best - three[-1] > known + 1e-4,
        "fell": AT[fell],
        "trials": len(taken),
        "time": round(clock.now, 1),
    }
