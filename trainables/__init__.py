"""Training one config on a dataset, and what becomes of it. No Ray, no Optuna, no MLflow."""

__all__ = [
    "confused",
    "data",
    "ensemble",
    "epoch",
    "export",
    "identify",
    "jackknife",
    "look",
    "metrics",
    "models",
    "own",
    "pace",
    "replicas",
    "seal",
    "summary",
    "train",
    "unknown",
    "warm",
    "weights",
]
