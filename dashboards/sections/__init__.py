"""Sections of the report."""

__all__ = ["ablation", "search", "training"]
