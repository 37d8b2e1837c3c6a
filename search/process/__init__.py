"""How our own processes start, print and end."""

__all__ = ["collector", "command", "cpus", "pages", "stop", "table"]
