"""How a study looks on MLflow's pages: names of its runs, its columns, and what is said of it."""

import json

import pytest

from spectune.search.tracking import view

CONFIG = {"network": {"family": "cnn"}, "training": {}}


@pytest.mark.parametrize(
    ("trial", "options", "name"),
    [
        ({"stage": "explore", "candidate": None, "label": "", "seed": 0}, {}, "17 cnn (explore)"),
        ({"stage": "explore", "candidate": None, "label": "sharp", "seed": 0}, {}, "17 sharp (explore)"),
        ({"stage": "confirm", "candidate": 3, "label": "", "seed": 2}, {}, "trial 3, seed 2"),
        ({"stage": "confirm", "candidate": "cnn2", "label": "cnn2", "seed": 2}, {}, "cnn2 baseline, seed 2"),
        ({"stage": "confirm", "candidate": "simple:trees", "label": "trees", "seed": 2}, {}, "trees simple, seed 2"),
        ({"stage": "simple", "candidate": None, "label": "trees", "seed": 0}, {}, "17 trees (simple)"),
        ({"stage": "ensemble", "candidate": "ensemble", "label": "", "seed": 1}, {}, "17 ensemble"),
        ({"stage": "confirm", "candidate": "cnn6", "label": "cnn6", "seed": 0}, {"model": "cnn6"}, "cnn6, seed 0"),
    ],
)
def test_a_run_is_called_what_it_is(trial, options, name):
    assert view.run_name({"number": 17, "config": CONFIG, **trial}, {"options": options}) == name


def test_the_saved_view_is_sorted_by_the_objective_and_small_enough_for_a_tag():
    header = {"objectives": [["loss", "min"]], "time": 1.0}
    tags = view.saved_view(header, [f"hyperparameter_{number}" for number in range(200)])
    assert all(len(value) <= 5000 for value in tags.values())
    (state,) = (json.loads(json.loads(value)["state"]) for name, value in tags.items() if "View" in name)
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`final/loss`", True)


def test_unequal_classes_have_the_balanced_accuracy_in_the_table():
    header = {"objectives": [["accuracy", "max"]], "time": 1.0}
    shown = [json.dumps(view.saved_view({**header, "dataset": {"unequal": one}})) for one in (True, False)]
    assert ["final/balanced_accuracy" in one for one in shown] == [True, False]


def test_the_best_wins_a_search_and_nothing_an_ablation(trial, study):
    rows = [("cnn2", 0.7), ("cnn2", 0.8), (5, 0.9), (5, 0.95)]
    trials = [
        trial(number, value, stage="confirm", candidate=candidate, seed=number % 2)
        for number, (candidate, value) in enumerate(rows)
    ]
    found = study(*trials)
    assert view.verdict(found).startswith("**trial 5 won**")
    assert view.headline(found)["final/accuracy"] == pytest.approx(0.925)
    found.header["ablation"] = {"reference": "cnn2"}
    found.comparisons["validation"] = {"rows": [{"finding": ""}, {"finding": "depth 5 instead of 2: not told apart"}]}
    said = view.verdict(found)
    assert said.startswith("Nothing is chosen in an ablation")
    assert "* depth 5 instead of 2: not told apart" in said
    assert "won" not in said
    assert view.headline(found)["final/accuracy"] == pytest.approx(0.75)
