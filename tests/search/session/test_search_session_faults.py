"""What goes wrong in one process or on its disk: a full file system, jumping clocks, a second driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from spectune.search.records.journal import HOLDER, JOURNAL, Journal
from spectune.search.records.options import Options
from spectune.search.records.study import Study, read
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.spaces import Sizes

# Full disk ------------------------------------------------------------------------------------------------------------


def test_a_journal_without_space_keeps_whole_lines_and_goes_on_when_there_is_some(disk, fill):
    journal = Journal(disk / "s")
    journal.append("study", name="s", objectives=[["accuracy", "max"]])
    filler = fill(disk)
    with pytest.raises(OSError, match="No space"):
        for _ in range(100):  # the page that is begun takes some
            journal.append("note", text="x" * 100)
    lines = journal.path.read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["study"] + ["note"] * (len(lines) - 1)
    filler.unlink()
    journal.append("note", text="after")
    journal.close()
    assert [json.loads(line) for line in journal.path.read_text().splitlines()][-1]["text"] == "after"
    assert read(disk / "s").name == "s"


# Clocks ---------------------------------------------------------------------------------------------------------------


class Silent:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_jumps_changes_no_time_limit_neither_now_nor_after_a_resume(tmp_path, monkeypatch, jump):
    wall, steady = [1e9], [50.0]
    monkeypatch.setattr("spectune.search.records.journal.time.time", lambda: wall[0])

    def session(ticks):
        journal = Journal(tmp_path / "s")
        study = read(tmp_path / "s") if journal.path.stat().st_size else Study(tmp_path / "s")
        study.apply(journal.append("study", name="s", objectives=[["accuracy", "max"]]))
        options = Options(
            name="s", time=100.0, trials=10_000, studies=str(tmp_path), baseline=("none",), epochs=1, seeds=1
        )
        agenda = Agenda.of(options, options, study, sizes=Sizes(500, 5), folder=tmp_path / "s", clock=lambda: steady[0])
        director = Director(agenda, study, journal, progress=Silent())
        for tick in range(ticks):
            task = director.next()
            if task is None or task.stage != "explore":
                break
            wall[0] += 10 + (jump if tick == 2 else 0)
            steady[0] += 10
            metrics = {"accuracy": 0.5, "loss": 1.0, "train_loss": 1.0}
            said = {"epoch": 1, "metrics": metrics, "best": metrics, "done": True, "failed": "", "apart": "", "fold": 0}
            director.report(task.number, {"number": task.number, **said})
            director.end(task.number)
        journal.close()
        return len(read(tmp_path / "s").stage("explore"))

    assert session(6) == 6  # 60 s, and the clock jumped in the third trial
    assert session(1000) == 11  # 100 s are over after ten; the last one began just in time


# Drivers --------------------------------------------------------------------------------------------------------------


def test_a_second_driver_is_told_who_is_the_first(tmp_path):
    journal = Journal(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom spectune.search.records import Journal\nJournal(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert f"process {os.getpid()} on '{os.uname().nodename}' (since 2" in done.stderr.splitlines()[-1]
    (tmp_path / HOLDER).write_text("{torn")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "one driver at a time, and another process is writing" in done.stderr.splitlines()[-1]
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]
