"""What happens in a study as lines of the log "spectune", for whoever calls the search from Python."""

from __future__ import annotations

from spectune.search.process.log import LOGGER
from spectune.search.records import Options, Study, Trial


class Log:
    """Notes and failures at level INFO and WARNING; of the rest nothing."""

    def __init__(self, options: Options, concurrent: int) -> None:
        self._apart = {""}

    def note(self, text: str) -> None:
        LOGGER.info("%s", text)

    def ended(self, trial: Trial) -> None:
        if trial.status == "failed":
            LOGGER.warning("trial %d failed: %s", trial.number, trial.reason)

    def apart(self, reason: str) -> None:
        if reason not in self._apart:
            self._apart.add(reason)
            LOGGER.info("replicas are trained one after the other: %s", reason)

    def update(self, study: Study) -> None: ...

    def tick(self, study: Study) -> None: ...

    def close(self, study: Study) -> None: ...
