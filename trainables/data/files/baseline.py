"""Removing the slow background under measured spectra, once, when they are loaded. N spectra, L points."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis

Settings = dict[str, int | float]
NONE = "none"
# The methods of pybaselines that are offered, with the settings that may be given.
METHODS: dict[str, Settings] = {
    "asls": {"lam": 1e6, "p": 0.01, "tol": 1e-3, "max_iter": 500},
    "arpls": {"lam": 1e5, "tol": 1e-3, "max_iter": 500},
    "airpls": {"lam": 1e6, "tol": 1e-3, "max_iter": 500},
    "snip": {"max_half_window": 0},  # in points; 0 lets pybaselines estimate it from each spectrum
    "modpoly": {"poly_order": 5, "tol": 1e-3, "max_iter": 500},
    "imodpoly": {"poly_order": 5, "tol": 1e-3, "max_iter": 500},
    "beads": {"freq_cutoff": 0.005, "lam_0": 0.01, "lam_1": 0.01, "lam_2": 0.01, "tol": 1e-2, "max_iter": 500},
}
# Defaults are for 1000 points and follow the number of points by these powers: a background is as slow on any of them.
POWERS = {"lam": 4, "freq_cutoff": -1}
SCALED_FOR = 1000
LOGGER = logging.getLogger("spectune")
QUIET_SECONDS = 10.0  # between two lines of progress


def settings(baseline: str, points: int) -> tuple[str, Settings]:
    """The method and its settings for spectra of ``points``, from ``METHOD`` or ``METHOD:lam=1e5,p=0.001``.

    Settings that are given are taken as they are. ValueError lists what is known.
    """
    method, _, given = baseline.partition(":")
    if method not in METHODS:
        raise InputError(f"baseline must be one of {NONE}, {', '.join(METHODS)}, got {method!r}: choose one of them")
    values = {name: value * (points / SCALED_FOR) ** POWERS.get(name, 0) for name, value in METHODS[method].items()}
    for setting in filter(None, given.split(",")):
        name, _, text = setting.partition("=")
        if name not in values:
            raise InputError(f"baseline {method} takes the settings {', '.join(values)}, got {setting!r}: use those")
        values[name] = _number(f"{name} of baseline {method}", text)
    whole = {name for name, value in METHODS[method].items() if isinstance(value, int)}
    return method, {name: int(value) if name in whole else value for name, value in values.items() if value}


def described(baseline: str, points: int) -> str:
    """How a correction is done, in words that suffice to do it with pybaselines alone."""
    method, values = settings(baseline, points)
    return f"{method}({', '.join(f'{name}={value:g}' for name, value in values.items())})"


def correct(
    spectra: NDArray[np.floating[Any]], axis: Axis, baseline: str, names: Sequence[str] = ()
) -> NDArray[np.floating[Any]]:
    """``spectra`` (N, L) on ``axis`` without their baselines, as ``baseline`` says; as they are for ``none``.

    A spectrum's correction depends on nothing but itself, and does not depend on its unit. ValueError in one line
    names the spectrum (by ``names`` (N,), else by its number from 0) on which the method fails.
    """
    if baseline == NONE:
        return spectra
    method, values = settings(baseline, len(axis))
    from pybaselines import Baseline
    from pybaselines.utils import ParameterWarning

    fit = getattr(Baseline(axis.values), method)
    corrected = np.empty(spectra.shape)
    told = time.monotonic()
    with warnings.catch_warnings():
        for kind in (RuntimeWarning, ParameterWarning):
            warnings.simplefilter("error", kind)
        for row, spectrum in enumerate(spectra):
            try:
                corrected[row] = spectrum - _background(fit, spectrum, values)
            except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, Warning) as error:
                raise _failure(baseline, names[row] if names else f"spectrum {row}", error) from None
            if time.monotonic() - told > QUIET_SECONDS:
                told = time.monotonic()
                LOGGER.info("baseline %s: %d of %d spectra", method, row + 1, len(spectra))
    return corrected


def _background(
    fit: Callable[..., tuple[NDArray[np.float64], dict[str, Any]]], spectrum: NDArray[Any], values: Settings
) -> NDArray[np.float64]:
    """(L,) what lies under a spectrum; a flat one is nothing else."""
    exact = spectrum.astype(np.float64)
    highest = np.abs(exact).max()
    if np.ptp(exact) == 0:
        return exact
    found, details = fit(exact / highest, **values)
    history = np.ravel(details.get("tol_history", 0.0))
    if not np.isfinite(found).all():
        raise InputError("the baseline is not finite")
    if history[-1] > values.get("tol", np.inf):
        raise InputError(f"it has not converged after {values['max_iter']} steps")
    background: NDArray[np.float64] = found * highest
    return background


def _failure(baseline: str, name: str, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(
        f"baseline {baseline} must work on every spectrum, got a failure on {name} ({reason}): choose another method "
        f"or other settings, or remove the spectrum"
    )


def _number(what: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        raise InputError(f"{what} must be a number above 0, got {text!r}: write it as 100 or 1e5")
    return value
