"""One simulated search, and what it would have confirmed at any time."""

from __future__ import annotations

import json
from typing import Any

from curves import EPOCHS
from rivals import Rival
from surrogate import Surrogate

from spectune.search.planning.simulate import Clock, simulate
from spectune.search.records.task import Task

FULL = 60  # trainings' worth of epochs that a search may spend


def replay(plan: Any, surrogate: Surrogate, *, workers: int, seed: int) -> dict[str, Any]:
    """Regret of the best by validation, and of the truly best of the best three, after each full training's worth."""
    newest: dict[str, tuple[float, Task]] = {}  # of each config, some of which are tried more than once
    known: dict[str, float] = {}
    first: list[float] = []
    three: list[float] = []
    trials: set[int] = set()
    clock = Clock()

    def true(config: str) -> float:
        if config not in known:
            known[config] = surrogate.true(newest[config][1])
        return known[config]

    look_up = plan.look_up if isinstance(plan, Rival) else lambda task: surrogate.look_up(task, seed)
    for step in simulate(plan, look_up, workers=workers, clock=clock):
        newest[json.dumps(step.task.config)] = (step.message["metrics"]["accuracy"], step.task)
        trials.add(step.task.number)
        if step.epochs % EPOCHS == 0:
            order = sorted(newest, key=lambda config: -newest[config][0])[:3]
            first.append(round(surrogate.best - true(order[0]), 5))
            three.append(round(surrogate.best - max(map(true, order)), 5))
        if step.epochs >= FULL * EPOCHS:
            break
    return {"first": first, "three": three, "trials": len(trials), "time": round(clock.now, 2)}
