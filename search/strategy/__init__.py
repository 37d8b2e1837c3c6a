"""What is trained next, and what may go on. The only folder that knows Optuna."""

__all__ = ["agenda", "confirm", "director"]
