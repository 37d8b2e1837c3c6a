"""The ensemble of all confirmed trainings: selected on the validation split, recorded as a trial of its own stage.

What it is ranked by is cross-fitted (``trainables.ensemble``): a selection looks too good on the spectra that it saw.
It costs more than a single config, so it also has to be better than the best of these by a standard error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from spectune.search.records import ENSEMBLE, WEIGHTS, Journal, Options, Study, Task, Trial, stored
from spectune.search.records import uncertainty as sure
from spectune.search.records.ranking import single, valued
from spectune.search.session import evaluate
from spectune.search.strategy.agenda import started
from spectune.search.workers import cluster
from spectune.search.workers.files import Files, Resources
from spectune.spaces import Ensemble, Member, Training
from spectune.trainables import weights
from spectune.trainables.data.ceiling.ideal import ceiling
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.ensemble import LEAST, Pool
from spectune.trainables.jackknife import Pseudo, pseudo
from spectune.trainables.metrics import Answers
from spectune.trainables.models import THRESHOLDS
from spectune.trainables.models.ensemble import joined

NETWORKS = 15  # of an ensemble, at most, or two repeats of all folds: its export takes a second or so for each


def ensemble(options: Options, study: Study, journal: Journal, dataset: Dataset, resources: Resources) -> None:
    """Record the ensemble of what is confirmed, or why there is none, unless an earlier session did of the same."""
    alone = [trials for candidate, trials in study.confirmed().items() if candidate != ENSEMBLE]
    alone = [valued(study, trials) for trials in alone] if options.mixes else []
    numbers = [one.number for one in chain(*alone)]
    if study.selection.get("pool", []) == numbers:
        return
    made = _Making(options, study, journal, dataset, resources)
    with cluster.few_threads():
        selection = made.select(alone) if options.mixes else {"trial": None, "reason": "--ensemble none"}
    study.apply(journal.append("ensemble", pool=numbers, **selection))


class _Making:
    """What the steps to an ensemble have in common."""

    def __init__(
        self, options: Options, study: Study, journal: Journal, dataset: Dataset, resources: Resources
    ) -> None:
        self._options = options
        self._study = study
        self._journal = journal
        self._dataset = dataset
        self._resources = resources
        self._began = time.monotonic()

    def select(self, alone: Sequence[Sequence[Trial]]) -> dict[str, Any]:
        """The number of the ``trial`` that is the ensemble of some of the trainings of each candidate that stands
        ``alone``, with the standard ``error`` of its difference from the best of them; or the ``reason`` why there is
        none."""
        sets = [
            [Task.from_dict(vars(one), self._options.catalogue.families) for one in some]
            for trials in alone
            for some in _sets(trials)
        ]
        if len(sets) < 2:
            return _none("it takes two trainings, or repeats of all folds, there are fewer")
        if sets[0][0].folds and self._dataset.multilabel:
            return _none("thresholds of several labels are not chosen over folds")
        pool = self._pool(sets)
        if not pool.enough:
            of = "spectra" if pool.groups is None else "groups"
            return _none(f"it takes {LEAST} {of} of validation, there are {len(np.unique(pool.units))}")
        picked = pool.select()
        members = _members(sets, picked)
        if np.count_nonzero(picked) < 2:
            return _none("no mean of trainings is better on the validation split than one of them alone")
        task = Task(
            number=self._number(),
            stage=ENSEMBLE,
            network=Ensemble(members=members),
            training=Training(),
            seed=self._options.first_seed,
            candidate=ENSEMBLE,
        )
        self._keep(task, members, pool.thresholds(picked))
        answers = pool.crossed()
        self._record(task, members, answers, pool)
        return {"trial": task.number, "reason": "", "error": self._error(answers, pool, sets)}

    def _pool(self, sets: list[list[Task]]) -> Pool:
        data, sizes = self._dataset, self._dataset.sizes

        def fits(chosen: NDArray[np.bool_]) -> bool:
            if not few(int(np.count_nonzero(chosen)), len(sets[0])):
                return False
            try:
                members = _members(sets, chosen.astype(np.int64))
                self._options.afford(Ensemble(members=members).cost(sizes.points, sizes.classes))
            except ValueError:
                return False
            return True

        def answered(split: str) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.int64] | None]:
            return cluster.logits(sets, dataset=data, split=split, resources=self._resources)

        logits, labels, groups = answered("validation")
        return Pool(
            logits=logits,
            labels=labels,
            groups=groups,
            metric=self._study.objectives[0][0],
            fits=fits,
            trained=answered("train")[:2] if data.multilabel else None,
        )

    def _number(self) -> int:
        """The next trial's, or that of an ensemble which a crash left without an end."""
        running = [trial.number for trial in self._study.running.values() if trial.stage == ENSEMBLE]
        return running[0] if running else max(self._study.trials) + 1

    def _keep(self, task: Task, members: Sequence[Member], above: torch.Tensor | None) -> None:
        """Write the weights of the members, with the ensemble's own thresholds, as those of a confirmed trial."""
        tensors = joined([weights.read(self._study.folder / stored(one.trial, WEIGHTS)) for one in members])
        own = {} if above is None else {THRESHOLDS: above}
        Files(self._study.folder).write(stored(task.number, WEIGHTS), save({**tensors, **own}))

    def _record(self, task: Task, members: Sequence[Member], answers: Answers, pool: Pool) -> None:
        """Write down that it began, ended, and how its selection does on validation spectra that it did not see."""
        study, journal, data = self._study, self._journal, self._dataset
        study.apply(journal.append("start", **started(task, data.sizes)))
        trial, names = study.trials[task.number], evaluate.unsure(study, data)
        row = cluster.judged(answers, pool.groups, names)
        metrics = {**row["metrics"], "parameters": trial.parameters, "macs": trial.macs, **self._latency(members)}
        study.apply(
            journal.append(
                "end",
                trial=task.number,
                status="complete",
                reason="",
                metrics=metrics,
                best_epoch=0,
                epochs=0,
                seconds=round(time.monotonic() - self._began, 3),
                values=[metrics.get(name) for name, _ in study.objectives],
            )
        )
        outcomes = [{**row, "right": answers.right().numpy(), "truth": pool.labels.numpy()}]
        line = evaluate.said([trial], outcomes, names=names, dataset=data, split="validation")
        expected = ceiling(data, "validation")
        evaluate.record(study, journal, ENSEMBLE, line, outcomes, dataset=data, split="validation", expected=expected)

    def _error(self, answers: Answers, pool: Pool, sets: Sequence[Sequence[Task]]) -> float | None:
        """The standard error of the first objective's difference between the ensemble's ``answers`` and those of the
        trainings of the best single config, over both seeds and spectra; None where one has no value."""
        metric, best = self._study.objectives[0][0], single(self._study)
        numbers = set() if best is None else {one.number for one in self._study.confirmed()[best]}
        alone = [pool.alone(at) for at, some in enumerate(sets) if some[0].number in numbers]
        mine, *others = (_pseudo(one, metric, pool.groups) for one in (answers, *alone))
        if mine is None or not others or None in others:
            return None
        known = [one for one in others if one is not None]
        difference = sure.spread(
            [mine.values - one.values for one in known],
            units=min(one.units for one in (mine, *known)),
            grouped=pool.groups is not None,
        )
        return round(math.sqrt(difference.variance), 6)

    def _latency(self, members: Sequence[Member]) -> dict[str, float]:
        """The sum of its members', which are asked one after the other."""
        latencies = [self._study.trials[one.trial].metrics.get("latency") for one in members]
        known = [value for value in latencies if value is not None]
        return {"latency": round(sum(known), 4)} if len(known) == len(latencies) else {}


def _none(reason: str) -> dict[str, Any]:
    return {"trial": None, "reason": reason}


def _pseudo(answers: Answers, metric: str, groups: NDArray[np.int64] | None) -> Pseudo | None:
    return pseudo(answers, [metric], groups).get(metric) if answers.finite else None


def few(sets: int, networks: int) -> bool:
    """Whether an ensemble of so many sets, each of so many networks, is small enough."""
    return sets <= max(2, NETWORKS // networks)


def _sets(trials: Sequence[Trial]) -> Sequence[Sequence[Trial]]:
    """The trainings of a candidate that are picked together: each by itself, or those of a whole repeat of the folds,
    which answer every spectrum once."""
    folds = trials[0].folds if trials else 0
    return (
        [some for some in evaluate.repeats(trials, folds) if len(some) == folds] if folds else [[one] for one in trials]
    )


def _members(sets: Sequence[Sequence[Task]], picked: NDArray[np.int64]) -> tuple[Member, ...]:
    """The trained networks of the sets that are picked, with their weights."""
    return tuple(
        Member(trial=task.number, weight=int(picked[at]), network=task.network)
        for at in np.flatnonzero(picked).tolist()
        for task in sets[at]
    )
