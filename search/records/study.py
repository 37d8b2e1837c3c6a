"""A study's records: the append-only journal that is its single truth, and what is read back from it.

``journal.jsonl`` holds one JSON object a line, each with ``event`` and ``time`` (Unix seconds). Everything else about a
study (Optuna's storage, MLflow runs, the report, result.json) is derived from it and can be made again.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spectune.search.records.candidate import ENSEMBLE, SIMPLE, Candidate
from spectune.search.records.journal import FORMAT, JOURNAL, events
from spectune.search.records.options import Options
from spectune.search.records.reports import Reports
from spectune.spaces.errors import InputError


@dataclass
class Trial:
    """One training: what it was asked to do and what came of it."""

    number: int
    stage: str  # simple | explore | tune | confirm | ensemble
    config: dict[str, Any]  # {"network": {"family": ...}, "training": {...}}
    label: str  # name of the published network, or ""
    seed: int
    candidate: int | str | None  # what is tuned or confirmed, as a ``Candidate`` is called
    parameters: int
    macs: int
    started: float  # on the study's clock, later by the time that it was paused
    folds: int = 0  # that the training and validation spectra are divided into
    turn: tuple[int, ...] = ()  # those of them that it validates on in turn
    origin: str = ""  # who proposed it, as in ``Task``; "" where that is not recorded
    reports: Reports = field(default_factory=Reports)
    status: str = "running"  # complete | paused | stopped | failed
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)  # of the best epoch by validation loss, a mean over folds
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    values: list[float] | None = None  # one per objective
    ended: float | None = None  # on the study's clock
    paused: int = 0  # epochs after which it was held back, the last time; 0 if never

    @property
    def trainings(self) -> int:
        """From scratch to the end: one for each fold, but of a trial that did not get there it counts as one."""
        return max(1, len(self.turn)) if self.status == "complete" else 1

    @property
    def flat(self) -> dict[str, Any]:
        """All hyperparameters under their space names, the family among them."""
        return {**self.config["network"], **self.config["training"]}

    def best(self, upto: float = math.inf) -> dict[str, float]:
        """The metrics of the epoch with the lowest validation loss so far; empty before the first sound report."""
        return self.reports.lowest("loss", upto)


@dataclass
class Study:
    """Everything a journal says, in order."""

    folder: Path
    sessions: list[dict[str, Any]] = field(default_factory=list)
    exploring: list[float] = field(default_factory=list)  # seconds of each session, of its explore trials so far
    measuring: list[float] = field(default_factory=list)  # the same of its simple methods, which come before
    trials: dict[int, Trial] = field(default_factory=dict)
    running: dict[int, Trial] = field(default_factory=dict)  # those that have not ended
    paused: dict[int, Trial] = field(default_factory=dict)  # those that ended and may go on
    begun: Counter[str] = field(default_factory=Counter)  # how many there are of each stage
    tests: list[dict[str, Any]] = field(default_factory=list)
    evaluations: dict[tuple[int | str, str], dict[str, Any]] = field(default_factory=dict)  # of (candidate, split)
    comparisons: dict[str, dict[str, Any]] = field(default_factory=dict)  # of the variants on a split
    selection: dict[str, Any] = field(default_factory=dict)  # from which trainings an ensemble was selected, or why not
    ensemble: Trial | None = None  # what came of it
    versus: dict[str, Any] | None = None  # the winner against every other tested candidate
    exports: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    last: float = 0.0  # Unix seconds of the newest event
    clock: float = 0.0  # seconds that the study was running; it stands still between sessions
    began: float = 0.0  # what it was when the newest session began

    @property
    def header(self) -> dict[str, Any]:
        """The newest session's description of the study."""
        return self.sessions[-1]

    @property
    def name(self) -> str:
        return str(self.header["name"])

    @property
    def objectives(self) -> list[tuple[str, str]]:
        """(metric, "max" or "min") of each objective, the first being what finalists are ranked by."""
        return [(metric, direction) for metric, direction in self.header["objectives"]]

    def stage(self, name: str) -> list[Trial]:
        """The trials of one stage by number."""
        return [trial for _, trial in sorted(self.trials.items()) if trial.stage == name]

    def confirmed(self) -> dict[int | str, list[Trial]]:
        """Candidate -> its complete confirmation trials, by seed; at the end the ensemble of them, if there is one.

        Where the total time is limited, those of the seeds on which every candidate's training ended, if there are any:
        what is cut off leaves a comparison on the same seeds.
        """
        trials = [trial for trial in self.stage("confirm") if trial.candidate is not None]
        common = self._rounds(trials)
        groups: dict[int | str, list[Trial]] = {}
        for trial in sorted(trials, key=lambda trial: trial.seed):
            if trial.status == "complete" and (not common or trial.seed in common):
                assert trial.candidate is not None
                groups.setdefault(trial.candidate, []).append(trial)
        if self.ensemble is not None:
            groups[ENSEMBLE] = [self.ensemble]
        return groups

    def _rounds(self, trials: list[Trial]) -> set[int]:
        """The seeds on which every candidate's training ended by itself; none where the total time has no limit."""
        if not self.header.get("options", {}).get("total_time"):
            return set()
        ended: dict[int | str | None, set[int]] = {trial.candidate: set() for trial in trials}
        for trial in trials:
            if trial.status in ("complete", "failed"):
                ended[trial.candidate].add(trial.seed)
        return set.intersection(*ended.values()) if ended else set()

    def candidate(self, key: int | str) -> Candidate:
        """What a candidate is, by what the journal calls it."""
        named = (trial.label for trial in self.trials.values() if key in (trial.number, trial.candidate))
        return Candidate.of(key, next(named, ""), ablation=bool(self.header.get("ablation")))

    def tested(self, candidate: int | str) -> dict[str, Any] | None:
        """The test of a candidate, if it was tested."""
        return next((line for line in self.tests if line["candidate"] == candidate), None)

    def apply(self, line: dict[str, Any]) -> None:
        """Take one event in."""
        self._tick(line)
        match line["event"]:
            case "study":
                self.sessions.append(_header(line))
                self.exploring.append(0.0)
                self.measuring.append(0.0)
                self.finished = False
            case "start":
                self._start(line)
                self._explore(line)
            case "report":
                self.trials[line["trial"]].reports.add(line["epoch"], line["metrics"])
            case "end":
                self._end(self.trials[line["trial"]], line)
                self.running.pop(line["trial"], None)
                self._explore(line)
            case "test":
                self.tests = [test for test in self.tests if test["candidate"] != line["candidate"]] + [line]
            case "ensemble":
                self._select(line)
            case "evaluate":
                self.evaluations[line["candidate"], line["split"]] = line
            case "compare":
                self.comparisons[line["split"]] = line
            case "versus":
                self.versus = line
            case "export":
                self.exports = [other for other in self.exports if other["rank"] != line["rank"]] + [line]
            case "finish":
                self.finished = True

    def _tick(self, line: dict[str, Any]) -> None:
        """Set the clock on: to the ``at`` of an event, seconds of its session by a clock that does not jump.

        Where it has none the wall clock's time since the event before it passed.
        """
        if line["event"] == "study":
            self.began = self.clock
        elif "at" in line:
            self.clock = max(self.clock, self.began + line["at"])
        else:
            self.clock += max(0.0, line["time"] - self.last)
        self.last = line["time"]

    def _start(self, line: dict[str, Any]) -> None:
        number = line["trial"]
        before = self.trials.get(number)
        trial = self.trials[number] = self.running[number] = _started(line, before, self.clock)
        self.paused.pop(number, None)
        if before is None:
            self.begun[trial.stage] += 1

    def _end(self, trial: Trial, line: dict[str, Any]) -> None:
        for key in ("status", "reason", "metrics", "best_epoch", "epochs", "seconds", "values"):
            setattr(trial, key, line[key])
        trial.ended = self.clock
        if trial.status == "paused":
            trial.paused, self.paused[trial.number] = trial.epochs, trial
        trial.reports.cut(trial.epochs)
        if trial.stage == "confirm":
            self.comparisons.clear()  # they were of fewer trainings

    def _select(self, line: dict[str, Any]) -> None:
        """The ensemble is a new one, or none: the test of the one before is not its own."""
        self.selection, number = line, line["trial"]
        self.ensemble = None if number is None else self.trials[number]
        self.tests = [test for test in self.tests if test["candidate"] != ENSEMBLE or test["trials"] == [number]]

    def _explore(self, line: dict[str, Any]) -> None:
        """Exploring begins where the last simple method was begun."""
        stage, at = self.trials[line["trial"]].stage, line.get("at", 0.0)
        if self.exploring and stage == "explore":
            self.exploring[-1] = max(self.exploring[-1], at - self.measuring[-1])
        elif self.measuring and stage == SIMPLE and line["event"] == "start":
            self.measuring[-1] = max(self.measuring[-1], at)


def read(folder: Path | str) -> Study:
    """The study in ``folder``. ValueError, in one line, when there is none or its journal is not one."""
    folder = Path(folder)
    study = Study(folder)
    for line, offset in events(folder / JOURNAL):
        try:
            study.apply(line)
        except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise InputError(
                f"every line of a journal follows those before it, the one before byte {offset} of "
                f"{folder / JOURNAL} does not ({type(error).__name__}: {' '.join(str(error).split())[:100]}): "
                "restore it from a copy"
            ) from None
    if not study.sessions:
        raise InputError(f"a study's journal starts with a study event, {folder / JOURNAL} has none: search again")
    return study


def opening(folder: Path) -> dict[str, Any]:
    """The header of a study's first session. ValueError as of ``read``, also in one line."""
    header = next((_header(line) for line, _ in events(folder / JOURNAL) if line["event"] == "study"), None)
    if header is None:
        raise InputError(f"a study's journal starts with a study event, {folder / JOURNAL} has none: search again")
    return header


def _header(line: dict[str, Any]) -> dict[str, Any]:
    """A study event with the options it lacks at their defaults.

    ValueError where it has a newer format than this version writes, or options that this version does not know.
    """
    number, options = line.get("format", 1), line.get("options", {})
    defaults = _defaults()
    unknown = sorted(options.keys() - defaults.keys() - {"name"})
    if type(number) is not int or not 1 <= number <= FORMAT or unknown:
        by = str(line.get("versions", {}).get("spectune", "of an unknown version"))[:40]
        which = f" and has the options {', '.join(unknown)[:200]}, which are not known here" if unknown else ""
        raise InputError(
            f"a journal is read by a version that knows its format, this one was written by spectune {by} (format "
            f"{str(number)[:20]}){which}; this is spectune {version('spectune')} (format {FORMAT}): update spectune"
        )
    return {**line, "options": {**defaults, "name": line["name"], **options}}


@cache
def _defaults() -> dict[str, Any]:
    """The options of a study that asks for nothing, but for its name."""
    values = Options(name="study").to_dict()
    del values["name"]
    return values


def _started(line: dict[str, Any], before: Trial | None, now: float) -> Trial:
    """A trial that a crash interrupted, or that was paused, keeps what it reported until new reports replace that."""
    if before is not None:
        waited = 0.0 if before.ended is None else now - before.ended
        return replace(before, status="running", reason="", ended=None, started=before.started + waited)
    keys = ("stage", "config", "label", "seed", "candidate", "parameters", "macs")
    folded = {"folds": line.get("folds", 0), "turn": tuple(line.get("turn", ()))}
    origin = line.get("origin", "")
    return Trial(number=line["trial"], started=now, origin=origin, **folded, **{key: line[key] for key in keys})


def find(study: str, studies: str) -> Path:
    """The folder of a study given by its name or its folder; ValueError lists the known ones."""
    for folder in (Path(study), Path(studies) / study):
        if (folder / "journal.jsonl").is_file():
            return folder
    known = sorted(path.parent.name for path in Path(studies).glob("*/journal.jsonl"))
    raise InputError(f"no study {study!r} in {studies}: known are {', '.join(known) or 'none yet'}")
