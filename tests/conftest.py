"""What every test may rely on: no settings from outside, one thread a process, the checkout, published files."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

CHECKOUT = Path(__file__).parents[1]
CHROMIUM = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "hide-scrollbars",
)

# Before any test imports what reads them. Child processes inherit it.
for name in [name for name in os.environ if name.startswith(("MLFLOW_", "RAY_", "TUNE_", "SPECTUNE_"))]:
    del os.environ[name]
os.environ.update(OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0", MLFLOW_DISABLE_TELEMETRY="true")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job that a script began with & ignores it


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache of the tests' own."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def reference() -> Path:
    """The published files that the datasets and networks are compared with; they are not part of the checkout."""
    folder = CHECKOUT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip(f"the published reference files are not in {folder}")
    return folder


@pytest.fixture(params=[100, pytest.param(10_000, marks=pytest.mark.slow)], ids=["some", "very_many"])
def fuzz(request: pytest.FixtureRequest) -> Callable[[SearchStrategy[Any], Callable[[Any], None]], None]:
    """``fuzz(strategy, attempt)``: an attempt at each of a hundred inputs, and of 10 000 with ``-m slow``."""

    def run(strategy: SearchStrategy[Any], attempt: Callable[[Any], None]) -> None:
        number: int = request.param
        quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
        limits = settings(max_examples=number, derandomize=number < 1000, deadline=None, suppress_health_check=quiet)
        limits(given(strategy)(attempt))()

    return run


@pytest.fixture(scope="module")
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium as a user has it, in a window of the module's ``WINDOW``; what it logs and loads can be asked for."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("Chromium with its driver is not installed")
    width, height = request.module.WINDOW
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in (*CHROMIUM, f"window-size={width},{height}", f"user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = selenium.Chrome(options=options, service=selenium.ChromeService(chromedriver))
    started.get("about:blank")  # away from the browser's own first page, which loads parts of its own
    yield started
    started.quit()
