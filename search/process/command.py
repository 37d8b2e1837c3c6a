"""How a process of our own is started."""

from __future__ import annotations

import sys


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs an installed module in this Python, and never one that lies in the working folder."""
    return [sys.executable, "-P", "-m", name, *arguments]
