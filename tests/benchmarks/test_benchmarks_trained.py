"""Searches on real trainings: equal seconds, the winner by its confirmation, intervals over seeds and groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import rivals
import trained

from spectune.search.records import uncertainty
from spectune.search.records.task import Task
from spectune.spaces import KNOWN

NAMES = ("compact", "sharp", "ir_groups")


class Three(rivals.Rival):
    """Tries the known networks in turn, again and again."""

    def __init__(self) -> None:
        super().__init__(trained.Spectra("crowded"), 0)
        self.told: list[tuple[int, dict[str, Any]]] = []

    def propose(self, number: int) -> Any:
        return KNOWN[NAMES[number % 3]][:2]

    def report(self, number: int, message: dict[str, Any]) -> bool:
        self.told.append((number, message))
        return True


def message(number: int, epoch: int, seconds: float, accuracy: float, **more: Any) -> dict[str, Any]:
    best = {"best": {"accuracy": accuracy, "loss": 1.0 / epoch}, "metrics": {"accuracy": 0.5}}
    return {"number": number, "epoch": epoch, "seconds": seconds, **best, "done": False, "failed": "", **more}


def test_a_search_ends_when_its_trainings_took_their_seconds_whatever_else_took() -> None:
    plan = trained.Timed(Three(), seconds=10.0)
    for _ in range(2):
        assert plan.next() is not None
    assert plan.report(0, message(0, 1, 4.0, 0.6))
    assert plan.report(1, message(1, 1, 5.0, 0.7))
    assert plan.report(0, message(0, 2, 4.9, 0.6))
    assert not plan.done
    assert not plan.report(1, message(1, 2, 5.2, 0.7))
    assert plan.done
    assert plan.next() is None


def test_a_rival_is_judged_by_the_epoch_of_the_lowest_loss_as_ours_is_and_told_of_failures_as_ends() -> None:
    rival = Three()
    plan = trained.Timed(rival, seconds=10.0)
    plan.next()
    plan.report(0, message(0, 1, 1.0, 0.8))
    plan.report(0, {"failed": "error: nan", "done": True, "number": 0})
    assert [told["metrics"]["accuracy"] for _, told in rival.told] == [0.8, 0.8]
    assert rival.told[1][1]["done"]
    assert rival.told[1][1]["epoch"] == 2


def test_the_leading_configs_differ_and_ties_go_by_the_loss() -> None:
    plan = trained.Timed(Three(), seconds=100.0)
    for number, accuracy in enumerate((0.5, 0.9, 0.5, 0.2, 0.8, 0.4)):
        plan.next()
        plan.report(number, message(number, 1 + number, 1.0, accuracy))
    assert [task.number for task in plan.leading()] == [1, 2, 0]  # of equal ones that with the lower loss first


def test_the_winner_has_the_highest_mean_over_fresh_seeds() -> None:
    leading = [_task(number, name) for number, name in enumerate(NAMES)]
    confirmation = trained.Confirmation(leading)
    tasks: list[Task] = []
    while (task := confirmation.next()) is not None:
        tasks.append(task)
    assert confirmation.done
    assert {task.seed for task in tasks} == {1000, 1001, 1002}
    lucky = {0: (1.0, 0.2, 0.2), 1: (0.6, 0.7, 0.6), 2: (0.5, 0.9, 0.4)}
    for task in tasks:
        assert isinstance(task.candidate, int)
        confirmation.report(task.number, message(task.number, 27, 1.0, lucky[task.candidate][task.seed - 1000]))
    assert [task.seed for task in confirmation.winner()] == [1000, 1001, 1002]
    assert {task.network for task in confirmation.winner()} == {KNOWN["sharp"].network}


def test_intervals_are_those_of_a_study_over_seeds_and_groups() -> None:
    same = [_row([1, 1, 0, 0] * 10, groups=[0, 0, 1, 1] * 10)]
    apart = [_row([1, 1, 0, 0] * 10, groups=list(range(40)))]
    assert trained.estimate(same).mean == trained.estimate(apart).mean == 0.5
    assert uncertainty.share(trained.estimate(same)) == (0.0, 1.0)  # of two groups, one all right and one all wrong
    low, high = uncertainty.share(trained.estimate(apart))
    assert 0.3 < low < 0.4
    assert 0.6 < high < 0.7


def test_a_difference_is_of_the_same_spectra_and_two_seeds_that_disagree_say_little() -> None:
    ours = [_row([1] * 40, groups=list(range(40)))] * 2
    assert trained.estimate(ours, ours).mean == 0.0
    theirs = [_row([1] * 40, groups=list(range(40))), _row([1, 0] * 20, groups=list(range(40)))]
    estimate = trained.estimate(ours, theirs)
    assert estimate.mean == pytest.approx(0.25)
    assert uncertainty.gap(estimate)[0] < 0  # one seed says a half, the other nothing


def _task(number: int, name: str) -> Task:
    network, training, *_ = KNOWN[name]
    return Task(number=number, stage="explore", network=network, training=training, seed=0)


def _row(correct: Sequence[int], groups: Sequence[int]) -> dict[str, Any]:
    return {"correct": [list(correct)], "groups": list(groups)}
