from __future__ import annotations

import math

import numpy as np
import pytest

from spectune.dashboards.style.theme import clipped, envelope, error_bars


@pytest.mark.parametrize(
    ("metric", "shown", "ends"),
    [
        ("accuracy", [], (-0.02, 1.02)),
        ("accuracy", [-0.2], (-0.22, 1.02)),
        ("loss", [], (-0.02, None)),
        ("parameters", [], (None, None)),
        ("train_loss", [], (None, None)),
    ],
)
def test_an_axis_is_clipped_where_its_metric_ends(
    metric: str, shown: list[float], ends: tuple[float | None, ...]
) -> None:
    assert tuple(clipped(metric, *shown).values()) == ends
    assert set(clipped(metric, *shown, scale="log").values()) == {None}


def test_each_side_of_an_interval_has_its_own_length() -> None:
    bars = error_bars([0.3, 0.9, 0.5], [0.0, 0.8, None], [1.0, 0.95, math.nan], "#000000", 3)
    assert bars["array"] == pytest.approx([0.7, 0.05, 0.0])
    assert bars["arrayminus"] == pytest.approx([0.3, 0.1, 0.0])
    assert bars["symmetric"] is False


def test_an_envelope_keeps_every_peak_in_fewer_points() -> None:
    x = np.arange(5000.0)
    y = sum(np.exp(-(((x - centre) / 3) ** 2)) for centre in (700, 2503, 2511, 4801))
    few, low = envelope(x, y, most=400)
    assert len(few) < 400
    assert np.interp(x, few, low) == pytest.approx(y, abs=0.01)
    noise = np.random.default_rng(0).normal(size=5000)
    few, low = envelope(x, noise, most=400)
    assert len(few) <= 402
    assert (low.max(), low.min()) == (noise.max(), noise.min())
    assert (few[0], few[-1]) == (0, 4999)
    assert len(envelope(x[:2], np.zeros(2))[0]) == 2
    assert list(envelope(x, np.zeros(5000))[0]) == [0, 4999]
