"""Measured spectra, from the files that people have."""

__all__ = ["baseline", "duplicates", "folder", "measured", "reading", "table"]
