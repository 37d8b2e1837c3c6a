"""Powder patterns have their reflections where Bragg's law says, and patterns that are alike are found."""

from __future__ import annotations

import numpy as np
import powder
import pytest


def test_reflections_are_where_braggs_law_puts_them() -> None:
    pattern = powder.draw(np.array([2.8203]), np.array([1.0]))  # 200 of halite
    assert powder.ANGLES[pattern.argmax()] == pytest.approx(31.73, abs=0.03)
    assert pattern.max() == 1


def test_equal_structure_factors_are_weaker_at_a_larger_angle() -> None:
    near, far = np.radians([20.0, 60.0]) / 2
    pattern = powder.draw(powder.COPPER / 2 / np.sin(np.array([near, far])), np.array([1.0, 1.0]))
    at = [int(np.abs(powder.ANGLES - angle).argmin()) for angle in (20.0, 60.0)]
    expected = [(1 + np.cos(2 * angle) ** 2) / (np.sin(angle) ** 2 * np.cos(angle)) for angle in (near, far)]
    assert pattern[at[1]] / pattern[at[0]] == pytest.approx(expected[1] / expected[0], rel=1e-6)


def test_a_pattern_without_reflections_is_refused() -> None:
    with pytest.raises(ValueError, match="a reflection within the measured angles"):
        powder.draw(np.array([0.5]), np.array([1.0]))
    with pytest.raises(ValueError, match="a reflection within the measured angles"):
        powder.draw(np.array([]), np.array([]))


def test_patterns_that_are_alike_are_one_group() -> None:
    patterns = np.array([powder.draw(np.array([spacing]), np.array([1.0])) for spacing in (3.0, 2.0, 3.001, 4.0)])
    groups = powder.families(patterns)
    assert groups[0] == groups[2]
    assert len(set(groups.tolist())) == 3
