from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data.dataset import Axis, Dataset, Split

POINTS = 96
CENTRES = ((20, 60), (24, 70), (40, 80), (32, 50))  # two peaks per class


class Dense(Split):
    def __init__(self, spectra: np.ndarray, labels: np.ndarray) -> None:
        self.spectra = spectra.astype(np.float32)
        self.labels = labels.astype(np.int64)

    def batch(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        return torch.from_numpy(self.spectra)[indices].to(device)

    def feed(self, digest: Any) -> None:
        digest.update(self.spectra.tobytes() + self.labels.tobytes())


def _split(random: np.random.Generator, each: int) -> Dense:
    labels = np.repeat(np.arange(len(CENTRES)), each)
    shifts = random.integers(-3, 4, (len(labels), 1, 1))
    positions = np.array(CENTRES)[labels][:, :, None] + shifts
    spectra = np.exp(-(((np.arange(POINTS) - positions) / 2.0) ** 2)).sum(axis=1)
    return Dense(7 * spectra + random.uniform(0, 0.3, spectra.shape), labels)


def make() -> Dataset:
    """Four easy classes of 96 points: 100 training spectra (not a multiple of a batch of 32), 20, and 12 to test."""
    random = np.random.default_rng(0)
    return Dataset(
        name="tiny",
        description="four classes of two peaks",
        classes=("anatase", "rutile", "quartz", "calcite"),
        axis=Axis(np.linspace(10.0, 29.0, POINTS), "angle", "degrees"),
        train=_split(random, 25),
        validation=_split(random, 5),
        test=_split(random, 3),
    )


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return make()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # the machine is shared, and sums come out the same everywhere
