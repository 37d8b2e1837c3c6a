"""Wall time of the same search with a healthy, an absent, a silent and a dying MLflow server, in one run.

    python benchmarks/tracking.py [--trials 40] [--epochs 5] [--rounds 3]

The trials are those of ``search.py``. ``searched`` is from the first trial's start to the last one's end, ``whole``
the command from outside: it ends with up to 30 s of delivering the rest. A silent server takes connections and never
answers. A dying one is killed after a third of the trials and brought back when all have ended; after it, what is
still missing is delivered by ``spectune track``, and the runs that the server then has are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from record import append

from search import commands

CONDITIONS = ("database", "healthy server", "absent server", "silent server", "dying server")


class Server:
    """A real MLflow server on the loopback address."""

    def __init__(self, folder: Path, port: int) -> None:
        self.uri = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        self._command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--workers", "1"]
        self._command += ["--artifacts-destination", str(folder / "artifacts")]

    def start(self) -> None:
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            self._command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
        )
        while True:
            try:
                urllib.request.urlopen(self.uri + "/health", timeout=1).read()
                return
            except OSError:
                time.sleep(0.1)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def measure(condition: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """One search under one condition."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    silent = socket.socket()  # bound to the port of the silent server only
    server = Server(folder, port)
    if condition in ("healthy server", "dying server"):
        server.start()
    if condition == "silent server":
        silent.bind(("127.0.0.1", port))
        silent.listen(100)
    uri = f"sqlite:///{folder}/mlflow.db" if condition == "database" else server.uri
    command = [sys.executable, *commands(options.trials, options.epochs)["spectune"], "--tracking-uri", uri]
    journal = folder / "studies/s/journal.jsonl"
    if condition == "dying server":
        death = threading.Thread(target=die, args=(server, journal, options.trials))
        death.start()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_"))}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    whole = time.perf_counter() - began
    if condition == "dying server":
        death.join()
        track = [str(Path(sys.executable).with_name("spectune")), "track", "s", "--tracking-uri", uri]
        subprocess.run(track, cwd=folder, env=environment, check=True, capture_output=True)
        print(f"  the server has {counted(uri)} runs of {options.trials} + 1 trials and their study")
    if condition in ("healthy server", "dying server"):
        server.kill()
    silent.close()
    times = [(line["event"], line["time"]) for line in map(json.loads, journal.read_text().splitlines())]
    searched = max(at for event, at in times if event == "end") - min(at for event, at in times if event == "start")
    return {"searched": round(searched, 2), "whole": round(whole, 2)}


def die(server: Server, journal: Path, trials: int) -> None:
    def ended() -> int:
        return journal.read_bytes().count(b'"event":"end"') if journal.is_file() else 0

    while ended() < trials // 3:
        time.sleep(0.05)
    server.kill()
    while ended() < trials + 1:
        time.sleep(0.05)
    server.start()


def counted(uri: str) -> int:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    return len(client.search_runs([client.get_experiment_by_name("s").experiment_id], max_results=1000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    taken: dict[str, list[dict[str, float]]] = {condition: [] for condition in CONDITIONS}
    for _ in range(options.rounds):
        for condition in CONDITIONS:
            with tempfile.TemporaryDirectory() as folder:
                taken[condition].append(measure(condition, Path(folder), options))
            print(f"{condition:<16}{taken[condition][-1]}", flush=True)
    searched = {name: statistics.median(row["searched"] for row in rows) for name, rows in taken.items()}
    ratios = {name: round(value / searched["healthy server"], 2) for name, value in searched.items()}
    print(f"time of the trials, as a share of that with a healthy server: {ratios}")
    append("tracking", {**vars(options), "seconds": taken, "ratio": ratios})


if __name__ == "__main__":
    main()
