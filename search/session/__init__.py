"""One session of a study, from what was typed to its result."""

__all__ = ["finish", "launch", "nested", "progress", "refit", "result"]
