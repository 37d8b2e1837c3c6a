"""What a training step makes small. B batch, C classes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces import Training
from spectune.spaces.errors import InputError
from spectune.trainables.models.heads import AdaCos, Cosine


class Loss(Protocol):
    """Logits (B, C) and labels (B,) or (B, C) to the mean loss.

    A ``smoothing`` () that is a tensor takes the place of the training's label smoothing.
    """

    def __call__(self, logits: Tensor, true: Tensor, smoothing: Tensor | None = None) -> Tensor: ...


def loss(training: Training, model: nn.Module, labels: NDArray[np.int64], classes: int, device: torch.device) -> Loss:
    """The loss that ``training`` asks for, with the head's margin or scale where ``model`` has a cosine head.

    ``labels`` (N,) are the training split's: with ``balance`` every class weighs the same, however many spectra it has.
    For (N, C) of 0 and 1 it is the sum of C binary losses. ValueError where that does not go with the head.
    """
    head = _head(model)
    if labels.ndim == 2:
        if head is not None:
            raise InputError(
                "a head that compares directions needs one label per spectrum, got several: use head=linear"
            )
        return _binary(training, labels, device)
    weights = None
    if training.balance:
        counts = np.bincount(labels, minlength=classes)
        shares = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        weights = torch.from_numpy(shares).float().to(device)

    def value(logits: Tensor, true: Tensor, smoothing: Tensor | None = None) -> Tensor:
        logits = logits.float() if head is None else head.target(logits, true)
        if training.loss == "focal":
            return focal(logits, true, gamma=float(training.focal_gamma or 0.0), weights=weights)
        if smoothing is None:
            return F.cross_entropy(logits, true, weight=weights, label_smoothing=training.label_smoothing or 0.0)
        return smoothed(logits, true, smoothing=smoothing, weights=weights)

    return value


def _binary(training: Training, labels: NDArray[np.int64], device: torch.device) -> Loss:
    """Binary cross-entropy, or its focal form, as mean over spectra and labels.

    With ``balance`` spectra with a label and those without weigh the same, by half their inverse shares: the loss of
    Rieger et al. 2023, which has no half.
    """
    share = np.clip(labels.mean(axis=0), 1 / len(labels), 1 - 1 / len(labels))
    present, lacking = (torch.from_numpy(0.5 / part).float().to(device) for part in (share, 1 - share))
    gamma = float(training.focal_gamma or 0.0) if training.loss == "focal" else 0.0

    def value(logits: Tensor, true: Tensor, smoothing: Tensor | None = None) -> Tensor:
        logits, target = logits.float(), true.float()
        smooth = training.label_smoothing or 0.0 if smoothing is None else smoothing
        each = F.binary_cross_entropy_with_logits(logits, target * (1 - smooth) + smooth / 2, reduction="none")
        if gamma:
            each = each * (1 - (logits * (2 * target - 1)).sigmoid()) ** gamma
        if training.balance:
            each = each * torch.where(true > 0, present, lacking)
        return each.mean()

    return value


def progress(model: nn.Module, logits: Tensor, labels: Tensor, *, loss: float) -> float:
    """What epochs of one training are compared by, the lower the better: ``loss``, the mean one of ``logits`` (N, C).

    Where the head's scale adapts, it is the loss at a scale that stays.
    """
    head = _head(model)
    return float(F.cross_entropy(head.steady(logits), labels)) if isinstance(head, AdaCos) else loss


def _head(model: nn.Module) -> Cosine | None:
    return next((module for module in model.modules() if isinstance(module, Cosine)), None)


def focal(logits: Tensor, labels: Tensor, *, gamma: float, weights: Tensor | None = None) -> Tensor:
    """Mean of -(1 - p)**gamma ln p, p being the probability of the true class (Lin et al. 2017).

    What is classified well already counts less. With class ``weights`` (C,) it is the weighted mean.
    """
    log_p = logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
    each = -((1 - log_p.exp()).clamp(min=0) ** gamma) * log_p
    if weights is None:
        return each.mean()
    return (weights[labels] * each).sum() / weights[labels].sum()


def smoothed(logits: Tensor, labels: Tensor, *, smoothing: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy with label ``smoothing`` (), which torch's own takes as a number only."""
    log_p = logits.log_softmax(dim=1)
    weights = torch.ones_like(log_p[0]) if weights is None else weights
    true = weights[labels] * log_p.gather(1, labels[:, None])[:, 0]
    each = -(1 - smoothing) * true - smoothing * (weights * log_p).mean(dim=1)
    return each.sum() / weights[labels].sum()
