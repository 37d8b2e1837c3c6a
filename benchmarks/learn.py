"""Learns from the meta-table what a search begins with: a prior and a portfolio, as ``spaces/learned.json``.

    python benchmarks/learn.py write     # from all tasks
    python benchmarks/learn.py check     # what it is worth, learned without the task that it is judged on

**Prior.** Of each family, the share of good configs in each part of a hyperparameter's domain: good are the best
GOOD of the family's configs on their task. The shares of few configs are drawn towards that of all. The
learning rate's are around a line: the more spectra are seen, the smaller is a good one.

**Portfolio.** Greedy, as in Auto-sklearn 2 (Feurer et al. 2022): the config that lowers the mean regret of the best so
far the most, over all tasks. Regret is in units of the task's: (best - value) / (best - chance).
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import re
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from curves import EPOCHS, SPACE, read, value
from metatable import crossed
from numpy.typing import NDArray
from surrogate import described

from spectune.spaces import KNOWN, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Domain, Int
from spectune.spaces.learned import FILE
from spectune.spaces.saved import ALL, recorded

GOOD = 0.25  # best share of a family's configs on a task
PARTS = 6  # of a domain with more values
FIRM = 60.0  # configs that the share of all counts for
STARTS, OWN = 8, 4  # of the portfolio of all families, and of each
BY_HAND = ("compact", "sharp")


class Config(NamedTuple):
    """One of the table, on one task: its place in each domain from 0 to 1, and what it reached."""

    family: str
    shares: dict[str, float]
    value: float
    entry: dict[str, Any]
    kind: str


def configs_of(task: str, names: Sequence[str]) -> list[Config]:
    """Those of a task without those that were chosen on one that is none of the ``names``: nothing may be known of
    these."""
    return [one for one in whole(task) if not one.kind.startswith("of ") or one.kind.removeprefix("of ") in names]


@functools.cache
def whole(task: str) -> list[Config]:
    """All configs of a task, each with the mean of its seeds, but for those that were given up as slow."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in read(task):
        if "slow" not in row:
            groups.setdefault(row["index"], []).append(row)
    found = []
    for rows in groups.values():
        entry, reached = rows[0]["config"], statistics.fmean((value(row) or [0.0])[-1] for row in rows)
        flat = {**entry["network"], **entry["training"]}
        family = flat["family"]
        domains = searched(family)
        shares = {name: share(domain, flat[name]) for name, domain in domains.items() if name in flat}
        found.append(Config(family, shares, reached, entry, rows[0]["kind"]))
    return found


def searched(family: str) -> dict[str, Domain]:
    """The searched hyperparameters of a family and of the training."""
    kind = next(one for one in SPACE.families if one.family == family)
    return {hp.name: hp.domain for hp in (*hyperparameters(kind), *hyperparameters(Training)) if hp.search}


def share(domain: Any, given: Any) -> float:
    """The middle of the values that ``domain.at`` gives as this one."""
    given = given[0] if isinstance(given, list) else given
    if isinstance(domain, Choice):
        return (domain.options.index(given) + 0.5) / len(domain.options) if given in domain.options else math.nan
    if domain.log:
        half, last = (0.5, 1) if isinstance(domain, Int) else (0.0, 0)
        return math.log((given + half) / domain.low) / math.log((domain.high + last) / domain.low)
    if isinstance(domain, Int):
        return float(((given - domain.low) / domain.step + 0.5) / domain.size)
    return float((given - domain.low) / (domain.high - domain.low))


def seen(task: str) -> float:
    """The logarithm of the training spectra that a network sees in all epochs together."""
    return math.log10(EPOCHS * described()[task]["descriptors"]["spectra"])


def good(configs: Sequence[Config]) -> NDArray[np.bool_]:
    """Which are the best of their family."""
    marks = np.zeros(len(configs), bool)
    for family in {one.family for one in configs}:
        own = [at for at, one in enumerate(configs) if one.family == family]
        best = sorted(own, key=lambda at: -configs[at].value)[: math.ceil(GOOD * len(own))]
        marks[best] = True
    return marks


def slope(tasks: dict[str, list[Config]]) -> dict[str, float]:
    """How the place of good learning rates moves with the logarithm of the spectra that are seen, by least squares."""
    x, y = [], []
    for task, configs in tasks.items():
        marks = good(configs)
        rates = [one.shares["learning_rate"] for one, mark in zip(configs, marks, strict=True) if mark]
        x.append(seen(task))
        y.append(statistics.fmean(rates))
    at = statistics.fmean(x)
    line = float(np.polyfit(np.array(x) - at, y, 1)[0])
    return {"slope": round(line, 4), "at": round(at, 4)}


def drawn(task: str) -> list[Config]:
    """Those that were drawn for the task itself: others were chosen for being good elsewhere."""
    return [one for one in configs_of(task, [task]) if one.kind in ("random", "near")]


def learned(names: Sequence[str]) -> dict[str, Any]:
    """The prior of some tasks."""
    tasks = {name: drawn(name) for name in names}
    line = slope(tasks)
    counts: dict[tuple[str, str], NDArray[np.float64]] = {}
    pooled: dict[tuple[str, str], NDArray[np.float64]] = {}  # of all families where name and domain are the same
    for task, configs in tasks.items():
        moved = _moved(line, task)
        for one, mark in zip(configs, good(configs), strict=True):
            for name, place in one.shares.items():
                domain = searched(one.family)[name]
                own = counts.setdefault((one.family, name), np.zeros((_parts(domain), 2)))
                common = pooled.setdefault((name, str(domain)), np.zeros_like(own))
                if not math.isnan(place):
                    part = _part(place - moved.get(name, 0.0), len(own))
                    own[part] += [mark, 1]
                    common[part] += [mark, 1]
    weights: dict[str, dict[str, list[float]]] = {}
    for (family, name), own in counts.items():
        common = pooled[name, str(searched(family)[name])]
        found = _share(own, _share(common, GOOD))
        weights.setdefault(family, {})[name] = [round(float(one), 3) for one in found / found.sum()]
    return {
        "tasks": sorted(names),
        "families": promise(tasks),
        "slopes": {"learning_rate": line},
        "weights": {family: dict(sorted(names.items())) for family, names in sorted(weights.items())},
    }


def _share(counts: NDArray[np.float64], before: Any) -> NDArray[np.float64]:
    """The share of good ones in each part, as if FIRM configs more had been seen with the share ``before``."""
    return np.asarray((counts[:, 0] + FIRM * before) / (counts[:, 1] + FIRM))


def _moved(line: dict[str, float], task: str) -> dict[str, float]:
    """How far good values lie from where they are on average."""
    return {"learning_rate": line["slope"] * (seen(task) - line["at"])}


def _parts(domain: Domain) -> int:
    return int(min(domain.size, len(domain.options) if isinstance(domain, Choice) else PARTS))


def _part(place: float, parts: int) -> int:
    return min(max(int(place * parts), 0), parts - 1)


def promise(tasks: dict[str, list[Config]]) -> dict[str, float]:
    """How much of the best tenth of a task's configs is of each family, on average; half of it is alike for all."""
    families = sorted({one.family for configs in tasks.values() for one in configs})
    total = dict.fromkeys(families, 0.0)
    for configs in tasks.values():
        best = sorted(configs, key=lambda one: -one.value)[: math.ceil(0.1 * len(configs))]
        for one in best:
            total[one.family] += 1 / len(best) / len(tasks)
    return {family: round(0.5 * part + 0.5 / len(families), 3) for family, part in total.items()}


def likelihood(values: dict[str, Any], task: str) -> float:
    """Mean logarithm of how much denser than uniform draws the prior is at the good configs of a task."""
    configs, moved, total = drawn(task), _moved(values["slopes"]["learning_rate"], task), []
    for one, mark in zip(configs, good(configs), strict=True):
        if mark:
            density = 0.0
            for name, place in one.shares.items():
                weights = values["weights"].get(one.family, {}).get(name)
                if weights and not math.isnan(place):
                    part = _part(place - moved.get(name, 0.0), len(weights))
                    density += math.log(weights[part] * len(weights))
            total.append(density)
    return statistics.fmean(total)


def spread(names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Config, as JSON -> task -> its regret there, from 0 for the best of the task to 1 for guessing: of known networks
    and of those that were chosen on one of the tasks and trained on the others; 1 where it does not fit."""
    found: dict[str, dict[str, float]] = {}
    for task in names:
        configs = configs_of(task, names)
        best, guess = max(one.value for one in configs), 1 / described()[task]["classes"]
        for one in configs:
            key = _key(one.entry)
            found.setdefault(key, {})[task] = min(1.0, (best - one.value) / max(1e-9, best - guess))
    own = {_key(one["config"]) for one in crossed() if one["task"] in names}
    own |= {_key(recorded(*one[:2])) for one in KNOWN.values()}
    return {key: {task: found[key].get(task, 1.0) for task in names} for key in sorted(own & found.keys())}


def portfolio(names: Sequence[str], most: int = STARTS, family: str = "") -> tuple[list[dict[str, Any]], list[float]]:
    """The configs, of one family if so said, and the mean regret of the best of them after each."""
    chosen: list[dict[str, Any]] = []
    regrets, course = spread(names), []
    if family:
        regrets = {key: one for key, one in regrets.items() if json.loads(key)["network"]["family"] == family}
    best = dict.fromkeys(names, 1.0)
    while len(chosen) < most and regrets:
        key = min(regrets, key=lambda key: (sum(min(best[task], regrets[key][task]) for task in names), key))
        best = {task: min(best[task], regrets[key][task]) for task in names}
        chosen.append(json.loads(key))
        course.append(statistics.fmean(best.values()))
        del regrets[key]
    return chosen, course


def check() -> None:
    """Print what is learned without a task, judged on it: the prior's density, and the portfolio's regret."""
    names = [name for name in described() if read(name)]
    print("| task | prior | best of the first 1, 2, 4, 8 | known by hand |\n| --- | --- | --- | --- |")
    everywhere = spread(names)
    for left in names:
        others = [name for name in names if name != left]
        here = {key: one[left] for key, one in everywhere.items()}
        mine = [here[_key(one)] for one in portfolio(others)[0]]
        hand = [here.get(_key(recorded(*KNOWN[name][:2])), 1.0) for name in BY_HAND]
        firsts = " ".join(f"{min(mine[:count]):.3f}" for count in (1, 2, 4, 8))
        print(f"| {left} | {likelihood(learned(others), left):.2f} | {firsts} | {min(hand):.3f} |")


def _key(entry: dict[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True)


def without(task: str) -> dict[str, Any]:
    """All that is learned from the other tasks."""
    names = [name for name in described() if read(name) and name != task]
    return {**learned(names), "portfolio": {ALL: portfolio(names)[0]}}


def write() -> None:
    names = [name for name in described() if read(name)]
    chosen, course = portfolio(names)
    own = {one.family: portfolio(names, OWN, one.family)[0] for one in SPACE.families}
    FILE.write_text(dumped({**learned(names), "portfolio": {ALL: chosen, **own}}))
    print(f"{FILE.name}: mean regret after each of the portfolio: {', '.join(f'{one:.3f}' for one in course)}")


def dumped(values: dict[str, Any]) -> str:
    """JSON with a line for each hyperparameter and for each config."""
    text = json.dumps({**values, "portfolio": {}}, indent=1)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda match: re.sub(r"\s+", " ", match[0]), text)
    lines = (
        f'  "{key}": [\n   ' + ",\n   ".join(map(json.dumps, some)) + "\n  ]"
        for key, some in values["portfolio"].items()
    )
    return text.replace('"portfolio": {}', '"portfolio": {\n' + ",\n".join(lines) + "\n }") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("write", "check"))
    {"write": write, "check": check}[parser.parse_args().what]()


if __name__ == "__main__":
    main()
