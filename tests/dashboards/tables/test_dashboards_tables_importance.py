from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spectune.dashboards.tables import trials as table
from spectune.dashboards.tables.importance import FEWEST, importances
from spectune.search.records import study as record


def made(count: int, *, direction: str = "max") -> pd.DataFrame:
    """Trials whose value is decided by the learning rate, and by the pool size where there is pooling."""
    random = np.random.default_rng(0)
    pooling = random.choice(["max", "none"], count)
    rate = 10 ** random.uniform(-5, -1, count)
    size = random.integers(1, 5, count)
    value = -np.abs(np.log10(rate) + 3) - 0.8 * np.where(pooling == "max", np.abs(size - 2), 0.5)
    return pd.DataFrame(
        {
            "stage": "explore",
            "status": random.choice(["complete", "paused"], count),
            "value": value if direction == "max" else -value,
            "config.learning_rate": rate,
            "config.pooling": pooling,
            "config.pool_size": pd.Series(
                [int(s) if p == "max" else None for s, p in zip(size, pooling, strict=True)], dtype=object
            ),
            "config.filters": random.integers(4, 129, count),
            "config.patience": 25,
        }
    )


@pytest.mark.parametrize("direction", ["max", "min"])
def test_what_decides_is_found_and_chance_is_not(direction: str) -> None:
    found = importances(made(300, direction=direction), direction)
    assert set(found.index[:2]) == {"learning_rate", "pool_size"}
    assert found["importance"].sum() == pytest.approx(1)
    clear = found["importance"] > found["chance"]
    assert clear["learning_rate"] and clear["pool_size"]
    assert not clear["filters"]
    assert "patience" not in found.index  # it never varied


def test_what_passes_chance_comes_before_what_does_not() -> None:
    """The pool size of a few trials looks important, but no more than chance can make it."""
    found = importances(made(20), "max")
    assert list(found.index[:2]) == ["learning_rate", "pool_size"]
    assert found["importance"].idxmax() == "pool_size"


def test_a_conditional_hyperparameter_counts_the_trials_that_have_it() -> None:
    frame = made(60)
    found = importances(frame, "max")
    assert found.loc["pool_size", "trials"] == (frame["config.pooling"] == "max").sum()
    assert found.loc["pooling", "trials"] == 60


def test_the_same_records_give_the_same_importances() -> None:
    pd.testing.assert_frame_equal(importances(made(40), "max"), importances(made(40), "max"))


def test_too_few_trials_give_none(folders: dict[str, Path]) -> None:
    assert len(importances(made(FEWEST - 1), "max")) == 0
    assert len(importances(made(FEWEST), "max")) > 0
    for name in ("running", "failed", "empty"):
        assert len(importances(table.trials(record.read(folders[name])), "max")) == 0


def test_real_configs_with_values_per_layer_can_be_judged(folders: dict[str, Path]) -> None:
    found = importances(table.trials(record.read(folders["whole"])), "max")
    assert found.loc["learning_rate", "importance"] > found.loc["learning_rate", "chance"]
    assert {"kernel_size", "pool_stride", "fc_width"} <= set(found.index)
