"""The table says what was right, how sure that is, and who is ahead over sets."""

from __future__ import annotations

import numpy as np
import pytest
import standings


def row(method: str, one: str, predicted: list[int], **more: object) -> dict[str, object]:
    return {
        "set": one,
        "method": method,
        "minutes": 5.0,
        "seed": 0,
        "predicted": predicted,
        "truth": [0, 0, 0, 1],
        "groups": [0, 1, 2, 3],
        **more,
    }


def test_all_right_of_a_few_is_not_certain() -> None:
    point, low, high = standings.accuracy(np.ones(9), np.arange(9))
    assert (point, high) == (1, 1)
    assert 0.6 < low < 0.8


def test_replicates_of_a_sample_say_no_more_than_one() -> None:
    right = np.tile([1.0, 0.0, 1.0, 1.0], 5)
    alone = standings.accuracy(right, np.arange(20))
    replicates = standings.accuracy(np.repeat(right, 3), np.repeat(np.arange(20), 3))
    assert replicates == pytest.approx(alone)
    assert standings.accuracy(np.repeat(right, 3), np.arange(60))[1] > alone[1]


@pytest.mark.parametrize(("share", "count"), [(0.9, 18), (0.7, 50), (0.97, 150)])
def test_intervals_hold_the_truth_as_often_as_they_say(share: float, count: int) -> None:
    chance = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        right = (chance.random(count) < share).astype(float)
        _, low, high = standings.accuracy(right, np.arange(count))
        held += low <= share <= high
    assert 0.92 <= held / 2000 <= 0.99


def test_a_rare_class_counts_as_much_as_a_large_one() -> None:
    truth = np.repeat([0, 1], [97, 3])
    right = (truth == 0).astype(float)
    point, low, high = standings.balanced(right, truth, np.arange(100))
    assert point == 0.5
    assert low < 0.5 < high < 0.9


def test_equal_scores_share_their_rank_and_a_gap_has_none() -> None:
    scores = {"a": {"x": 0.9, "y": 0.5}, "b": {"x": 0.9, "y": 0.7}, "c": {"x": 1.0}}
    assert standings.ranks(scores) == {"a": (1.75, 1.5, 2.0), "b": (1.25, 1.0, 1.5)}
    assert standings.ranks({"a": {"x": 1.0}, "b": {"y": 1.0}}) == {}


def test_the_table_sorts_by_rank_and_marks_the_best_of_a_set() -> None:
    rows = [
        row("worse", "x", [0, 0, 0, 0]),
        row("better", "x", [0, 0, 0, 1]),
        row("worse", "y", [1, 1, 0, 1]),
        row("better", "y", [0, 0, 0, 1]),
        row("other", "x", [0, 0, 0, 1]),
        row("better", "x", [1, 1, 1, 0], minutes=1.0),
    ]
    table = standings.draw(rows, {"worse": "The worse", "better": "The better", "other": "Another"}, 5.0)
    first, second = table.split("\n\n")
    lines = first.splitlines()
    assert lines[0] == "| accuracy | mean rank | x | y |"
    assert lines[2].startswith("| The better | 1.0 (1.0 to 1.0) | **1.000** (")
    assert lines[3].startswith("| The worse | 2.0 (2.0 to 2.0) | 0.750 (")
    assert lines[4].startswith("| Another | - | **1.000** (")
    assert lines[4].endswith("| - |")
    assert second.splitlines()[3].startswith("| The worse | 2.0 (2.0 to 2.0) | 0.500 (")


def test_seeds_are_taken_together() -> None:
    rows = [row("a", "x", [0, 0, 0, 1]), row("a", "x", [0, 0, 1, 0], seed=1)]
    assert standings.right(rows).tolist() == [1, 1, 0.5, 0.5]  # type: ignore[arg-type]
    assert "| **0.750** (" in standings.draw(rows, {"a": "A"}, 5.0)  # type: ignore[arg-type]


def test_ours_stands_in_pairs_with_the_best_simple_method_of_each_set() -> None:
    rows = [
        row("spectune", "x", [0, 0, 1, 1]),
        row("knn", "x", [0, 1, 1, 0]),
        row("svm", "x", [0, 0, 0, 1]),
        row("autogluon", "x", [0, 0, 0, 1]),
    ]
    names = {"spectune": "ours", "knn": "neighbours", "svm": "linear SVM", "autogluon": "AutoGluon"}
    *_, last = standings.draw(rows, names, 5.0).split("\n\n")
    assert last.splitlines()[2].startswith("| x | 0.750 | linear SVM 1.000 | -0.250 (")


def test_a_pair_is_told_apart_by_groups_not_by_their_replicates() -> None:
    def rows(groups: list[int], wrong: int) -> list[dict[str, object]]:
        count = len(groups)
        predicted = [1] * wrong + [0] * (count - wrong)
        return [row("a", "x", predicted, truth=[0] * count, groups=groups)]

    alone, together = list(range(40)), [place // 10 for place in range(40)]
    *_, high, p = standings.against(rows(alone, 10), rows(alone, 0))  # type: ignore[arg-type]
    assert high < 0 and p < 0.01
    gap, low, high, p = standings.against(rows(together, 10), rows(together, 0))  # type: ignore[arg-type]
    assert gap == -0.25 and low < -0.25 < 0 < high and p > 0.1
