"""The doors of a running study, tried from outside: real sockets, a real Ray, a real MLflow server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from ray._private.utils import get_dashboard_dependency_error

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
DATA = ("--dataset", "generated", "--data", "classes=4", "--data", "points=200", "--data", "train=20")
LONG = ("--trials", "5000", "--epochs", "1", "--concurrent", "1", "--baseline", "none")
CLIENT = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
print("LET IN", len(ray.nodes()))
"""
PATIENCE = 400


class Doors(NamedTuple):
    """What was seen of a study while it ran, and what its processes and files said."""

    token: str
    listening: set[tuple[str, str, int]]  # (program, address, port)
    clients: dict[str, tuple[int, str]]  # exit code and words of who knocked
    commands: list[str]
    said: str
    folder: Path
    home: Path
    logs: Path  # Ray's folder of the session


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_"))}
    return {**kept, "HOME": str(home), "PYTHONWARNINGS": "ignore", "RAY_USAGE_STATS_ENABLED": "0", **more}


def family(process: int) -> list[psutil.Process]:
    top = psutil.Process(process)
    return [top, *top.children(recursive=True)]


def until(what: Any, process: subprocess.Popen[str]) -> Any:
    """What a function gives as soon as it gives something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def program(process: psutil.Process) -> str:
    """Its name; of a script of Ray's that of the script, of a module of ours that of the module."""
    words = process.cmdline()
    scripts = (Path(word).name for word in words if "/ray/" in word and word.endswith(".py"))
    return next(scripts, next((word for word in words if word.startswith("spectune.")), process.name()))


def listeners(process: int) -> set[tuple[str, str, int]]:
    found = set()
    for one in family(process):
        try:
            sockets = one.net_connections("inet")
            found |= {(program(one), *end.laddr) for end in sockets if end.status == psutil.CONN_LISTEN}
        except psutil.Error:  # it has just ended
            continue
    return found


def knock(address: str, home: Path, **token: str) -> tuple[int, str]:
    """Join a Ray as a stranger with an empty home does."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, address],
        env=environment(home, **token),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """A study at work, looked at from all sides, and interrupted."""
    folder, home, other = (tmp_path_factory.mktemp(name) for name in ("work", "home", "stranger"))
    command = [SPECTUNE, "search", "--name", "doors", *DATA, *LONG]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    study = subprocess.Popen(command, cwd=folder, env=environment(home), **pipes)
    try:
        journal = folder / "studies/doors/journal.jsonl"
        until(lambda: journal.is_file() and b'"event":"end"' in journal.read_bytes(), study)
        [raylet] = [one for one in family(study.pid) if one.name() == "raylet"]
        line = " ".join(raylet.cmdline())
        address, logs = (re.search(rf"--{flag}=(\S+)", line)[1] for flag in ("gcs-address", "session_dir"))
        token = raylet.environ()["RAY_AUTH_TOKEN"]
        right = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        clients = {
            "without": knock(address, other),
            "wrong": knock(address, other, **{**right, "RAY_AUTH_TOKEN": "0" * 64}),
            "right": knock(address, other, **right),
        }
        commands = [" ".join(one.cmdline()) for one in family(study.pid)]
        listening = listeners(study.pid)
        study.send_signal(signal.SIGINT)
        said = "".join(study.communicate(timeout=PATIENCE))
    finally:
        study.kill()
        study.communicate()
    return Doors(token, listening, clients, commands, said, folder, home, Path(logs))


def test_a_stranger_cannot_join_the_ray_of_a_study(doors):
    for who in ("without", "wrong"):
        code, said = doors.clients[who]
        assert code != 0 and "LET IN" not in said
        assert re.search("(?i)unauthenticated|authentication", said), said
    assert doors.clients["right"][0] == 0, doors.clients["right"][1]  # so it was the token that kept them out


def test_the_token_is_written_nowhere(doors):
    assert re.fullmatch("[0-9a-f]{64}", doors.token)
    assert doors.token not in doors.said and not any(doors.token in command for command in doors.commands)
    assert not (doors.home / ".ray").exists()
    files = [path for folder in (doors.folder, doors.logs) for path in folder.rglob("*") if path.is_file()]
    assert {"journal.jsonl", "mlflow.db", "gcs_server.out"} <= {path.name for path in files}
    for path in files:
        assert doors.token.encode() not in path.read_bytes(), path


def test_only_ray_listens_beyond_this_machine(doors):
    """As docs/security.md says: Ray cannot be kept on the loopback address."""
    beyond = {program for program, address, _ in doors.listening if address not in ("127.0.0.1", "::1")}
    print(*sorted(doors.listening), sep="\n")  # pytest -rP shows it
    assert beyond
    known = ("ray", "gcs_server", "spectune")
    assert {name for name in beyond if not name.startswith(known)} == set()


def test_rays_jobs_metrics_and_pages_have_no_door(doors):
    """Its agent is started as if Ray were installed without its dashboard, and answers Ray's own processes only."""
    assert {name for name, _, _ in doors.listening if name.endswith(".py")} == set()
    assert get_dashboard_dependency_error() is None  # it is installed with it here
    assert len({port for name, _, port in doors.listening if name.startswith("ray::Dashboard")}) == 1


def test_mlflow_listens_on_the_loopback_address_only(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    ui = subprocess.Popen(
        [SPECTUNE, "ui", "--port", str(port)], cwd=tmp_path, env=environment(tmp_path), start_new_session=True, **pipes
    )

    def open_() -> bool:
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(open_, ui)
        assert {address for _, address, _ in listeners(ui.pid)} == {"127.0.0.1"}
        with socket.socket() as door:  # another address of this machine
            assert door.connect_ex(("127.0.0.2", port)) != 0
    finally:
        os.killpg(ui.pid, signal.SIGTERM)
        ui.communicate(timeout=PATIENCE)
