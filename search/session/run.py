"""One session of a study on Ray, from its first trial to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from spectune.search.ablation import compare
from spectune.search.ablation import variants as ablate
from spectune.search.process import pages, stop
from spectune.search.records import Journal, Options, Study, read
from spectune.search.session import evaluate, finish
from spectune.search.session.ensemble import ensemble
from spectune.search.session.header import header
from spectune.search.session.log import Log
from spectune.search.strategy.agenda import Agenda, first
from spectune.search.strategy.director import Director, Progress
from spectune.search.tracking.store import public
from spectune.search.tracking.writer import Writer
from spectune.search.workers import cluster, packing, pool
from spectune.search.workers.files import Folder, Resources, shared
from spectune.trainables.data.dataset import SPLITS, Dataset
from spectune.trainables.replicas import FOLDED

FEW_TESTED = 100  # spectra, or groups, of a dataset that one drawn test split of is too small


class Watch(Progress, Protocol):
    """Is told what happens in a study, to show it or to log it."""

    def note(self, text: str) -> None:
        """A line that stays."""

    def tick(self, study: Study) -> None:
        """Time passed."""

    def close(self, study: Study) -> None:
        """Training is done."""


Watcher = Callable[[Options, int], Watch]  # of the options and the number of trials at a time


class Finished(NamedTuple):
    """What a session came to."""

    study: Study
    options: Options
    undelivered: int  # bytes of the journal that MLflow has not got


def run(
    options: Options,
    journal: Journal,
    dataset: Dataset,
    address: Callable[[], str],
    watcher: Watcher | None = None,
    *,
    began: float,
) -> Finished:
    """Run a study, or go on with it, on the Ray at ``address()``. The session ``began`` on the monotonic clock."""
    with cluster.joined(address()) as capacity:
        gpus = packing.gpus(options, dataset, capacity, _first(options, dataset))
        concurrent = packing.concurrent(options, capacity, gpus)
        study = read(options.folder) if journal.begun else Study(options.folder)
        study.apply(journal.append("study", **header(options, dataset, study, capacity)))
        watch = (watcher or Log)(options, concurrent)
        watch.note(_greeting(options, dataset, study, concurrent))
        for note in _notes(options, dataset, study):
            watch.note(note)
        if options.folds:
            watch.apart(FOLDED if options.replicas > 1 else "")
        writer, finished = Writer(options.folder, options.tracking_uri, watch.note), False
        try:
            agenda = _agenda(options, dataset, study, workers=concurrent, ago=time.monotonic() - began)
            director = Director(agenda, study, journal, progress=watch, replicas=options.replicas)
            stop.listen(director)
            folder = shared(options.folder) if options.address else Folder(options.folder.absolute())
            session = _Session(
                options=options,
                agenda=agenda,
                director=director,
                journal=journal,
                dataset=dataset,
                resources=Resources(folder, options.cpus_per_trial, gpus),
                watch=watch,
            )
            spent = session.train(concurrent)
            session.end(began, spent)
            finished = True
        finally:
            if not finished:
                stop.ignore()
            undelivered = writer.close(None if finished else stop.HURRY)
    return Finished(study, options, undelivered)


@dataclass(frozen=True, kw_only=True)
class _Session:
    """What all steps of a session work with."""

    options: Options
    agenda: Agenda
    director: Director
    journal: Journal
    dataset: Dataset
    resources: Resources
    watch: Watch

    @property
    def study(self) -> Study:
        return self.director.study

    def train(self, concurrent: int) -> float:
        """Train all that is to be trained; gives the seconds of this process's processor that went into it."""
        spent = time.process_time()
        pool.run(
            self.director,
            dataset=self.dataset.blind(),
            resources=self.resources,
            epochs=self.options.epochs,
            rungs=self.options.rungs,
            stall=self.options.stall,
            concurrent=concurrent,
            scratch=self.options.folder.absolute() / "ray",
            tick=lambda: self.watch.tick(self.study),
        )
        spent = time.process_time() - spent
        self.watch.close(self.study)
        for line in shortened(self.agenda):
            self.watch.note(line)
        self.watch.note(f"training is done, {'comparing' if self.options.reference else 'testing and exporting'}")
        return spent

    def end(self, began: float, spent: float) -> None:
        """Compare the variants, or test and export the winner, and publish the result."""
        options, study, journal, dataset = self.options, self.study, self.journal, self.dataset
        with pages.ahead("report", str(options.folder)) as draw:
            evaluate.evaluate(options, study, journal, dataset, self.resources)
            self.director.heed()
            ensemble(options, study, journal, dataset, self.resources)
            if options.reference:
                compare.compare(study, journal)
            else:
                finish.test(options, study, journal, dataset, self.resources)
                self.director.heed()
                finish.export(study, journal, dataset, top=1, families=options.catalogue.families)
            self.director.heed()
            finish.publish(options, study, journal, draw=draw, seconds=time.monotonic() - began, driver=spent)


def _first(options: Options, dataset: Dataset) -> Iterator[packing.Trainable]:
    """What would be trained first."""
    yield from ablate.plan(options, dataset)[0] if options.reference else first(options, options, dataset.sizes)


def _agenda(options: Options, dataset: Dataset, study: Study, **more: Any) -> Agenda:
    """What the session trains: a search, one network, or the variants of an ablation."""
    if options.reference:
        variants = ablate.plan(options, dataset)[0]
        return ablate.Ablation.of(
            options, options, study, sizes=dataset.sizes, folder=options.folder, variants=variants, **more
        )
    return Agenda.of(options, options, study, sizes=dataset.sizes, folder=options.folder, **more)


def shortened(agenda: Agenda) -> Iterator[str]:
    """What a session left out of its simple methods and of its confirmation, a line each."""
    reasons: dict[str, list[str]] = {}
    for name, reason in agenda.left_out.items():
        reasons.setdefault(reason.partition(", ")[0], []).append(name)  # of one rule, whatever each has
    for reason, names in reasons.items():
        yield f"simple methods that were left out: {', '.join(names)} ({reason})"
    seeds, total = agenda.budget.seeds, agenda.budget.total_time
    if total is not None and (rounds := agenda.rounds()) < seeds:
        compared = f"configs are compared on {rounds} of {seeds} seeds" if rounds else "no seed was trained on by all"
        yield f"--total-time {total:g}s is short for the confirmation, {compared}: give more, and --resume"


def _folded(folds: int, options: Options, dataset: Dataset) -> str:
    spectra, single = len(dataset.train) + len(dataset.validation), len(dataset.validation)
    return (
        f"validation on {folds} folds of {spectra} spectra instead of {single} of them: explored trainings that run to "
        f"their end on all {folds} in turn, confirmed ones on one per seed; --folds 0 leaves that out"
    )


def _small(dataset: Dataset) -> str:
    """What to do about a blind test that was drawn from few spectra, or groups; "" about any other."""
    splits = [dataset.split(name) for name in SPLITS]
    groups = [np.arange(len(one)) if one.groups is None else np.unique(one.groups) for one in splits]
    tested, whole = len(groups[-1]), sum(map(len, groups))
    if "test" not in dataset.drawn or whole >= FEW_TESTED:
        return ""
    what = "spectra" if splits[0].groups is None else "groups of spectra"
    return f"the blind test has only {tested} {what}; --test-folds 5 searches five times and tests on all {whole} once"


def _notes(options: Options, dataset: Dataset, study: Study) -> Iterator[str]:
    """What a reader of the log should know before the first trial."""
    if options.folds:
        yield _folded(options.folds, options, dataset)
    if options.explores and (small := _small(dataset)):
        yield small
    if options.looked.rule:
        yield f"{options.looked.rule}; --prior none leaves that out"
    if (learned := study.header.get("learned")) and not options.start_from:
        yield (
            f"begins with {learned['configs']} configs and with hyperparameters that were good on {learned['tasks']} "
            "other datasets; --prior look leaves that out"
        )


def _greeting(options: Options, dataset: Dataset, study: Study, concurrent: int) -> str:
    until = f"{options.trials} trials" + (f" or {options.time:g} s" if options.time else "") + f" of {options.space}"
    if options.reference:
        others = len(study.header["ablation"]["variants"]) - 1
        until = f"{options.seeds} trainings of {options.reference['name']} and each of its {others} variants"
    if options.model:
        until = f"{options.seeds} trainings of {options.model}"
    return (
        f"study {options.name} in {options.folder}: {until} on {dataset.description}; "
        f"{concurrent} at a time; MLflow: {public(options.tracking_uri)}"
    )
