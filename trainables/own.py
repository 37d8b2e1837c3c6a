"""A user's own architecture: one file with a config type and ``build``, given as ``--space my_file.py:MySpace``.

The study keeps a copy of the file, from which every worker makes the family known, so that it runs on a cluster as on a
laptop and a resumed study keeps its architecture. The file is Python that runs: it comes from whoever starts the study
and from the study's folder, which must be theirs, never from an export or from a path that a journal names.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from spectune.spaces import FAMILIES, SPACES, Network, Space
from spectune.trainables.models import BUILDERS

COPY = "space.py"  # in the study's folder


def load(space: str, folder: Path | None = None, *, named: bool = True) -> None:
    """Make the space ``FILE:NAME`` known under that name; of a study in ``folder`` its own copy of the file.

    ``named`` says whether the user named the file; what only a journal names is not run, unless it is the study's copy.
    ValueError, in one line, says what the file lacks.
    """
    file, _, name = space.rpartition(":")
    copy = None if folder is None else kept(folder)
    if copy is None and not named:
        raise ValueError(f"a study keeps a copy of its --space, there is no {COPY} in {folder}: give --space {space}")
    if copy is None and not Path(file).is_file():
        raise ValueError(f"--space is a known space or FILE.py:NAME, there is no file {file}: give its path")
    source = _text(Path(file)) if copy is None else copy
    if named and Path(file).is_file() and _text(Path(file)) != source:
        path = (folder or Path()) / COPY
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


def kept(folder: Path) -> str | None:
    """The study's copy of the file, if it has one. ValueError where another user may have written it."""
    copy = folder / COPY
    if not copy.is_file():
        return None
    for path in (copy, folder):
        found = path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
            raise ValueError(
                f"{copy} is Python that runs with the study, so only you may write to it, but {path} is another user's "
                f"or open to all: look at it, then copy the study (cp -r), or chmod o-w {path}"
            )
    return _text(copy)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the file of a --space is Python in UTF-8, {path} is not ({reason}): correct it") from None


def keep(space: str, folder: Path) -> None:
    """Copy the file into the study's folder, if there is no copy yet."""
    copy = folder / COPY
    if not copy.is_file():
        copy.touch(mode=0o600)
        copy.write_bytes(Path(space.rpartition(":")[0]).read_bytes())


def known(source: bytes | str | None) -> None:
    """Make the architecture of a study's copy known in this process, if there is one."""
    if source is not None:
        register(source.decode() if isinstance(source, bytes) else source, COPY)


def _is_family(thing: Any, module: str) -> bool:
    return isinstance(thing, type) and issubclass(thing, Network) and thing.__module__ == module


def _name(source: str) -> str:
    return "spectune_own_" + hashlib.sha256(source.encode()).hexdigest()[:16]
