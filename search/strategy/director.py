"""One session of a study: asks the agenda what is next and the judge what may go on, and writes down what happens.

A ``Plan`` for the workers. Whatever happens is an event of the journal first.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Protocol

from spectune.search.records import Study, Task, Trial
from spectune.search.strategy.agenda import Agenda, started
from spectune.search.strategy.judge import Judge

ENDS = {"": "complete", "asha": "paused"}  # why a trial was told to end -> its status; any other reason stops it


class Progress(Protocol):
    """Is told what happens, to show it."""

    def update(self, study: Study) -> None:
        """There is news."""

    def ended(self, trial: Trial) -> None:
        """A trial ended."""

    def apart(self, reason: str) -> None:
        """Why replicas are not fused; "" where they are."""


class Recorder(Protocol):
    """Writes events down, as a journal does."""

    def append(self, event: str, **values: Any) -> dict[str, Any]:
        """Write an event; returns it as it will be read back."""


class Director:
    """Directs one session of a study: goes on from what the records say and adds to them.

    ``study`` is kept up to date with every event that is appended to the journal.
    """

    def __init__(
        self, agenda: Agenda, study: Study, journal: Recorder, *, progress: Progress, replicas: int = 1
    ) -> None:
        self.study = study
        self.done = False
        self.interrupted = False  # set by a signal: Ray may swallow the exception that the signal raised
        self._agenda = agenda
        self._judge = Judge(agenda.budget, study, agenda.halving, agenda.over)
        self._journal = journal
        self._progress = progress
        self._replicas = replicas
        self._newest: dict[int, dict[str, Any]] = {}  # running trial -> its newest message in this session
        self._verdicts: dict[int, str] = {}  # running trial -> why it was told to end, "" to go on
        self._kept = set(study.paused)  # trials that may have checkpoints and do not run
        for trial in study.stage("explore"):
            if trial.status != "running":
                agenda.sampler.tell(trial)
        self._tasks = agenda.tasks()

    def next(self) -> Task | None:
        self.heed()
        try:
            task = next(self._tasks)
        except StopIteration:
            self.done = True
            return None
        if task is not None:
            self._start(task)
        return task

    def alongside(self, task: Task) -> list[Task]:
        replicas: list[Task] = []
        for other in islice(self._agenda.alongside(task), self._replicas - 1):
            self._start(other)
            replicas.append(other)
        return replicas

    def report(self, number: int, message: dict[str, Any]) -> bool:
        self.heed()
        trial, before = self.study.trials[number], self._newest.get(number, {})
        self._newest[number] = message
        if message["failed"]:
            return False
        self._progress.apart(message["apart"])
        new = message["epoch"] > before.get("epoch", 0)  # a lost worker's successor repeats epochs
        again = message["epoch"] <= trial.paused and not message["done"]  # so does one that begins anew
        if again:  # what it had when it was paused holds
            self._newest[number] = {**before, "seconds": message["seconds"]}
        elif new:
            self._append("report", trial=number, epoch=message["epoch"], metrics=message["metrics"])
        if new or again or message["fold"]:
            self._verdicts[number] = self._judge.verdict(trial, message)
        return not self._verdicts[number]

    def end(self, number: int, failure: str = "") -> None:
        trial = self.study.trials[number]
        message = self._newest.pop(number, {"failed": ""})
        reason = failure or message["failed"] or self._verdicts.get(number, "")
        self._verdicts.pop(number, None)
        failed = bool(failure or message["failed"] or reason == "nan")
        metrics = {} if failed else {**message["best"], "parameters": trial.parameters, "macs": trial.macs}
        self._append(
            "end",
            trial=number,
            status="failed" if failed else ENDS.get(reason, "stopped"),
            reason=reason,
            metrics=metrics,
            best_epoch=message.get("best_epoch", 0),
            epochs=message.get("epoch", len(trial.reports)),
            seconds=message.get("seconds", 0.0),
            values=None if failed else [metrics.get(name) for name, _ in self.study.objectives],
        )
        if trial.stage == "explore":
            self._agenda.ended(trial)
        self._kept.add(number)
        self._progress.ended(trial)

    def spare(self) -> set[int]:
        held = self._agenda.held()
        spare = self._kept - held - self.study.running.keys()
        self._kept = held
        return spare

    def heed(self) -> None:
        """Raises KeyboardInterrupt where a signal came whose own exception was swallowed."""
        if self.interrupted:
            raise KeyboardInterrupt

    def _start(self, task: Task) -> None:
        self._append("start", **started(task, self._agenda.sizes))
        trial = self.study.trials[task.number]
        if trial.paused:
            had = {"epoch": trial.epochs, "best": trial.metrics, "best_epoch": trial.best_epoch}
            self._newest[task.number] = {**had, "seconds": trial.seconds, "failed": ""}

    def _append(self, event: str, **values: Any) -> None:
        line = self._journal.append(event, at=round(self._agenda.limit.passed(), 3), **values)
        self.study.apply(line)
        self._progress.update(self.study)
