"""The last layer of a model that is fitted at once, by no steps."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

IMPORTANCES = "importances"
NUMBERS = 50_000_000  # of the training spectra that a fit works on: 0.4 GB in double precision, a few times


class Estimator(nn.Module, ABC):
    """What stands last in an ``nn.Sequential``: features (B, L) to logits (B, C).

    What ``fit`` finds are parameters without gradients, of sizes that the config fixes. Where the method has them,
    ``importances`` (L,) say how much each feature decides; they sum to 1, or are 0 before the fit. ``most`` is how many
    training spectra a fit can take, None if any number.
    """

    importances: Tensor

    def __init__(self, *, importances: int = 0, numbers: int = 0, most: int | None = None) -> None:
        """A fit takes ``most`` training spectra, or where it keeps ``numbers`` per spectrum, ``NUMBERS`` of them."""
        super().__init__()
        self.most = NUMBERS // numbers if numbers else most
        if importances:
            self.register_buffer(IMPORTANCES, torch.zeros(importances))

    @abstractmethod
    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        """Fit to features (N, L) and labels (N,), both on the CPU; with ``balance`` every class weighs the same."""


def kept(values: Tensor) -> nn.Parameter:
    """Numbers that a fit finds."""
    return nn.Parameter(values, requires_grad=False)


def importances(weights: dict[str, Tensor]) -> Tensor | None:
    """The importances (L,) among the weights of a model that ends in an estimator; None where it has none."""
    matches = (tensor for name, tensor in weights.items() if name.partition(".")[2] == IMPORTANCES)
    return next(matches, None)
