"""A journal names only files of its own study, whoever reads it."""

import json

import pytest

from spectune.search.records.journal import Journal, events, inside
from spectune.search.records.study import read


@pytest.fixture
def folder(tmp_path):
    """A study that has begun, in a folder beside a secret."""
    (tmp_path / "secret").write_text("secret")
    journal = Journal(tmp_path / "s")
    journal.append("study", name="s", objectives=[["accuracy", "max"]])
    journal.close()
    return tmp_path / "s"


@pytest.mark.parametrize("event", [{"event": "artifact", "path": ""}, {"event": "export", "folder": "", "rank": 1}])
@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "exports/../../secret", "link", None, 3])
def test_what_a_stranger_wants_to_be_read_is_refused_in_one_line(folder, event, name):
    (folder / "link").symlink_to(folder.parent / "secret")
    line = {"time": 1.0, **{key: name if value == "" else value for key, value in event.items()}}
    with (folder / "journal.jsonl").open("a") as file:
        print(json.dumps(line), file=file)
    for look in (read, lambda folder: list(events(folder / "journal.jsonl"))):
        with pytest.raises(ValueError, match="names only what is in its study's folder") as error:
            look(folder)
        assert "\n" not in str(error.value)


def test_what_is_in_the_folder_may_be_named(folder):
    for name in ("report.html", "exports/1-trial3", "ablation.csv"):
        assert inside(folder, name) == folder / name
