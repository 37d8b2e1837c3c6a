"""Configs as rows of numbers, for a model of what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.domain import Choice, Domain, Float, Int

ABSENT = -1.0  # of a hyperparameter that a config does not have; others lie in [0, 1]


class Columns:
    """A row of a config's hyperparameters, given under their names in a space of domains.

    Numbers take one column, on their scale; options one each, unless they are numbers or only two. Hyperparameters of
    several families share their columns where name and domain are the same: what is learned of ``cnn.preprocess`` holds
    for ``mlp.preprocess``.
    """

    def __init__(self, domains: Iterable[tuple[str, Domain]]) -> None:
        self._places: dict[str, tuple[int, Domain]] = {}
        self.width = 0
        shared: dict[tuple[str, str], int] = {}
        for name, domain in domains:
            key = (name.rpartition(".")[2], f"{type(domain).__name__} {domain}")
            if key not in shared:
                shared[key] = self.width
                self.width += len(domain.options) if isinstance(domain, Choice) and not _ordered(domain) else 1
            self._places[name] = shared[key], domain

    def row(self, config: Mapping[str, Any]) -> NDArray[np.float32]:
        """(width,), of the hyperparameters that a config has; what has no column is passed over."""
        row = np.full(self.width, ABSENT, np.float32)
        for name, value in config.items():
            if name in self._places:
                at, domain = self._places[name]
                if isinstance(domain, Choice) and not _ordered(domain):
                    row[at : at + len(domain.options)] = [option == value for option in domain.options]
                else:
                    row[at] = _share(domain, value)
        return row


def _ordered(domain: Choice) -> bool:
    return len(domain.options) == 2 or not isinstance(domain.options[0], str)


def _share(domain: Domain, value: Any) -> float:
    """Where in its domain a value lies, from 0 to 1; beyond it where a domain of a config of one's own was changed."""
    match domain:
        case Choice():
            return domain.options.index(value) / max(1, len(domain.options) - 1) if value in domain.options else ABSENT
        case Int(low, high, _, log) | Float(low, high, log):
            if high == low:
                return 0.0
            return float(np.log(value / low) / np.log(high / low) if log else (value - low) / (high - low))
        case _:
            raise TypeError(f"a model has no column for {domain!r}")
