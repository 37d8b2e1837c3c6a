"""Under which conditions powders are measured, and by how much these vary from one pattern to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError, hold
from spectune.trainables.data.crystals.laws import broadening, caglioti
from spectune.trainables.data.grid.units import WAVELENGTHS

MARGIN = 1.0  # degrees beyond the measured range from which reflections reach into it
SHARPEST = 1.5  # points on the full width at half maximum of the narrowest reflection
TAIL = 8  # full widths of the broadest reflection at which each ends
OF = " of crystals"  # what options are called in messages
BACKGROUND = 4  # Bernstein coefficients of a cubic
# Draws of a pattern, each from 0 to 1: what they decide, and how many it takes.
DRAWS = {
    "strain": 6,
    "axis": 1,
    "texture": 1,
    "thermal": 1,
    "size": 1,
    "microstrain": 1,
    "zero_shift": 1,
    "displacement": 1,
    "background": BACKGROUND,
    "noise": 1,
    "other": 1,
    "share": 1,
}

STRENGTHS = (
    *("strain", "vacancies", "thermal", "microstrain", "zero_shift", "displacement"),
    *("background", "noise"),
)  # fields that leave something out where they are 0

Floats = NDArray[np.float64]


def lines(wavelength: str) -> tuple[tuple[float, float], ...]:
    """(wavelength in angstrom, share) of each line; InputError for one that is neither known nor a number."""
    if wavelength in WAVELENGTHS:
        return WAVELENGTHS[wavelength]
    try:
        value = float(wavelength)
    except ValueError:
        value = np.nan
    if not 0.1 <= value <= 5:
        raise InputError(
            f"wavelength must be one of {', '.join(WAVELENGTHS)} or a number from 0.1 to 5 angstrom, got "
            f"{wavelength!r}: choose one"
        )
    return ((value, 1.0),)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The instrument and, for each pattern anew, the sample. Angles are two theta in degrees; strengths are limits up
    to which all values are equally likely; 0 (of texture 1) leaves one out.
    """

    wavelength: str = "CuKa"  # a named line, with its doublet, or a number in angstrom
    min_angle: float = 10.0
    max_angle: float = 80.0
    points: int = 2048
    b_iso: float = 0.5  # B factor of atoms whose file gives no displacement, square angstrom
    strain: float = 0.005  # of the lattice, within its symmetry: a share of its lengths, either way
    texture: float = 0.6  # the smallest March-Dollase parameter; it varies from there to its inverse
    vacancies: float = 0.0  # share of the atoms of each element that may be missing
    thermal: float = 0.5  # what may be added to all B factors, square angstrom
    min_size: float = 30.0  # of crystallites, nm, by Scherrer's equation
    max_size: float = 200.0
    microstrain: float = 0.001  # a share, by Stokes and Wilson
    u: float = 0.01  # Caglioti's squared width of the instrument, square degrees: u tan^2 + v tan + w
    v: float = -0.005
    w: float = 0.006
    zero_shift: float = 0.05  # of the goniometer, degrees, either way
    displacement: float = 0.1  # of the sample from the goniometer's axis, mm, either way
    radius: float = 200.0  # of the goniometer, mm
    impurities: int = 0  # other structures in a pattern, at most
    impurity_share: float = 0.1  # how high the strongest reflection of one is beside that of the sample
    background: float = 0.1  # the highest value of a smooth one, of a pattern whose highest point is 1
    noise: float = 0.01  # standard deviation of white noise, of a pattern whose highest point is 1

    def __post_init__(self) -> None:
        rules = (
            ("min_angle", 0.5 <= self.min_angle <= 150, "from 0.5 to 150 degrees"),
            ("max_angle", self.min_angle + 1 <= self.max_angle <= 160, "from 1 above min_angle to 160 degrees"),
            ("points", 100 <= self.points <= 100_000, "from 100 to 100000"),
            ("b_iso", 0 <= self.b_iso <= 20, "from 0 to 20"),
            ("strain", 0 <= self.strain <= 0.1, "from 0 to 0.1"),
            ("texture", 0.1 <= self.texture <= 1, "from 0.1 to 1"),
            ("vacancies", 0 <= self.vacancies <= 0.9, "from 0 to 0.9"),
            ("thermal", 0 <= self.thermal <= 20, "from 0 to 20"),
            ("min_size", self.min_size >= 1, "at least 1 nm"),
            ("max_size", self.min_size <= self.max_size <= 1e6, "from min_size to 1000000 nm"),
            ("microstrain", 0 <= self.microstrain <= 0.05, "from 0 to 0.05"),
            ("zero_shift", 0 <= self.zero_shift <= MARGIN / 2, f"from 0 to {MARGIN / 2:g} degrees"),
            ("radius", 50 <= self.radius <= 10_000, "from 50 to 10000 mm"),
            ("displacement", 0 <= self.displacement <= self.radius / 500, "from 0 to a 500th of radius"),
            ("impurities", 0 <= self.impurities <= 5, "from 0 to 5"),
            ("impurity_share", 0 < self.impurity_share <= 1, "above 0 and at most 1"),
            ("background", 0 <= self.background <= 100, "from 0 to 100"),
            ("noise", 0 <= self.noise <= 100, "from 0 to 100"),
        )
        hold(self, rules, OF)
        self._resolved()

    def _resolved(self) -> None:
        """ValueError where the instrument has no width, or its points are too few for it."""
        _ = self.lines
        tangents = np.tan(np.radians(np.linspace(self.min_angle, self.max_angle, 200) / 2))
        squares = caglioti(tangents, self.u, self.v, self.w)
        if not squares.min() > 0:
            raise InputError(
                f"u, v and w must give a width above 0 at all angles, got {squares.min():g} square degrees: raise w"
            )
        narrowest = float(self.widths(self.max_size, 0.0)[0].min())
        if narrowest < SHARPEST * self.step:
            least = int(np.ceil((self.max_angle - self.min_angle) / narrowest * SHARPEST)) + 1
            raise InputError(
                f"points must lie {SHARPEST:g} or more on the narrowest reflection ({narrowest:.3f} degrees), got "
                f"{self.points}: take {least}, or raise w"
            )

    @property
    def lines(self) -> tuple[tuple[float, float], ...]:
        """(wavelength in angstrom, share) of each line."""
        return lines(self.wavelength)

    @property
    def step(self) -> float:
        """Degrees between two points."""
        return (self.max_angle - self.min_angle) / (self.points - 1)

    @property
    def angles(self) -> Floats:
        """The measured angles (L,)."""
        return np.linspace(self.min_angle, self.max_angle, self.points)

    @property
    def spacings(self) -> tuple[float, float]:
        """Smallest and largest lattice spacing, angstrom, of which a pattern may have a reflection."""
        wavelengths = [line for line, _ in self.lines]
        low, high = (np.sin(np.radians(angle / 2)) for angle in (self._low, min(self.max_angle + MARGIN, 179)))
        return float(min(wavelengths) / 2 / high) / (1 + self.strain), float(max(wavelengths) / 2 / low) * (
            1 + self.strain
        )

    @property
    def _low(self) -> float:
        return max(self.min_angle - MARGIN, self.min_angle / 2)

    def widths(self, size: float, microstrain: float) -> tuple[Floats, Floats]:
        """Full widths at half maximum in degrees, Gaussian and Lorentzian parts added, at the ends and between (200,);
        ``size`` in nm.
        """
        halves = np.radians(np.linspace(self.min_angle, self.max_angle, 200) / 2)
        cosines, tangents = np.cos(halves), np.tan(halves)
        gauss = np.sqrt(caglioti(tangents, self.u, self.v, self.w))
        return gauss, gauss + broadening(cosines, tangents, scale=10 * size / self.lines[0][0], strain=microstrain)

    @property
    def reach(self) -> int:
        """Points from its middle at which a reflection ends."""
        broadest = float(self.widths(self.min_size, self.microstrain)[1].max())
        return int(min(np.ceil(TAIL * broadest / self.step), self.points))

    def nominal(self) -> Self:
        """The same instrument with a sample of which nothing varies, without noise."""
        size = (self.min_size + self.max_size) / 2
        none: dict[str, Any] = dict.fromkeys(STRENGTHS, 0.0)
        return replace(self, **none, texture=1.0, min_size=size, max_size=size, impurities=0)

    def draws(self, elements: int) -> int:
        """How many numbers decide the conditions of one phase in a pattern."""
        return sum(DRAWS.values()) + elements
