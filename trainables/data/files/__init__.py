"""Measured spectra, from the files that people have."""

__all__ = ["baseline", "measured"]
