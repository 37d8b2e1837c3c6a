"""A quick look at training spectra: what a search should do to them first. N spectra, L points."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.prior import Prior

FEWEST = 20  # points below which nothing is said
OFFSET = 0.5  # of the height, from which a scale by the maximum hides the signal
DRIFT = 0.5  # of the variance along the axis that a parabola takes
ALIKE = 0.9  # cosine of spectra with their mean, on SNV
SPIKES = 0.02  # of the spectra that have one
SHARED = 0.1  # of the spectra with a sharp point at one place: a line, no spike
SHARP = 10.0  # standard deviations of the noise
DIPS = 0.7  # of the height: where most points of a spectrum of dips lie
STEEPER = 3.0  # a spike than what is beside it
BASELINE = ("baseline", "baseline_width", "baseline_degree", "baseline_smoothness", "baseline_asymmetry")
SIGMA = 0.6745 * 6**0.5  # median of the sizes of second differences of noise, in its standard deviations


class Seen(NamedTuple):
    """Medians over the spectra, in heights of a spectrum (from the 5th to the 99.5th percentile of its intensities)."""

    offset: float  # of the 5th percentile from 0
    drift: float  # share of the variance along the axis that a parabola takes
    noise: float  # standard deviation
    negative: float  # share of the points that are clearly below 0
    alike: float  # cosine of a spectrum with the mean of all, on SNV
    middle: float  # of the median from the 5th percentile: near 1 where a spectrum is of dips
    spikes: float  # share of the spectra with a point that is far above both its neighbours


def seen(spectra: NDArray[np.floating[Any]]) -> Seen:
    """What there is to see in spectra (N, L) of at least ``FEWEST`` points."""
    spectra = spectra.astype(np.float64)
    low, middle, high = np.quantile(spectra, (0.05, 0.5, 0.995), axis=1)
    height = np.where(high > low, high - low, 1.0)
    centred = spectra - spectra.mean(axis=1, keepdims=True)
    flat = _flat(centred)
    size = np.square(centred).sum(axis=1)
    noise = np.median(np.abs(np.diff(spectra, 2, axis=1)), axis=1) / SIGMA
    snv = centred / np.sqrt(np.where(size > 0, size, 1.0))[:, None]
    mean = snv.mean(axis=0)
    steps = np.diff(spectra, axis=1)
    rise = np.minimum(steps[:, 1:-2], -steps[:, 2:-1])
    flanks = np.maximum(np.abs(steps[:, :-3]), np.abs(steps[:, 3:]))  # of a peak as steep as its top
    sharp = (rise > SHARP * noise[:, None]) & (rise > STEEPER * flanks)
    alone = sharp & (sharp.mean(axis=0) < SHARED) & (noise > 0)[:, None]
    return Seen(
        offset=float(np.median(low / height)),
        drift=float(np.median(1 - np.square(flat).sum(axis=1) / np.where(size > 0, size, 1.0))),
        noise=float(np.median(noise / height)),
        negative=float(np.mean(spectra < -0.05 * height[:, None])),
        alike=float(np.median(snv @ mean) / (np.linalg.norm(mean) or 1.0)),
        middle=float(np.median((middle - low) / height)),
        spikes=float(alone.any(axis=1).mean()),
    )


def width(spectra: NDArray[np.floating[Any]]) -> float:
    """Median points of the highest peak at half its height in spectra (N, L); 0 where the highest point is no peak."""
    from scipy.signal import peak_widths  # tenths of a second, for spectra of which something is said

    spectra = spectra.astype(np.float64)
    rows = _flat(spectra - spectra.mean(axis=1, keepdims=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.median([peak_widths(row, [int(row.argmax())])[0][0] for row in rows]))


def _flat(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred spectra (N, L) less the parabola that fits each best."""
    basis = np.linalg.qr(np.vander(np.linspace(-1, 1, centred.shape[1]), 3))[0]
    flat: NDArray[np.float64] = centred - (centred @ basis) @ basis.T
    return flat


def look(spectra: NDArray[np.floating[Any]]) -> Prior:
    """What to try first on spectra (N, L) like these; nothing where they are as published protocols take them.

    Those have no background, so that dividing by the maximum leaves the whole signal.
    """
    if spectra.shape[1] < FEWEST or not len(spectra):
        return Prior()
    statistics = seen(spectra)
    findings = {
        f"offset {statistics.offset:.2g} times the signal": statistics.offset > OFFSET,
        f"{statistics.drift:.0%} of the variance is a background that drifts": statistics.drift > DRIFT,
        f"{statistics.negative:.0%} of the points are negative": statistics.negative > 0.1,
        f"spectra alike to {statistics.alike:.2f}": statistics.alike > ALIKE,
        "dips, not peaks": statistics.middle > DIPS and statistics.negative == 0,
        f"spikes in {statistics.spikes:.0%} of the spectra": statistics.spikes > SPIKES,
    }
    if not any(findings.values()):
        return Prior()
    said = ", ".join(words for words, holds in findings.items() if holds)
    offset, drift, _, alike, dips, spikes = findings.values()
    window = int(np.clip(2 * (width(spectra) // 2) + 1, 5, min(51, spectra.shape[1] // 4 * 2 - 1)))
    snv: dict[str, Any] = {"preprocess": "snv"}
    standardised = {"standardised snv": {**snv, "pointwise": True}} if alike else {}
    first = {
        **({} if offset or drift else standardised),
        "detrended snv": {**snv, "detrend": 2},
        "second derivative snv": {**snv, "savgol": "second", "window": window},
        **({"asls snv": {**snv, "baseline": "asls"}} if drift else {}),
        "snv": snv,
        **standardised,
        **({"absorbance snv": {**snv, "logarithm": "absorbance"}} if dips else {}),
        **({"despiked snv": {**snv, "despike": 7}} if spikes else {}),
    }
    needed = {"pointwise": alike, "logarithm": dips, "despike": spikes, **dict.fromkeys(BASELINE, drift)}
    extra = [name for name, holds in needed.items() if holds]
    order = ", ".join(first)
    rule = f"{said}: {order} first"
    return Prior(rule, first, ("savgol", "window", "polynomial", "detrend", "scatter", *extra))
