"""A hard part of the published benchmark: those of its classes that are nearest to another one."""

from __future__ import annotations

import json
from pathlib import Path

from spectune.trainables.data.ceiling.causes import differences
from spectune.trainables.data.recipes import benchmark


def write(path: Path, count: int) -> None:
    """Define the ``count`` classes at the smallest distances (``Differences.match``) from any other class.

    Without the six whose test spectra were varied less, by hand, since the rules alone would make them equal.
    """
    dataset = benchmark.Benchmark().load()
    apart = differences(dataset)
    assert apart is not None
    definition, by_hand = dataset.definition, {*benchmark.SHIFTS, *benchmark.CHANGES}
    distance = {
        number: apart.match(number, apart.rival(number)).distance
        for number in range(len(definition))
        if number not in by_hand
    }
    nearest = sorted(sorted(distance, key=distance.__getitem__)[:count])
    spectra = {
        str(number): {"peak_positions": definition.positions[number], "peak_heights": definition.heights[number]}
        for number in nearest
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"datapoints": definition.points, "spectra": spectra}))
