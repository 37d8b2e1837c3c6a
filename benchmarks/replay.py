"""One simulated search, and what it would have confirmed at any time."""

from __future__ import annotations

from typing import Any

from curves import EPOCHS
from surrogate import Surrogate

from spectune.search.simulate import Clock, simulate
from spectune.search.task import Task

FULL = 60  # trainings' worth of epochs that a search may spend


def replay(plan: Any, surrogate: Surrogate, *, workers: int, seed: int) -> dict[str, Any]:
    """Regret of the best by validation, and of the truly best of the best three, after each full training's worth."""
    newest: dict[int, tuple[float, Task]] = {}
    known: dict[int, float] = {}
    first: list[float] = []
    three: list[float] = []
    trials, clock = 0, Clock()

    def true(number: int) -> float:
        if number not in known:
            known[number] = surrogate.true(newest[number][1])
        return known[number]

    for step in simulate(plan, lambda task: surrogate.look_up(task, seed), workers=workers, clock=clock):
        newest[step.task.number] = (step.message["metrics"]["accuracy"], step.task)
        trials += step.ended
        if step.epochs % EPOCHS == 0:
            order = sorted(newest, key=lambda number: -newest[number][0])[:3]
            first.append(round(surrogate.best - true(order[0]), 5))
            three.append(round(surrogate.best - max(map(true, order)), 5))
        if step.epochs >= FULL * EPOCHS:
            break
    return {"first": first, "three": three, "trials": trials, "time": round(clock.now, 2)}
