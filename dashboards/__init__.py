"""Pages for people: records to tables, tables to figures, figures to sections."""

__all__ = []
