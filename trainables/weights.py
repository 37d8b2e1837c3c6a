"""Weights of a trained network, in safetensors form."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from spectune.spaces.errors import InputError


def read(path: Path) -> dict[str, Tensor]:
    """The weights that a confirmed trial keeps in a file. ValueError where they are gone or damaged."""
    return unpacked(path.read_bytes() if path.is_file() else None, path)


def unpacked(data: bytes | None, path: Path) -> dict[str, Tensor]:
    """The same of what the file at ``path`` holds, None if there is no such file."""
    cure = "restore it, or run the study again under another --name"
    if data is None:
        raise InputError(f"a confirmed trial keeps its weights, there is no {path}: {cure}")
    try:
        return load(data)
    except SafetensorError as error:
        raise InputError(f"a confirmed trial keeps its weights, {path} is damaged ({error}): {cure}") from None
