"""Training on workers, wherever they run. The only folder that knows Ray."""

__all__ = ["cluster", "files", "node", "packing", "pool"]
