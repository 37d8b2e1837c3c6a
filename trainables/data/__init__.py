"""Datasets: ``load`` one by name or path, ``describe`` it, ``save`` a split, divide it into ``folds``; ``read`` spectra
to classify.
"""

from spectune.trainables.data.cross import Folds, folds, folds_by_size, outer_folds, stratify, together
from spectune.trainables.data.files.measured import read
from spectune.trainables.data.grid import resample
from spectune.trainables.data.show import describe, examples, save
from spectune.trainables.data.sources import SOURCES, load

__all__ = [
    "SOURCES",
    "Folds",
    "ceiling",
    "crystals",
    "dataset",
    "dense",
    "describe",
    "examples",
    "files",
    "folds",
    "folds_by_size",
    "grid",
    "load",
    "outer_folds",
    "peaks",
    "read",
    "resample",
    "save",
    "stratify",
    "together",
]
