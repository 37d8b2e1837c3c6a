"""Laws of diffraction that hold for numbers, numpy's arrays and torch's tensors alike. Angles are theta."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

SCHERRER = 0.9
Values = TypeVar("Values", NDArray[np.float64], Tensor)


def lorentz_polarisation(sines: Values) -> Values:
    """The factor of a powder without monochromator, at ``sines`` below 1 (Cullity, Elements of X-Ray Diffraction,
    ch. 4).
    """
    squares = sines**2
    return (1 + (1 - 2 * squares) ** 2) / (squares * (1 - squares) ** 0.5)


def caglioti(tangents: Values, u: float, v: float, w: float) -> Values:
    """The squared full width of the instrument, in the unit of ``u``, ``v`` and ``w`` (Caglioti et al. 1958)."""
    return u * tangents**2 + v * tangents + w


def broadening(cosines: Values, tangents: Values, *, scale: Values | float, strain: Values | float) -> Values:
    """The full width in degrees by crystallites of ``scale`` wavelengths (Scherrer) and a microstrain, a share (Stokes
    and Wilson 1944).
    """
    return (SCHERRER / (scale * cosines) + 4 * strain * tangents) * (180 / np.pi)
