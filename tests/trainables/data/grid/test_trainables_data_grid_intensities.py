"""Absorbance, transmittance and reflectance, from one to another."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data.grid.intensities import convert, percent, same

T = np.array([[1.0, 0.1, 0.01, 0.5]])


@pytest.mark.parametrize("kind", ["transmittance", "reflectance"])
def test_absorbance_is_the_negative_logarithm(kind: str) -> None:
    absorbance, low = convert(T, kind, "absorbance")
    np.testing.assert_allclose(absorbance, [[0.0, 1.0, 2.0, 0.30103]], atol=1e-6)
    assert low == 0
    np.testing.assert_allclose(convert(100 * T, f"% {kind}", "absorbance")[0], absorbance)
    np.testing.assert_allclose(convert(absorbance, "absorbance", f"% {kind}")[0], 100 * T)
    np.testing.assert_allclose(convert(T, kind, f"% {kind}")[0], 100 * T)
    assert convert(T, kind, kind)[0] is T


def test_what_lets_nothing_through_is_at_the_floor_and_counted() -> None:
    moved, low = convert(
        np.array([[50.0, 0.0, -0.2, 0.005, np.nan, 90, 90, 90, 90, 90]]), "% transmittance", "absorbance"
    )
    np.testing.assert_allclose(moved[0, 1:4], 4.0)
    assert low == 3 and np.isnan(moved[0, 4])


def test_what_is_below_zero_is_no_transmittance() -> None:
    with pytest.raises(ValueError, match="transmittance must be above 0 to become absorbance, got 50% of a spectrum"):
        convert(np.array([[0.2, -0.1, 0.3, -0.4]]), "transmittance", "absorbance")


@pytest.mark.parametrize(("kind", "onto"), [("counts", "absorbance"), ("reflectance", "transmittance")])
def test_no_way_is_refused(kind: str, onto: str) -> None:
    with pytest.raises(ValueError, match=f"quantity that can be converted to {onto}, got {kind}"):
        convert(T, kind, onto)


def test_a_transmittance_beyond_two_is_in_percent() -> None:
    assert percent("transmittance", 100 * T) == "% transmittance"
    assert percent("transmittance", T) == "transmittance"
    assert percent("absorbance", 100 * T) == "absorbance"


def test_counts_and_intensities_are_the_same_but_for_a_factor() -> None:
    assert same("counts", "raman intensity") and same("", "absorbance") and same("absorbance", "absorbance")
    assert not same("absorbance", "% transmittance") and not same("counts", "absorbance")
