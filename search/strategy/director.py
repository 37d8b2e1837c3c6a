"""The study: what is trained next, what is stopped, what is written down. A ``Plan`` for the trials on Ray.

Its life: explore a space, confirm the best configs and the published baseline on new seeds, test once, export. This
module knows the first two steps. Whatever happens is an event of the journal first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice, zip_longest
from typing import Any, Protocol

from spectune.search.records import Journal, Options, Study, Task, Trial
from spectune.search.strategy.confirm import finalists
from spectune.search.strategy.halving import Halving
from spectune.search.strategy.sampler import Sampler
from spectune.spaces import PUBLISHED, Network
from spectune.spaces.space import FAMILY
from spectune.trainables import warm

HEAD_START = 1 / 3  # of the exploration's trials and time, for known networks


class Progress(Protocol):
    """Is told what happens, to show it."""

    def update(self, study: Study) -> None:
        """There is news."""

    def ended(self, trial: Trial) -> None:
        """A trial ended."""

    def apart(self, reason: str) -> None:
        """Why replicas are not fused; "" where they are."""


class Director:
    """Directs one session of a study: goes on from what the records say and adds to them.

    ``study`` is kept up to date with every event that is appended to the journal.
    """

    def __init__(
        self,
        options: Options,
        *,
        study: Study,
        journal: Journal,
        points: int,
        classes: int,
        multilabel: bool,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options, self.study, self.done = options, study, False
        self.interrupted = False  # set by a signal: Ray may swallow the exception that the signal raised
        self._journal, self._progress, self._clock = journal, progress, clock
        self._points, self._classes, self._multilabel = points, classes, multilabel
        self._networks = options.catalogue.known
        self._space = options.catalogue.space(options.space)
        self._metric, direction = study.objectives[0]
        self._halving = Halving(grace=options.first_rung, epochs=options.epochs, eta=options.eta, direction=direction)
        self._sampler = Sampler(
            self._space,
            fixed=options.fixed,
            vary=options.vary,
            objectives=study.objectives,
            kind=options.sampler,
            seed=options.seed + 1000 * len(study.sessions),
            name=options.name,
            folder=study.folder,
        )
        self._newest: dict[int, dict[str, Any]] = {}  # running trial -> its newest message in this session
        self._verdicts: dict[int, str] = {}  # running trial -> why it was told to stop, "" to go on
        self._explored = sum(study.exploring)  # in earlier sessions
        self._began = clock()
        self._learn()
        self._tasks = self._life()

    # What is trained next ------------------------------------------------------------------------------------------

    def next(self) -> Task | None:
        self._heed()
        try:
            task = next(self._tasks)
        except StopIteration:
            self.done = True
            return None
        if task is not None:
            self._start(task)
        return task

    def alongside(self, task: Task) -> list[Task]:
        """The task's replicas: of a confirmation its other seeds, of a proposal other settings of its training."""
        found: list[Task] = []
        for other in islice(self._alike(task), self.options.replicas - 1):
            self._start(other)
            found.append(other)
        return found

    def _alike(self, task: Task) -> Iterator[Task]:
        if task.stage == "confirm":
            yield from self._confirmations([task])
        while task.stage == "explore" and not task.label and self._exploring():
            network, training = self._sampler.ask_like(task.network, task.training)
            yield replace(task, number=self._number(), network=network, training=training)

    def _heed(self) -> None:
        if self.interrupted:
            raise KeyboardInterrupt

    def _life(self) -> Iterator[Task | None]:
        """All tasks of the session in order; None while the next one cannot be known yet."""
        yield from self._interrupted()
        yield from self._starts()
        yield from self._families()
        yield from self._published()
        while self._exploring():
            yield self._explore()
        yield from self._confirmations([self.baseline()] if self.options.baseline_name else [])
        while any(trial.stage == "explore" for trial in self.study.running.values()):
            yield None
        best = finalists(self.study, self.options.top, self.baseline().config if self.options.baseline_name else None)
        families = self.options.catalogue.families
        candidates = [Task.from_dict({**vars(trial), "candidate": trial.number}, families) for trial in best]
        yield from self._confirmations(sorted(candidates, key=lambda task: -self._macs(task.network)))

    def _interrupted(self) -> list[Task]:
        """Trials that a crash left without an end: they are run again under their number."""
        families = self.options.catalogue.families
        return [Task.from_dict(vars(trial), families) for _, trial in sorted(self.study.running.items())]

    def _starts(self) -> Iterator[Task]:
        """The networks asked for, or all known ones that are not published: even a short search gets to these."""
        asked = self.options.start_from
        names = asked or self._fitting(self._networks.keys() - PUBLISHED)
        yield from self._known(names, share=1.0 if asked else HEAD_START)

    def _families(self) -> Iterator[Task]:
        """In a space of several families, one trial of each, so that none is judged unseen."""
        tried = {trial.config["network"]["family"] for trial in self.study.stage("explore")}
        for family in self._space.families if len(self._space.families) > 1 else ():
            fixed = self._sampler.fixed.get(FAMILY, family.family)
            if fixed == family.family and family.family not in tried and self._exploring():
                with suppress(ValueError):  # nothing of it is within the limits
                    yield self._explore(family.family)

    def _published(self) -> Iterator[Task]:
        """The published networks, the families in turn, unless others were asked for."""
        families: dict[str, list[str]] = {}
        for name in () if self.options.start_from else self._fitting(PUBLISHED):
            families.setdefault(self._networks[name].network.family, []).append(name)
        yield from self._known(filter(None, chain(*zip_longest(*families.values()))), share=HEAD_START)

    def _known(self, names: Iterable[str], *, share: float) -> Iterator[Task]:
        """Those that were not tried yet, within a share of the exploration."""
        tried = {trial.label for trial in self.study.stage("explore")}
        for name in names:
            if self._exploring(share) and name not in tried:
                yield self._named(name, stage="explore")

    def _fitting(self, names: Iterable[str]) -> list[str]:
        """Those within the limits, cheapest first."""
        fitting = [name for name in names if self._fits(self._networks[name].network)]  # others may have no cost here
        return sorted(fitting, key=lambda name: (self._macs(self._networks[name].network), name))

    def _explore(self, family: str | None = None) -> Task:
        number = self._number()
        network, training = self._sampler.ask(number, self._allowed, family=family)
        return Task(number=number, stage="explore", network=network, training=training, seed=self.options.seed)

    def _confirmations(self, candidates: list[Task]) -> Iterator[Task]:
        """Every candidate on every new seed, but for what earlier sessions did."""
        for candidate in candidates:
            for seed in range(self.options.first_seed, self.options.first_seed + self.options.seeds):
                if self.lacks(candidate.candidate, seed):
                    yield replace(candidate, number=self._number(), stage="confirm", seed=seed)

    def lacks(self, candidate: int | str | None, seed: int) -> bool:
        """Whether no training of the candidate was started on the seed."""
        return not any((trial.candidate, trial.seed) == (candidate, seed) for trial in self.study.stage("confirm"))

    def baseline(self) -> Task:
        """The published baseline as a candidate; what ``--set`` says of the training holds for it, too.

        For ``spectune train`` it is the network that is trained, and what ``--set`` says of the network holds as well.
        """
        name = self.options.baseline_name
        assert name is not None
        task = replace(self._named(name, stage="confirm"), candidate=name)
        known = task.network.to_dict()
        changes = {field: value for field, value in self._sampler.fixed.items() if known.get(field) != value}
        if not (self.options.model and changes):
            return task
        label = " ".join([name, *(f"{field}={value}" for field, value in changes.items())])
        return replace(task, network=task.network.replace(**changes), label=label)

    def _named(self, name: str, *, stage: str) -> Task:
        network, training, *_ = self._networks[name]
        changes = dict(self._sampler.fixed_training)
        if name != warm.NAME:  # others have no weights to start from
            changes = {field: value for field, value in changes.items() if field not in ("init", "freeze")}
        training = training.replace(**changes)
        return Task(
            number=self._number(), stage=stage, network=network, training=training, seed=self.options.seed, label=name
        )

    def _number(self) -> int:
        return max(self.study.trials, default=-1) + 1

    def _exploring(self, share: float = 1.0) -> bool:
        enough = self.study.begun["explore"] >= math.ceil(share * self.options.trials)
        return not enough and not self._time_is_up(share)

    def _time_is_up(self, share: float = 1.0) -> bool:
        limit = self.options.time
        return limit is not None and self._explored + self._clock() - self._began > share * limit

    def _fits(self, network: Network) -> bool:
        with suppress(ValueError):
            self._allowed(network)
            return self._space.agrees(network, self._sampler.fixed)
        return False

    def _allowed(self, network: Network) -> None:
        self.options.allow(network, self._points, self._classes, multilabel=self._multilabel)

    def _macs(self, network: Network) -> int:
        return network.cost(self._points, self._classes).macs

    # What comes back -----------------------------------------------------------------------------------------------

    def report(self, number: int, message: dict[str, Any]) -> bool:
        self._heed()
        trial, before = self.study.trials[number], self._newest.get(number)
        self._newest[number] = message
        if message["failed"]:
            return False
        self._progress.apart(message["apart"])
        if before is None or message["epoch"] > before.get("epoch", 0):  # a lost worker's successor repeats epochs
            self._append("report", trial=number, epoch=message["epoch"], metrics=message["metrics"])
            self._verdicts[number] = self._verdict(trial, message)
        return not self._verdicts[number]

    def _verdict(self, trial: Trial, message: dict[str, Any]) -> str:
        """Why the trial should stop here; "" when it should not."""
        if not all(math.isfinite(message["metrics"][name]) for name in ("loss", "train_loss", self._metric)):
            return "nan"
        if trial.stage != "explore" or message["done"]:
            return ""
        value = trial.best()[self._metric]
        good = self._halving.good(trial.number, message["epoch"], value)
        proven = trial.label and message["epoch"] * self.options.eta < self.options.epochs
        if not good and not proven:  # a known network is judged at the last rung: some are slow to start
            return "asha"
        return "time" if self._time_is_up() else ""

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
            status="failed" if failed else "stopped" if reason else "complete",
            reason=reason,
            metrics=metrics,
            best_epoch=message.get("best_epoch", 0),
            epochs=message.get("epoch", len(trial.reports)),
            seconds=message.get("seconds", 0.0),
            values=None if failed else [metrics.get(name) for name, _ in self.study.objectives],
        )
        if trial.stage == "explore":
            self._sampler.tell(trial)
        self._progress.ended(trial)

    # Writing down --------------------------------------------------------------------------------------------------

    def _start(self, task: Task) -> None:
        cost = task.network.cost(self._points, self._classes)
        self._append(
            "start",
            trial=task.number,
            stage=task.stage,
            config=task.config,
            label=task.label,
            seed=task.seed,
            candidate=task.candidate,
            parameters=cost.parameters,
            macs=cost.macs,
        )

    def _append(self, event: str, **values: Any) -> None:
        self.study.apply(self._journal.append(event, at=round(self._clock() - self._began, 3), **values))
        self._progress.update(self.study)

    def _learn(self) -> None:
        """Rebuild rungs and the sampler from the explore trials of earlier sessions."""
        for trial in self.study.stage("explore"):
            for epoch in trial.reports.epochs[: -1 if trial.status == "complete" else None]:
                best = trial.best(epoch)
                if best and trial.status != "running":
                    self._halving.good(trial.number, epoch, best[self._metric])
            if trial.status != "running":
                self._sampler.tell(trial)
