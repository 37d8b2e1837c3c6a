"""What a search will take, before anything is spent."""

__all__ = ["plan"]
