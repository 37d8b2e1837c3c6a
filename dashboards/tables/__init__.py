"""Records to tables."""

__all__ = ["candidates", "importance", "summary", "trials", "variants"]
