"""Which MLflow store a study is tracked in, and what of its URI may be shown."""

import os

import pytest

from spectune.search.records.journal import Journal
from spectune.search.tracking.store import last_study, public


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:pa@ss@host/path", "https://host/path"),
        ("postgresql://host/db?user=me&password=secret", "postgresql://host/db?user=me&password=***"),
        (
            "postgresql://host/db?sslpassword=secret&sslmode=require",
            "postgresql://host/db?sslpassword=***&sslmode=require",
        ),
        ("mysql://me:secret@host/db?passwd=secret;charset=utf8", "mysql://host/db?passwd=***;charset=utf8"),
        ("https://host/?API_KEY=secret#part", "https://host/?API_KEY=***#part"),
        ("https://host/?access_token=secret", "https://host/?access_token=***"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_no_password_is_shown(uri, shown):
    assert public(uri) == shown


def test_the_last_study_is_that_of_the_last_study_that_began(tmp_path):
    assert last_study(tmp_path) is None
    for number, name in enumerate(("old", "empty", "torn")):
        journal = Journal(tmp_path / name)
        if name == "old":
            journal.append("study", name=name, store="sqlite:///mlflow.db", objectives=[])
        journal.close()
        os.utime(tmp_path / name / "journal.jsonl", (number, number))
    (tmp_path / "torn" / "journal.jsonl").write_text("nothing\n")
    assert last_study(tmp_path) == ("old", "sqlite:///mlflow.db")
