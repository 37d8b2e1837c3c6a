"""A study in simulated time: its own director, any number of workers in one process, trainings that are looked up.

Any other plan is asked and told as well in the order in which real workers would do it. What is not simulated: the
driver's own time, and that workers share a machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from spectune.search.records import Options, Plan, Study, Task
from spectune.search.strategy.agenda import Agenda, planned
from spectune.search.strategy.director import Director
from spectune.spaces import Sizes


class Clock:
    """The time of a simulation, seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Curve(NamedTuple):
    """What one training gives: the validation metrics of every epoch, and the seconds from its start to each end."""

    metrics: Sequence[dict[str, float]]
    seconds: Sequence[float]
    wait: float = 0.0  # seconds until its worker starts it
    folds: float = 0.0  # seconds that it trains on other folds after its last epoch


class Step(NamedTuple):
    """One epoch that a worker ended: the epochs that all workers did until then, and the trial."""

    epochs: int
    task: Task
    message: dict[str, Any]  # as a worker reports it
    ended: bool  # whether the trial ended with it


def director(
    options: Options, clock: Clock, sizes: Sizes, *, kind: type[Agenda] = Agenda, workers: int = 1
) -> Director:
    """The director of a study that leaves nothing behind, with an agenda of some kind."""
    study = planned(options)
    agenda = kind.of(options, options, study, sizes=sizes, clock=clock, workers=workers)
    return Director(agenda, study, _Unread(clock), progress=_Silence(), replicas=options.replicas)


def simulate(plan: Plan, look_up: Callable[[Task], Curve], *, workers: int, clock: Clock) -> Iterator[Step]:
    """Every epoch in the order of its end, until the plan is done. A plan without end is left by leaving the loop.

    Of two epochs that end at once the one that was begun first comes first. A task that comes again goes on where it
    was told to end.
    """
    running: list[tuple[float, int, _Training]] = []  # when the next epoch ends
    paused: dict[int, _Training] = {}  # all that were told to end
    begun = done = 0
    while True:
        while len(running) < workers and (task := plan.next()) is not None:
            training, begun = paused.pop(task.number, None) or _Training(task, look_up(task)), begun + 1
            training.begin(clock.now)
            heapq.heappush(running, (training.next, begun, training))
        if not running:
            assert plan.done, "a plan without running trials must give a task or be done"
            return
        clock.now, _, training = heapq.heappop(running)
        message, done = training.message(), done + 1
        number = training.task.number
        ended = not plan.report(number, message) or message["done"]
        if ended:
            plan.end(number)
            if not message["done"]:
                paused[number] = training
        else:
            begun += 1
            heapq.heappush(running, (training.next, begun, training))
        yield Step(done, training.task, message, ended)


class _Training:
    """One training that is under way, or paused."""

    def __init__(self, task: Task, curve: Curve) -> None:
        self.task = task
        self._curve = curve
        self._start = 0.0
        self._epoch = 0  # epochs that have ended
        self._best = 0  # index of the best one

    def begin(self, now: float) -> None:
        """Begin, or go on, at a time."""
        self._start = now - self._curve.seconds[self._epoch - 1] if self._epoch else now + self._curve.wait

    @property
    def next(self) -> float:
        """When the next epoch ends."""
        return self._start + self._seconds

    def message(self) -> dict[str, Any]:
        """What a worker says of the next epoch."""
        metrics, seconds = self._curve.metrics, self._seconds
        now, others = min(self._epoch, len(metrics) - 1), self._epoch == len(metrics)
        if metrics[now]["loss"] < metrics[self._best]["loss"]:
            self._best = now
        self._epoch += 1
        return {
            "number": self.task.number,
            "epoch": now + 1,
            "metrics": metrics[now],
            "best": metrics[self._best],
            "best_epoch": self._best + 1,
            "seconds": seconds,
            "done": others or (now + 1 == len(metrics) and not self._curve.folds),
            "fold": int(others),
            "failed": "",
            "apart": "",
        }

    @property
    def _seconds(self) -> float:
        """Those of its epochs so far and of the next one, which may be all of the other folds."""
        seconds = self._curve.seconds
        return seconds[self._epoch] if self._epoch < len(seconds) else seconds[-1] + self._curve.folds


class _Unread:
    """A journal that nobody reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def append(self, event: str, **values: Any) -> dict[str, Any]:
        return {"event": event, "time": self._clock(), **values}


class _Silence:
    """No progress is shown."""

    def update(self, study: Study) -> None: ...

    def ended(self, trial: Any) -> None: ...

    def apart(self, reason: str) -> None: ...
