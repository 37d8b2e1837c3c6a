"""MLflow's own pages in a real browser: a study opens on a table of its trials, ready to tick and compare."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from spectune.search.records import Journal
from spectune.search.tracking.follower import Follower
from spectune.search.tracking.runs import page

pytestmark = pytest.mark.browser
WINDOW = (1800, 1000)
PATIENCE = 60  # seconds for a page or a server on a busy machine
HEADS = "return [...document.querySelectorAll('.ag-header-cell')].map(head => head.getAttribute('col-id'))"
ROWS = """
const cells = [...document.querySelectorAll(`.ag-cell[col-id="${arguments[0]}"]`)];
const place = cell => Number(cell.closest('.ag-row').getAttribute('row-index'));
return cells.sort((a, b) => place(a) - place(b)).map(cell => cell.innerText.trim().split(/\\n/).pop());
"""
TEXT = "return document.body.innerText"


def study(folder: Path) -> Path:
    """A finished study: four trials, ReLU and linear in turn, and the best on two seeds."""
    journal = Journal(folder)
    journal.append(
        "study",
        id="0123456789abcdef",
        name="fc",
        session=1,
        space="cnn",
        dataset={"name": "challenge", "digest": "d1g357"},
        objectives=[["accuracy", "max"]],
        options={"trials": 4},
        seed=0,
        command="spectune search",
        versions={"python": "3.11"},
        git="935971e4615b",
    )
    tried = [("explore", None, 0, 0.7), ("explore", None, 0, 0.9), ("explore", None, 0, 0.5), ("explore", None, 0, 0.6)]
    tried += [("confirm", 1, 1, 0.8), ("confirm", 1, 2, 0.85)]
    for trial, (stage, candidate, seed, accuracy) in enumerate(tried):
        activation = "relu" if candidate or trial % 2 else "linear"
        config = {"network": {"family": "cnn", "depth": 2, "fc_activation": activation}, "training": {}}
        of = {"stage": stage, "candidate": candidate, "seed": seed, "label": ""}
        journal.append("start", trial=trial, config=config, parameters=10, macs=20, **of)
        scores = {"accuracy": accuracy, "loss": 1 - accuracy}
        for epoch in (1, 2, 3):
            journal.append("report", trial=trial, epoch=epoch, metrics={"accuracy": accuracy, "loss": 1 / epoch})
        end = {"status": "complete", "reason": "", "best_epoch": 3, "epochs": 3, "seconds": 2.0, "values": [accuracy]}
        journal.append("end", trial=trial, metrics=scores, **end)
    journal.append("test", candidate=1, trials=[4, 5], seeds=[1, 2], metrics=[{"accuracy": 0.75}, {"accuracy": 0.8}])
    journal.append("finish", session=1, seconds=9.0)
    journal.close()
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the study's table on an MLflow server."""
    folder = tmp_path_factory.mktemp("server")
    uri = f"sqlite:///{folder}/mlflow.db"
    Follower(study(folder / "fc"), uri).catch_up()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/health"))
        yield f"http://127.0.0.1:{port}{page(uri, 'fc')}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


def until(what: Callable[[], Any]) -> None:
    deadline = monotonic() + PATIENCE
    while not what():
        assert monotonic() < deadline
        sleep(0.1)


def test_a_study_opens_on_its_trials_which_can_be_ticked_and_compared(driver: Any, table: str) -> None:
    driver.get(table)
    until(lambda: len(driver.execute_script(ROWS, "attributes.`Run Name`")) == 7)
    until(lambda: "params.`fc_activation`" in driver.execute_script(HEADS))

    assert driver.execute_script(ROWS, "attributes.`Run Name`") == [
        "1 cnn (explore)",
        "winner trial 1, seed 2",
        "study fc",
        "winner trial 1, seed 1",
        "0 cnn (explore)",
        "3 cnn (explore)",
        "2 cnn (explore)",
    ]
    heads = driver.execute_script(HEADS)
    shown = {"metrics.`final/accuracy`", "metrics.`test/accuracy`", "metrics.`final/loss`", "tags.`stage`"}
    assert shown <= set(heads)  # MLflow 3.17 sorts them by the alphabet where the page is slow to load
    assert driver.execute_script(ROWS, "metrics.`final/accuracy`")[0] == "0.9"
    activations = driver.execute_script(ROWS, "params.`fc_activation`")
    assert activations == ["relu", "relu", "-", "relu", "linear", "relu", "linear"]
    assert "params.`depth`" not in heads  # all have the same
    assert "Trials by accuracy" in driver.execute_script(TEXT)  # the saved view's name

    for box in driver.find_elements("css selector", ".ag-row .ag-selection-checkbox")[:3]:
        box.click()
    driver.find_element("css selector", "[data-testid=runs-compare-button]").click()
    until(lambda: "Comparing 3 Runs" in driver.execute_script(TEXT))
    until(lambda: "final/accuracy" in driver.execute_script(TEXT))
    text = driver.execute_script(TEXT)
    assert "fc_activation" in text and "winner trial 1, seed 2" in text


def test_the_study_s_own_page_says_the_verdict(driver: Any, table: str) -> None:
    driver.get(table)
    until(lambda: driver.find_elements("link text", "study fc"))
    driver.find_element("link text", "study fc").click()
    until(lambda: "trial 1 won" in driver.execute_script(TEXT))
