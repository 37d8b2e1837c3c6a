"""How our own processes start, print and end."""

__all__ = ["collector", "command", "log", "pages", "stop", "table"]
