"""What Optuna proposes through Ray Tune is the network that is trained."""

from __future__ import annotations

import sys
from pathlib import Path

import optuna
import programs
import pytest

from spectune.spaces.errors import InputError


def test_what_is_asked_for_is_what_is_built() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    families = set()
    for _ in range(40):
        asked = study.ask()
        programs.define(asked)
        try:
            network, training = programs.proposed(asked.params)
        except ValueError:
            continue
        families.add(network.family)
        assert training.learning_rate == asked.params.get("learning_rate", training.learning_rate)
    assert len(families) >= 5


def test_a_program_is_ended_at_its_limit_and_a_failure_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end within 0.5 s, it did not"):
        programs._ended([sys.executable, "-c", "import time; time.sleep(60)"], 0.5, str(tmp_path))
    with pytest.raises(InputError, match=r"must end well, got 1: ValueError: no spectra"):
        programs._ended([sys.executable, "-c", "raise ValueError('no spectra')"], 60, str(tmp_path))
