"""Why trained networks are wrong."""

__all__ = ["diagnose"]
