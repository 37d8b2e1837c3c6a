"""Head starts: networks that a search is given first, and what they look like in the space that it knows."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any, Protocol

from curves import EPOCHS, LIMIT, SPACE, Pair, fits

from spectune.search.records.options import Options
from spectune.spaces import PUBLISHED, STANDARD, STARTS, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Domain, Float, Int

Start = Sequence[Pair]  # the networks with their trainings, in the order in which they are to be tried
CATALOGUE = STANDARD.with_space(SPACE.name, SPACE)


class Problem(Protocol):
    """What a search knows of a task: its sizes and the families of which something fits."""

    name: str
    points: int
    classes: int
    spectra: int
    fitting: list[str]


def options(seed: int, **changes: Any) -> Options:
    """Those of ``spectune search`` on the table: its defaults but for what is changed."""
    asked = {"space": SPACE.name, "max_macs": LIMIT, "epochs": EPOCHS, "trials": 100_000, "baseline": ("none",)}
    return Options(name="s", seed=seed, **{"catalogue": CATALOGUE, **asked, **changes})


def by_hand(problem: Problem) -> Start:
    """The known networks that ``spectune search`` started from before it learned what to begin with, in its order:
    those that were found by hand, then the published ones, the families in turn, the cheapest first."""
    families: dict[str, list[Pair]] = {}
    for pair in _cheapest(problem, fitting(problem, (one[:2] for one in PUBLISHED.values()))):
        families.setdefault(pair[0].family, []).append(pair)
    in_turn = filter(None, chain(*zip_longest(*families.values())))
    return [*_cheapest(problem, fitting(problem, (one[:2] for one in STARTS.values()))), *in_turn]


def fitting(problem: Problem, pairs: Iterable[Pair]) -> Start:
    """Those within the limits."""
    return [pair for pair in pairs if fits(pair[0], problem.points, problem.classes)]


def _cheapest(problem: Problem, pairs: Start) -> Start:
    return sorted(pairs, key=lambda pair: pair[0].cost(problem.points, problem.classes).macs)


def projected(pair: Pair) -> dict[str, Any]:
    """What a search would have proposed to get a config, or one like it: of a value per layer the first one, and what
    lies beyond a domain at its end. Only what is active."""
    network, training = pair
    given = {**SPACE.values(network), **training.to_dict()}
    found: dict[str, Any] = {}

    def choose(name: str, domain: Domain) -> Any:
        one = given.get(name)
        found[name] = _inside(domain, one[0] if isinstance(one, list) else one, searched()[name][1])
        return found[name]

    SPACE.propose(choose)
    Training.propose(choose)
    return found


@functools.cache
def searched() -> dict[str, tuple[Domain, Any]]:
    """Domain and default of every hyperparameter that is ever asked for; conditions are left to ``curves.built``."""
    chance, asked = random.Random(0), dict[str, Domain]()

    def choose(name: str, domain: Domain) -> Any:
        asked[name] = domain
        return domain.at(chance.random())

    for _ in range(3000):
        try:
            SPACE.propose(choose)
            Training.propose(choose)
        except ValueError:
            continue  # a combination that its family refuses, all of which was asked for
    whole = [*SPACE.hyperparameters(), *((hp.name, None, hp) for hp in hyperparameters(Training))]
    return {name: (asked[name], hp.default) for name, _, hp in whole if name in asked}


def _inside(domain: Any, value: Any, default: Any) -> Any:
    """The value of the domain that is nearest; the default where there is none."""
    if isinstance(domain, Choice):
        if value in domain.options:
            return value
        if isinstance(value, str) or value is None:
            return default
        return min(domain.options, key=lambda option: abs(option - value))
    assert isinstance(domain, Int | Float)
    value = min(max(default if value is None else value, domain.low), domain.high)
    if isinstance(domain, Int):
        return domain.low + round((value - domain.low) / domain.step) * domain.step
    return float(value)
