"""What is done to a raw spectrum before the first layer, in a fixed order, each step a hyperparameter.

1. ``low``, ``high``: the region of the axis that is read
2. ``despike``: spikes are replaced (Whitaker and Hayes 2018, Chemom. Intell. Lab. Syst. 179, 82)
3. ``logarithm``: absorbance of transmittance, or the logarithm
4. ``baseline``: what lies under the peaks is taken off, by a method of the field (``trainables.models.baseline``)
5. ``savgol``: smoothing, first or second derivative (Savitzky and Golay 1964, Anal. Chem. 36, 1627)
6. ``detrend``: a polynomial is taken off (Barnes et al. 1989, Appl. Spectrosc. 43, 772)
7. ``scatter``: multiplicative scatter correction to the training mean (Geladi et al. 1985, Appl. Spectrosc. 39, 491)
8. ``preprocess``: the scale, of each spectrum by itself (``spaces.layers``)
9. ``pointwise``: each point by its mean and standard deviation over the training split

All but the scale are off unless asked for; a search varies what a look at the training split says (``spaces.prior``).
"""

from __future__ import annotations

from dataclasses import dataclass

from spectune.spaces.config import Network, hyper
from spectune.spaces.domain import Choice, Float, Int, Is
from spectune.spaces.errors import InputError

FEWEST = 8  # points of a region


@dataclass(frozen=True, kw_only=True)
class Preprocessed(Network):
    """A family whose networks can do to raw spectra what this module lists."""

    low: float = hyper(
        Float(0.0, 1.0), 0.0, "where the region that is read begins, as a share of the axis", search=False
    )
    high: float = hyper(Float(0.0, 1.0), 1.0, "where the region ends, as a share of the axis", search=False)
    despike: int = hyper(
        Choice(0, 5, 7, 10), 0, "modified z-score from which a point is a spike; 0 leaves spikes", search=False
    )
    logarithm: str = hyper(
        Choice("none", "absorbance", "log"), "none", "-log10 of transmittance, or log10", search=False
    )
    baseline: str = hyper(
        Choice("none", "snip", "imodpoly", "asls"),
        "none",
        "method that finds the baseline, which is taken off",
        search=False,
    )
    baseline_width: float | None = hyper(
        Float(0.005, 0.2, log=True),
        0.05,
        "half window that peaks are clipped by, as a share of the axis",
        when=Is("baseline", "snip"),
        search=False,
    )
    baseline_degree: int | None = hyper(
        Int(2, 8), 5, "degree of the polynomial baseline", when=Is("baseline", "imodpoly"), search=False
    )
    baseline_smoothness: float | None = hyper(
        Float(1e4, 1e9, log=True),
        1e5,
        "lambda of the baseline on 1000 points; it goes with the number of points to the power of 4",
        when=Is("baseline", "asls"),
        search=False,
    )
    baseline_asymmetry: float | None = hyper(
        Float(0.005, 0.2, log=True),
        0.01,
        "weight of a point above the baseline; more of them where there is noise",
        when=Is("baseline", "asls"),
        search=False,
    )
    savgol: str = hyper(
        Choice("none", "smooth", "first", "second"),
        "none",
        "Savitzky-Golay filter: smoothing, first or second derivative",
        search=False,
    )
    window: int | None = hyper(
        Int(5, 51, step=2), 11, "points under the filter", when=Is("savgol", "smooth", "first", "second"), search=False
    )
    polynomial: int | None = hyper(
        Int(2, 4), 2, "degree of the filter's polynomial", when=Is("savgol", "smooth", "first", "second"), search=False
    )
    detrend: int = hyper(Choice(0, 1, 2, 3), 0, "degree of a polynomial that is taken off; 0 takes none", search=False)
    scatter: str = hyper(
        Choice("none", "msc"), "none", "multiplicative scatter correction to the training mean", search=False
    )
    pointwise: bool = hyper(Choice(False, True), False, "standardise each point over the training split", search=False)

    def region(self, points: int) -> tuple[int, int]:
        """The first point that is read, and the one behind the last. ValueError where too few are left."""
        first, last = round(self.low * points), round(self.high * points)
        if (self.low, self.high) != (0.0, 1.0) and last - first < FEWEST:
            raise InputError(
                f"a region must hold at least {FEWEST} points, got {max(0, last - first)} of {points} from low "
                f"{self.low:g} to high {self.high:g}: set them further apart"
            )
        return first, last

    def inputs(self, points: int) -> int:
        first, last = self.region(points)
        if self.window is not None and self.window > last - first:
            raise InputError(
                f"window must be at most the points that are read, got {self.window} for {last - first}: take less"
            )
        if self.reading != "spectrum" and (self.savgol in ("first", "second") or self.pointwise):
            changed = f"savgol={self.savgol}" if self.savgol in ("first", "second") else "pointwise"
            raise InputError(
                f"peaks are read of spectra that have theirs, got reading={self.reading} with {changed}, which has "
                "others: leave one of both out"
            )
        return super().inputs(last - first)

    def preparation(self) -> list[str]:
        """The steps in words, in their order; the usual scale is not said."""
        filtered = {"smooth": "smoothed", "first": "first derivative", "second": "second derivative"}
        steps = [
            f"{self.low:.3g} to {self.high:.3g} of the axis" if (self.low, self.high) != (0.0, 1.0) else "",
            f"spikes from {self.despike} taken out" if self.despike else "",
            {"none": "", "log": "logarithm"}.get(self.logarithm, self.logarithm),
            self._off(),
            f"{filtered[self.savgol]} over {self.window} points" if self.savgol != "none" else "",
            f"detrended by degree {self.detrend}" if self.detrend else "",
            self.scatter.upper() if self.scatter != "none" else "",
            f"preprocessing {self.preprocess}" if self.preprocess != "max" else "",
            "points standardised" if self.pointwise else "",
        ]
        return [step for step in steps if step]

    def _off(self) -> str:
        """The baseline that is taken off, in words."""
        match self.baseline:
            case "none":
                return ""
            case "snip":
                strength = f"half window {self.baseline_width:.2g} of the axis"
            case "imodpoly":
                strength = f"degree {self.baseline_degree}"
            case _:
                strength = f"lambda {self.baseline_smoothness:.2g}, p {self.baseline_asymmetry:.2g}"
        return f"baseline taken off by {self.baseline} ({strength})"
