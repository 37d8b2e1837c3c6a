"""Pages are drawn by processes of their own: the search never imports dashboards."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spectune.search.process.command import module
from spectune.spaces.errors import InputError


@contextmanager
def ahead(page: str, *arguments: str) -> Iterator[Callable[[], None]]:
    """Begin a page's process, whose imports take two seconds; the call that it gives has the page drawn.

    The call raises ValueError in one line when that cannot be done.
    """
    command = module(f"spectune.dashboards.{page}", *arguments, "--wait")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:

        def drawn() -> None:
            _, said = process.communicate("draw\n")
            if process.returncode:
                last = (said.strip() or "no message").splitlines()[-1]
                raise InputError(f"the page {page} could not be drawn: {last}")

        try:
            yield drawn
        finally:
            process.kill()


def draw(page: str, *arguments: str) -> None:
    """Have a page drawn now."""
    with ahead(page, *arguments) as drawn:
        drawn()
