"""Laws of diffraction give the numbers of the textbooks, and the same in numpy and in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.trainables.data.crystals.laws import broadening, caglioti, lorentz_polarisation

THETA = np.radians(np.linspace(5, 80, 50))


def test_lorentz_and_polarisation_are_as_tabulated() -> None:
    """Cullity's appendix, at 30 and 45 degrees of theta."""
    assert lorentz_polarisation(np.sin(np.radians([30.0, 45.0]))) == pytest.approx([5.7735, 2.8284], rel=1e-4)


def test_widths_are_those_of_scherrer_stokes_and_wilson_and_caglioti() -> None:
    none = np.zeros(1)
    by_size = broadening(np.cos(np.radians([20.0])), none, scale=100 / 1.5406, strain=0.0)
    assert by_size == pytest.approx(np.degrees(0.9 * 1.5406 / 100 / np.cos(np.radians(20))))
    by_strain = broadening(np.ones(1), np.ones(1), scale=1e12, strain=0.001)
    assert by_strain == pytest.approx(np.degrees(0.004))
    assert caglioti(np.array([0.5]), 0.1, -0.04, 0.02) == pytest.approx(0.1 / 4 - 0.02 + 0.02)


def test_numpy_and_torch_agree() -> None:
    sines, cosines, tangents = np.sin(THETA), np.cos(THETA), np.tan(THETA)
    s, c, t = (torch.from_numpy(values) for values in (sines, cosines, tangents))
    np.testing.assert_allclose(lorentz_polarisation(s).numpy(), lorentz_polarisation(sines))
    np.testing.assert_allclose(caglioti(t, 0.1, -0.1, 0.1).numpy(), caglioti(tangents, 0.1, -0.1, 0.1))
    drawn = broadening(c, t, scale=torch.full_like(t, 50.0), strain=torch.full_like(t, 0.01))
    np.testing.assert_allclose(drawn.numpy(), broadening(cosines, tangents, scale=50.0, strain=0.01))
