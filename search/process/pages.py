"""Pages are drawn by processes of their own: the search never imports dashboards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# It imports what draws at once, and ends without a page when it is not told to draw.
PROCESS = """
import sys
from spectune.search.collector import importing
with importing():
    from spectune.dashboards import {page} as page
sys.exit(page.main() if sys.stdin.readline() else 1)
"""


@contextmanager
def ahead(page: str, *arguments: str) -> Iterator[Callable[[], None]]:
    """Begin a page's process, whose imports take two seconds; the call that it gives has the page drawn.

    The call raises ValueError in one line when that cannot be done.
    """
    command = [sys.executable, "-P", "-c", PROCESS.format(page=page), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:

        def drawn() -> None:
            _, said = process.communicate("draw\n")
            if process.returncode:
                last = (said.strip() or "no message").splitlines()[-1]
                raise ValueError(f"the page {page} could not be drawn: {last}")

        try:
            yield drawn
        finally:
            process.kill()


def draw(page: str, *arguments: str) -> None:
    """Have a page drawn now."""
    with ahead(page, *arguments) as drawn:
        drawn()
