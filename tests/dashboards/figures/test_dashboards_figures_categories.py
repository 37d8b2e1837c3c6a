from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.dashboards.figures.categories import categories, shares
from spectune.dashboards.tables import variants
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record


def read(scribe: Any, shown: Any) -> Any:
    return shown(report.build(record.read(scribe.folder)))


def test_categories_are_the_share_of_their_spectra(study: record.Study, page: Any) -> None:
    found = shares(study, "validation")
    assert list(found) == ["peak positions", "peak intensities", "minor peak"]
    for name in variants.names(study):
        line = study.evaluations[name, "validation"]
        expected = [sum(right[18:]) / 90 for right in line["right"]]
        assert found["minor peak"][name] == pytest.approx(expected)
    cells = page.rows("variant", "peak positions")[2]
    means = {name: float(np.mean(found["minor peak"][name])) for name in ("cnn6", "pooling=none")}
    gap = means["pooling=none"] - means["cnn6"]
    assert cells[0] == "pooling=none" and cells[3] == f"{means['pooling=none']:.4f}{gap:+.4f}"


@pytest.mark.parametrize("of", [[], ["all"] * 27])
def test_classes_without_categories_leave_the_section_out(ablator: Any, shown: Any, of: list[str]) -> None:
    ablator.ablate(categories=of)
    ablator.compare(2)
    assert categories(Summary(record.read(ablator.folder))) == ""
    assert "Categories" not in read(ablator, shown).text


def test_spectra_with_several_labels_have_no_categories(ablator: Any) -> None:
    ablator.ablate()
    ablator.compare(2)
    study = record.read(ablator.folder)
    for line in study.evaluations.values():
        del line["right"], line["spectra"]
    assert shares(study, "validation") == {}
    assert "Categories are known once" in categories(Summary(study))
