"""Why networks are wrong: ``python -m spectune.dashboards.diagnosis FILE.npz --out page.html`` draws one page.

The file is what ``spectune diagnose`` writes: ``facts``, JSON text, the confused spectra as in a study's confused.npz,
and the arrays of the map (``dashboards/figures/regions.py``).
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spectune.dashboards.figures import regions
from spectune.dashboards.sections import diagnosis as sections
from spectune.dashboards.style.page import arguments_of, command, page
from spectune.search.records import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 2 with one line on stderr when the file cannot be drawn."""
    parser = argparse.ArgumentParser(prog="spectune.dashboards.diagnosis", description="Draw why networks are wrong.")
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="what spectune diagnose found")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page")
    options = arguments_of(parser, arguments)
    return command("diagnosis", options.out, lambda: build(options.file))


def build(path: Path) -> str:
    """The page of a file as text; ValueError when the file is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            results = json.loads(str(file["facts"]))
            arrays = {name: np.asarray(file[name], float) for name in file.files if name.startswith("region_")}
    except (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        raise InputError(f"a diagnosis is drawn from an .npz file with facts, {path} is none: diagnose again") from None
    parts = {
        "accuracy": ("Accuracy and its ceiling", sections.accuracy(results)),
        "errors": ("What the errors are due to", sections.errors(results)),
        "confused": ("Most confused classes", sections.confused(results, path)),
        "map": ("Decision regions", regions.section(results, arrays)),
        "classes": ("Least accurate classes", sections.classes(results)),
    }
    body = [sections.head(results)]
    body += [
        f'<section id="{name}"><h2>{title}</h2>\n{html}</section>' for name, (title, html) in parts.items() if html
    ]
    return page(f"{results['dataset']['name']}: spectune diagnosis", "\n".join(body))


if __name__ == "__main__":
    sys.exit(main())
