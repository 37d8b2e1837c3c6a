"""What is trained next: the tasks of a study in their order, as far as its records say that they are still to be done.

A study's life: measure simple methods, explore a space, confirm the best configs, the published baseline and the best
simple method on new seeds, test once, export. The agenda knows the first three steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from spectune.search.records import ENSEMBLE, SIMPLE, Budget, Candidate, Goal, Study, Task, Trial
from spectune.search.records.metrics import METRICS
from spectune.search.strategy.clock import TimeLimit
from spectune.search.strategy.confirm import fastest, finalists, reachable, simplest, whole
from spectune.search.strategy.halving import Halving
from spectune.search.strategy.sampler import Sampler
from spectune.search.strategy.thaw import Held
from spectune.spaces import SIMPLE as METHODS
from spectune.spaces import Network, Published, Sizes
from spectune.spaces.errors import InputError
from spectune.spaces.learned import Learned
from spectune.spaces.saved import portfolio
from spectune.spaces.space import FAMILY

HEAD_START = 1 / 3  # of the exploration's trials and time, for known networks
LEAST = 1 / 3  # of what is left of the total time, for exploring, however long the confirmation would take
MEASURING, SHARE = 60.0, 1 / 4  # seconds for the simple methods, and the share of the total time that they take at most
FINISH = 15.0  # seconds of the total time that are kept for the test, the export and the report
EPOCH = 60.0  # seconds that an epoch may take whatever the limits are; above, it must end within these
STALE = 1.0  # seconds for which an estimate of the confirmation, or of the fastest trial, holds
TRANSFER = "transfer"  # the network of an export that a study starts from, among the known ones


class Agenda:
    """The tasks of one session of a study. What is asked for once counts as begun when the records say so."""

    def __init__(
        self,
        goal: Goal,
        budget: Budget,
        study: Study,
        *,
        sizes: Sizes,
        limit: TimeLimit,
        sampler: Sampler,
        workers: int = 1,
        ago: float = 0.0,
    ) -> None:
        self.goal = goal
        self.budget = budget
        self.study = study
        self.sizes = sizes
        self.limit = limit
        self.sampler = sampler
        self.halving = Halving.of(budget, study)
        self._held = Held(study.paused.values(), self.halving)
        self._explored = False  # whether exploring is over: nothing that is paused goes on
        self.left_out: dict[str, str] = {}  # simple method -> why it is not measured
        total, clock = budget.total_time, limit.clock
        self.total = TimeLimit(
            None if total is None else total - min(FINISH, total / 4), before=study.clock + ago, clock=clock
        )
        measuring = MEASURING if total is None else min(MEASURING, SHARE * total)
        self._measuring = TimeLimit(measuring, before=sum(study.measuring), clock=clock)
        self._workers = workers
        self._needed = (-math.inf, 0.0)  # when the seconds of the confirmation were estimated, and how many they are
        self._rate = (-math.inf, math.inf)  # when the fastest trial was looked for, and its rate
        self._space = goal.catalogue.space(goal.space)
        self._networks = {**goal.catalogue.known, **goal.looked.starts()}

    @classmethod
    def of(
        cls,
        goal: Goal,
        budget: Budget,
        study: Study,
        *,
        sizes: Sizes,
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        **more: Any,
    ) -> Self:
        """That of a study's newest session, whose sampler mirrors its trials in ``folder``, if there is one.

        ``workers`` trials run at a time; the session was begun some seconds ``ago``.
        """
        limit = TimeLimit(budget.time, before=sum(study.exploring), clock=clock)
        sampler = sampler_of(goal, study, seen=budget.epochs * sizes.spectra, folder=folder)
        return cls(goal, budget, study, sizes=sizes, limit=limit, sampler=sampler, **more)

    def tasks(self) -> Iterator[Task | None]:
        """All tasks of the session in order; None while the next one cannot be known yet."""
        yield from self.interrupted()
        yield from self._simple()
        self.limit.begin()
        yield from self._starts()
        yield from self._families()
        while self._exploring():
            yield self._thawed() or self._explore()
        beside = self.confirmations(self._beside())
        while (task := self._thawed()) or self._searching():  # the last explored trials run
            yield task or next(beside, None)
        self._explored = True
        self.sampler.settle(self.study.paused.values())
        yield from self.confirmations(self._candidates())

    def alongside(self, task: Task) -> Iterator[Task]:
        """Replicas of a task: of a confirmation its other seeds, of a proposal other settings of its training. None
        where there are folds, as each training has its own, and of what was paused, which is trained already."""
        if self.goal.folds or task.spent:
            return
        if task.stage == "confirm":
            yield from self.confirmations([task])
        while task.stage == "explore" and not task.label and self._exploring():
            network, training = self.sampler.ask_like(task.network, task.training)
            origin = self.sampler.origin
            yield replace(task, number=self.number(), network=network, training=training, origin=origin)

    def interrupted(self) -> list[Task]:
        """Trials that a crash left without an end: they are run again under their number. Ensembles are not trained."""
        running = [trial for _, trial in sorted(self.study.running.items()) if trial.stage != ENSEMBLE]
        return [self._again(trial) for trial in running]

    def held(self) -> set[int]:
        """Trials that are paused and may go on."""
        return set() if self._explored else {trial.number for trial in self._held.trials}

    def ended(self, trial: Trial) -> None:
        """An explore trial ended: the sampler learns from it, and it may go on if it was paused."""
        self.sampler.tell(trial)
        if trial.status == "paused":
            self._held.add(trial)

    def _thawed(self) -> Task | None:
        """A trial that was paused and is to go on; None where a new one is worth more, or the time is up."""
        trial = self._held.next()
        if trial is None or self.over("explore"):
            return None
        self._held.remove(trial)
        return self._again(trial)

    def _again(self, trial: Trial) -> Task:
        """A trial that goes on from its checkpoint, or begins anew without one."""
        return replace(self._task(vars(trial)), spent=trial.seconds)

    def _simple(self) -> Iterator[Task]:
        """The simple methods that were not measured yet, cheapest first, while their time lasts."""
        measured = {trial.label for trial in self.study.stage(SIMPLE)}
        self._measuring.begin()
        for name in [name for name in METHODS if self.goal.simple and name not in measured]:
            reason = self._refusal(METHODS[name].network)
            if not reason and not self._measurable():
                reason = f"no time for more in {self._measuring.seconds:g} s"
            if reason:
                self.left_out[name] = reason
            else:
                yield self._named(name, METHODS[name], stage=SIMPLE)

    def _measurable(self) -> bool:
        """Whether there is time for one more simple method: it takes as long as any before, as dearer ones come later
        and a fit is not stopped."""
        trials = self.study.stage(SIMPLE)
        durations = [self.study.clock - one.started if one.status == "running" else one.seconds for one in trials]
        assert self._measuring.seconds is not None
        return self._measuring.spent() + max(durations, default=0.0) <= self._measuring.seconds

    def _starts(self) -> Iterator[Task]:
        """The networks asked for, or what a look at the spectra advises and the learned portfolio, the best first: even
        a short search gets to these."""
        if self.goal.start_from:
            yield from self._known(self.goal.start_from, "asked", share=1.0)
            return
        advised = [name for name in self.goal.looked.starts() if self._fits(self._networks[name].network)]
        yield from self._known([*advised, *([TRANSFER] if TRANSFER in self._networks else [])], "look")
        if self.goal.learned:
            yield from self._portfolio()

    def _portfolio(self) -> Iterator[Task]:
        tried = [trial.config for trial in self.study.stage("explore")]
        names = {(one.network, one.training): name for name, one in self._networks.items()}
        for config in portfolio(self.goal.catalogue.learned, self._space):
            if self._exploring(HEAD_START) and self._fits(config[0]):
                known = Published(*config, source="learned")
                task = replace(self._named(names.get(config, ""), known, stage="explore"), origin="portfolio")
                if task.config not in tried:
                    yield task

    def _families(self) -> Iterator[Task]:
        """In a space of several families, one trial of each, so that none is judged unseen."""
        tried = {trial.config["network"]["family"] for trial in self.study.stage("explore")}
        for family in self._space.families if len(self._space.families) > 1 else ():
            fixed = self.sampler.fixed.get(FAMILY, family.family)
            if fixed == family.family and family.family not in tried and self._exploring():
                with suppress(ValueError):  # nothing of it is within the limits
                    yield self._explore(family.family)

    def _known(self, names: Iterable[str], origin: str, *, share: float = HEAD_START) -> Iterator[Task]:
        """Those that were not tried yet, within a share of the exploration."""
        tried = {trial.label for trial in self.study.stage("explore")}
        for name in names:
            if self._exploring(share) and name not in tried:
                yield replace(self._named(name, self._networks[name], stage="explore"), origin=origin)

    def _explore(self, family: str | None = None) -> Task:
        number = self.number()
        network, training = self.sampler.ask(number, self._allowed, family=family)
        return Task(
            number=number,
            stage="explore",
            network=network,
            training=training,
            seed=self.goal.seed,
            origin=self.sampler.origin,
            **self._folded(),
        )

    def _folded(self, confirming: int | None = None) -> dict[str, Any]:
        return {"folds": self.goal.folds or 0, "turn": self.goal.turn(confirming)}

    def confirmations(self, candidates: list[Task]) -> Iterator[Task]:
        """Every candidate on every new seed, but for what earlier sessions did: seed by seed, so that what the total
        time cuts off leaves whole rounds. The largest come first, as workers then end together; where the total time
        is limited the smallest."""
        sign = -1 if self.total.seconds is None else 1
        ordered = sorted(candidates, key=lambda task: sign * self.macs(task.network))
        for seed in self.seeds():
            for candidate in ordered:
                if self.total.up():
                    return
                if self.lacks(candidate.candidate, seed):
                    folded = self._folded(seed)
                    yield replace(candidate, number=self.number(), stage="confirm", seed=seed, **folded)

    def rounds(self) -> int:
        """The seeds on which every candidate's training has ended."""
        candidates = [task.candidate for task in self._candidates()]
        return sum(not any(self.lacks(candidate, seed) for candidate in candidates) for seed in self.seeds())

    def _searching(self) -> bool:
        """Whether trials run that decide what is confirmed."""
        return any(trial.stage in ("explore", SIMPLE) for trial in self.study.running.values())

    def _beside(self) -> list[Task]:
        """What is confirmed beside the finalists: the published baseline and the best simple method."""
        tasks = [self.baseline()] if self.goal.baseline_name else []
        best = simplest(self.study) if self.goal.simple else None
        if best is not None:
            tasks.append(self._task({**vars(best), "candidate": Candidate.simple(best.label)}))
        return tasks

    def _candidates(self) -> list[Task]:
        """All that are confirmed; where the total time is limited also those of earlier sessions, for the rounds are
        whole when they have them."""
        tasks = self._beside()
        best = finalists(self.study, self.budget.top, *(task.config for task in tasks)) if self.goal.explores else []
        tasks += [self._task({**vars(trial), "candidate": trial.number}) for trial in best]
        if self.total.seconds is not None:
            begun = {trial.candidate: trial for trial in self.study.stage("confirm")}
            keys = begun.keys() - {task.candidate for task in tasks}
            tasks += [self._task(vars(trial)) for key, trial in begun.items() if key in keys]
        return tasks

    def seeds(self) -> range:
        """The seeds of the confirmation."""
        return range(self.goal.first_seed, self.goal.first_seed + self.budget.seeds)

    def lacks(self, candidate: int | str | None, seed: int) -> bool:
        """Whether no training of the candidate was started on the seed, but for those that the total time stopped."""
        return not any(
            (trial.candidate, trial.seed) == (candidate, seed)
            for trial in self.study.stage("confirm")
            if trial.status != "stopped"
        )

    def baseline(self) -> Task:
        """The published baseline as a candidate; what ``--set`` says of the training holds for it, too.

        For ``spectune train`` it is the network that is trained, and what ``--set`` says of the network holds as well.
        """
        name = self.goal.baseline_name
        assert name is not None
        task = replace(self._named(name, self._networks[name], stage="confirm"), candidate=name)
        known = {field: getattr(task.network, field, None) for field in self.sampler.fixed}
        changes = {field: value for field, value in self.sampler.fixed.items() if known[field] != value}
        if not (self.goal.model and changes):
            return task
        label = " ".join([name, *(f"{field}={value}" for field, value in changes.items())])
        return replace(task, network=task.network.replace(**changes), label=label)

    def _named(self, name: str, known: Published, *, stage: str) -> Task:
        network, training, *_ = known
        changes = dict(self.sampler.fixed_training)
        if name != TRANSFER:  # others have no weights to start from
            changes = {field: value for field, value in changes.items() if field not in ("init", "freeze")}
        training = training.replace(**changes)
        return Task(
            number=self.number(),
            stage=stage,
            network=network,
            training=training,
            seed=self.goal.seed,
            label=name,
            **self._folded(),
        )

    def _task(self, values: dict[str, Any]) -> Task:
        return Task.from_dict(values, self.goal.catalogue.families)

    def number(self) -> int:
        """The next trial's."""
        return max(self.study.trials, default=-1) + 1

    def _exploring(self, share: float = 1.0) -> bool:
        enough = self.study.begun["explore"] >= math.ceil(share * self.budget.trials)
        return not enough and not self.over("explore", share)

    def over(self, stage: str, share: float = 1.0) -> bool:
        """Whether the time of a stage is up, or a share of it. Exploring leaves what the confirmation will take, but
        has ``LEAST`` of what is left when it begins."""
        if self.total.up():
            return True
        if stage != "explore" or self.total.seconds is None:
            return stage == "explore" and self.limit.up(share)
        left = self.total.seconds - (self.total.spent() - self.limit.spent())
        room = max(left - self._confirmation(), LEAST * left)
        return self.limit.up(share) or self.limit.spent() > share * room

    def _confirmation(self) -> float:
        """Seconds that the confirmation of what is best so far will take, by the trials that are to be confirmed."""
        now = self.limit.clock()
        if now - self._needed[0] >= STALE:
            each = [
                (self._whole(task), sum(self.lacks(task.candidate, seed) for seed in self.seeds()))
                for task in self._candidates()
            ]
            work = sum(seconds * times for seconds, times in each)
            # One worker may begin the longest when the others end.
            last = max((seconds for seconds, times in each if times), default=0.0)
            self._needed = now, work / self._workers + last * (1 - 1 / self._workers)
        return self._needed[1]

    def _whole(self, task: Task) -> float:
        """Seconds that a training of a candidate will take."""
        families, by_steps = self.goal.catalogue.families.items(), task.network.by_steps
        alike = {name for name, family in families if family.by_steps == by_steps}
        macs = self.macs(task.network)
        return whole(self.study, task.config, macs, epochs=self.budget.epochs, families=alike)

    def _fits(self, network: Network) -> bool:
        return not self._refusal(network) and self._space.agrees(network, self.sampler.fixed)

    def _refusal(self, network: Network) -> str:
        """Why a network cannot be trained; "" where it can."""
        try:
            self._allowed(network)
        except ValueError as error:
            return str(error)
        return ""

    def _allowed(self, network: Network) -> None:
        self.goal.allow(network, self.sizes)
        limits = [one.seconds for one in (self.limit, self.total) if one.seconds is not None]
        if not network.by_steps or not limits:
            return
        seconds = max(EPOCH, min(limits))
        if not reachable(self.macs(network), self._fastest(), seconds=seconds):
            raise InputError(
                f"an epoch must end within {seconds:.0f} s, got {self.macs(network):,} multiply-adds for it"
            )

    def _fastest(self) -> float:
        """The rate of the fastest trial with steps, which holds for ``STALE`` seconds: a proposal asks many times."""
        now = self.limit.clock()
        if now - self._rate[0] >= STALE:
            families = self.goal.catalogue.families
            trials = (one for one in self.study.trials.values() if families[one.config["network"]["family"]].by_steps)
            self._rate = now, fastest(trials, self.study.clock)
        return self._rate[1]

    def macs(self, network: Network) -> int:
        return network.cost(self.sizes.points, self.sizes.classes).macs


def sampler_of(goal: Goal, study: Study, *, seen: float, kind: str = "", folder: Path | None = None) -> Sampler:
    """The sampler of a study's newest session; in ``folder``, if there is one, it mirrors its trials.

    Every session has proposals of its own. A training has ``seen`` so many spectra at its end.
    """
    space = goal.catalogue.space(goal.space)
    learned = Learned(goal.catalogue.learned, seen=seen) if goal.learned else None
    return Sampler(
        space,
        fixed=dict(goal.fixed),
        vary=(*goal.vary, *goal.looked.varied(space)),
        objectives=study.objectives,
        kind=kind or goal.sampler,
        seed=goal.seed + 1000 * len(study.sessions),
        learned=learned,
        name=study.name,
        folder=folder,
    )


def planned(goal: Goal) -> Study:
    """A study that is nowhere but in memory."""
    study = Study(Path())
    objectives = [[name, METRICS[name].direction] for name in goal.objectives]
    study.apply({"event": "study", "time": 0.0, "name": "planned", "objectives": objectives})
    return study


def started(task: Task, sizes: Sizes) -> dict[str, Any]:
    """What the records say of a task that starts."""
    cost = task.network.cost(sizes.points, sizes.classes)
    return {
        "trial": task.number,
        "stage": task.stage,
        "config": task.config,
        "label": task.label,
        "seed": task.seed,
        "candidate": task.candidate,
        **({"origin": task.origin} if task.origin else {}),
        **({"folds": task.folds, "turn": list(task.turn)} if task.folds else {}),
        "parameters": cost.parameters,
        "macs": cost.macs,
    }


def first(goal: Goal, budget: Budget, sizes: Sizes) -> Iterator[Task]:
    """The baseline, then what a search would train first, as far as that can be known before anything is trained.

    What it would propose by a model is proposed at random: it takes as long.
    """
    study = planned(goal)
    limit = TimeLimit(None, before=0.0)
    agenda = Agenda(
        goal, budget, study, sizes=sizes, limit=limit, sampler=sampler_of(goal, study, seen=0.0, kind="random")
    )
    if goal.baseline_name is not None:
        yield agenda.baseline()
    for task in agenda.tasks():
        if task is None:
            return
        study.apply({"event": "start", "time": 0.0, **started(task, sizes)})
        yield task
