"""The default sampler, as one of Optuna's: among configs that might be tried the one that a model expects most of."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from typing import Any

from spectune.search.strategy.columns import Columns
from spectune.search.strategy.forest import Array, Forest
from spectune.search.strategy.neighbour import PARENTS, REDRAWN, UNGUIDED, Neighbour
from spectune.spaces.config import Choose
from spectune.spaces.domain import Choice, Domain
from spectune.spaces.learned import Learned
from spectune.spaces.space import FAMILY

NEAR, AFRESH = 24, 8  # candidates that are like good trials, and that are drawn anew
POOL = 200  # candidates that are kept of those
FLOOR = 1 / 6  # of the proposals that are drawn anew whatever the model says
BLIND = 1 / 4  # of what is drawn anew that comes from all of the space alike, whatever was learned elsewhere
REFUSED = 20  # draws for one candidate

Config = dict[str, Any]  # hyperparameters under the names of the space


class Guided(Neighbour):
    """Weighs candidates by a ``Forest`` on the trials, one of each ``FLOOR`` proposals excepted.

    What may be proposed it learns from ``draw``, which makes a config by asking for its hyperparameters and raises
    ValueError where one is refused; without it, and with several objectives, it proposes as its base does. So it does
    while the model ranks no better than chance. What is drawn anew comes from what was ``learned`` on other datasets,
    if there is anything, and a share of it from all of the space alike.
    """

    draw: Callable[[Choose], Any] | None = None
    family = ""  # that draw is said to keep to; "" where it asks for one

    def __init__(self, seed: int, columns: Columns, learned: Learned | None = None) -> None:
        super().__init__(seed)
        self._columns, self._forest = columns, Forest(seed)
        self._learned_before = learned
        self._pool: list[tuple[Config, Array]] = []  # candidates that were drawn anew and not chosen yet
        self._best: dict[str, list[tuple[float, int, Config]]] = {}  # family -> (loss, trial, config), best first

    def learn(self, number: int, config: Config, losses: list[float] | None, *, complete: bool) -> None:
        super().learn(number, config, losses, complete=complete)
        if losses is not None and len(losses) > 1:
            return
        loss = math.inf if losses is None else losses[0]
        self._forest.learn(number, self._columns.row(config), loss)
        family = config.get(FAMILY, "")
        best = self._best[family] = [one for one in self._best.get(family, []) if one[1] != number]
        bisect.insort(best, (loss, number, config))
        del best[3:]

    def _choose(self) -> tuple[Config, float]:
        if self.draw is None or self._front:
            return super()._choose()
        if len(self._learned) < UNGUIDED or self._chance.random() < FLOOR:
            config, self.origin = self._fresh()
        elif not self._forest.trusted:
            config, self.origin = self._near(self._ranked), "near"
        else:
            config, self.origin = self._expected(), "model"
        return config, 0.0

    def _expected(self) -> Config:
        """The candidate of which most is expected."""
        families = list(self._best.values())
        near = [self._near(self._ranked if n % 2 else self._chance.choice(families)) for n in range(NEAR)]
        candidates = [(one, self._columns.row(one)) for one in near if one]
        if not self.family:
            fresh = [self._fresh()[0] for _ in range(AFRESH)]
            self._pool += [(one, self._columns.row(one)) for one in fresh if one]
            candidates += self._pool
        if not candidates:
            return {}
        chosen = candidates[int(self._forest.gain([row for _, row in candidates]).argmax())]
        self._pool = [one for one in self._pool[-POOL:] if one is not chosen]
        return chosen[0]

    def _fresh(self) -> tuple[Config, str]:
        """A config that comes from no other, and where it comes from."""
        learned = None if self._chance.random() < BLIND else self._learned_before
        return self._made({}, learned), "chance" if learned is None else "prior"

    def _near(self, ranked: list[tuple[float, int, Config]]) -> Config:
        """A config that differs from a good one in some hyperparameters."""
        return self._made(self._chance.choice(ranked[: max(3, int(PARENTS * len(ranked)))])[2], self._learned_before)

    def _made(self, parent: Config, learned: Learned | None) -> Config:
        """A config that draw does not refuse, with the parent's hyperparameters but for ``REDRAWN`` of them; no more
        than its family where ``REFUSED`` of them are refused."""
        assert self.draw is not None
        family = self.family or str(parent.get(FAMILY, ""))
        for _ in range(REFUSED):
            made: Config = {}

            def choose(name: str, domain: Domain, made: Config = made) -> Any:
                nonlocal family
                if name == FAMILY:
                    family = family or self._family(domain, learned)
                    made[name] = family
                elif name in parent and self._chance.random() >= REDRAWN:
                    made[name] = parent[name]
                elif learned is None:
                    made[name] = domain.at(self._chance.random())
                else:
                    made[name] = learned.at(family, name.rpartition(".")[2], domain, self._chance)
                return made[name]

            try:
                self.draw(choose)
            except ValueError:
                continue
            return made
        return {FAMILY: family} if family and not self.family else {}

    def _family(self, domain: Domain, learned: Learned | None) -> str:
        assert isinstance(domain, Choice)
        return str(self._chance.choice(domain.options) if learned is None else learned.family(domain, self._chance))
