"""The folder of a study that cannot begin, or go on."""

import pytest

from spectune.search.records.journal import HOLDER, Journal
from spectune.search.session import launch


def test_a_study_that_never_began_leaves_no_folder(tmp_path):
    with pytest.raises(OSError, match="disk"), launch._journal(tmp_path / "s") as journal:
        (journal.path.parent / "space.py").write_text("")
        raise OSError("disk")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("step", ["_hold", "append"])
def test_neither_does_one_that_is_interrupted_while_its_journal_opens(tmp_path, monkeypatch, step):
    def interrupted(*_, **__):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, step, interrupted)
    with pytest.raises(KeyboardInterrupt), launch._journal(tmp_path / "s") as journal:
        journal.append("study", name="s")
    assert not (tmp_path / "s").exists()


def test_a_folder_in_which_somebody_else_begins_is_theirs(tmp_path):
    other = Journal(tmp_path / "s")
    launch._discard(tmp_path / "s")
    assert other.path.exists()
    other.close()
    launch._discard(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_one_that_cannot_go_on_keeps_what_it_has_and_is_held_by_nobody(tmp_path):
    journal = Journal(tmp_path / "s")
    journal.append("study", name="s")
    journal.close()
    with pytest.raises(OSError, match="disk"), launch._journal(tmp_path / "s") as journal:
        assert (tmp_path / "s" / HOLDER).is_file()
        raise OSError("disk")
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["journal.jsonl"]


def test_a_journal_that_cannot_be_read_through_is_held_by_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("spectune.search.records.journal._whole", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Journal(tmp_path)
    assert not (tmp_path / HOLDER).exists()
