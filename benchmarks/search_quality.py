"""What searches find per unit of compute: simulated on recorded learning curves, regret against epochs spent.

    python benchmarks/search_quality.py [--workers 8] [--seeds 30] [--only NAME ...] [--table]

Every search runs on the answers of ``surrogate.py`` until it has spent FULL full trainings' worth of epochs. Regret is
the best recorded config's true value less that of the config that would be taken: the best by validation, or what
confirming the best three would find. Runs are kept as they end; the next call does those that are missing, then writes
``results/search_quality.md`` and a picture of them all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
from curves import DATA, EPOCHS
from libraries import DEHB, NePS, SyneTune
from networks import interval
from record import commit, machine
from replay import replay
from rivals import ASHA, PlainTPE, Rival, TuneOptuna, ours
from surrogate import Surrogate

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "search_quality.jsonl"
AT = (20, 60)  # full trainings' worth
RIVALS: dict[str, Callable[[Surrogate, int], Any]] = {
    "random": Rival,
    "random + ASHA": ASHA,
    "random + ASHA from a ninth on": lambda surrogate, seed: ASHA(surrogate, seed, grace=EPOCHS // 9),
    "TPE": PlainTPE,
    "Tune's OptunaSearch + ASHA": TuneOptuna,
    "Syne Tune ASHA-CQR": SyneTune,
    "DEHB": DEHB,
    "NePS PriorBand": NePS,
    "ours": ours,
    "ours, random": lambda surrogate, seed: ours(surrogate, seed, sampler="random"),
    "ours, cold": lambda surrogate, seed: ours(surrogate, seed, cold=True),
}


def read() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RUNS.read_text().splitlines()] if RUNS.is_file() else []


def complete(surrogates: dict[str, Surrogate], names: list[str], *, workers: int, seeds: int) -> None:
    """Run what is missing, seed by seed, so that a stop leaves the same seeds of all."""
    done = {(row["dataset"], row["search"], row["workers"], row["seed"], row["table"]) for row in read()}
    about = {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": machine()}
    for seed in range(seeds):
        for dataset, surrogate in surrogates.items():
            for name in names:
                key = (dataset, name, workers, seed, surrogate.trainings)
                if key in done:
                    continue
                began = time.process_time()
                found = replay(RIVALS[name](surrogate, seed), surrogate, workers=workers, seed=seed)
                keys = dict(zip(("dataset", "search", "workers", "seed", "table"), key, strict=True))
                with RUNS.open("a") as file:
                    file.write(
                        json.dumps({**keys, **found, "cpu": round(time.process_time() - began, 1), **about}) + "\n"
                    )
        print(f"seed {seed}", flush=True)


def table(rows: list[dict[str, Any]], dataset: str, workers: int) -> list[str]:
    """A row a search: regret at each of AT, of the best by validation and of the best three confirmed."""
    columns = [f"{kind} at {at}" for kind in ("best", "best of 3") for at in AT]
    lines = [f"| search | seeds | trials | {' | '.join(columns)} |", "|---" * (len(columns) + 3) + "|"]
    for name in RIVALS:
        mine = [r for r in rows if (r["dataset"], r["workers"], r["search"]) == (dataset, workers, name)]
        if mine:
            cells = [
                "{:.3f} ± {:.3f}".format(*interval([row[kind][at - 1] for row in mine]))
                for kind in ("first", "three")
                for at in AT
            ]
            trials = statistics.fmean(row["trials"] for row in mine)
            lines.append(f"| {name} | {len(mine)} | {trials:.0f} | {' | '.join(cells)} |")
    return lines


def against(rows: list[dict[str, Any]], dataset: str, workers: int) -> list[str]:
    """Regret of each search less that of ours on the same seed: above zero means that ours is ahead."""
    lines = [f"| search less ours | {' | '.join(f'best of 3 at {at}' for at in AT)} |", "|---|---|---|"]
    mine = [row for row in rows if (row["dataset"], row["workers"]) == (dataset, workers)]
    ours = {row["seed"]: row for row in mine if row["search"] == "ours"}
    for name in RIVALS:
        others = [row for row in mine if row["search"] == name and row["seed"] in ours]
        if name != "ours" and others:
            cells = [
                "{:+.3f} ± {:.3f}".format(
                    *interval([row["three"][at - 1] - ours[row["seed"]]["three"][at - 1] for row in others])
                )
                for at in AT
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def written(rows: list[dict[str, Any]], surrogates: dict[str, Surrogate]) -> str:
    """The page of results: what was simulated, and the tables."""
    about = sorted({f"{row['date']}, commit {row['commit']}, {row['machine']}" for row in rows})
    lines = ["# What searches find per unit of compute", "", *(__doc__ or "").splitlines()[4:], ""]
    lines += ["Mean and 95 % interval over seeds (Student's t). `ours` is the default of `spectune search`.", ""]
    for name, surrogate in surrogates.items():
        checked = ", ".join(f"{key} {value}" for key, value in surrogate.validate().items())
        lines += [
            f"* `{name}`: {DATA[name][0]} {DATA[name][1]}; {len(surrogate.inputs)} configs, {surrogate.trainings} "
            f"trainings; best {surrogate.best:.3f}; left-out configs are predicted with {checked}"
        ]
    lines += ["", *(f"* {line}" for line in about), ""]
    for dataset in surrogates:
        for workers in sorted({row["workers"] for row in rows}):
            lines += [f"## {dataset}, workers: {workers}", "", *table(rows, dataset, workers), ""]
            lines += [*against(rows, dataset, workers), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS))
    parser.add_argument("--table", action="store_true", help="run nothing, write the results again")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    surrogates = {name: Surrogate(name) for name in DATA}
    if not options.table:
        try:
            complete(surrogates, options.only, workers=options.workers, seeds=options.seeds)
        except ValueError as error:
            sys.exit(str(error))
    rows = [row for row in read() if row["table"] == surrogates[row["dataset"]].trainings]
    (RESULTS / "search_quality.md").write_text(written(rows, surrogates))
    drawn.regrets(RESULTS / "search_quality.html", "Regret against epochs spent", rows, list(RIVALS))
    print(written(rows, surrogates))


if __name__ == "__main__":
    main()
