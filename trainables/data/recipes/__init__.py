"""Spectra that are made."""

__all__ = ["benchmark", "challenge", "described", "generated", "sampling"]
