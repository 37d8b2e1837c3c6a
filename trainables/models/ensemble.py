"""Builds the ensembles of ``spectune.spaces.ensemble``. B batch, L points, C classes, M members."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

LEAST = -87.0  # logarithm of a probability, about that of the smallest number that float32 holds with all its digits


class Mean(nn.Module):
    """Raw spectra (B, L) to the logits (B, C) of the weighted mean of what the members hold probable."""

    def __init__(self, members: Sequence[nn.Module], shares: Sequence[float], *, several: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.shares = list(shares)
        self.several = several

    def forward(self, spectra: Tensor) -> Tensor:
        return mixed([member(spectra) for member in self.members], self.shares, several=self.several)


def mixed(logits: Sequence[Tensor], shares: Sequence[float], *, several: bool) -> Tensor:
    """Logits (B, C) whose probabilities are the mean of those of M ``logits`` (B, C), by ``shares`` that add up to 1.

    They are the logarithms of the mean; where a spectrum may have ``several`` labels, those of its odds. None is
    infinite: a probability counts as ``LEAST`` at least.
    """
    if not several:
        return _mean([one.log_softmax(dim=1) for one in logits], shares)
    there, not_there = ([_log_sigmoid(sign * one) for one in logits] for sign in (1, -1))
    return _mean(there, shares) - _mean(not_there, shares)


def _log_sigmoid(x: Tensor) -> Tensor:
    """As torch's, in operators that an ONNX runtime computes to all digits: its sigmoids near 0 have few."""
    return x.clamp(max=0) - (1 + (-x.abs()).exp()).log()


def _mean(logs: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The logarithm of the mean of numbers whose logarithms are given."""
    parts = [one.clamp(min=LEAST) + math.log(share) for one, share in zip(logs, shares, strict=True)]
    return torch.stack(parts).logsumexp(dim=0)


def joined(weights: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of an ensemble from those of its members; thresholds of its own are not among them."""
    return {f"members.{at}.{name}": tensor for at, one in enumerate(weights) for name, tensor in one.items()}
