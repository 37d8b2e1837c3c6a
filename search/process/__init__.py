"""How our own processes start, print and end."""

__all__ = ["collector", "command", "cpus", "log", "pages", "stop", "table"]
