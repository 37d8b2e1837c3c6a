"""The space of training settings, the same for every architecture family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spectune.spaces.config import Config, hyper
from spectune.spaces.domain import Choice, Float, Int, Is

ALIASES = {"lr": "learning_rate"}  # other names of hyperparameters, as people type them

# What concerns the steps alone: nothing to search for a network that is fitted at once.
STEPS = (
    "learning_rate",
    "batch_size",
    "weight_decay",
    "focal_gamma",
    "label_smoothing",
    "schedule",
    "plateau_factor",
)


def _strength(most: float, default: float, help: str) -> Any:
    """How strong a change of the training spectra may be; there where spectra are augmented."""
    return hyper(Float(0.0, most), default, help, when=Is("augment", True), search=False)


@dataclass(frozen=True, kw_only=True)
class Training(Config):
    """How a network is trained. The defaults are the published protocol (Schuetzke et al. 2023, scripts).

    Adam with Keras' epsilon, decoupled weight decay, early stopping and learning-rate plateaus on the validation loss.
    The paper's text gives a plateau factor of 0.5, its code (and its logged learning rates) 0.1.
    """

    family: ClassVar[str] = "training"

    learning_rate: float = hyper(Float(1e-5, 1e-1, log=True), 3e-4, "step size of Adam", replicas=True)
    batch_size: int = hyper(Choice(16, 32, 64, 128, 256), 128, "spectra per step")
    weight_decay: float = hyper(Choice(0.0, 1e-5, 1e-4, 1e-3, 1e-2), 0.0, "decoupled weight decay", replicas=True)
    loss: str = hyper(
        Choice("cross_entropy", "focal"), "cross_entropy", "what is made small; focal: the hard spectra", search=False
    )
    focal_gamma: float | None = hyper(
        Float(0.5, 5.0), 2.0, "how much less a well classified spectrum counts", when=Is("loss", "focal")
    )
    label_smoothing: float | None = hyper(
        Float(0.0, 0.3),
        0.0,
        "share of the target spread over all classes",
        when=Is("loss", "cross_entropy"),
        replicas=True,
    )
    balance: bool = hyper(Choice(False, True), False, "every class weighs the same, however rare", search=False)
    schedule: str = hyper(
        Choice("plateau", "cosine", "constant"), "plateau", "course of the learning rate", replicas=True
    )
    plateau_factor: float | None = hyper(
        Choice(0.1, 0.5), 0.1, "learning rate times this on a plateau", when=Is("schedule", "plateau"), replicas=True
    )
    plateau_patience: int | None = hyper(
        Int(1, 1000),
        10,
        "epochs without progress that make a plateau",
        when=Is("schedule", "plateau"),
        search=False,
        replicas=True,
    )
    augment: bool = hyper(Choice(False, True), False, "training spectra are changed anew in every step")
    scaling: float | None = _strength(1.0, 0.0, "windows of a spectrum are lowered by up to this share")
    elimination: float | None = _strength(0.8, 0.0, "up to this share of the windows is set to zero")
    shift: float | None = _strength(0.1, 0.01, "shift by up to this share of the axis")
    stretch: float | None = _strength(0.1, 0.0, "stretch about the middle by up to this share, as strain does")
    broadening: float | None = _strength(50.0, 0.0, "Gaussian blur of up to this sigma, in points")
    impurity: float | None = _strength(0.7, 0.0, "another training spectrum is added, up to this height")
    background: float | None = _strength(1.0, 0.0, "a smooth background is added, up to this height")
    noise: float | None = _strength(0.2, 0.0, "white noise of up to this standard deviation, of the maximum")
    init: str = hyper(
        Choice("scratch", "backbone", "network"),
        "scratch",
        "weights at the start: drawn, or of --init-from the layers that find features, or all but the output",
        search=False,
    )
    freeze: int | None = hyper(
        Int(0, 10000),
        0,
        "epochs in which only the new layers learn",
        when=Is("init", "backbone", "network"),
        search=False,
    )
    patience: int = hyper(
        Int(1, 10000), 25, "epochs without progress before training stops", search=False, replicas=True
    )
    min_delta: float = hyper(
        Float(0.0, 1.0), 1e-4, "fall of the validation loss that is progress", search=False, replicas=True
    )
    precision: str = hyper(
        Choice("auto", "float32", "bfloat16"),
        "auto",
        "arithmetic of its products; auto: bfloat16 on a GPU",
        search=False,
    )
    replay: bool = hyper(
        Choice(False, True), False, "on a GPU a step is recorded once and replayed as a CUDA graph", search=False
    )
