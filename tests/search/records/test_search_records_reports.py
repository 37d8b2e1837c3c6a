import math

import pytest
from hypothesis import strategies as st

from spectune.search.records.reports import Reports

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False))
ROWS = st.lists(st.tuples(st.integers(1, 9), st.dictionaries(st.sampled_from(["loss", "accuracy", "auc"]), NUMBERS)))


def replaced(rows):
    """The rows that stay when each one takes the place of those from its epoch on."""
    kept = []
    for epoch, metrics in rows:
        kept = [row for row in kept if row[0] < epoch] + [(epoch, metrics)]
    return kept


def test_rows_come_back_as_they_were_reported(fuzz):
    def attempt(rows):
        reports, kept = Reports(rows), replaced(rows)
        names = {name for _, metrics in rows for name in metrics}
        assert len(reports) == len(kept) and bool(reports) == bool(kept)
        assert reports == [(epoch, {name: metrics.get(name) for name in names}) for epoch, metrics in kept]
        assert [reports[row] for row in range(len(reports))] == list(reports)

    fuzz(ROWS, attempt)


def test_the_lowest_is_the_first_of_the_rows_that_have_a_value(fuzz):
    def attempt(given):
        rows, upto = given
        losses = {epoch: row["loss"] for epoch, row in replaced(rows) if row.get("loss") is not None and epoch <= upto}
        found = Reports(rows).lowest("loss", upto)
        if losses:
            best = min(losses, key=losses.get)
            assert found == dict(Reports(rows))[best]
        else:
            assert found == {}

    fuzz(st.tuples(ROWS, st.one_of(st.integers(0, 10), st.just(math.inf))), attempt)


def test_what_lies_behind_an_epoch_is_left_out():
    reports = Reports([(1, {"loss": 3.0}), (2, {"loss": 2.0}), (5, {"loss": 1.0})])
    reports.cut(4)
    assert reports == [(1, {"loss": 3.0}), (2, {"loss": 2.0})]
    reports.cut(0)
    assert not reports and reports.lowest("loss") == {}


@pytest.mark.parametrize("row", [(1, {"loss": "low"}), ("one", {}), (1, {"loss": 10**400}), (10**30, {})])
def test_what_is_no_number_is_refused(row):
    with pytest.raises((TypeError, OverflowError)):
        Reports([row])
