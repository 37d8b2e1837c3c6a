"""What came of what was proposed, by who proposed it: a row for each origin of explored trials."""

from __future__ import annotations

import pandas as pd

from spectune.search.records import ORIGINS

COLUMNS = ("trials", "complete", "improved", "best", "seconds")


def origins(frame: pd.DataFrame, direction: str) -> pd.DataFrame:
    """From the table of trials: by origin, in the order of ORIGINS, how many trials there were, how many of them ran
    to their end, how often one was better than all that ended before it, the best value, and their seconds. Empty where
    no origin is recorded."""
    explored = frame[(frame["stage"] == "explore") & (frame["origin"] != "")].sort_values("ended", kind="stable")
    sign = -1.0 if direction == "min" else 1.0
    score = sign * explored["value"]
    better = score > score.cummax().shift(fill_value=-float("inf")).ffill()
    rows = {
        origin: (
            len(own),
            int((own["status"] == "complete").sum()),
            int(better[own.index].sum()),
            sign * score[own.index].max(),
            float(own["seconds"].sum()),
        )
        for origin, own in explored.groupby("origin")
    }
    known = [origin for origin in ORIGINS if origin in rows]
    order = [*known, *(origin for origin in rows if origin not in known)]
    return pd.DataFrame([rows[origin] for origin in order], pd.Index(order, name="origin"), COLUMNS)
