"""What searches find per unit of compute: simulated on recorded learning curves, regret against epochs and seconds.

    python benchmarks/search_quality.py --only ours --tasks plain tissue --seeds 3 --cold   # printed, not recorded
    python benchmarks/search_quality.py --record [--workers 8] [--seeds 10] [--part 0/2]    # what is missing
    python benchmarks/search_quality.py --table                                            # results/search_quality.md

Every search runs on the answers of ``surrogate.py``, without a head start (cold) and with the same one, until it has
spent 60 full trainings' worth of epochs, and 20 of seconds. Regret is the best recorded config's true value less that
of the config that would be taken: the best by validation, or the best of the three that lead. What is recorded stays:
the next call does what is missing, and ``--part 1/2`` every second run, for a process of its own on each core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from libraries import DEHB, SMAC, NePS, SyneTune
from record import commit, machine
from replay import AT, replay
from rivals import ASHA, GP, TPE, Alone, OneEpoch, TuneOptuna, ours
from starts import Start, by_hand
from surrogate import Surrogate, described

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "search_quality.jsonl"
SHOWN = (10, 20, 60)  # trainings' worth
KINDS = {"three": SHOWN, "three_s": SHOWN[:2]}  # regret by epochs, by seconds
COLD = "cold"
STARTS: dict[str, Callable[[Surrogate], Start]] = {COLD: lambda surrogate: (), "by hand": by_hand}
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
    "ours": ours,
    "ours, random": lambda surrogate, seed, start: ours(surrogate, seed, start, sampler="random"),
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
                for start in [COLD] if options.cold else STARTS:
                    for search in options.only:
                        if (search, start) != ("the head start alone", COLD):
                            yield from (Run(task, search, start, workers, seed) for workers in options.workers)


def complete(runs: Iterator[Run], *, record: bool) -> list[dict[str, Any]]:
    """Do the runs that are missing."""
    surrogates: dict[str, Surrogate] = {}
    done = {(Run(*(row[key] for key in Run._fields)), row["table"]) for row in read()} if record else set()
    about = {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": machine()}
    rows = []
    for run in runs:
        if run.task not in surrogates:
            surrogates[run.task] = Surrogate(run.task)
        if (run, surrogates[run.task].trainings) in done:
            continue
        rows.append(simulated(run, surrogates[run.task]))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[8])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", choices=described(), default=list(described()))
    parser.add_argument("--only", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--cold", action="store_true", help="without a head start only")
    parser.add_argument("--record", action="store_true", help="keep the runs, and do only what is missing")
    parser.add_argument("--part", default="0/1", help="I/N: every N-th run from the I-th on")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        complete(asked(options), record=options.record)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
