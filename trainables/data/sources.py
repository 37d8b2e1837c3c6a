"""Where datasets come from: each source is a frozen dataclass whose fields are its options."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Protocol

from spectune.spaces.errors import InputError
from spectune.trainables.data.crystals import listing
from spectune.trainables.data.crystals.source import Crystals
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.files.measured import FORMATS, Measured, readable
from spectune.trainables.data.recipes.benchmark import Benchmark
from spectune.trainables.data.recipes.challenge import Challenge
from spectune.trainables.data.recipes.described import Described
from spectune.trainables.data.recipes.generated import Generated


class Source(Protocol):
    """The options of a dataset: a frozen dataclass that makes it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def load(self) -> Dataset: ...


RENAMED = {"several": "multilabel"}  # options of studies that were made before
SOURCES: dict[str, type[Source]] = {"benchmark": Benchmark, "challenge": Challenge, "generated": Generated}


def load(source: str, **options: Any) -> Dataset:
    """The dataset ``source``: a name in ``SOURCES``, a definition (.json), crystal structures (a folder, an archive
    or a list of CIFs), or measured spectra (a file or a folder).

    Options are fields of the source's dataclass; text is read as the type of the field's default. ValueError in one
    line for anything unknown or broken.
    """
    if source in SOURCES:
        return make(SOURCES[source], source, options).load()
    path = Path(source)
    if not path.exists():
        raise InputError(
            f"a dataset must be one of {', '.join(SOURCES)} or an existing file or folder, got {source!r}: check the "
            f"spelling"
        )
    if path.suffix.lower() == ".json":
        return make(Described, source, {"path": path, **options}).load()
    if listing.holds(path):
        return make(Crystals, source, {"path": path, **options}).load()
    if readable(path):
        return make(Measured, source, {"path": path, **options}).load()
    raise InputError(
        f"a dataset's file must end in .json, .cif, {', '.join(FORMATS)}, got {source}: convert it, or put "
        f"two-column text files in a folder per class"
    )


def make(kind: type[Source], source: str, options: dict[str, Any]) -> Source:
    """``kind`` with ``options``, text turned into the type of the default."""
    known = {field.name: field.default for field in dataclasses.fields(kind) if field.name != "path"}
    values = {}
    for given, value in options.items():
        name = RENAMED.get(given, given)
        if name == "path":
            values[name] = value
        elif name not in known:
            cure = f"choose one of {', '.join(known)}" if known else "leave it away, there are none"
            raise InputError(f"options of {source} must be known, got {name!r}: {cure}")
        else:
            values[name] = _parse(name, value, known[name])
    return kind(**values)


def _parse(name: str, value: Any, default: Any) -> Any:
    """``value`` as the type of ``default``."""
    kind = type(default)
    words = {int: "a whole number", float: "a number", str: "text"}[kind]
    accepted = {int: (int, str), float: (int, float, str), str: (int, float, str, Path)}[kind]
    if isinstance(value, accepted) and not isinstance(value, bool):
        try:
            return kind(value)
        except ValueError:
            pass
    raise InputError(f"{name} must be {words}, got {value!r}: the default is {default!r}")
