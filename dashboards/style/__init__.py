"""How pages look: theme, words, the page itself."""

__all__ = ["marks", "page", "panels", "theme", "words"]
