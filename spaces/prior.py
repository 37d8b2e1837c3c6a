"""What a look at the training split advises a search: a rule in words, what to try first, what to vary as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spectune.spaces.config import Network
from spectune.spaces.preprocess import Preprocessed
from spectune.spaces.published import STARTS, Published
from spectune.spaces.space import Space


class Prior(NamedTuple):
    """``first`` are values of the fields of ``Preprocessed`` under a name of each; empty where nothing is advised."""

    rule: str = ""
    first: Mapping[str, Mapping[str, Any]] = {}
    vary: tuple[str, ...] = ()

    def starts(self) -> dict[str, Published]:
        """The starts with the advised preprocessing, the best advice first, as ``compact snv``."""
        return {
            f"{start} {name}": known._replace(network=known.network.replace(**values))
            for name, values in self.first.items()
            for start, known in STARTS.items()
        }

    def varied(self, space: Space) -> tuple[str, ...]:
        """The names in ``space`` of the hyperparameters that are searched on its advice."""
        return tuple(name for name, family, hp in space.hyperparameters() if _prepares(family) and hp.name in self.vary)


def _prepares(family: type[Network] | None) -> bool:
    return family is not None and issubclass(family, Preprocessed)
