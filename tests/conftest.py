"""What every test may rely on: no settings from outside, one thread a process, the checkout, published files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

CHECKOUT = Path(__file__).parents[1]

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
