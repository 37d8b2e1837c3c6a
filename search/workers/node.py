"""A Ray of our own, in a process that starts it while the driver reads the data and imports what it needs.

It answers all addresses of the machine, so its door is a token that nobody else has. It ends with its input, so that a
driver that is killed leaves none behind.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from spectune.search.process.collector import relaxed
from spectune.search.process.command import module
from spectune.search.process.cpus import usable
from spectune.search.process.stop import SIGNALS
from spectune.spaces.errors import InputError

SILENCE = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a trial whose worker is lost is started again, or fails in one line
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # the journal is the truth, nobody reads Tune's snapshot
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"  # Ray's variables
DOOR = (MODE, TOKEN, "RAY_AUTH_TOKEN_PATH")
DEBUGGER = "PYTHONBREAKPOINT"  # which Ray sets for drivers
QUIET = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}


@contextmanager
def running(address: str | None) -> Iterator[Callable[[], str]]:
    """Where Ray answers: at an address that there is, or where one of our own will, which starts meanwhile.

    Ours ends with the block. Asking for its address raises ValueError when it did not start.
    """
    with _environment():
        if address is not None:
            yield lambda: address
            return
        with _start() as node:  # leaving it closes its input, upon which it ends
            try:
                yield lambda: _address(node)
            except BaseException:
                node.kill()  # nobody waits for it to start; Ray's processes end with the one that started them
                raise


@contextmanager
def _environment() -> Iterator[None]:
    """Ray reads its settings from the environment: ours for so long."""
    before = {name: os.environ.get(name) for name in (*SILENCE, *DOOR, DEBUGGER)}
    os.environ.update(SILENCE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "ray" in sys.modules:
            read_door()


def read_door() -> None:
    """Have Ray read from the environment who may come in; it keeps what it read first, at its import."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _start() -> subprocess.Popen[str]:
    for name in DOOR:
        os.environ.pop(name, None)  # the user's own token is not for our processes
    os.environ[TOKEN] = secrets.token_hex(32)
    node = subprocess.Popen(
        module("spectune.search.workers.node"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is the driver's to answer
    )
    os.environ[MODE] = "token"  # for this process, before it imports Ray; the other turns it on itself
    return node


def _address(node: subprocess.Popen[str]) -> str:
    assert node.stdout is not None
    address, _, reason = node.stdout.readline().strip().partition(" ")
    if not address or reason:
        why = reason or "its process was ended"
        raise InputError(
            f"a search needs Ray, it does not start on this machine ({why}): mend that, or give the --address of one "
            "that runs"
        )
    return address


def main() -> None:
    notes, sys.stdout = sys.stdout, sys.stderr  # whatever Ray prints is no address
    import ray
    from ray._private import node, utils

    class Bare(node.Node):  # type: ignore[misc]
        """Without what nobody asks on a machine of its own, and what takes seconds of its cores to start: the
        autoscaler, the dashboard, and the log that is sent to drivers."""

        def start_monitor(self) -> None: ...

        def start_api_server(self, **options: Any) -> None: ...

        def start_log_monitor(self) -> None: ...

    # As where the dashboard's packages are not installed, so that its agent opens no doors for jobs and metrics.
    utils.get_dashboard_dependency_error = lambda: "a study needs no dashboard"
    node.Node = Bare  # Ray 2.60 has no options for any of this
    try:  # local outright: Ray would join whatever cluster an earlier session left behind
        ray.init(address="local", num_cpus=usable(), **QUIET)
    except Exception as error:
        print("none", f"{type(error).__name__}: {error}".splitlines()[0], file=notes, flush=True)
        return
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)  # sent to a whole job: the driver says when it ends
    with suppress(BrokenPipeError):  # the driver has ended: so does its input
        print(ray.get_runtime_context().gcs_address, file=notes, flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    with relaxed():
        main()
