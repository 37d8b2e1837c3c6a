"""What a training gives after every epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spectune.trainables.data.dataset import Split

State = dict[str, Any]  # tensors, numbers, strings, lists and dicts only: loads with torch.load(weights_only=True)


class Epoch(NamedTuple):
    """One pass over the training spectra: ``number`` from 1, validation metrics, and the state to resume from.

    ``last`` says that no other epoch comes, ``fold`` of which fold it is where several are trained on in turn.
    ``state`` refers to the living training and is valid until the next epoch is asked for: save or copy it before.
    ``state["best"]`` is {"epoch", "metrics", "model"} of the epoch with the lowest validation loss so far, which for
    AdaCos is measured at its first scale (``losses.progress``).
    """

    number: int
    metrics: dict[str, float]
    state: State
    last: bool
    fold: int = 0


def logits(model: nn.Module, split: Split, device: torch.device, batch_size: int = 256) -> Tensor:
    """Logits (N, C) of every spectrum of ``split``, in float32 on ``device``, without dropout."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        batches = torch.split(torch.arange(len(split)), batch_size)
        outputs = torch.cat([model(split.batch(indices, device)).float() for indices in batches])
    model.train(was_training)
    return outputs
