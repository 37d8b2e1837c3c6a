"""Studies that are killed or interrupted go on: real processes, real signals."""

import signal

import pytest

from spectune.search.record import read


@pytest.mark.parametrize("kills", [(7,), pytest.param((1, 4, 9), marks=pytest.mark.slow)], ids=len)
def test_a_driver_that_is_killed_loses_nothing(tmp_path, begin, check_whole, spectune, *, tiny, kills):
    folder = tmp_path / "studies/killed"
    finished = {}
    for ended in kills:
        process = begin(tmp_path, "search", "--name", "killed", "--resume", *tiny, ended=ended)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = read(folder)
        assert {number: now.trials[number] for number in finished} == finished
        finished = {number: trial for number, trial in now.trials.items() if trial.status != "running"}

    spectune(tmp_path, "search", "--name", "killed", "--resume")

    study = check_whole(tmp_path, "killed", trials=6, candidates=3, seeds=2)
    assert {number: study.trials[number] for number in finished} == finished


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_ends_cleanly_and_says_how_to_go_on(tmp_path, begin, tiny, sent):
    process = begin(tmp_path, "search", "--name", "stopped", *tiny, ended=2)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].endswith("To go on: spectune search --resume --name stopped")
    assert "Traceback" not in errors
