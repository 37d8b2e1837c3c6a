"""A split of powder patterns that is kept as a table of reflections."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from spectune.trainables.data.crystals.conditions import DRAWS, Conditions
from spectune.trainables.data.crystals.render import Tables, moved, render, uniform
from spectune.trainables.data.crystals.table import Table
from spectune.trainables.data.dataset import Split

ROOM = 1 << 24  # values of reflections that are drawn together: 64 MB an array
FIRST = sum(list(DRAWS.values())[: list(DRAWS).index("other")])  # the draw that decides which structure an impurity is


class Patterns(Split):
    """Patterns of the structures ``chosen`` (N,) of ``table``, under conditions that ``seed`` draws.

    ``batch`` gives the same pattern each time; ``fresh`` one under conditions that torch's random state draws, where
    the split ``varies``. Impurities are of the structures ``pool`` (n,).
    """

    def __init__(
        self,
        table: Table,
        chosen: ArrayLike,
        labels: ArrayLike,
        *,
        conditions: Conditions,
        seed: int = 0,
        varies: bool = False,
        pool: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> None:
        self.chosen: NDArray[np.int64] = np.array(chosen, dtype=np.int64)
        self.labels: NDArray[np.int64] = np.array(labels, dtype=np.int64)
        self.groups = None if groups is None else np.array(groups, dtype=np.int64)
        self.varies = varies
        self._table = table
        self._conditions = conditions
        self._seed = seed
        self._pool: NDArray[np.int64] = np.unique(self.chosen if pool is None else pool)
        self._phases = 1 + conditions.impurities
        self._draws = conditions.draws(table.amplitudes.shape[1])
        self._made: dict[torch.device, tuple[Tables, Tensor, Tensor, Tensor]] = {}
        assert self.chosen.shape == self.labels.shape and len(self.chosen)

    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        tables, chosen, fixed, pool = self._moved(torch.device(device))
        indices = indices.to(fixed.device)
        return self._render(tables, chosen[indices], fixed[indices], pool)

    def fresh(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        if not self.varies:
            return self.batch(indices, device)
        tables, chosen, fixed, pool = self._moved(torch.device(device))
        draws = torch.rand((len(indices), *fixed.shape[1:]), device=fixed.device)
        return self._render(tables, chosen[indices.to(fixed.device)], draws, pool)

    def feed(self, digest: Any) -> None:
        said = (self._table.digest, self._conditions, self._seed, self.varies)
        digest.update(repr(said).encode())
        for array in (self.chosen, self.labels, self._pool):
            digest.update(repr(array.shape).encode() + array.tobytes())

    def _render(self, tables: Tables, chosen: Tensor, draws: Tensor, pool: Tensor) -> Tensor:
        """A few spectra at a time, so that whole splits can be asked for; those with as many reflections together, as
        each takes the time of the richest.
        """
        picked = (draws[..., FIRST] * len(pool)).long().clamp_(max=len(pool) - 1)
        phases = torch.cat([chosen[:, None], pool[picked[:, 1:]]], dim=1)
        order = tables.counts[phases].amax(dim=1).argsort()
        window = 2 * self._conditions.reach + 1
        size = max(1, ROOM // (self._phases * tables.most * len(self._conditions.lines) * window))
        parts = zip(torch.split(phases[order], size), torch.split(draws[order], size), strict=True)
        return torch.cat([render(tables, *part, self._conditions) for part in parts])[order.argsort()]

    def _moved(self, device: torch.device) -> tuple[Tables, Tensor, Tensor, Tensor]:
        if device not in self._made:
            fixed = uniform(len(self), self._phases, self._draws, self._seed)
            arrays = (torch.tensor(array, device=device) for array in (self.chosen, fixed, self._pool))
            self._made[device] = (moved(self._table, self._conditions, device), *arrays)  # type: ignore[assignment]
        return self._made[device]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": {}}  # tensors are made again where they are used

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.labels = np.array(self.labels)  # arrays from Ray's shared memory are read-only, which torch warns about
