"""The journal: one writer, whole lines, and the format they have. What is read from it is tested with the study."""

import json
import math
import subprocess
import sys

import pytest

from spectune.search.records.journal import FORMAT, JOURNAL, Journal, events


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "study")
    journal.append("study", name="study", objectives=[["accuracy", "max"]])
    yield journal
    journal.close()


def test_a_second_writer_in_another_process_is_refused_in_one_line(journal):
    code = (
        "import pathlib, sys; from spectune.search.records.journal import Journal; Journal(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(journal.path.parent)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a study has one driver at a time" in done.stderr.splitlines()[-1]


def test_numbers_that_json_lacks_become_null_in_memory_as_on_disk(journal):
    line = journal.append("report", trial=0, epoch=1, metrics={"loss": math.nan, "accuracy": math.inf})
    last = json.loads(journal.path.read_text().splitlines()[-1])
    assert line == last
    assert last["metrics"] == {"loss": None, "accuracy": None}


def test_every_session_says_the_format_it_writes(journal):
    assert json.loads(journal.path.read_text())["format"] == FORMAT == 3


def test_events_are_read_on_from_an_offset(journal):
    (_, offset), *rest = events(journal.path)
    assert rest == []
    line = journal.append("finish", session=1)
    assert [found for found, _ in events(journal.path, offset)] == [line]


def test_a_journal_has_begun_once_something_is_in_it(journal, tmp_path):
    assert journal.begun
    other = Journal(tmp_path / "other")
    assert not other.begun
    other.close()
    assert (tmp_path / "other" / JOURNAL).is_file()
