"""Which test holds which module: one of its name, or a row here."""

from __future__ import annotations

import ast
from pathlib import Path

from .house import held_by_name

LEAST = 0.8  # share of the modules
TESTED_IN = {
    "trainables/models/test_trainables_models_registry.py": (
        "spaces/inception.py",
        "spaces/mlp.py",
        "spaces/recurrent.py",
        "spaces/resnet.py",
        "spaces/vit.py",
        "spaces/layers.py",
        "trainables/models/cnn.py",
        "trainables/models/inception.py",
        "trainables/models/mlp.py",
        "trainables/models/recurrent.py",
        "trainables/models/resnet.py",
        "trainables/models/vit.py",
        "trainables/models/layers.py",
        "trainables/summary.py",
    ),
    "spaces/test_spaces_registry.py": (
        "spaces/space.py",
        "spaces/show.py",
        "spaces/training.py",
    ),
    "search/records/test_search_records_task.py": ("spaces/saved.py",),
    "search/records/test_search_records_metrics.py": ("spaces/metrics.py",),
    "trainables/test_trainables_export.py": (
        "trainables/card.py",
        "trainables/seal.py",
    ),
    "trainables/models/test_trainables_models_forest.py": (
        "trainables/fit.py",
        "trainables/models/estimator.py",
    ),
    "trainables/test_trainables_train.py": (
        "trainables/epoch.py",
        "trainables/progress.py",
    ),
    "trainables/test_trainables_replicas.py": ("trainables/stack.py",),
    "search/session/test_search_session_warm.py": ("trainables/warm.py",),
    "search/planning/test_search_planning_plan.py": ("trainables/pace.py",),
    "search/session/test_search_session_finish.py": ("trainables/weights.py",),
    "trainables/data/test_trainables_data_published.py": (
        "trainables/data/definition.py",
        "trainables/data/recipes/benchmark.py",
        "trainables/data/recipes/sampling.py",
        "trainables/data/recipes/described.py",
    ),
    "trainables/data/files/test_trainables_data_files_measured.py": ("trainables/data/files/splits.py",),
    "trainables/data/files/test_trainables_data_files_roles.py": ("trainables/data/files/names.py",),
    "trainables/data/files/test_trainables_data_files_folder.py": ("trainables/data/files/axes.py",),
    "trainables/data/files/test_trainables_data_files_rows.py": (
        "trainables/data/files/reading.py",
        "trainables/data/files/table.py",
        "trainables/data/files/text.py",
    ),
    "trainables/data/files/instruments/test_trainables_data_files_instruments_jcamp.py": (
        "trainables/data/files/instruments/asdf.py",
    ),
    "trainables/data/files/instruments/test_trainables_data_files_instruments_spectrum.py": (
        "trainables/data/files/instruments/asd.py",
        "trainables/data/files/instruments/brml.py",
        "trainables/data/files/instruments/content.py",
        "trainables/data/files/instruments/opus.py",
        "trainables/data/files/instruments/ras.py",
        "trainables/data/files/instruments/raw.py",
        "trainables/data/files/instruments/spa.py",
        "trainables/data/files/instruments/spc.py",
        "trainables/data/files/instruments/uxd.py",
        "trainables/data/files/instruments/wdf.py",
        "trainables/data/files/instruments/xml.py",
    ),
    "search/cli/test_search_cli_main.py": ("search/run.py",),
    "search/records/test_search_records_options.py": ("search/cli/flags.py",),
    "search/diagnosis/test_search_diagnosis_diagnose.py": (
        "search/diagnosis/findings.py",
        "search/diagnosis/subjects.py",
    ),
    "search/session/test_search_session_progress.py": ("search/process/table.py",),
    "search/session/test_search_session_launch.py": (
        "search/session/header.py",
        "search/session/run.py",
    ),
    "search/strategy/test_search_strategy_sampler.py": ("search/strategy/neighbour.py",),
    "search/tracking/test_search_tracking_follower.py": (
        "search/tracking/runs.py",
        "search/tracking/writer.py",
    ),
    "dashboards/test_dashboards_report.py": ("dashboards/figures/labels.py",),
    "dashboards/test_dashboards_diagnosis.py": (
        "dashboards/figures/regions.py",
        "dashboards/sections/diagnosis.py",
    ),
}


def test_most_modules_have_a_test_that_is_easily_found(checkout: Path, source: dict[str, ast.Module]) -> None:
    named, others = held_by_name(source, checkout)
    rows = {module for modules in TESTED_IN.values() for module in modules}
    assert (len(named) + len(rows & others)) / (len(named) + len(others)) >= LEAST


def test_rows_are_of_modules_and_tests_that_there_are(checkout: Path, source: dict[str, ast.Module]) -> None:
    _, others = held_by_name(source, checkout)
    assert [test for test in TESTED_IN if not (checkout / "tests" / test).is_file()] == []
    assert {module for modules in TESTED_IN.values() for module in modules} - others == set()
