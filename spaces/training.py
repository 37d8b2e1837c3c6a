"""The space of training settings, the same for every architecture family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Config, hyper
from spectune.spaces.domain import Choice, Float, Int, Is


@dataclass(frozen=True, kw_only=True)
class Training(Config):
    """How a network is trained. The defaults are the published protocol (Schuetzke et al. 2023, scripts).

    Adam with Keras' epsilon, decoupled weight decay, early stopping and learning-rate plateaus on the validation loss.
    The paper's text gives a plateau factor of 0.5, its code (and its logged learning rates) 0.1.
    """

    family: ClassVar[str] = "training"

    learning_rate: float = hyper(Float(1e-5, 1e-1, log=True), 3e-4, "step size of Adam")
    batch_size: int = hyper(Choice(16, 32, 64, 128, 256), 128, "spectra in a step")
    weight_decay: float = hyper(Choice(0.0, 1e-5, 1e-4, 1e-3, 1e-2), 0.0, "decoupled weight decay")
    label_smoothing: float = hyper(Float(0.0, 0.3), 0.0, "share of the target spread over all classes")
    schedule: str = hyper(Choice("plateau", "cosine", "constant"), "plateau", "course of the learning rate")
    plateau_factor: float | None = hyper(
        Choice(0.1, 0.5), 0.1, "learning rate times this on a plateau", when=Is("schedule", "plateau")
    )
    plateau_patience: int | None = hyper(
        Int(1, 1000), 10, "epochs without progress that make a plateau", when=Is("schedule", "plateau"), search=False
    )
    patience: int = hyper(Int(1, 10000), 25, "epochs without progress before training stops", search=False)
    min_delta: float = hyper(Float(0.0, 1.0), 1e-4, "fall of the validation loss that is progress", search=False)
    precision: str = hyper(
        Choice("auto", "float32", "bfloat16"), "auto", "arithmetic of a step; auto: bfloat16 on a GPU", search=False
    )
