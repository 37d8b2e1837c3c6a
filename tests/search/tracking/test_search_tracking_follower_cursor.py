"""What a follower remembers of a store, and that it begins anew where that cannot be read."""

import pytest

from spectune.search.records.journal import Journal
from spectune.search.tracking.follower import Follower


@pytest.mark.parametrize(
    "text", ['{"sqlite:///x.db": {"off', "", "[]", '{"a": 3}', '{"a": {"offset": "no", "runs": [], "epochs": {}}}']
)
def test_a_torn_cursor_means_that_everything_is_still_to_be_delivered(tmp_path, text):
    journal = Journal(tmp_path)
    journal.append("study", id="0", name="s", objectives=[["accuracy", "max"]])
    journal.close()
    (tmp_path / "tracking.json").write_text(text)
    assert Follower(tmp_path, "sqlite:///x.db").behind == journal.path.stat().st_size
