"""What a person sees while a study runs, and is told of the time that is left."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from spectune.search.records.options import Options
from spectune.search.records.reports import Reports
from spectune.search.records.study import Study, Trial
from spectune.search.session import progress
from spectune.search.session.progress import Progress, seconds_left

OPTIONS = Options(name="x", trials=2, epochs=100, seeds=5, top=1, baseline=("none",))


def ended(number, *, epochs, seconds, status="complete", accuracy=0.5):
    reports = Reports((epoch, {"loss": 1.0, "accuracy": 1.0}) for epoch in range(1, epochs + 1))
    return Trial(
        number=number,
        stage="explore",
        config={"number": number},
        label="",
        seed=0,
        candidate=None,
        parameters=1,
        macs=1,
        started=0.0,
        reports=reports,
        status=status,
        epochs=epochs,
        seconds=seconds,
        ended=1.0,
        metrics={"loss": 1.0, "accuracy": accuracy},
    )


def studied(*trials):
    study = Study(None, trials={trial.number: trial for trial in trials}, begun=Counter(one.stage for one in trials))
    study.sessions.append({"objectives": [["accuracy", "max"]]})
    return study


def left(*trials):
    return seconds_left(studied(*trials), OPTIONS, 1)


@contextmanager
def terminal(columns):
    """A real terminal of so many columns: the end that programs write to, and what reads it until they end it by #."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def shown():
        found = b""
        while not found.endswith(b"#"):
            found += os.read(ours, 4096)
        return found.decode().removesuffix("#")

    with os.fdopen(theirs, "w") as file:
        yield file, shown
    os.close(ours)


def painted(study, monkeypatch, columns):
    """What one painting leaves on a terminal."""
    with terminal(columns) as (file, shown), monkeypatch.context() as context:
        context.setattr(sys, "stderr", file)
        Progress(OPTIONS, concurrent=1).update(study)
        print("#", end="", file=file, flush=True)
        return shown().removeprefix("\r\x1b[K")


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("status", ["complete", "paused"])
def test_the_line_never_breaks_on_a_terminal(monkeypatch, columns, status):
    line = painted(studied(ended(0, epochs=10, seconds=20.0, status=status)), monkeypatch, columns)
    assert len(line) < columns
    assert "\n" not in line
    assert line.startswith("0:00 explore")
    if columns >= 80:
        assert "best validation accuracy 1.0000" in line
        assert line.endswith(" left")


def test_a_wide_terminal_shows_all(monkeypatch):
    study = studied(ended(0, epochs=10, seconds=20.0, status="paused"))
    assert painted(study, monkeypatch, 200) == (
        "0:00 explore  [███·················] 1/7  1 paused  best validation accuracy 1.0000 (trial 0)  "
        "at most 17:00 left"
    )


def test_time_is_seen_to_pass_on_a_terminal_and_makes_no_lines_in_a_log(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(progress, "STAYS", 0)
    study = studied(ended(0, epochs=1, seconds=2.0))
    Progress(OPTIONS, concurrent=1).tick(study)
    assert capsys.readouterr().err == ""
    with terminal(80) as (file, shown), monkeypatch.context() as context:
        context.setattr(sys, "stderr", file)
        live = Progress(OPTIONS, concurrent=1)
        for _ in range(3):
            live.tick(study)
        print("#", end="", file=file, flush=True)
        assert shown().count("0:00 explore") == 3


def test_a_log_gets_all_in_a_plain_line(capsys):
    Progress(OPTIONS, concurrent=1).update(studied(ended(0, epochs=10, seconds=20.0, status="stopped")))
    assert capsys.readouterr().err == (
        "0:00 explore  1/7 trials  1 stopped  best validation accuracy 1.0000 (trial 0)  at most 17:00 left\n"
    )


def test_a_terminal_that_says_no_width_is_taken_for_eighty_columns(monkeypatch):
    assert 60 < len(painted(studied(ended(0, epochs=1, seconds=2.0)), monkeypatch, 0)) < 80


def test_what_is_left_is_no_bound_once_a_training_ran_to_its_end(monkeypatch):
    assert "at most" not in painted(studied(ended(0, epochs=1, seconds=2.0)), monkeypatch, 200)


def test_a_confirmation_is_expected_to_take_as_long_as_a_whole_training_did():
    assert left(ended(0, epochs=1, seconds=2.0), ended(1, epochs=1, seconds=2.0)) == pytest.approx(5 * 2.0)


def test_before_a_training_ran_to_its_end_every_epoch_is_expected():
    stopped = [ended(number, epochs=10, seconds=20.0, status="stopped") for number in (0, 1)]
    assert left(*stopped) == pytest.approx(5 * 100 * 2.0)


def test_of_networks_that_take_unequal_times_the_best_one_is_expected_to_be_confirmed():
    others = [ended(number, epochs=1, seconds=2.0) for number in range(3)]
    assert left(*others, ended(3, epochs=100, seconds=300.0, accuracy=0.9)) == pytest.approx(5 * 300.0)


def test_the_time_between_two_sessions_is_not_taken_for_training():
    study, header = Study(None), {"event": "study", "name": "x", "objectives": [["accuracy", "max"]]}
    asked = {"stage": "explore", "config": {}, "label": "", "seed": 0, "candidate": None, "parameters": 1, "macs": 1}
    for began, epoch in ((1000.0, 1), (90_000.0, 2)):
        study.apply({**header, "time": began})
        study.apply({"event": "start", "time": began, "trial": 0, **asked})
        report = {"event": "report", "trial": 0, "epoch": epoch, "metrics": {"loss": 1.0}}
        study.apply({**report, "time": began + 10.0})

    running, another, confirmed = 98 * 10.0, 100 * 10.0, 5 * 100 * 10.0
    assert seconds_left(study, OPTIONS, 1) == pytest.approx(running + another + confirmed)


def test_what_lies_between_short_trials_counts():
    """A tenth of a second of training, two from the start to it and after it, one until the next start."""
    study = Study(None)
    study.apply({"event": "study", "name": "x", "objectives": [["accuracy", "max"]], "time": 0.0})
    asked = {"stage": "explore", "label": "", "seed": 0, "candidate": None, "parameters": 1, "macs": 1}
    metrics = {"loss": 1.0, "accuracy": 0.5}
    found = {"status": "complete", "reason": "", "metrics": metrics, "best_epoch": 1, "epochs": 1, "values": [0.5]}
    for number in range(20):
        begun = 5.0 + 0.4 * number if number else 0.0  # the worker takes its time to wake up
        about = {"time": 0.0, "trial": number}
        study.apply({**about, "event": "start", "at": begun, "config": {"number": number}, **asked})
        study.apply({**about, "event": "report", "at": 5.2 + 0.4 * number, "epoch": 1, "metrics": metrics})
        study.apply({**about, "event": "end", "at": 5.3 + 0.4 * number, "seconds": 0.1, **found})
    more = replace(OPTIONS, trials=120)
    assert seconds_left(study, more, 1) == pytest.approx((100 + 5) * 0.4)


TABLE = """
from spectune.search.process.table import table
row = {"config": "fc_activation=relu", "mean": "0.8519 (0.8217 to 0.8820)", "difference": "+4.1 (+1.3 to +6.4)",
       "p": "0.062", "seconds": "4680.4"}
table([row, {**row, "config": "[red]"}], "accuracy")
print("#", end="", flush=True)
"""
WHOLE = "fc_activation=relu 0.8519 (0.8217 to 0.8820) +4.1 (+1.3 to +6.4) 0.062 4680.4"


@pytest.mark.parametrize(
    ("columns", "first", "second", "absent"),
    [
        (200, WHOLE, "[red]", ""),
        (80, "fc_activation=relu 0.8519 +4.1 0.062 4680.4", "(0.8217 to 0.8820) (+1.3 to +6.4)", ""),
        (68, "fc_activation=relu 0.8519 +4.1 0.062", "(0.8217 to 0.8820) (+1.3 to +6.4)", "seconds"),
        (50, "fc_activation=relu 0.8519 (0.8217 to 0.8820)", "[red]", "difference, p, seconds"),
    ],
)
def test_a_table_is_readable_however_narrow_the_terminal(columns, first, second, absent):
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with terminal(columns) as (file, shown):
        streams = {"stdin": file, "stdout": file, "stderr": file}
        subprocess.run([sys.executable, "-c", TABLE], check=True, env={**environment, "TERM": "xterm"}, **streams)
        lines = [" ".join(line.split()) for line in re.sub(r"\x1b\[[\d;]*m", "", shown()).splitlines()]
    assert first in lines
    assert lines[lines.index(first) + 1].startswith(second)
    assert any(line.startswith("[red]") for line in lines)
    assert lines[-1] == (f"no room for {absent}: a wider terminal shows more" if absent else "")


def test_a_table_in_a_file_has_all_its_columns():
    done = subprocess.run([sys.executable, "-c", TABLE], check=True, capture_output=True, text=True)
    (first,) = (line for line in done.stdout.splitlines() if "fc_activation" in line)
    assert " ".join(first.split()) == WHOLE


def test_a_trial_without_a_value_is_no_best_one(monkeypatch):
    """The AUC of a split where no label is both present and absent is null in the journal."""
    none = ended(0, epochs=1, seconds=2.0)
    none.reports = Reports([(1, {"loss": 1.0, "accuracy": None})])
    assert "best" not in painted(studied(none), monkeypatch, 200)
    assert "best validation accuracy 1.0000 (trial 1)" in painted(
        studied(none, ended(1, epochs=1, seconds=2.0)), monkeypatch, 200
    )


def test_simple_methods_say_nothing_of_the_time_that_networks_take():
    simple = ended(0, epochs=1, seconds=50.0)
    simple.stage = "simple"
    assert left(simple) is None
    others = [ended(number, epochs=1, seconds=2.0) for number in (1, 2)]
    assert left(simple, *others) == left(*others)


def test_no_more_is_left_than_of_the_total_time():
    study = studied(*(ended(number, epochs=10, seconds=20.0, status="stopped") for number in (0, 1)))
    study.clock = 40.0
    assert seconds_left(study, replace(OPTIONS, total_time=100.0), 1) == pytest.approx(60.0)
