"""Wall time of ``spectune search`` beside a bare loop and plain scripts (``plain.py``), on the same tiny trials.

    python benchmarks/search.py [--trials 40] [--epochs 5] [--rounds 3] [--beside "bare loop" "Optuna alone" ...]

All train one network whose cost does not vary (only learning rate, label smoothing, FC activation and FC dropout
are searched), every trial to its last epoch, two at a time; spectune and Ray Tune track them in a SQLite MLflow store,
the others nowhere. Each command is timed as a whole process, in turn. spectune's time includes one confirmation, the
test, the export and the report, which the others do not do. The bare loop trains exactly what spectune has trained just
before, in as many processes. Syne Tune must be installed where it is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import append

HERE = Path(__file__).parent
DATA = ("classes=5", "points=500", "train=30", "validation=10", "test=10")
NETWORK = (
    "depth=2",
    "convs_per_block=1",
    "filters=8",
    "filter_growth=1.0",
    "kernel_size=9",
    "kernel_last=5",
    "stride=2",
    "pooling=max",
    "pool_size=2",
    "pool_stride=2",
    "batch_norm=False",
    "activation=relu",
    "conv_dropout=0.0",
    "fc_depth=1",
    "fc_width=32",
)
TRAINING = ("batch_size=128", "weight_decay=0.0", "schedule=plateau", "plateau_factor=0.1")


def commands(trials: int, epochs: int) -> dict[str, list[str]]:
    """The commands, each complete, in the order in which they run."""
    data = [word for setting in DATA for word in ("--data", setting)]
    network = [word for setting in NETWORK for word in ("--set", setting)]
    training = [word for setting in TRAINING for word in ("--set", setting)]
    budget = ["--trials", str(trials), "--epochs", str(epochs), "--concurrent", "2"]
    whole = ["--grace", str(epochs), "--baseline", "none", "--top", "1", "--seeds", "1", "--max-macs", "1M"]
    return {
        "spectune": [
            *("-m", "spectune.search.run", "--name", "s", "--dataset", "generated"),
            *(*data, *network, *training, *budget, *whole),
        ],
        "bare loop": [str(HERE / "bare.py"), "studies/s", "--processes", "2"],
        **{
            name: [str(HERE / "plain.py"), way, *data, *network, *budget]
            for name, way in (("plain Ray Tune", "tune"), ("Optuna alone", "optuna"), ("Syne Tune", "syne"))
        },
    }


def seconds(command: list[str], folder: str) -> float:
    """Wall time of one command in a folder; its failure ends the benchmark."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "MLFLOW_"))}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return time.perf_counter() - began


def per_report(journal: Path) -> float:
    """Milliseconds of the driver's processor for each epoch that was reported; MLflow has a process of its own."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    [driver] = [line["driver"] for line in lines if line["event"] == "finish"]
    return float(round(1000 * driver / sum(line["event"] == "report" for line in lines), 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    others = list(commands(1, 1))[1:]
    parser.add_argument("--beside", nargs="*", choices=others, default=others)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    driver: list[float] = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            whole = commands(options.trials, options.epochs)
            for name in ("spectune", *options.beside):
                taken.setdefault(name, []).append(round(seconds(whole[name], folder), 2))
                print(f"{name:<16}{taken[name][-1]:8.2f} s", flush=True)
            driver.append(per_report(Path(folder) / "studies/s/journal.jsonl"))
    ratios = {}
    for name, theirs in list(taken.items())[1:]:
        ratios[name] = round(statistics.median(a / b for a, b in zip(taken["spectune"], theirs, strict=True)), 3)
        print(f"spectune takes {ratios[name]:.2f} of the time of: {name} (median of {options.rounds} pairs)")
    print(f"the driver's processor took {driver} ms for each reported epoch")
    append("search", {**vars(options), "seconds": taken, "ratios": ratios, "driver_ms_per_report": driver})


if __name__ == "__main__":
    main()
