from __future__ import annotations

import math

import pytest

from spectune.dashboards.style import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.87407, "0.8741"),
        (1.0, "1.0000"),
        (0.0, "0.0000"),
        (19_150_728, "19,150,728"),
        (321.25, "321.2"),
        (math.nan, ""),
    ],
)
def test_numbers_have_sensible_digits(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3e-4, "3e-4"),
        (0.00012345, "1.2e-4"),
        (0.0123, "0.0123"),
        (0.0, "0"),
        (4096, "4,096"),
        (19_150_728, "19.2 M"),
        (True, "yes"),
        ("max", "max"),
        ([35, 30, 2.5], "(35, 30, 2.5)"),
    ],
)
def test_settings_are_short(value: object, text: str) -> None:
    assert words.setting(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (8.74, "8.7 s"),
        (59.97, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (math.nan, ""),
    ],
)
def test_times_are_readable(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text
