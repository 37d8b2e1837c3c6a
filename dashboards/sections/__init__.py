"""Sections of the report."""

__all__ = ["ablation", "common", "diagnosis", "search", "training"]
