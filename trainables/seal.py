"""A folder of files with their hashes, written whole or not at all, and checked when it is read."""

from __future__ import annotations

import shutil
from hashlib import file_digest
from pathlib import Path

from spectune.spaces.errors import InputError

WEIGHTS, CONFIG, ONNX, CARD, SUMS = "weights.safetensors", "config.json", "model.onnx", "README.md", "SHA256SUMS"
LIKENESS = "likeness.safetensors"  # which older exports do not have
HASHED = (WEIGHTS, CONFIG, ONNX, CARD)


def verify(folder: Path) -> None:
    """Every file of the export is there and is the one that was written."""
    if not folder.is_dir():
        raise InputError(f"an export is a folder, got {folder}: give the folder that spectune export wrote")
    said = (folder / SUMS).read_text(errors="replace") if (folder / SUMS).is_file() else ""
    pairs = [line.split("  ", 1)[::-1] for line in said.splitlines()]
    expected = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    hashed = (*HASHED, LIKENESS) if LIKENESS in expected or (folder / LIKENESS).exists() else HASHED
    for name in (*hashed, SUMS):
        if not (folder / name).is_file():
            raise InputError(f"an export holds {name}, there is none in {folder}: give a whole export")
    for name in hashed:
        if expected.get(name) != sha256(folder / name):
            raise InputError(
                f"{name} in {folder} is not the file that was exported, its SHA-256 differs from that in {SUMS}: "
                "copy or export it again"
            )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def refuse_other(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / SUMS).is_file())):
        raise InputError(
            f"an export replaces only an older export, {folder} holds something else: choose another folder"
        )


def replace(folder: Path, part: Path) -> None:
    """Put the finished folder in its place; an older export is gone only when the new one is complete."""
    old = part.with_suffix(".old")
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
