"""Tables to figures."""

__all__ = [
    "categories",
    "confusion",
    "decisive",
    "differences",
    "exploration",
    "families",
    "labels",
    "learning",
    "paired",
    "parallel",
    "regions",
    "tuning",
]
