"""What the library says while it works, its log "spectune", as lines of a command."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("spectune")


@contextmanager
def shown() -> Iterator[None]:
    """Have the log printed on stderr, from level INFO on, for so long."""
    handler = logging.StreamHandler(sys.stderr)
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
