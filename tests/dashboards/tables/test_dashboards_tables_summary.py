from __future__ import annotations

import pandas as pd
import pytest

from spectune.dashboards.tables.summary import Summary


def test_what_decides_comes_before_what_does_not_and_what_few_trials_have(
    summaries: dict[str, Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["rare", "common", "decisive"]
    table = pd.DataFrame({"importance": [0.5, 0.3, 0.2], "chance": [0.6, 0.4, 0.1], "trials": [5, 40, 20]}, index=names)
    monkeypatch.setattr(summaries["whole"], "importances", table)
    assert summaries["whole"].order == ["decisive", "common", "rare"]
    assert summaries["running"].order[0] == "depth"  # too few trials: as the space has them
