"""Measured spectra: dense rows, on the CPU in numpy and once on each GPU that asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from spectune.trainables.data.dataset import Split


class Dense(Split):
    """Spectra as rows of a float32 array (N, L)."""

    def __init__(self, spectra: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> None:
        self.spectra: NDArray[np.float32] = np.ascontiguousarray(spectra, dtype=np.float32)
        self.labels: NDArray[np.int64] = np.array(labels, dtype=np.int64)
        self.groups = None if groups is None else np.array(groups, dtype=np.int64)
        assert self.groups is None or self.groups.shape == (len(self.labels),)
        assert self.spectra.ndim == 2 and len(self.spectra) == len(self.labels)
        self._copies: dict[torch.device, Tensor] = {}

    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        device = torch.device(device)
        if device.type == "cpu":
            return torch.from_numpy(self.spectra[indices.cpu().numpy()])
        if device not in self._copies:
            self._copies[device] = torch.tensor(self.spectra, device=device)
        return self._copies[device][indices.to(device)]

    def feed(self, digest: Any) -> None:
        digest.update(repr(self.spectra.shape).encode())
        digest.update(self.spectra)
        digest.update(self.labels.tobytes())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_copies": {}}  # tensors are made again where they are used

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.labels = np.array(self.labels)  # arrays from Ray's shared memory are read-only, which torch warns about
