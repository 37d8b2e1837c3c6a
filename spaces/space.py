"""What one search may propose: the networks of one family, or of several, of which it chooses one first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from spectune.spaces.config import Choose, Config, Hyperparameter, Network, hyperparameters, size
from spectune.spaces.domain import Choice, Is

FAMILY = "family"  # the first hyperparameter of a space of several families


@dataclass(frozen=True)
class Space:
    """The families that a search chooses from.

    With one family, hyperparameters have their own names. With several the first one is ``family``, and the others
    exist under ``FAMILY.NAME`` where it is theirs, so that equal names of different families do not mix.
    """

    name: str
    families: tuple[type[Network], ...]

    def holds(self, network: Network) -> bool:
        return type(network) in self.families

    def hyperparameters(self) -> Iterator[tuple[str, type[Network] | None, Hyperparameter]]:
        """(name in this space, the family it belongs to, the hyperparameter); no family for the choice of it."""
        if len(self.families) > 1:
            choice = Choice(*(family.family for family in self.families))
            yield (
                FAMILY,
                None,
                Hyperparameter(
                    name=FAMILY,
                    domain=choice,
                    default=choice.options[0],
                    when=None,
                    search=True,
                    per_layer=None,
                    replicas=False,
                    help="kind of network",
                ),
            )
        for family in self.families:
            for hp in hyperparameters(family):
                yield self._prefix(family) + hp.name, family, hp

    def propose(self, choose: Choose, fixed: dict[str, Any] | None = None, vary: Collection[str] = ()) -> Network:
        """A network whose searched, active hyperparameters come from ``choose``, the others from ``fixed``.

        ``vary`` names hyperparameters that are searched although they are fixed by default. Raises ValueError when
        the combination is one its family refuses.
        """
        fixed = fixed or {}
        family = self.families[0]
        if len(self.families) > 1:
            chosen = fixed.get(FAMILY)
            if chosen is None:
                chosen = choose(FAMILY, Choice(*(family.family for family in self.families)))
            family = next(one for one in self.families if one.family == chosen)
        prefix = self._prefix(family)
        varied = [name.removeprefix(prefix) for name in vary if name.startswith(prefix)]
        return family.propose(lambda name, domain: choose(prefix + name, domain), self._of(family, fixed), varied)

    def values(self, network: Network) -> dict[str, Any]:
        """The network's hyperparameters under their names in this space."""
        values = {self._prefix(type(network)) + name: value for name, value in network.to_dict().items()}
        return {FAMILY: network.family, **values} if len(self.families) > 1 else values

    def agrees(self, network: Network, fixed: dict[str, Any]) -> bool:
        """Whether the space holds the network and it has the ``fixed`` values, as far as they are its family's."""
        if not self.holds(network) or fixed.get(FAMILY, network.family) != network.family:
            return False
        return all(getattr(network, name) == value for name, value in self._of(type(network), fixed).items())

    def size(self) -> tuple[int, int]:
        """(combinations of the discrete hyperparameters, number of continuous ones) of all families together."""
        sizes = [size(family) for family in self.families]
        return sum(combinations for combinations, _ in sizes), sum(continuous for _, continuous in sizes)

    def condition(self, family: type[Network] | None, hp: Hyperparameter) -> str:
        """Where the hyperparameter exists, in words; empty: everywhere."""
        words = [] if hp.when is None else [str(hp.when)]
        if family is not None and len(self.families) > 1:
            words.insert(0, str(Is(FAMILY, family.family)))
        return " and ".join(words)

    def _prefix(self, family: type[Config]) -> str:
        return f"{family.family}." if len(self.families) > 1 else ""

    def _of(self, family: type[Network], fixed: dict[str, Any]) -> dict[str, Any]:
        """The ``fixed`` values that are the family's, under its own names."""
        prefix = self._prefix(family)
        names = {prefix + hp.name: hp.name for hp in hyperparameters(family)}
        return {names[name]: value for name, value in fixed.items() if name in names}
