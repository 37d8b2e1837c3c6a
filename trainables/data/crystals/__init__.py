"""Powder patterns that are computed from crystal structures."""

__all__ = ["conditions", "listing", "references", "source"]
