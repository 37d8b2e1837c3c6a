"""What happens when a config is varied: its variants trained on the same seeds, and compared in pairs."""

__all__ = ["compare", "variants", "vary"]
