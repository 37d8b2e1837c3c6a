"""The study: what is trained next, on which workers, and what is written down."""

__all__ = ["records"]
