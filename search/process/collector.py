"""Python without its garbage collector, where it would go through many new things again and again and find nothing."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Without it, for what makes many things and no garbage."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """The same around heavy imports, 0.6 s for torch and Ray; it also leaves alone later what they made.

    And what there is when the process ends, as it is freed then anyway: 1 s.
    """
    with uncollected():
        yield
        gc.freeze()
        atexit.register(gc.freeze)
