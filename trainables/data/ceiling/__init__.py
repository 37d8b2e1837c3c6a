"""What is possible at best on spectra whose making is known, and what errors are due to."""

__all__ = ["causes", "ideal", "region"]
