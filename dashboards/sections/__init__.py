"""Sections of the report."""

__all__ = ["ablation", "diagnosis", "general", "search", "training"]
