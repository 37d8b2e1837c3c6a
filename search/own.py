"""A user's own architecture: one file with a config type and ``build``, given as ``--space my_file.py:MySpace``.

The study keeps a copy of the file, from which every worker makes the family known, so that it runs on a cluster as on a
laptop and a resumed study keeps its architecture. The file is Python that runs: it comes from whoever starts the study
and from the study's folder, never from an export.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from spectune.spaces import FAMILIES, SPACES, Network, Space
from spectune.trainables.models import BUILDERS

COPY = "space.py"  # in the study's folder


def load(space: str, folder: Path | None = None) -> None:
    """Make the space ``FILE:NAME`` known under that name; of a study in ``folder`` its own copy of the file.

    ValueError, in one line, says what the file lacks.
    """
    file, _, name = space.rpartition(":")
    path = folder / COPY if folder is not None and (folder / COPY).is_file() else Path(file)
    if not path.is_file():
        raise ValueError(f"--space is a known space or FILE.py:NAME, there is no file {file}: give its path")
    source = path.read_text(encoding="utf-8")
    if Path(file).is_file() and Path(file).read_text(encoding="utf-8") != source:
        raise ValueError(
            f"a study keeps its architecture, but {file} is no longer {path}: restore it, or take a new --name"
        )
    register(source, file)
    family: Any = getattr(sys.modules[_name(source)], name, None)
    if not _is_family(family, _name(source)):
        raise ValueError(f"{file} must define {name}, a subclass of spectune.spaces.Network, and does not: name it so")
    SPACES[space] = Space(family.family, (family,))


def register(source: str, file: str) -> None:
    """Make the families that ``source`` defines known, with its ``build``; once for each text."""
    name = _name(source)
    if name in sys.modules:
        return
    module = ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(source, file, "exec"), module.__dict__)
        families = [thing for thing in vars(module).values() if _is_family(thing, name)]
        build = getattr(module, "build", None)
        if build is None:
            raise ValueError(f"{file} must define build(network, points, classes), giving a torch module: add it")
        for family in families:
            if family.family in FAMILIES:
                raise ValueError(f"{file} defines the family {family.family!r}, which exists: call it something else")
            FAMILIES[family.family] = family
            BUILDERS[family] = build
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, ValueError):
            raise
        raise ValueError(f"{file} cannot be run: {type(error).__name__}: {error}") from None


def keep(space: str, folder: Path) -> None:
    """Copy the file into the study's folder, if there is no copy yet."""
    copy = folder / COPY
    if not copy.is_file():
        copy.write_bytes(Path(space.rpartition(":")[0]).read_bytes())


def known(source: bytes | None) -> None:
    """Make the architecture of a study's copy known in this process, if there is one."""
    if source is not None:
        register(source.decode(), COPY)


def _is_family(thing: Any, module: str) -> bool:
    return isinstance(thing, type) and issubclass(thing, Network) and thing.__module__ == module


def _name(source: str) -> str:
    return "spectune_own_" + hashlib.sha256(source.encode()).hexdigest()[:16]
