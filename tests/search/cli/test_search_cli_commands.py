"""Commands that last: what they leave behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from spectune.search.records.journal import Journal

SPECTUNE = str(Path(sys.executable).with_name("spectune"))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_ui_ends_with_its_server_and_leaves_the_port(tmp_path, sent):
    Journal(tmp_path / "studies" / "empty").close()  # the newest study never began
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    with subprocess.Popen([SPECTUNE, "ui", "--port", str(port)], cwd=tmp_path, env=environment) as process:
        try:
            while not answers(port):
                assert process.poll() is None
                time.sleep(0.2)
            servers = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(sent)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert servers
    _, alive = psutil.wait_procs(servers, timeout=60)
    assert alive == []
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def answers(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
    except OSError:
        return False
