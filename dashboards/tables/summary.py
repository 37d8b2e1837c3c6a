"""All tables of a study, made once for all sections of a page."""

from __future__ import annotations

from spectune.dashboards.tables.candidates import EXPLORED, trained
from spectune.dashboards.tables.importance import importances
from spectune.dashboards.tables.trials import CONFIG, confirmed, curves, trials, varied
from spectune.search.records import Study


class Summary:
    """``study`` and what is derived from it; the first objective is ``metric`` with its ``direction``."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.objectives = study.objectives
        self.metric, self.direction = study.objectives[0]
        self.trials = trials(study)
        self.curves = curves(study)
        self.confirmed = confirmed(study)
        self.importances = importances(self.trials, self.direction)

    @property
    def promoted(self) -> list[int]:
        """Explore trials that were confirmed later."""
        return [row.candidate for row in self.confirmed.itertuples() if row.kind == EXPLORED]

    @property
    def order(self) -> list[str]:
        """Hyperparameters that varied: what decides more than by chance, then what every trial has, then the others."""
        table = self.importances
        if not len(table):
            return [name.removeprefix(CONFIG) for name in varied(self.trials)]
        clear, common = table["importance"] > table["chance"], table["trials"] == table["trials"].max()
        return [*table.index[clear], *table.index[~clear & common], *table.index[~clear & ~common]]

    @property
    def best(self) -> str:
        """What the first of the confirmed configs is in a sentence."""
        return "network" if trained(self.study) else "winner"
