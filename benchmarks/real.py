"""Real spectra: spectune beside what a user would pick instead, on the same splits and within the same time.

    python benchmarks/real.py fetch [--set NAME] [--autogluon]
    python benchmarks/real.py run --set NAME|all --method NAME|simple|all [--minutes 5] [--seed 0]
    python benchmarks/real.py table [--minutes 5]

``fetch`` downloads the packages that hold the sets (``sets.py``) by pip, and by apt where there is one, into a cache
outside the repository, checks them and divides them. ``run`` adds a line to ``results/real.jsonl`` for each set and
method, and leaves out what is there; the limit is of wall-clock time on two cores. ``table`` draws the lines.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import programs
import record
import sets
import simple
import standings

from spectune.spaces.errors import InputError

READERS = ("rdata==1.1.0", "xarray==2026.9.0", "jcamp==1.3.2")  # they read the sets
AUTOGLUON = "autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.6.3"  # what its defaults use
CORES = 2
CACHE = Path.home() / ".cache" / "spectune-real"
NAMES = {name: title for name, (title, _) in (*programs.PROGRAMS.items(), *simple.METHODS.items())}


def fetch(cache: Path, names: list[str], autogluon: bool) -> None:
    """Download, check and divide; a set that this machine cannot get is left out and said."""
    use_readers(cache)
    for name in names:
        one = sets.SETS[name]
        try:
            spectra = one.read(sets.taken(unpacked(cache, one.package), one))
        except InputError as error:
            print(f"{name}: left out, {error}")
            continue
        arrays = sets.prepare(spectra)
        path = file_of(cache, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, allow_pickle=False, **arrays)
        print(f"{name}: {described(one, arrays)}")
    if autogluon:
        folder = cache / "autogluon"
        venv.create(folder, with_pip=True)
        torch = f"torch=={version('torch').partition('+')[0]}"  # the one that spectune has
        _pip(["install", AUTOGLUON, torch], python=str(folder / "bin" / "python"))


def described(one: sets.Set, arrays: dict[str, Any]) -> str:
    """A set in some lines: what it is, its licence, its splits, what has to be said."""
    count, points = arrays["x"].shape
    parts = [f"{one.what}: {count} spectra of {points} points, {one.package.name} ({one.package.licence})"]
    for split in ("train", "validation", "test"):
        mine = arrays["split"] == split
        classes = Counter(arrays["names"][arrays["y"][mine]].tolist())
        shares = ", ".join(f"{name} {number}" for name, number in sorted(classes.items()))
        parts.append(f"{split}: {mine.sum()} spectra in {len(set(arrays['group'][mine]))} groups: {shares}")
    return "\n    ".join([*parts, *arrays["said"].tolist()])


def unpacked(cache: Path, package: sets.Package) -> Path:
    """The folder of a package's files; InputError where it cannot be had here."""
    folder = cache / "packages" / f"{package.name}-{package.version}"
    if folder.is_dir():
        return folder
    scratch = cache / "downloads"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if package.registry == "Debian":
        if not shutil.which("apt-get"):
            raise InputError(f"{package.name} must come by apt-get, which is not here: fetch it on Debian")
        _done(["apt-get", "download", "-q", f"{package.name}={package.version}"], scratch)
        _done(["dpkg-deb", "-x", *map(str, scratch.glob("*.deb")), str(scratch / "files")], scratch)
    else:
        source = ["--no-binary", package.name] if package.name == "jcamp" else []  # its wheel lacks them
        _pip(["download", "--no-deps", *source, "-d", str(scratch), f"{package.name}=={package.version}"])
        _unpack(next(path for path in scratch.iterdir() if path.is_file()), scratch / "files")
    folder.parent.mkdir(exist_ok=True)
    (scratch / "files").rename(folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


def use_readers(cache: Path) -> None:
    """Packages that read the sets' formats, behind everything that is installed."""
    folder = cache / "readers"
    if not folder.is_dir():
        _pip(["install", "--no-deps", "--target", str(folder), *READERS])
    sys.path.append(str(folder))


def _pip(words: list[str], python: str = sys.executable) -> None:
    _done([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], Path.cwd())


def _done(command: list[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        words = ended.stderr.strip().splitlines()[-1:]
        raise InputError(f"{' '.join(command[:5])} must work, got {' '.join(words)}: look at the network")


def file_of(cache: Path, name: str) -> Path:
    return cache / "sets" / f"{name}.npz"


def run(cache: Path, names: list[str], methods: list[str], minutes: float, seed: int) -> None:
    """A line for each set and method that has none yet of these spectra, this limit and this seed."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    done = {_key(row) for row in record.rows("real")}
    for name in names:
        path = file_of(cache, name)
        if not path.is_file():
            print(f"{name}: left out, it is not in {cache}: fetch it")
            continue
        with np.load(path, allow_pickle=False) as opened:
            arrays = {key: opened[key] for key in opened.files}
        for method in methods:
            row = {"set": name, "digest": digest(arrays), "method": method, "minutes": minutes, "seed": seed}
            if _key(row) in done:
                continue
            start = time.monotonic()
            try:
                if method in simple.METHODS:
                    answer = simple.run(method, arrays, 60 * minutes, seed)
                else:
                    answer = programs.PROGRAMS[method][1](path, minutes, seed, cache)
            except InputError as error:
                print(f"{name}, {method}: no answer, {error}")
                continue
            seconds = round(time.monotonic() - start, 1)
            record.append("real", row | {"seconds": seconds} | answer | blind(arrays))


def blind(arrays: dict[str, Any]) -> dict[str, Any]:
    """Truth and groups of the test spectra, as numbers."""
    mine = arrays["split"] == "test"
    _, groups = np.unique(arrays["group"][mine], return_inverse=True)
    return {"truth": arrays["y"][mine].tolist(), "groups": groups.tolist()}


def digest(arrays: dict[str, Any]) -> str:
    """Of spectra, classes, splits and groups: rows of other ones are not compared."""
    found = hashlib.sha256()
    for name in ("x", "y", "split", "group"):
        found.update(np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()[:12]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("set", "digest", "method", "minutes", "seed"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fetch", "run", "table"))
    parser.add_argument("--set", choices=("all", *sets.SETS), default="all")
    parser.add_argument("--method", choices=("all", "simple", *NAMES), default="all")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--autogluon", action="store_true", help="install AutoGluon into an environment of its own")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    names = list(sets.SETS) if options.set == "all" else [options.set]
    several = {"all": list(NAMES), "simple": list(simple.METHODS)}
    try:
        if options.what == "fetch":
            fetch(options.cache, names, options.autogluon)
        elif options.what == "run":
            methods = several.get(options.method, [options.method])
            run(options.cache, names, methods, options.minutes, options.seed)
        else:
            print(standings.draw(record.rows("real"), NAMES, options.minutes))
    except InputError as error:
        sys.exit(f"real.py: {error}")


if __name__ == "__main__":
    main()
