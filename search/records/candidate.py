"""What a study confirms, tunes, tests or compares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

SIMPLE: Literal["simple"] = "simple"  # the stage of the simple methods, and what leads the key of the best of them
ENSEMBLE: Literal["ensemble"] = "ensemble"  # the stage and the key of the ensemble of confirmed trainings


@dataclass(frozen=True)
class Candidate:
    """A config with a name: one that was explored, a known network or a simple method beside it, the ensemble of
    those that were confirmed, or a variant of an ablation."""

    kind: Literal["explored", "known", "simple", "ensemble", "variant"]
    key: int | str  # as the journal has it: the number of the explored trial, simple:NAME, ensemble, or the name
    label: str = ""  # name of the known network that an explored trial is of, or of a known one with its settings

    @classmethod
    def of(cls, key: int | str, label: str, *, ablation: bool) -> Candidate:
        """The one that a journal calls ``key``, in an ablation or in any other study."""
        if ablation:
            return cls("variant", key)
        if isinstance(key, int):
            return cls("explored", key, label)
        if key.startswith(f"{SIMPLE}:"):
            return cls(SIMPLE, key, label or key.partition(":")[2])
        return cls(ENSEMBLE if key == ENSEMBLE else "known", key, label)

    @staticmethod
    def simple(name: str) -> str:
        """What the journal calls the candidate that is the simple method of that name."""
        return f"{SIMPLE}:{name}"

    @property
    def title(self) -> str:
        """What people call it: ``trial 12``, ``cnn6 (trial 3)``, ``cnn2``, ``depth=2``."""
        if self.kind != "explored":
            return self.label or str(self.key)
        return f"{self.label} (trial {self.key})" if self.label else f"trial {self.key}"

    @property
    def slug(self) -> str:
        """What a folder of it is called."""
        return _filename(self.label or (f"trial{self.key}" if self.kind == "explored" else str(self.key)))

    @property
    def stem(self) -> str:
        """What a file of it is called: with its kind, for an explored trial's number is no network's name."""
        return f"{self.kind}-{_filename(str(self.key))}"


def _filename(name: str) -> str:
    """A name of a journal, maybe a stranger's, as part of that of a file."""
    return re.sub(r"[^\w.]+", "-", name)
