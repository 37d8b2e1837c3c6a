"""A user's own architecture: one file with a config type and ``build``, given as ``--space my_file.py:MySpace``.

The study keeps a copy of the file, from which every worker loads the family, so that it runs on a cluster as on a
laptop and a resumed study keeps its architecture. The file is Python that runs: it comes from whoever starts the study
and from the study's folder, which must be theirs, never from an export or from a path that a journal names.

Nothing is registered: what a file adds is a new catalogue. Its module is among Python's own under a name made of its
text, as dataclasses and pickle look it up there; a file that was edited is another module.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import os
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from spectune.spaces import FAMILIES, STANDARD, Catalogue, Cost, Ensemble, Network, Space
from spectune.spaces.errors import InputError
from spectune.spaces.files import replacing

COPY = "space.py"  # in the study's folder
POINTS, CLASSES = 1000, 3  # of the spectra that a family is tried with


def load(space: str, folder: Path | None = None, *, named: bool = True) -> Catalogue:
    """What can be named with the space ``FILE:NAME``; of a study in ``folder`` from its own copy of the file.

    ``named`` says whether the user named the file; what only a journal names is not run, unless it is the study's copy.
    ValueError, in one line, says what the file lacks.
    """
    file, _, name = space.rpartition(":")
    copy = None if folder is None else kept(folder)
    if copy is None and not named:
        raise InputError(f"a study keeps a copy of its --space, there is no {COPY} in {folder}: give --space {space}")
    if copy is None and not Path(file).is_file():
        raise InputError(f"--space is a known space or FILE.py:NAME, there is no file {file}: give its path")
    source = _text(Path(file)) if copy is None else copy
    if named and Path(file).is_file() and _text(Path(file)) != source:
        path = (folder or Path()) / COPY
        raise InputError(
            f"a study keeps its architecture, but {file} is no longer {path}: restore it, or take a new --name"
        )
    families = _families(source, file)
    family = next((one for one in families if one.__name__ == name), None)
    if family is None:
        raise InputError(
            f"{file} must define {name}, a subclass of spectune.spaces.Network with a cost, and does not: name it so"
        )
    _try(family, file)
    return STANDARD.with_families(*families).with_space(space, Space(family.family, (family,)))


def known(source: bytes | str | None) -> Catalogue:
    """What can be named with the families of a study's copy; the standard catalogue where there is none."""
    if source is None:
        return STANDARD
    return STANDARD.with_families(*_families(source.decode() if isinstance(source, bytes) else source, COPY))


def kept(folder: Path) -> str | None:
    """The study's copy of the file, if it has one. ValueError where another user may have written it."""
    copy = folder / COPY
    if not copy.is_file():
        return None
    for path in (copy, folder):
        status = path.stat()
        if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
            raise InputError(
                f"{copy} is Python that runs with the study, so only you may write to it, but {path} is another user's "
                f"or open to all: look at it, then copy the study (cp -r), or chmod o-w {path}"
            )
    return _text(copy)


def keep(space: str, folder: Path) -> None:
    """Copy the file into the study's folder, if there is no copy yet. OSError where that cannot be."""
    copy = folder / COPY
    if not copy.is_file():
        with replacing(copy) as part:
            part.touch(mode=0o600)
            part.write_bytes(Path(space.rpartition(":")[0]).read_bytes())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the file of a --space is Python in UTF-8, {path} is not ({reason}): correct it") from None


def _families(source: str, file: str) -> list[type[Network]]:
    """The families that ``source`` defines, each with its builder. ValueError in one line where one cannot work."""
    module = _module(source, file)
    build = getattr(module, "build", None)
    if build is None:
        raise InputError(f"{file} must define build(network, points, classes), giving a torch module: add it")
    families = [thing for thing in vars(module).values() if _is_family(thing, module.__name__)]
    for family in families:
        if "builder" not in vars(family):  # not yet
            _check(family, file)
            family.builder = staticmethod(build)
    return families


def _module(source: str, file: str) -> ModuleType:
    """The module that ``source`` makes; the same one for the same text."""
    name = "spectune_own_" + hashlib.sha256(source.encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{file} cannot be run: {_said(error)}") from None
    return module


def _is_family(thing: Any, module: str) -> bool:
    if not (isinstance(thing, type) and issubclass(thing, Network)):
        return False
    return thing.__module__ == module and not inspect.isabstract(thing)


def _check(family: type[Network], file: str) -> None:
    """ValueError where the family is not declared as one."""
    name = family.__name__
    if "__dataclass_fields__" not in vars(family):
        raise InputError(f"{file}: {name} must be a dataclass: write @dataclass(frozen=True, kw_only=True) above it")
    for field in dataclasses.fields(family):  # type: ignore[arg-type]
        if "domain" not in field.metadata:
            raise InputError(
                f"{file}: every field of {name} must be a hyperparameter, {field.name} is none: declare it with "
                f"hyper(...), or as {field.name}: ClassVar[...] where it is the same for all networks"
            )
    if not isinstance(getattr(family, "family", None), str):
        raise InputError(f'{file}: {name} must have a name: add family: ClassVar[str] = "{name.lower()}"')
    if family.family in (*FAMILIES, Ensemble.family):
        raise InputError(f"{file} defines the family {family.family!r}, which exists: call it something else")


def _try(family: type[Network], file: str) -> None:
    """ValueError where the default network says no cost or cannot be built. It may refuse the size by a ValueError."""
    import torch

    from spectune.trainables.models import build

    name = family.__name__
    try:
        network = family()
    except Exception as error:
        raise InputError(f"{file}: {name}() must be the network of all defaults, it fails: {_said(error)}") from None
    try:
        cost = network.cost(POINTS, CLASSES)
    except ValueError:
        return
    except Exception as error:
        raise InputError(
            f"{file}: cost(points, classes) of {name} must give Cost(parameters, macs, activations), it fails: "
            f"{_said(error)}"
        ) from None
    if not isinstance(cost, Cost) or not all(isinstance(number, int) and number >= 0 for number in cost):
        raise InputError(
            f"{file}: cost(points, classes) of {name} must give Cost(parameters, macs, activations) of whole numbers, "
            f"got {cost!r}: correct it"
        )
    try:
        with torch.device("meta"):
            model: Any = build(network, POINTS, CLASSES)
    except Exception as error:
        raise InputError(
            f"{file}: build(network, points, classes) must give a torch module for {name}(), it fails: {_said(error)}"
        ) from None
    if not isinstance(model, torch.nn.Module):
        raise InputError(
            f"{file}: build(network, points, classes) must give a torch module for {name}(), got {model!r}: return it"
        )


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
