"""Records to tables."""

__all__ = ["candidates", "importance", "origins", "summary", "trials", "variants"]
