"""Files of one spectrum or many, of text or of an instrument, and whether they may stand beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments import Spectrum, reader
from spectune.trainables.data.files.rows import read_pairs
from spectune.trainables.data.files.text import read_lines
from spectune.trainables.data.grid import comparable, label


def read_spectra(path: Path) -> list[Spectrum]:
    """The spectra of one file: those of an instrument's, or the one of two columns of text."""
    read = reader(path)
    return read(path) if read else [Spectrum(*read_pairs(read_lines(path)))]


def one_kind(spectra: Sequence[Spectrum], places: Sequence[str]) -> None:
    """InputError where the files say that two spectra are on axes of other units, or of other quantities."""
    first: dict[str, tuple[Spectrum, str]] = {}
    for one, place in zip(spectra, places, strict=True):
        axis, beside = first.setdefault("axis", (one, place))
        try:
            comparable(one.axis, axis.axis)
        except InputError:
            raise InputError(
                f"{place} must be on the axis of {beside}, {label(axis.axis)}, got {label(one.axis)}: convert or "
                f"remove one of them"
            ) from None
        if one.quantity:
            known, beside = first.setdefault("quantity", (one, place))
            if known.quantity != one.quantity:
                raise InputError(
                    f"{place} must hold {known.quantity} as {beside} does, got {one.quantity}: export all in one "
                    f"quantity, or remove one of them"
                )
