"""Confused classes as spectra, to be drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.trainables.data.dataset import Dataset

MOST_TRAINING = 500  # training spectra of a class among which the nearest is looked for

# S trainings, N spectra


def drawn(
    dataset: Dataset,
    split: str,
    pairs: list[tuple[int, int]],
    predictions: NDArray[np.int64],
    confused: Counter[tuple[int, int]],
) -> dict[str, Any]:
    """Confused classes as spectra: one wrong spectrum of ``split``, and the nearest training spectra of both classes.

    ``predictions`` (S, N): of every network for every spectrum; ``confused`` says how often they took which for which.
    """
    axis, spectra = dataset.axis, dataset.split(split)
    arrays: dict[str, Any] = {"axis": axis.values, "axis_label": f"{axis.name} / {axis.unit}"}
    for number, (true, predicted) in enumerate(pairs):
        wrong = np.flatnonzero((spectra.labels == true) & (predictions == predicted).any(axis=0))
        spectrum = scaled(spectra.batch(torch.from_numpy(wrong[:1])))
        arrays |= {
            f"true_{number}": dataset.classes[true],
            f"predicted_{number}": dataset.classes[predicted],
            f"true_spectrum_{number}": _nearest(dataset, true, spectrum),
            f"predicted_spectrum_{number}": _nearest(dataset, predicted, spectrum),
            f"wrong_spectrum_{number}": spectrum[0].numpy(),
            f"count_{number}": confused[true, predicted],
        }
    return {**arrays, "pairs": len(pairs)}


def scaled(spectra: torch.Tensor) -> torch.Tensor:
    """Spectra (B, L) divided by their maxima."""
    return spectra / spectra.amax(dim=1, keepdim=True).clamp_min(1e-12)


def _nearest(dataset: Dataset, label: int, spectrum: torch.Tensor) -> NDArray[np.float32]:
    rows = np.flatnonzero(dataset.train.labels == label)[:MOST_TRAINING]
    spectra = scaled(dataset.train.batch(torch.from_numpy(rows)))
    nearest: NDArray[np.float32] = spectra[(spectra - spectrum).square().sum(dim=1).argmin()].numpy()
    return nearest
