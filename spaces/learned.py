"""What was learned on other datasets: where good hyperparameters lie, and which configs to begin with.

``learned.json`` is made by ``benchmarks/learn.py`` from the learning curves of many small tasks.
"""

from __future__ import annotations

import bisect
import json
import math
import random
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from spectune.spaces.domain import Choice, Domain

FILE = Path(__file__).with_name("learned.json")
LAST = 0.999  # share of a domain: 1 is outside


class Learned:
    """Where in their domains the good values of hyperparameters lie, by family.

    ``values`` is what the file holds: of each family a weight, of each of its hyperparameters the weights of equal
    parts of the domain. Where a ``slope`` is given, they hold at ``at``, the logarithm of the training spectra that are
    seen in all epochs together, and move with the logarithm of those that are ``seen`` here.
    """

    def __init__(self, values: Mapping[str, Any], *, seen: float) -> None:
        self._families: Mapping[str, float] = values["families"]
        self._sums = {
            (family, name): list(accumulate(weights))
            for family, names in values["weights"].items()
            for name, weights in names.items()
        }
        far = math.log10(max(1.0, seen))
        self._shift = {name: one["slope"] * (far - one["at"]) for name, one in values["slopes"].items()}

    def family(self, domain: Choice, chance: random.Random) -> Any:
        """One of those of a choice; one of which nothing was learned is as likely as those on average."""
        average = sum(self._families.values()) / max(1, len(self._families))
        return chance.choices(domain.options, [self._families.get(str(one), average) for one in domain.options])[0]

    def at(self, family: str, name: str, domain: Domain, chance: random.Random) -> Any:
        """A value of a hyperparameter, given by its name in the family or in the training."""
        sums = self._sums.get((family, name))
        if sums is None:
            return domain.at(chance.random())
        part = bisect.bisect(sums, chance.random() * sums[-1])
        share = (min(part, len(sums) - 1) + chance.random()) / len(sums) + self._shift.get(name, 0.0)
        return domain.at(min(max(share, 0.0), LAST))


def read(path: Path = FILE) -> dict[str, Any]:
    """What the file that comes with spectune holds, or another one like it."""
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return values
