"""The families of architectures, the spaces and the known networks that a study may name, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spectune.spaces.config import Network
from spectune.spaces.errors import InputError
from spectune.spaces.learned import read
from spectune.spaces.published import KNOWN, Published
from spectune.spaces.registry import FAMILIES, SPACES
from spectune.spaces.space import Space


@dataclass(frozen=True)
class Catalogue:
    """What can be named: families of architectures, spaces to search, known networks with their training; and what was
    ``learned`` of them on other datasets.

    A value that is handed down. What a user's file or an export adds is in a new one, which its study alone has.
    """

    families: Mapping[str, type[Network]]
    spaces: Mapping[str, Space]
    known: Mapping[str, Published]
    learned: Mapping[str, Any]  # as ``spaces.learned`` reads it

    def space(self, name: str) -> Space:
        """The space of that name. ValueError lists the known ones."""
        if name not in self.spaces:
            raise InputError(
                f"--space must be one of {', '.join(self.spaces)} or FILE.py:NAME, got {name!r}: choose one of them"
            )
        return self.spaces[name]

    def with_families(self, *families: type[Network]) -> Catalogue:
        return replace(self, families={**self.families, **{family.family: family for family in families}})

    def with_space(self, name: str, space: Space) -> Catalogue:
        return replace(self, spaces={**self.spaces, name: space})

    def with_known(self, name: str, network: Published) -> Catalogue:
        return replace(self, known={**self.known, name: network})


STANDARD = Catalogue(FAMILIES, SPACES, KNOWN, read())
