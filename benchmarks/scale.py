"""What the driver of a large study takes: 1000 to 10 000 trials, 1000 at a time, each size in a process of its own.

    python benchmarks/scale.py [--trials 1000 3000 10000] [--concurrent 1000]

The director, the sampler, the journal on the disk, MLflow's database and the report are the real ones. The workers are
simulated, because one machine does not hold 1000 of them: each trial replays one of the learning curves recorded by
``metatable.py``, which is waited for in simulated time. So everything that spectune does is measured, as processor
time, and nothing of what Ray does; that is in ``search.py``, for as many workers as there are cores.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from curves import EPOCHS, LIMIT, read, value
from metatable import TASKS
from record import append

from spectune.search.planning.simulate import Clock, Curve, simulate
from spectune.search.process import pages
from spectune.search.records.journal import JOURNAL, Journal
from spectune.search.records.options import Options
from spectune.search.records.study import Study
from spectune.search.records.study import read as read_study
from spectune.search.session.finish import publish
from spectune.search.session.header import header
from spectune.search.session.progress import Progress
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.search.tracking.writer import Writer

TASK = TASKS["challenge"]
HOUR = 3600.0


def recorded() -> list[Curve]:
    """The learning curves of the table that are whole."""
    found = []
    for row in read("challenge"):
        values = value(row)
        if len(values) == EPOCHS and "slow" not in row:
            metrics = [
                {"accuracy": v, "loss": 1 - n / 100, "train_loss": 0.5, "f1": v, "lr": 0.001}
                for n, v in enumerate(values)
            ]
            found.append(Curve(metrics, row["seconds"]))
    return found


def measure(trials: int, concurrent: int, folder: Path) -> dict[str, Any]:
    """One study, from its first trial to its report; seconds are of a processor where it is not said otherwise."""
    dataset, curves = TASK.load(), recorded()
    store = f"sqlite:///{folder}/mlflow.db"
    options = Options(
        name="s",
        studies=str(folder),
        space="any",
        dataset=TASK.source,
        data=TASK.options,
        epochs=EPOCHS,
        trials=trials,
        max_macs=LIMIT,
        concurrent=concurrent,
        baseline=("none",),
        tracking_uri=store,
    )
    journal, study, clock = Journal(options.folder), Study(options.folder), Clock()
    study.apply(journal.append("study", **header(options, dataset, study, {"CPU": concurrent, "nodes": 1})))
    agenda = Agenda.of(options, options, study, sizes=dataset.sizes, folder=options.folder, clock=clock)
    director = Director(agenda, study, journal, progress=Progress(options, concurrent=concurrent))
    memory, began, reports = megabytes(), time.thread_time(), 0
    for _ in simulate(director, lambda task: curves[task.number % len(curves)], workers=concurrent, clock=clock):
        reports += 1
    driver, memory = time.thread_time() - began, megabytes() - memory
    began = time.perf_counter()
    with pages.ahead("report", str(options.folder)) as draw:
        publish(options, study, journal, draw=draw, seconds=clock.now, driver=driver)
    published = time.perf_counter() - began
    began, spent = time.perf_counter(), of_children()
    left = Writer(options.folder, store, print).close(HOUR)
    delivered, spent = time.perf_counter() - began, of_children() - spent
    journal.close()
    began = time.perf_counter()
    read_study(options.folder)
    resumed = time.perf_counter() - began
    assert left == 0
    return {
        "trials": len(study.trials),
        "reports": reports,
        "driver": round(driver, 2),
        "ms_per_trial": round(1000 * driver / len(study.trials), 2),
        "ms_per_report": round(1000 * driver / reports, 2),
        "kB_per_trial": round(1000 * memory / len(study.trials), 1),
        "read_wall": round(resumed, 2),
        "report_wall": round(published, 1),
        "mlflow": round(spent, 1),
        "mlflow_wall": round(delivered, 1),
        "best_100_runs_wall": browse(store),
        **{f"{name}_MB": round((options.folder / name).stat().st_size / 1e6, 1) for name in (JOURNAL, "report.html")},
    }


def browse(store: str) -> float:
    """Seconds to the best 100 runs, as MLflow's page asks for them."""
    from mlflow import MlflowClient

    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("s")
    assert experiment is not None
    began = time.perf_counter()
    found = client.search_runs([experiment.experiment_id], order_by=["metrics.`final/accuracy` DESC"], max_results=100)
    assert found
    return round(time.perf_counter() - began, 2)


def of_children() -> float:
    """Processor seconds of the processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def megabytes() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--concurrent", type=int, default=1000)
    parser.add_argument("--one", action="store_true", help="measure the one size here, and print it as JSON")
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.trials[0], options.concurrent, Path(folder))))
        return
    rows = []
    for trials in options.trials:
        command = [sys.executable, __file__, "--trials", str(trials), "--concurrent", str(options.concurrent), "--one"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    append("scale", {"concurrent": options.concurrent, "rows": rows})


if __name__ == "__main__":
    main()
