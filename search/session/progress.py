"""What a person sees while a study runs: one live line on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections import Counter

from spectune.search.process.table import span
from spectune.search.records import SIMPLE, Candidate, Options, Study, Trial
from spectune.search.records.metrics import metric_of
from spectune.search.strategy.confirm import finalists, pace

LOG_SECONDS = 10.0  # between two plain lines of a log
REFRESH_SECONDS = 0.2  # between two paintings of a terminal
UNDONE = ("running", "paused", "stopped", "failed")
STAYS = 50  # a line stays so many times as long as it took to make: thousands of trials are looked through less often


class Progress:
    """Paints the state of a study on stderr: trials done, those that are not, the best, the time left."""

    def __init__(self, options: Options, *, concurrent: int) -> None:
        self._options = options
        self._concurrent = concurrent
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._shown = self._began  # when the line was shown
        self._first = True
        self._took = 0.0  # seconds that the line took to make
        self._apart = {""}  # reasons why replicas are not fused

    def note(self, text: str) -> None:
        """One line that stays."""
        self._clear()
        print(text, file=sys.stderr, flush=True)

    def tick(self, study: Study) -> None:
        """Time passed: on a terminal it is seen to pass."""
        if self._terminal:
            self.update(study)

    def update(self, study: Study) -> None:
        """There is news: show the state, if the last time is long enough ago."""
        pause = REFRESH_SECONDS if self._terminal else LOG_SECONDS
        if self._first or time.monotonic() - self._shown >= max(pause, STAYS * self._took):
            self._show(study)

    def ended(self, trial: Trial) -> None:
        """A trial ended: failures stay visible."""
        if trial.status == "failed":
            self.note(f"trial {trial.number} failed: {trial.reason}")

    def apart(self, reason: str) -> None:
        """Say once for each reason that replicas are not fused; "" is none."""
        if reason not in self._apart:
            self._apart.add(reason)
            self.note(f"replicas are trained one after the other: {reason}")

    def close(self, study: Study) -> None:
        """Show the last state and leave it."""
        self._show(study)
        if self._terminal:
            print(file=sys.stderr, flush=True)

    def _show(self, study: Study) -> None:
        self._first = False
        self._shown = time.monotonic()
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) if self._terminal else sys.maxsize
        line = self.line(study, width)
        self._took = time.monotonic() - self._shown
        if self._terminal:
            self._clear()
            print(line, end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr)

    def line(self, study: Study, width: int) -> str:
        """The state in a line that a terminal of so many columns does not break; what matters least goes first."""
        trials = study.trials.values()
        counts = Counter(trial.status for trial in trials)
        ended = len(trials) - counts["running"]
        expected = len(trials) + sum(remaining(study, self._options))
        when = f"{span(time.monotonic() - self._began)} {_stage(study)}"
        done, plain = _bar(ended, expected), f"{ended}/{expected} trials"
        states = ", ".join(f"{counts[name]} {name}" for name in UNDONE if counts[name])
        best = _best(study)
        left = seconds_left(study, self._options, self._concurrent)
        bound = "" if counts["complete"] else "at most "  # until then every epoch is expected, early stopping or not
        until = f"{bound}{span(left)} left" if left else ""
        ways = (
            (when, done if self._terminal else plain, states, best, until),
            (when, done, best, until),
            (when, plain, best.partition(" (")[0], until),
        )
        lines = ["  ".join(part for part in parts if part) for parts in ways]
        return next((line for line in lines if len(line) < width), lines[-1][: width - 1])


def _stage(study: Study) -> str:
    """The last stage that was begun."""
    return next((stage for stage in ("confirm", "explore", SIMPLE) if study.begun[stage]), "explore")


def _best(study: Study) -> str:
    """The best validation value so far, in words."""
    metric, direction = study.objectives[0]
    pick = max if direction == "max" else min
    trials = study.stage("explore") or list(study.trials.values())
    rows = [(value, trial) for trial in trials if (value := trial.best().get(metric)) is not None]
    if not rows:
        return ""
    value, trial = pick(rows, key=lambda row: row[0])
    title = metric_of(metric).title
    return f"best validation {title} {value:.4f} (trial {trial.number}{', ' + trial.label if trial.label else ''})"


def remaining(study: Study, options: Options) -> tuple[int, int, int]:
    """Trials still to be started: exploring, confirming what is compared with, confirming finalists."""
    if options.reference:
        each = options.seeds + (options.retune_trials if options.retune else 0)
        return 0, 0, max(0, each * len(study.header["ablation"]["variants"]) - len(study.trials))
    explore = max(0, options.trials - study.begun["explore"]) if options.time is None else 0
    confirmed = study.stage("confirm")
    baselines = sum(map(_compared, confirmed))
    baseline = max(0, options.seeds * ((options.baseline_name is not None) + options.simple) - baselines)
    finalists = max(0, min(options.top, options.trials) * options.seeds - (len(confirmed) - baselines))
    return explore, baseline, finalists


def seconds_left(study: Study, options: Options, concurrent: int) -> float | None:
    """Seconds until the end at the pace seen so far; None before any trial reported."""
    reported = [trial for trial in study.trials.values() if trial.reports and trial.stage != SIMPLE]
    explored = [trial for trial in reported if trial.stage == "explore"] or reported
    if not explored:
        return None
    baselines = [trial for trial in study.stage("confirm") if _compared(trial) and trial.reports]
    typical = statistics.median(pace(trial, study.clock) for trial in explored)
    whole = _whole(finalists(study, options.top) or explored, study.clock, options.epochs)
    heavy = _whole(baselines, study.clock, options.epochs) if baselines else whole
    ended = [trial.epochs * trial.trainings for trial in explored if trial.ended is not None]
    usual = statistics.fmean(ended) if ended else options.epochs
    explore, baseline, confirm = remaining(study, options)
    left = explore * usual * typical + baseline * heavy + confirm * whole
    left += (explore + baseline + confirm) * _beside(study, concurrent)
    for trial in study.trials.values():
        if trial.status == "running" and trial.stage != SIMPLE:
            each = pace(trial, study.clock) if trial.reports else typical
            expected = usual * each if trial.stage == "explore" else heavy if trial in baselines else whole
            left += max(0.0, expected - len(trial.reports) * each)
    left /= max(1, concurrent)
    if options.time is not None and not study.stage("confirm"):
        passed = sum(study.exploring[:-1]) + study.clock - study.began - study.measuring[-1]
        left += max(0.0, options.time - passed)
    return left if options.total_time is None else min(left, max(0.0, options.total_time - study.clock))


def _compared(trial: Trial) -> bool:
    """Whether a confirmation is of what finalists are compared with."""
    key = trial.candidate
    return key is not None and Candidate.of(key, trial.label, ablation=False).kind != "explored"


def _whole(trials: list[Trial], now: float, epochs: int) -> float:
    """Mean seconds of a training to its end, which may come long before the last epoch that is allowed."""
    complete = [trial.seconds / trial.trainings for trial in trials if trial.status == "complete"]
    return statistics.fmean(complete) if complete else statistics.median(pace(one, now) for one in trials) * epochs


def _beside(study: Study, concurrent: int) -> float:
    """Seconds that a trial takes its worker beside the training: from its start to its end, and to the next start.

    Medians, as a worker wakes up only once.
    """
    ended = [trial for trial in study.trials.values() if trial.ended is not None]
    around = [max(0.0, (trial.ended or 0.0) - trial.started - trial.seconds) for trial in ended]
    ends = sorted(trial.ended or 0.0 for trial in ended)
    starts = sorted(trial.started for trial in study.trials.values())
    between = [max(0.0, start - end) for end, start in zip(ends, starts[concurrent:], strict=False)]
    return sum(statistics.median(seconds) for seconds in (around, between) if seconds)


def _bar(done: int, total: int, width: int = 20) -> str:
    filled = round(width * done / max(1, total))
    return f"[{'█' * filled}{'·' * (width - filled)}] {done}/{total}"
