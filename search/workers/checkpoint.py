"""Checkpoints of running trials: two in turn, so that a torn or damaged one costs what came after the one before.

A file is the SHA-256 of the rest, the epoch in 8 bytes, and the state, which loads without pickle.
"""

from __future__ import annotations

import hashlib
import io

import torch

from spectune.search.records import STATES, stored
from spectune.search.workers.files import Files, RemoteFiles
from spectune.trainables.epoch import State

SEAL = hashlib.sha256().digest_size
HEAD = SEAL + 8


class Checkpoints:
    """The checkpoints of the trials that a worker trains."""

    def __init__(self, files: Files | RemoteFiles) -> None:
        self._files = files
        self._turn: dict[int, int] = {}  # trial -> which of its files is written next

    def write(self, number: int, state: State) -> None:
        """Keep a state with its ``epoch``, in the place of the older one. OSError leaves both as they are."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = state["epoch"].to_bytes(8) + buffer.getvalue()
        turn = self._turn.get(number, 0)
        self._files.write(stored(number, STATES[turn]), hashlib.sha256(data).digest() + data)
        self._turn[number] = 1 - turn

    def read(self, number: int, device: str) -> State | None:
        """The newest state that is whole; None without one, and the trial begins anew."""
        contents = [self._whole(number, file) for file in STATES]
        turn = max((0, 1), key=lambda turn: contents[turn][SEAL:HEAD])
        if not contents[turn]:
            return None
        self._turn[number] = 1 - turn
        state: State = torch.load(io.BytesIO(contents[turn][HEAD:]), map_location=device, weights_only=True)
        return state

    def remove(self, number: int) -> None:
        """The trial needs them no more."""
        for file in STATES:
            self._files.remove(stored(number, file))

    def _whole(self, number: int, file: str) -> bytes:
        """The file's bytes; none where it is absent, torn or damaged."""
        try:
            data = self._files.read(stored(number, file)) or b""
        except OSError:
            return b""
        return data if len(data) > HEAD and hashlib.sha256(data[SEAL:]).digest() == data[:SEAL] else b""
