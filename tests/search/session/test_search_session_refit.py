"""What a winner is trained by when it is trained again."""

from __future__ import annotations

from spectune.search.session.refit import rates


def test_the_learning_rates_are_those_that_were_reported_until_the_best_epoch(trial):
    one = trial(1, 0.9, config={"network": {}, "training": {"learning_rate": 0.01}})
    one.best_epoch = 4
    for epoch, rate in ((1, 0.02), (3, 0.002), (4, 0.001), (5, 0.0001)):
        one.reports.add(epoch, {"loss": 1.0, "learning_rate": rate})
    assert rates(one) == [0.02, 0.02, 0.002, 0.001]


def test_what_is_fitted_at_once_has_one_epoch(trial):
    one = trial(1, 0.9, config={"network": {}, "training": {"learning_rate": 0.01}})
    one.best_epoch = 1
    one.reports.add(1, {"loss": 1.0})
    assert rates(one) == [0.01]
