"""Records to tables."""

__all__ = ["importance", "summary", "trials", "variants"]
