"""XML from outside, by defusedxml: no entities, no sizes beyond memory, and names without their namespace."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.packed import fit, opened

Element = Any  # xml.etree's, which has no types from defusedxml
TREE = 20  # bytes in memory for a byte of XML, about
DEEPEST = 50  # elements within one another; what is looked for in each of them takes time by their product


def parsed(where: str | Path, content: bytes) -> Element:
    """The root of a document; InputError where it is none, or one with entities."""
    from defusedxml import DefusedXmlException  # only these formats need it
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        fit(TREE * len(content))
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where} must be XML without entities, got {reason}: copy the file again") from None
    except MemoryError as error:
        raise InputError(f"{where} must fit into memory, got {error or 'more'}: split the file") from None
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > DEEPEST:
            raise InputError(f"{where} must have {DEEPEST} elements within one another at most, got more: export again")
    return root


def unzipped(path: Path, wanted: str) -> dict[str, bytes]:
    """Name and content of each member whose name holds ``wanted``; InputError where the archive is damaged."""
    with opened(path, "a zip archive", "copy the file again") as archive:
        members = [entry for entry in archive.infolist() if wanted in entry.filename]
        fit(TREE * sum(entry.file_size for entry in members))
        return {entry.filename: _member(archive, entry) for entry in members}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """What a member unpacks to, no more than it says."""
    with archive.open(entry) as stream:
        return stream.read(entry.file_size)


def every(element: Element, name: str) -> Iterator[Element]:
    """The elements below ``element`` of a name, in any namespace."""
    return (one for one in element.iter() if isinstance(one.tag, str) and one.tag.rpartition("}")[2] == name)


def first(element: Element, name: str) -> Element | None:
    """The first of ``every``; None where there is none."""
    return next(every(element, name), None)


def numbers(where: str, text: str | None) -> NDArray[np.float64]:
    """The numbers of a text, between blanks or commas."""
    try:
        return np.array([float(word) for word in (text or "").replace(",", " ").split()], np.float64)
    except ValueError as error:
        raise InputError(f"{where} must hold numbers, got {str(error)[:60]}: export the file again") from None
