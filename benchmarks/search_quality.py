"""What searches find per unit of compute: simulated on recorded learning curves, regret against epochs and seconds.

    python benchmarks/search_quality.py --only ours --tasks plain tissue --seeds 3 --cold   # printed, not recorded
    python benchmarks/search_quality.py --record [--workers 8] [--seeds 10] [--part 0/2]    # what is missing
    python benchmarks/search_quality.py --table                                            # results/search_quality.md

Every search runs on the answers of ``surrogate.py``, in a landscape of the seed, without a head start (cold) and with
the same one, until it has spent 60 full trainings' worth of epochs, and 20 of seconds. Regret is the best recorded
config's true value less that of the config that would be taken: the best by validation, or the best of the three that
lead. What is recorded stays: the next call does what is missing, and ``--part 1/2`` every second run, for a process of
its own on each core.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import drawn
import learn
import margins
from curves import SPACE
from libraries import DEHB, SMAC, NePS, SyneTune
from record import commit, machine
from replay import AT, replay
from rivals import ASHA, GP, TPE, Alone, OneEpoch, TuneOptuna, ours
from starts import CATALOGUE, Start, by_hand, fitting
from surrogate import Surrogate, described

from spectune.search.strategy.director import Director
from spectune.spaces import Catalogue
from spectune.spaces.saved import portfolio

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "search_quality.jsonl"
ENDLESS = 1e3  # a ratio that is none: what it is divided by lost nothing
SHOWN = (10, 20, 60)  # trainings' worth
KINDS = {"three": SHOWN, "three_s": SHOWN[:2]}  # regret by epochs, by seconds
COLD = "cold"
LEARNED = "learned"  # without the task


@functools.cache
def left_out(task: str) -> Catalogue:
    """The catalogue with what is learned from the other tasks."""
    return replace(CATALOGUE, learned=learn.without(task))


STARTS: dict[str, Callable[[Surrogate], Start]] = {
    COLD: lambda surrogate: (),
    "by hand": by_hand,
    LEARNED: lambda surrogate: fitting(surrogate, portfolio(left_out(surrogate.name).learned, SPACE)),
}


def own(surrogate: Surrogate, seed: int, start: Start, **changes: Any) -> Director:
    """Ours; with the learned head start it has the learned prior, too."""
    if start and start == STARTS[LEARNED](surrogate):
        return ours(surrogate, seed, catalogue=left_out(surrogate.name), **changes)
    return ours(surrogate, seed, start, **changes)


SEARCHES: dict[str, Callable[[Surrogate, int, Start], Any]] = {
    "random + ASHA": ASHA,
    "Tune's OptunaSearch + ASHA": TuneOptuna,
    "Optuna TPE": TPE,
    "Optuna GP": GP,
    "SMAC3": SMAC,
    "Syne Tune ASHA-CQR": SyneTune,
    "DEHB": DEHB,
    "NePS PriorBand": NePS,
    "one epoch, then the best": OneEpoch,
    "the head start alone": Alone,
    "ours": own,
    "ours, near": lambda surrogate, seed, start: own(surrogate, seed, start, sampler="near"),
    "ours, random": lambda surrogate, seed, start: own(surrogate, seed, start, sampler="random"),
}


class Run(NamedTuple):
    """What one simulation is of."""

    task: str
    search: str
    start: str
    workers: int
    seed: int


def read() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RUNS.read_text().splitlines()] if RUNS.is_file() else []


def simulated(run: Run, surrogate: Surrogate) -> dict[str, Any]:
    """One run, with what it took of a core."""
    known = max((surrogate.true(pair) for pair in by_hand(surrogate)), default=0.0)
    began = time.process_time()
    plan = SEARCHES[run.search](surrogate, run.seed, STARTS[run.start](surrogate))
    found = replay(plan, surrogate, workers=run.workers, seed=run.seed, known=known)
    return {**run._asdict(), "table": surrogate.trainings, **found, "cpu": round(time.process_time() - began, 1)}


def asked(options: argparse.Namespace) -> Iterator[Run]:
    """Seed by seed, so that a stop leaves the same seeds of all."""
    part, parts = map(int, options.part.split("/"))
    for seed in range(options.seeds):
        for at, task in enumerate(options.tasks):
            if (seed + at) % parts == part:
                for start in [COLD] if options.cold else options.starts:
                    for search in options.only:
                        if (search, start) != ("the head start alone", COLD):
                            yield from (Run(task, search, start, workers, seed) for workers in options.workers)


def complete(runs: Iterator[Run], *, record: bool) -> list[dict[str, Any]]:
    """Do the runs that are missing."""
    surrogates: dict[tuple[str, int], Surrogate] = {}
    done = {(Run(*(row[key] for key in Run._fields)), row["table"]) for row in read()} if record else set()
    about = {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": machine()}
    rows = []
    for run in runs:
        key = run.task, run.seed
        if key not in surrogates:
            surrogates[key] = Surrogate(*key)
        if (run, surrogates[key].trainings) in done:
            continue
        rows.append(simulated(run, surrogates[key]))
        if record:
            with RUNS.open("a") as file:
                file.write(json.dumps({**rows[-1], **about}) + "\n")
        print(said(rows[-1]), flush=True)
    return rows


def said(row: dict[str, Any]) -> str:
    """A run in one line."""
    lost = [" ".join(f"{row[kind][AT.index(at)]:.3f}" for at in some) for kind, some in KINDS.items()]
    name = f"{row['task']}, {row['search']}, {row['start']}, {row['workers']} workers, seed {row['seed']}"
    return f"{name}: {lost[0]} by epochs, {lost[1]} by seconds, {row['trials']} trials, {row['cpu']} s"


def losses(rows: list[dict[str, Any]], search: str, start: str, at: int, kind: str = "three") -> margins.Losses:
    """What a search lost, by task and seed."""
    mine = [row for row in rows if (row["search"], row["start"]) == (search, start)]
    return {(row["task"], row["seed"]): row[kind][AT.index(at)] for row in mine}


def compared(rows: list[dict[str, Any]], start: str) -> list[str]:
    """A row a search: its mean loss over tasks, and what ours loses as a share of that."""
    columns = [(kind, at) for kind, some in KINDS.items() for at in some]
    names = [f"{at}{' (s)' if kind == 'three_s' else ''}" for kind, at in columns]
    heads = [*(f"lost at {name}" for name in names), *(f"ours / it at {name}" for name in names)]
    lines = [f"| search | tasks | runs | {' | '.join(heads)} |", "|---" * (len(heads) + 3) + "|"]
    for search in SEARCHES:
        each = [losses(rows, search, start, at, kind) for kind, at in columns]
        if not each[0]:
            continue
        own = [losses(rows, "ours", start, at, kind) for kind, at in columns]
        cells = [shown(margins.mean(one)) for one in each]
        cells += [shown(margins.ratio(mine, one)) for mine, one in zip(own, each, strict=True)]
        tasks = len({task for task, _ in each[0]})
        lines.append(f"| {search} | {tasks} | {len(each[0])} | {' | '.join(cells)} |")
    return lines


def by_task(rows: list[dict[str, Any]], start: str) -> list[str]:
    """A row a task: what ours and its best rivals lose, and in how many runs ours ends above every known network."""
    lines = ["| task | " + " | ".join(f"ours at {at} | best rival at {at}" for at in SHOWN) + " | better | fell last |"]
    lines.append("|---" * (2 * len(SHOWN) + 3) + "|")
    for task in dict.fromkeys(row["task"] for row in rows):
        here = [row for row in rows if row["task"] == task and row["start"] == start]
        mine = [row for row in here if row["search"] == "ours"]
        if not mine:
            continue
        cells = []
        for at in SHOWN:
            found = {name: losses(here, name, start, at) for name in SEARCHES}
            means = {name: statistics.fmean(one.values()) for name, one in found.items() if one}
            own = means.pop("ours")
            means.pop("ours, random", None)
            best = min(means, key=means.__getitem__, default="")
            cells += [f"{own:.3f}", f"{means[best]:.3f} {best}" if best else "-"]
        better = f"{sum(row['better'] for row in mine)}/{len(mine)}"
        cells += [better, f"{statistics.median(row['fell'] for row in mine):g}"]
        lines.append(f"| {task} | {' | '.join(cells)} |")
    return lines


def shown(margin: margins.Margin) -> str:
    """With an open end where some draws have nothing to divide by."""
    high = f"{margin.high:.3f}" if margin.high < ENDLESS else "no end"
    return f"{margin.point:.3f} ({margin.low:.3f} to {high})"


def written(rows: list[dict[str, Any]]) -> str:
    """The page of results: equal head starts first."""
    about = sorted({f"{row['date']}, commit {row['commit']}, {row['machine']}" for row in rows})
    lines = ["# What searches find per unit of compute", "", *(__doc__ or "").splitlines()[6:], ""]
    lines += [
        "Regret of the best of three at 10, 20 and 60 trainings' worth of epochs, (s) of seconds: means over tasks"
    ]
    lines += ["with 95 % intervals (bootstrap over tasks, then seeds within). Ratios are paired by task and seed.", ""]
    lines += [*(f"* {line}" for line in about), ""]
    for workers in sorted({row["workers"] for row in rows}):
        some = [row for row in rows if row["workers"] == workers]
        for start in reversed(STARTS):
            lines += [f"## Head start: {start}, workers: {workers}", "", *compared(some, start), ""]
            lines += [*by_task(some, start), ""]
    return "\n".join(lines)


def page() -> None:
    """Write the results of the table as it is now."""
    sizes = {name: Surrogate(name).trainings for name in {row["task"] for row in read()}}
    rows = [row for row in read() if row["table"] == sizes[row["task"]]]
    (RESULTS / "search_quality.md").write_text(written(rows))
    drawn.regrets(RESULTS / "search_quality.html", "Regret against epochs spent", rows, list(SEARCHES), AT)
    print(written(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[8])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", choices=described(), default=list(described()))
    parser.add_argument("--only", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--cold", action="store_true", help="without a head start only")
    parser.add_argument("--record", action="store_true", help="keep the runs, and do only what is missing")
    parser.add_argument("--table", action="store_true", help="run nothing, write the results again")
    parser.add_argument("--part", default="0/1", help="I/N: every N-th run from the I-th on")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        if options.table:
            page()
        else:
            complete(asked(options), record=options.record)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
