"""Domains: one that holds nothing is refused, and shares of one lie in it."""

from __future__ import annotations

import pytest

from spectune.spaces.domain import Choice, Float, Int


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(8, 1), "Int must go from a low to a high value, got 8 to 1: give them in order"),
        (lambda: Float(0.5, 0.1), "Float must go from a low to a high value, got 0.5 to 0.1: give them in order"),
        (lambda: Float(0, 1, log=True), "Float on a log scale must begin above 0, got 0: raise it"),
        (lambda: Float(-1, 1, log=True), "must begin above 0, got -1"),
        (lambda: Int(0, 8, log=True), "Int on a log scale must begin above 0, got 0: raise it"),
        (lambda: Int(1, 8, step=0), "Int must have a step of at least 1, got 0"),
        (lambda: Int(1, 8, step=2, log=True), "Int on a log scale must have a step of 1, got 2"),
        (lambda: Int(1, 8.5), "Int must have whole numbers, got 8.5"),
        (lambda: Float(0, float("inf")), "Float must go from a low to a high value, got 0 to inf"),
        (lambda: Float(float("nan"), 1), "got nan to 1"),
        (Choice, "Choice must have options, got none"),
        (lambda: Choice("a", "b", "a"), "Choice must name each option once, got a | b | a"),
    ],
)
def test_a_domain_that_holds_nothing_is_refused(make, message):
    with pytest.raises(ValueError, match="must") as refusal:
        make()
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "domain",
    [Int(3, 3), Int(1, 64, log=True), Int(0, 9, step=4), Float(0.0, 0.5), Float(1e-5, 0.1, log=True), Choice(False, 0)],
    ids=str,
)
def test_every_share_of_a_domain_lies_in_it(domain):
    for share in (0.0, 0.3, 0.999999):
        value = domain.at(share)
        assert domain.check("it", value) == value
