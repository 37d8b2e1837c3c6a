"""What an ablation found, from what its journal says; the whole of it is in test_search_ablation_variants.py."""

from __future__ import annotations

import csv

from spectune.search.ablation.compare import TABLE, comparison, finding, write
from spectune.search.records import Study
from spectune.search.records.study import Trial

NAMES = ("base", "depth=2")
ABLATION = {
    "reference": "base",
    "variants": {
        "base": {"changes": {}, "before": {}, "also": {}},
        "depth=2": {"changes": {"depth": 2}, "before": {"depth": 1}, "also": {}},
    },
    "skipped": [],
}


def compared(tmp_path, metric, values):
    """A study whose variants were evaluated on two seeds; ``values`` are those of each, missing where None."""
    study = Study(tmp_path)
    study.sessions.append({"name": "s", "objectives": [[metric, "max"]], "ablation": ABLATION})
    for number, (name, seed) in enumerate((name, seed) for seed in (0, 1) for name in NAMES):
        study.trials[number] = Trial(
            number=number,
            stage="confirm",
            config={},
            label=name,
            seed=seed,
            candidate=name,
            parameters=1,
            macs=1,
            started=0.0,
            status="complete",
        )
    for name, found in values.items():
        rows = [{"loss": 1.0} if value is None else {"loss": 1.0, metric: value} for value in found]
        study.evaluations[name, "test"] = {"seeds": [0, 1], "metrics": rows, "ceiling": None}
    return study


def test_a_difference_is_said_by_the_metrics_title_and_in_points(tmp_path):
    found = comparison(compared(tmp_path, "macro_f1", {"base": [0.5, 0.6], "depth=2": [0.6, 0.7]}), "test")
    assert "depth 2 instead of 1: +10.0 points test macro F1 (2 seeds" in found["rows"][1]["finding"]
    assert finding(found["rows"][0], ABLATION, metric="macro_f1", split="test") == ""


def test_what_has_no_value_is_not_compared(tmp_path):
    """No label of a split is both present and absent: there is no AUC, and the journal leaves it out."""
    assert comparison(compared(tmp_path, "auc", {name: [None, None] for name in NAMES}), "test")["rows"] == []
    (reference, other) = comparison(compared(tmp_path, "auc", {"base": [0.5, 0.6], "depth=2": [None, 0.7]}), "test")[
        "rows"
    ]
    assert reference["values"] == [0.5, 0.6]
    assert (other["seeds"], other["difference"]["seeds"]) == ([1], [1])


def test_the_table_is_whole_or_not_there(tmp_path):
    study = compared(tmp_path, "auc", {"base": [0.5, 0.6], "depth=2": [0.6, 0.7]})
    study.comparisons["test"] = comparison(study, "test")
    write(study)
    with (tmp_path / TABLE).open() as file:
        assert [row["variant"] for row in csv.DictReader(file)] == list(NAMES)
    before = (tmp_path / TABLE).read_bytes()
    study.comparisons["test"]["rows"][1] = {}  # an error in the middle of the table
    try:
        write(study)
    except KeyError:
        assert (tmp_path / TABLE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [TABLE]
