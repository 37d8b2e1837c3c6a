"""Families beside each other: what is counted, what is drawn, and when it is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spectune.dashboards.figures.families import families, ranking, strip
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import trials
from spectune.search.records import study as record
from spectune.spaces import FAMILIES, PUBLISHED, Training


@pytest.fixture
def multilabel(scribe: Any) -> record.Study:
    """Two trials of every family, of which the resnets fail and the vits are best."""
    scribe.study(space="any")
    for number, (name, family) in enumerate(FAMILIES.items()):
        config = {"network": {"family": name, **family().to_dict()}, "training": Training().to_dict()}
        for skill in (0.3, 0.5):
            if name == "resnet":
                scribe.train(config, skill=skill, status="failed", reason="nan", epochs=1)
            else:
                scribe.train(config, skill=skill + (0.4 if name == "vit" else number / 100))
    return record.read(scribe.folder)


def test_every_family_is_counted_and_the_best_comes_first(multilabel: record.Study) -> None:
    ranked = ranking(trials(multilabel), "max")
    assert set(ranked.index) == set(FAMILIES)
    assert ranked.index[0] == "vit" and ranked.index[-1] == "resnet"
    assert (ranked["trials"] == 2).all()
    assert ranked.loc["resnet", "failed"] == 2 and pd.isna(ranked.loc["resnet", "best"])
    best = ranked.loc["vit"]
    assert multilabel.trials[int(best["trial"])].metrics["accuracy"] == best["best"]


def test_a_metric_to_be_minimal_turns_the_order_round(multilabel: record.Study) -> None:
    frame = trials(multilabel)
    frame["value"] = 1 - frame["value"]
    assert ranking(frame, "min").index[0] == "vit"


def test_there_is_a_mark_for_every_trial_with_a_value(multilabel: record.Study) -> None:
    figure = strip(trials(multilabel), list(FAMILIES), "accuracy")
    assert sum(len(trace.x) for trace in figure.data) == 2 * (len(FAMILIES) - 1)
    assert list(figure.layout.yaxis.ticktext) == list(FAMILIES)


def test_the_section_lists_all_families(multilabel: record.Study) -> None:
    html = families(Summary(multilabel))
    assert all(name in html for name in FAMILIES)


def test_one_family_needs_no_section(folders: dict[str, Path]) -> None:
    assert families(Summary(record.read(folders["whole"]))) == ""
    assert families(Summary(record.read(folders["empty"]))) == ""


def test_published_networks_of_all_families_make_a_page(scribe: Any, shown: Any) -> None:
    from spectune.dashboards import report

    scribe.study(space="any")
    for name, published in PUBLISHED.items():
        config = {
            "network": {"family": published.network.family, **published.network.to_dict()},
            "training": published.training.to_dict(),
        }
        scribe.train(config, skill=0.5, label=name)
    page = shown(report.build(record.read(scribe.folder)))
    rows = page.figures["plot-parallel"]["layout"]["yaxis"]["ticktext"]
    assert "plot-families" in page.figures
    assert any(row.startswith("cnn.") for row in rows) and "depth" not in rows
    configs = [row[-1] for row in page.rows("trial", "stage")]
    assert all(", depth = " in config for config in configs if "family = cnn" in config)  # as it is set
    assert "cnn.depth" not in " ".join(configs)
