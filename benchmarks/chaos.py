"""A study whose nodes and workers are killed all the time, beside the same one undisturbed, in one run.

    python benchmarks/chaos.py [--trials 200] [--nodes 4] [--every 10] [--seed 0]

A Ray cluster of nodes with one processor each, and a head without. Every so many seconds, drawn from the seed, either a
whole node is killed (its raylet and its workers at once) and another one added, or one process that trains. Configs are
drawn at random and nothing is stopped early, so that a trial's config depends on its number alone and, on a CPU, its
metrics on its config: both studies must agree in every trial. Ends with exit code 1 where they do not, where a
trial was lost, or where one ended twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from ray.cluster_utils import Cluster
from record import append

from search import DATA, NETWORK, TRAINING

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
TIMED = ("latency",)  # metrics that are measured anew each time


def below(process: int) -> list[psutil.Process]:
    """A process and all that it started."""
    top = psutil.Process(process)
    return [top, *top.children(recursive=True)]


def kill(processes: list[psutil.Process]) -> None:
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            one.kill()


def training(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "ResourceTrainable" in process.name()
    return False


def command(address: str, options: argparse.Namespace) -> list[str]:
    """The study; confirming is left to one training."""
    words = [word for setting in DATA for word in ("--data", setting)]
    words += [word for setting in (*NETWORK, *TRAINING) for word in ("--set", setting)]
    budget = ["--trials", str(options.trials), "--epochs", str(options.epochs), "--grace", str(options.epochs)]
    whole = ["--baseline", "none", "--top", "1", "--seeds", "1", "--max-macs", "1M"]
    place = ["--name", "s", "--dataset", "generated", "--sampler", "random", "--address", address]
    return [SPECTUNE, "search", *place, *words, *budget, *whole, "--concurrent", str(options.nodes)]


def study(folder: Path, options: argparse.Namespace, *, every: float | None) -> tuple[dict[int, Any], dict[str, Any]]:
    """(trial -> its config and metrics, figures) of one study; with ``every``, something is killed so often."""
    chance, killed = random.Random(options.seed), {"nodes": 0, "workers": 0}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(options.nodes)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_"))}
    began = time.monotonic()
    with (folder / "log").open("w") as log:
        driver = subprocess.Popen(
            command(cluster.address, options), cwd=folder, env=environment, stdout=log, stderr=log
        )
        while driver.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                driver.wait(every)
                break
            victim = chance.randrange(len(nodes))
            raylet = nodes[victim].all_processes["raylet"][0].process.pid
            busy = [one for one in below(raylet) if training(one)]
            if chance.random() < 0.5 and busy:
                kill(busy)
                killed["workers"] += 1
            else:
                kill(below(raylet))
                cluster.remove_node(nodes[victim], allow_graceful=False)
                nodes[victim] = cluster.add_node(num_cpus=1)
                killed["nodes"] += 1
    seconds = time.monotonic() - began
    cluster.shutdown()
    if driver.returncode:
        sys.exit(f"the driver ended with {driver.returncode}:\n{(folder / 'log').read_text()[-3000:]}")
    lines = [json.loads(line) for line in (folder / "studies/s/journal.jsonl").read_text().splitlines()]
    ends = [line["trial"] for line in lines if line["event"] == "end"]
    found = {line["trial"]: [line["config"]] for line in lines if line["event"] == "start"}
    for line in lines:
        if line["event"] == "end":
            metrics = {name: value for name, value in line["metrics"].items() if name not in TIMED}
            found[line["trial"]] += [line["status"], line["epochs"], metrics]
    twice = len(ends) - len(set(ends))
    return found, {"seconds": round(seconds, 1), "killed": killed, "lost": len(found) - len(set(ends)), "twice": twice}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results = {}
    for name, every in (("undisturbed", None), ("chaos", options.every)):
        with tempfile.TemporaryDirectory() as folder:
            results[name] = study(Path(folder), options, every=every)
        print(f"{name:<12}{results[name][1]}", flush=True)
    (calm, quiet), (found, disturbed) = results["undisturbed"], results["chaos"]
    other = sorted(number for number in calm.keys() | found.keys() if calm.get(number) != found.get(number))
    overhead = round(disturbed["seconds"] / quiet["seconds"], 2)
    print(f"{len(found)} trials, of which {len(other)} ended otherwise; {overhead} of the undisturbed time")
    append("chaos", {**vars(options), "undisturbed": quiet, "chaos": disturbed, "other": other, "overhead": overhead})
    return 1 if other or any(row[key] for row in (quiet, disturbed) for key in ("lost", "twice")) else 0


if __name__ == "__main__":
    sys.exit(main())
