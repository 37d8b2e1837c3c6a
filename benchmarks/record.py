"""Where benchmarks keep their figures: a line of JSON with the date, the commit and the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def append(name: str, figures: dict[str, Any]) -> None:
    """Append figures to ``results/NAME.jsonl`` and say where."""
    path = HERE / "results" / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    line = {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": machine(), **figures}
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(f"recorded in {path.relative_to(HERE.parent)}")


def rows(name: str) -> list[dict[str, Any]]:
    """The lines of ``results/NAME.jsonl``; none where there is no such file."""
    path = HERE / "results" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def commit() -> str:
    """The checkout's commit, with + when tracked files were changed."""
    commands = (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    head, changed = (
        subprocess.run(["git", *command], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
        for command in commands
    )
    return head + ("+" if changed else "")


def machine() -> str:
    """Processor and cores."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
