from __future__ import annotations

from pathlib import Path

import pytest

from spectune.dashboards.tables.candidates import kind, trained, who
from spectune.search.records import study as record


@pytest.mark.parametrize(
    ("study", "candidate", "label", "named"),
    [
        ("whole", 12, "", "trial 12"),
        ("whole", 3, "cnn6", "cnn6 (trial 3)"),
        ("whole", "cnn2", "cnn2", "cnn2 (baseline)"),
        ("training", "cnn6", "cnn6", "cnn6"),
        ("training", "cnn6", "cnn6 fc_dropout=0.5", "cnn6 fc_dropout=0.5"),
        ("ablation", "pooling=none", "pooling=none", "pooling=none"),
    ],
)
def test_candidates_have_one_name_everywhere(
    folders: dict[str, Path], study: str, candidate: int | str, label: str, named: str
) -> None:
    assert who(record.read(folders[study]), candidate, label) == named


def test_a_candidate_is_explored_known_or_a_variant(folders: dict[str, Path]) -> None:
    study, ablation = record.read(folders["whole"]), record.read(folders["ablation"])
    assert [kind(study, 12), kind(study, "cnn2"), kind(ablation, "cnn6")] == ["explored", "known", "variant"]


def test_only_a_training_is_one(folders: dict[str, Path]) -> None:
    assert [name for name, folder in folders.items() if trained(record.read(folder))] == ["training"]
