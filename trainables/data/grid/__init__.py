"""The axis that spectra stand on, the quantity of their intensities, and how both are changed."""

from spectune.trainables.data.grid.resampling import interpolate, resample
from spectune.trainables.data.grid.units import comparable, label

__all__ = ["comparable", "intensities", "interpolate", "label", "resample", "units"]
