"""What intensities are: absorbance, transmittance, reflectance, counts; and the way from one to another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError

SCALES = {"transmittance": 1.0, "% transmittance": 100.0, "reflectance": 1.0, "% reflectance": 100.0}
COUNTED = (  # what differs by a factor only
    *("counts", "counts per second", "intensity", "relative intensity", "raman intensity", "electrons", "emission"),
    *("scattering", "raman", "single beam"),
)
KNOWN = ("absorbance", *SCALES, "kubelka-munk", "counts", "counts per second", "intensity")
FLOOR = 1e-4  # the least transmittance: nothing is known of an absorbance above 4
MOST = 0.25  # share of a spectrum at or below 0 from which on it is no transmittance
FRACTION = 2.0  # the highest value of a transmittance that is not in percent


def same(quantity: str, other: str) -> bool:
    """Whether two quantities differ by a factor at most that nobody knows, or one is not known."""
    return "" in (quantity, other) or quantity == other or (quantity in COUNTED and other in COUNTED)


def convertible(quantity: str, other: str) -> bool:
    """Whether there is a way between two quantities: absorbance and transmittance or reflectance, percent or not."""
    pair = {quantity.removeprefix("% "), other.removeprefix("% ")}
    return quantity == other or (
        pair <= {"absorbance", "transmittance", "reflectance"} and len(pair - {"absorbance"}) < 2
    )


def percent(quantity: str, spectra: NDArray[np.floating[Any]]) -> str:
    """``quantity``, in percent where its values (N, L) are."""
    known = spectra[np.isfinite(spectra)]
    if quantity in ("transmittance", "reflectance") and known.size and known.max() > FRACTION:
        return f"% {quantity}"
    return quantity


def convert(spectra: NDArray[np.floating[Any]], quantity: str, onto: str) -> tuple[NDArray[np.floating[Any]], int]:
    """``spectra`` (N, L) of one quantity in another, and how many values were at or below the floor.

    A = -log10(T), and the same of reflectance. T at or below 1e-4 is taken for 1e-4: noise where nothing passes has no
    logarithm. ValueError where there is no way, or where more than a quarter of a spectrum is at or below 0.
    """
    if quantity == onto:
        return spectra, 0
    if not convertible(quantity, onto):
        raise InputError(
            f"intensities must be in a quantity that can be converted to {onto}, got {quantity}: export them as {onto}"
        )
    if quantity == "absorbance":
        with np.errstate(over="ignore"):
            return 10.0**-spectra * SCALES[onto], 0
    shares = spectra / SCALES[quantity]
    if onto != "absorbance":
        return shares * SCALES[onto], 0
    none = (shares <= 0).mean(axis=1)
    if (none > MOST).any():
        raise InputError(
            f"{quantity} must be above 0 to become absorbance, got {none.max():.0%} of a spectrum at or below 0: check "
            f"what the intensities are"
        )
    return -np.log10(np.maximum(shares, FLOOR)), int((shares < FLOOR).sum())
