"""The bytes of a binary file, read with the end in sight."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.packed import content


class Content:
    """A file in memory. What lies beyond its end is an InputError; no size that it claims is believed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = content(path)

    def __len__(self) -> int:
        return len(self.data)

    def fields(self, layout: str, at: int) -> tuple[Any, ...]:
        """The fields of a ``struct`` layout at the byte ``at``."""
        self.need(at, struct.calcsize(layout))
        return struct.unpack_from(layout, self.data, at)

    def numbers(self, kind: str, at: int, count: int) -> NDArray[np.float64]:
        """``count`` numbers of a numpy type at the byte ``at``, as float64."""
        dtype = np.dtype(kind)
        self.need(at, count * dtype.itemsize)
        with np.errstate(invalid="ignore"):  # a damaged number that is none
            return np.frombuffer(self.data, dtype, count, at).astype(np.float64)

    def text(self, at: int, length: int) -> str:
        """Text up to its first zero."""
        self.need(at, length)
        return self.data[at : at + length].split(b"\0")[0].decode("latin-1").strip()

    def need(self, at: int, length: int) -> None:
        """InputError where ``length`` bytes from ``at`` on are not in the file."""
        if at < 0 or length < 0 or at + length > len(self.data):
            raise InputError(
                f"{self.path} must be a whole file, got {len(self.data)} bytes where {length} from byte {at} on are "
                f"needed: copy it again from the instrument"
            )
