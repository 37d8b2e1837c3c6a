"""What a worker is told of a trial."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spectune.search.records import Task, stored
from spectune.spaces import CNN, KNOWN, Training


@pytest.mark.parametrize("candidate", [None, 7, "cnn2"])
def test_a_task_goes_through_json(candidate):
    task = Task(
        number=3, stage="confirm", network=CNN(filters=16), training=Training(), seed=5, label="x", candidate=candidate
    )
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    folded = replace(task, folds=5, turn=(3,))
    assert Task.from_dict(json.loads(json.dumps(folded.to_dict()))) == folded
    old = {key: value for key, value in task.to_dict().items() if key not in ("folds", "turn")}
    assert Task.from_dict(old) == task


def test_its_config_is_what_the_journal_holds():
    known = KNOWN["cnn2"]
    task = Task(number=0, stage="explore", network=known.network, training=known.training, seed=0)
    assert task.config["network"]["family"] == "cnn"
    assert set(task.config) == {"network", "training"}


def test_files_of_a_trial_lie_in_a_folder_of_its_number():
    assert stored(12, "weights.safetensors") == "trials/0012/weights.safetensors"
