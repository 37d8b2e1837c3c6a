"""What a dataset is, in words, in examples to draw, and as a file for use elsewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.spaces.files import replacing
from spectune.trainables.data.dataset import SPLITS, Dataset, Split
from spectune.trainables.data.definition import Definition
from spectune.trainables.data.grid import label
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.data.recipes.sampling import TEST_WIDTH

EXAMPLES = 3  # training spectra shown of each class


def describe(dataset: Dataset) -> str:
    """A few short lines: name, description, classes, points and axis, spectra and groups of each split, digest, peaks
    per class.
    """
    values = dataset.axis.values
    names = list(dataset.classes)
    shown = ", ".join(names[:6]) + (f" ... {names[-1]}" if len(names) > 6 else "")
    sizes = ", ".join(_size(name, split) for name in SPLITS if (split := getattr(dataset, name)) is not None)
    lines = [
        dataset.name,
        f"  {dataset.description}",
        f"  classes  {len(names)}: {shown}",
        f"  points   {len(values)}, {label(dataset.axis)} {values[0]:g} to {values[-1]:g}",
        f"  spectra  {sizes}",
        f"  digest   {dataset.digest}",
    ]
    if isinstance(dataset.definition, Definition):
        counts = Counter(dataset.definition.counts.tolist())
        peaks = ", ".join(f"{count} in {counts[count]}" for count in sorted(counts))
        lines.append(f"  peaks    {peaks} classes")
    return "\n".join(lines)


def _size(name: str, split: Split) -> str:
    groups = "" if split.groups is None else f" ({len(np.unique(split.groups))} groups)"
    return f"{name} {len(split)}{groups}"


def examples(dataset: Dataset, classes: int) -> dict[str, Any]:
    """Arrays to draw the first ``classes`` K classes: ``axis`` (L,), ``axis_label``, ``title``, ``names`` (K,),
    ``nominal`` (K, L) and ``spectra`` (K, 3, L), some training spectra (NaN where a class has fewer).

    The nominal spectrum is that of the definition, else the mean of the training spectra.
    """
    if classes < 1:
        raise InputError(f"classes to draw must be at least 1, got {classes}: draw 12")
    count, points = min(classes, len(dataset.classes)), len(dataset.axis)
    spectra = np.full((count, EXAMPLES, points), np.nan, np.float32)
    nominal = np.full((count, points), np.nan, np.float32)
    for number in range(count):
        labels = dataset.train.labels
        rows = np.flatnonzero(labels[:, number] if dataset.multilabel else labels == number)
        some = _spectra(dataset.train, rows[:EXAMPLES])
        spectra[number, : len(some)] = some
        if not isinstance(dataset.definition, Definition):
            nominal[number] = _spectra(dataset.train, rows).mean(axis=0)
    if isinstance(dataset.definition, Definition):
        nominal = _nominal(dataset.definition)[:count]
    return {
        "title": dataset.name,
        "axis": dataset.axis.values,
        "axis_label": label(dataset.axis),
        "names": np.array(dataset.classes[:count]),
        "nominal": nominal,
        "spectra": spectra,
    }


def save(dataset: Dataset, split: str, path: str | Path) -> None:
    """Write a split as .npz: ``x`` (N, L) float32, ``y`` int64 (N,) or (N, C), ``group`` int64 (N,) where there are
    such, ``axis`` (L,), ``axis_name``, ``axis_unit``, the class ``names``, and what ``baseline_removed`` did. ``load``
    reads it again; numpy does without pickle. Whole or not at all; OSError where it cannot be written, ValueError for
    another ending or split.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise InputError(f"a split is written as .npz, got {path}: end the name in .npz")
    chosen = dataset.split(split)
    some: dict[str, Any] = {} if chosen.groups is None else {"group": chosen.groups}
    some |= {"axis_wavelength": np.array(dataset.axis.wavelength)} if dataset.axis.wavelength else {}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            x=_spectra(chosen, np.arange(len(chosen))),
            y=chosen.labels,
            **some,
            axis=dataset.axis.values,
            axis_name=np.array(dataset.axis.name),
            axis_unit=np.array(dataset.axis.unit),
            names=np.array(dataset.classes),
            baseline_removed=np.array(dataset.baseline),
        )


def _spectra(split: Split, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    spectra: NDArray[np.float32] = split.batch(torch.from_numpy(rows)).numpy()
    return spectra


def _nominal(definition: Definition) -> NDArray[np.float32]:
    positions, heights = definition.padded()
    classes = np.arange(len(definition))
    widths = np.full(len(definition), TEST_WIDTH)
    return _spectra(Peaks(positions, heights, widths, classes, points=definition.points), classes)
