from __future__ import annotations

import pandas as pd
import pytest

from spectune.dashboards.tables.origins import origins


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = [
        ("explore", "chance", "complete", 0.5, 1.0, 2.0),
        ("explore", "model", "paused", 0.7, 3.0, 1.0),
        ("explore", "portfolio", "complete", 0.6, 2.0, 4.0),
        ("explore", "model", "complete", 0.7, 4.0, 4.0),  # as good as the best, and no better
        ("explore", "chance", "failed", None, 5.0, 1.0),
        ("explore", "tpe", "complete", 0.9, 6.0, 3.0),
        ("confirm", "", "complete", 0.95, 7.0, 3.0),
    ]
    return pd.DataFrame(rows, columns=["stage", "origin", "status", "value", "ended", "seconds"])


def test_a_row_says_what_came_of_the_proposals_of_an_origin(frame: pd.DataFrame) -> None:
    table = origins(frame, "max")
    assert list(table.index) == ["portfolio", "model", "chance", "tpe"]  # known ones first
    assert table.loc["model"].tolist() == [2, 1, 1, 0.7, 5.0]
    assert table.loc["chance"].tolist() == [2, 1, 1, 0.5, 3.0]
    assert table["improved"].tolist() == [1, 1, 1, 1], "by the time at which trials ended"


def test_the_lower_is_better_where_the_objective_is_to_be_small(frame: pd.DataFrame) -> None:
    table = origins(frame, "min")
    assert table["improved"].tolist() == [0, 0, 1, 0]
    assert table.loc["model", "best"] == 0.7


def test_old_records_do_not_say_who_proposed_what(frame: pd.DataFrame) -> None:
    assert not len(origins(frame.assign(origin=""), "max"))
