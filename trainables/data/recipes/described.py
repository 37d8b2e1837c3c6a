"""Datasets from a definition file in the published JSON format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import read_definition
from spectune.trainables.data.recipes import benchmark, challenge, sampling

RULES = {"benchmark": benchmark.universal, "challenge": challenge.overlapping}


@dataclass(frozen=True, kw_only=True)
class Described:
    """A definition file and how spectra are drawn from it.

    The published format does not say by which rules: ``auto`` takes the challenge's for 27 classes, else the
    benchmark's.
    """

    path: Path
    rules: str = "auto"  # auto, benchmark, challenge
    points: int = 0  # another length, to which positions are scaled; 0: as defined
    train: int = sampling.TRAIN
    validation: int = sampling.VALIDATION
    seed: int = sampling.SEED

    def __post_init__(self) -> None:
        if self.rules not in ("auto", *RULES):
            raise InputError(f"rules must be one of auto, {', '.join(RULES)}, got {self.rules!r}: choose one of them")
        if self.points and not 100 <= self.points <= 1_000_000:
            raise InputError(f"points must be 0, as defined, or from 100 to 1000000, got {self.points}: change it")
        for name, least in (("train", 1), ("validation", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}: raise it")

    def load(self) -> Dataset:
        definition = read_definition(self.path)
        if self.points:
            definition = definition.scaled(self.points)
        rules = self.rules
        if rules == "auto":
            rules = "challenge" if len(definition) == challenge.CLASSES else "benchmark"
        return RULES[rules](
            definition,
            name=self.path.stem,
            description=f"{len(definition)} classes defined in {self.path.name}, {definition.points} points, "
            f"drawn by the {rules}'s rules",
            seed=self.seed,
            train=self.train,
            validation=self.validation,
        )
