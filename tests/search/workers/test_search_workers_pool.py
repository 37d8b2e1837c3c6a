"""Trials on Ray, through real studies: how many workers there are, and that all of them work."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from spectune.search.records.study import read
from spectune.search.workers import pool

# The first worker to be given another trial dies of it.
MORTAL = """

import inspect, os, pathlib, signal
ONCE = pathlib.Path({once!r})

_init = Mine.__init__

def __init__(self, **values):
    if any(frame.function == "reset" for frame in inspect.stack()) and not ONCE.exists():
        ONCE.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    _init(self, **values)

Mine.__init__ = __init__
"""

# Every process that knows the network has a file, with a line for each network that it builds. The driver is the first,
# then come the workers, of which the second takes its time.
SLOW = """

import os, pathlib, time
PLACE = pathlib.Path({place!r})
(PLACE / str(os.getpid())).touch()
if len(list(PLACE.iterdir())) == 3:
    time.sleep(2)

_build = build

def build(*arguments):
    with (PLACE / str(os.getpid())).open("a") as file:
        print("built", file=file)
    return _build(*arguments)
"""


@pytest.mark.slow
def test_trials_shorter_than_a_worker_takes_to_start_get_all_workers(tmp_path, spectune, little):
    """Tune on its own gives a trial whose worker is starting one that has become free, and kills the new one: the
    next trial has another started, and so on, while one worker does all."""
    source = (Path(__file__).parents[1] / "my_file.py").read_text().replace("FAMILY", "slow_start")
    place = tmp_path / "processes"
    place.mkdir()
    (tmp_path / "slow_start.py").write_text(source + SLOW.format(place=str(place)))
    budget = ["--trials", "80", "--epochs", "10", "--concurrent", "2", "--sampler", "random"]
    once = ["--baseline", "none", "--top", "1", "--seeds", "1"]
    spectune(tmp_path, "search", "--space", "slow_start.py:Mine", "--name", "s", *little, *budget, *once)
    assert len(read(tmp_path / "studies/s").stage("explore")) == 80
    built = sorted(path.read_text().count("built") for path in place.iterdir())
    assert len(built) == 3  # the driver and two workers
    assert built[1] >= 10


def test_a_free_worker_that_dies_when_it_is_given_a_trial_is_lost_once(tmp_path, spectune, little):
    """Tune on its own counts that twice, once for the worker and once for its task, and gives up on the trial."""
    source = (Path(__file__).parents[1] / "my_file.py").read_text().replace("FAMILY", "mortal")
    once = tmp_path / "died"
    (tmp_path / "mortal.py").write_text(source + MORTAL.format(once=str(once)))
    budget = ["--trials", "6", "--epochs", "5", "--concurrent", "2", "--sampler", "random"]
    budget += ["--baseline", "none", "--top", "1", "--seeds", "1"]
    done = spectune(tmp_path, "search", "--space", "mortal.py:Mine", "--name", "s", *little, *budget)
    assert once.exists()
    assert "Traceback" not in done.stderr and "ray" not in done.stderr.lower()
    assert not [one for one in read(tmp_path / "studies/s").trials.values() if one.status == "failed"]


def test_an_end_that_cannot_be_written_down_ends_the_search_and_not_only_the_trial():
    """Tune logs what its searcher raises at a trial's end, with a traceback, and goes on."""

    class Full:
        done = False

        def end(self, number, failure=""):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    feed = pool._Searcher(plan=Full(), files=None, sharing=pool.Sharing(0.0, 150, 4))
    feed.living["a"] = [0]
    feed.on_trial_complete("a", error=True)
    for raised in (feed.check, lambda: feed.suggest("b")):
        with pytest.raises(OSError, match="No space left on device"):
            raised()
