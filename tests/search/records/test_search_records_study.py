import json
import math
from importlib.metadata import version

import pytest

from spectune.search.records.journal import JOURNAL, Journal
from spectune.search.records.options import Options
from spectune.search.records.study import read

CONFIG = {"network": {"family": "cnn", "depth": 2}, "training": {"learning_rate": 1e-3}}


def start(journal, number, stage="explore", **more):
    journal.append(
        "start",
        **{
            "trial": number,
            "stage": stage,
            "config": CONFIG,
            "label": "",
            "seed": 0,
            "candidate": None,
            "parameters": 10,
            "macs": 20,
            **more,
        },
    )


def end(journal, number, **more):
    values = {"status": "complete", "reason": "", "metrics": {"accuracy": 0.5, "loss": 1.0}, "best_epoch": 1}
    journal.append("end", trial=number, epochs=1, seconds=2.0, values=[0.5], **{**values, **more})


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "study")
    journal.append("study", name="study", objectives=[["accuracy", "max"]])
    yield journal
    journal.close()


def test_what_was_appended_is_read_back(journal):
    start(journal, 0)
    journal.append("report", trial=0, epoch=1, metrics={"accuracy": 0.5, "loss": 1.0})
    end(journal, 0)
    start(journal, 1, stage="confirm", candidate=0, seed=7)

    study = read(journal.path.parent)

    assert study.name == "study" and study.objectives == [("accuracy", "max")]
    assert study.trials[0].reports == [(1, {"accuracy": 0.5, "loss": 1.0})]
    assert (study.trials[0].status, study.trials[0].seconds) == ("complete", 2.0)
    assert (study.trials[1].status, study.trials[1].candidate, study.trials[1].seed) == ("running", 0, 7)
    assert study.trials[0].flat == {"family": "cnn", "depth": 2, "learning_rate": 1e-3}


def test_a_line_torn_by_a_crash_is_dropped_and_the_next_one_is_whole(journal, tmp_path):
    start(journal, 0)
    journal.close()
    with (tmp_path / "study" / JOURNAL).open("ab") as file:
        file.write(b'{"event":"end","trial":0,"sta')
    assert read(tmp_path / "study").trials[0].status == "running"

    again = Journal(tmp_path / "study")
    end(again, 0)
    again.close()

    assert read(tmp_path / "study").trials[0].status == "complete"


def test_a_trial_started_again_keeps_each_epoch_once(journal):
    start(journal, 0)
    for epoch, loss in ((1, 3.0), (2, 2.0), (3, 1.5)):
        journal.append("report", trial=0, epoch=epoch, metrics={"loss": loss})
    start(journal, 0)
    for epoch, loss in ((1, 3.5), (2, 2.5)):
        journal.append("report", trial=0, epoch=epoch, metrics={"loss": loss})

    assert read(journal.path.parent).trials[0].reports == [(1, {"loss": 3.5}), (2, {"loss": 2.5})]


def test_a_paused_trial_that_goes_on_is_one_trial_whose_last_end_counts(journal):
    def report(epoch):
        journal.append("report", trial=0, epoch=epoch, metrics={"loss": 1 / epoch}, at=float(epoch))

    folder = journal.path.parent
    start(journal, 0, at=0.0)
    report(1)
    end(journal, 0, status="paused", reason="asha", at=1.5)
    held = read(folder)
    assert (list(held.paused), held.trials[0].paused, held.trials[0].trainings) == ([0], 1, 1)
    start(journal, 0, at=7.5)
    going = read(folder)
    assert (list(going.paused), list(going.running), going.trials[0].status) == ([], [0], "running")
    assert (going.trials[0].seconds, going.trials[0].started, going.trials[0].ended) == (2.0, 6.0, None)
    report(9)
    assert [epoch for epoch, _ in read(folder).trials[0].reports] == [1, 9]
    journal.append(
        "end", trial=0, epochs=9, seconds=5.0, values=[0.7], status="complete", reason="", metrics={}, best_epoch=9
    )
    study = read(folder)
    assert (study.trials[0].status, study.trials[0].seconds, study.trials[0].paused) == ("complete", 5.0, 1)
    assert (study.begun["explore"], study.paused, study.running) == (1, {}, {})


def test_the_clock_of_a_study_stands_still_between_its_sessions(journal, monkeypatch):
    def at(seconds):
        monkeypatch.setattr("time.time", lambda: seconds)

    for began in (100.0, 9000.0):
        at(began)
        journal.append("study", name="study", objectives=[["accuracy", "max"]])
        at(began + 5.0)
        start(journal, 0)
        at(began + 12.0)
        journal.append("report", trial=0, epoch=1, metrics={"accuracy": 0.5, "loss": 1.0})
    at(9030.0)
    end(journal, 0)

    study = read(journal.path.parent)
    assert (study.trials[0].started, study.trials[0].ended) == (5.0, 12.0 + 30.0)
    assert (study.clock, study.last) == (42.0, 9030.0)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_jump_of_the_wall_clock_costs_a_trial_nothing(journal, monkeypatch, jump):
    """What the driver writes says when it happened by a clock that does not jump, in seconds of the session."""

    def at(seconds):
        monkeypatch.setattr("time.time", lambda: seconds)

    for session, began in enumerate((100.0, 9000.0)):
        at(began)
        journal.append("study", name="study", objectives=[["accuracy", "max"]])
        at(began + 5.0)
        start(journal, session, at=4.0)
        at(began + 15.0 + jump)
        journal.append("report", trial=session, epoch=1, metrics={"accuracy": 0.5, "loss": 1.0}, at=14.0)
        end(journal, session, at=14.0)
    study = read(journal.path.parent)
    assert [(one.started, one.ended) for one in study.trials.values()] == [(4.0, 14.0), (18.0, 28.0)]
    assert study.last == 9015.0 + jump


def test_a_training_that_ends_after_a_comparison_makes_it_void(journal):
    start(journal, 0, stage="confirm", candidate="cnn6")
    start(journal, 1, stage="confirm", candidate="cnn6", seed=1)
    end(journal, 0)
    journal.append("compare", split="validation", rows=[])
    assert read(journal.path.parent).comparisons
    end(journal, 1)
    assert not read(journal.path.parent).comparisons


def test_the_best_epoch_is_that_of_the_lowest_sound_loss_so_far(journal):
    start(journal, 0)
    for epoch, loss in ((1, 3.0), (2, math.nan), (3, 1.0), (4, 2.0)):
        journal.append("report", trial=0, epoch=epoch, metrics={"loss": loss, "epoch": epoch})

    trial = read(journal.path.parent).trials[0]

    assert trial.best()["epoch"] == 3
    assert trial.best(upto=2)["epoch"] == 1
    assert trial.best(upto=0) == {}


def test_only_complete_confirmations_count_by_seed(journal):
    for number, (seed, status) in enumerate([(2, "complete"), (1, "complete"), (3, "failed")]):
        start(journal, number, stage="confirm", candidate="cnn2", seed=seed)
        end(journal, number, status=status)
    assert [trial.seed for trial in read(journal.path.parent).confirmed()["cnn2"]] == [1, 2]


def test_a_test_of_the_same_candidate_replaces_the_one_before(journal):
    for accuracy in (0.1, 0.2):
        journal.append("test", candidate=3, trials=[1], seeds=[1], metrics=[{"accuracy": accuracy}], confused=[])
    assert [test["metrics"] for test in read(journal.path.parent).tests] == [[{"accuracy": 0.2}]]


def test_exports_are_told_apart_by_rank(journal):
    for rank, folder in ((1, "exports/1-cnn2"), (2, "exports/2-trial4"), (1, "exports/1-trial9")):
        journal.append("export", folder=folder, trial=0, rank=rank)
    assert {row["rank"]: row["folder"] for row in read(journal.path.parent).exports} == {
        1: "exports/1-trial9",
        2: "exports/2-trial4",
    }
    assert len(read(journal.path.parent).exports) == 2


@pytest.mark.parametrize("text", ["not json\n", '{"no": "event"}\n', "[1]\n", ""])
def test_a_journal_that_is_none_is_refused_in_one_line(tmp_path, text):
    (tmp_path / JOURNAL).write_text(text)
    with pytest.raises(ValueError, match="journal") as refusal:
        read(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is none in"):
        read(tmp_path)


HEADER = {"event": "study", "time": 0.0, "name": "s", "objectives": [["accuracy", "max"]]}


def written(folder, **more):
    """A journal as another version wrote it."""
    (folder / JOURNAL).write_text(json.dumps({**HEADER, **more}) + "\n")
    return folder


def test_a_journal_without_a_format_is_the_first_one_and_options_it_lacks_have_their_defaults(tmp_path):
    header = read(written(tmp_path, options={"trials": 7})).header
    assert header["options"]["trials"] == 7
    assert header["options"]["seeds"] == Options.seeds
    assert Options.from_dict(header["options"]).name == "s"


@pytest.mark.parametrize(
    "more", [{"format": 4, "versions": {"spectune": "9.8"}}, {"options": {"warp": 1}, "versions": {"spectune": "9.8"}}]
)
def test_a_journal_of_a_newer_version_is_refused_in_one_line_with_both(tmp_path, more):
    with pytest.raises(ValueError, match="update spectune") as refusal:
        read(written(tmp_path, **more))
    said = str(refusal.value)
    assert "\n" not in said
    assert f"spectune 9.8 (format {more.get('format', 1)})" in said
    assert f"spectune {version('spectune')} (format 3)" in said
    assert ("warp" in said) == ("options" in more)


@pytest.mark.parametrize("number", ["2", None, 1.5, [], -1])
def test_a_format_that_is_no_number_is_refused_in_one_line(tmp_path, number):
    with pytest.raises(ValueError, match="format") as refusal:
        read(written(tmp_path, format=number))
    assert "\n" not in str(refusal.value)
