"""Identified phases: made-up .xrdml files of structures, and the three commands of docs/start.md on them.

    python benchmarks/phases.py measure CIFS UNKNOWN [--most 500] [--seed 0] [--anode Cu]
    python benchmarks/phases.py score ANSWERS

``measure`` writes a file for each structure of a folder, called as its .cif, as a diffractometer would have measured
it: by gemmi's own structure factors, reflection by reflection, with lists of equivalent reflections. None of it is
code that trains networks, and what varies is more: K beta, skew of lines at low angles, a halo, a background that
falls, counting statistics, another goniometer, steps and range. ``score`` reads what ``spectune identify`` printed
and says how often the right structure is first, or among five.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data import load

LINES = {  # K alpha 1, K alpha 2, K beta, angstrom
    "Cu": (1.540598, 1.544426, 1.392250),
    "Co": (1.789010, 1.792900, 1.620830),
    "Mo": (0.709319, 0.713609, 0.632305),
}
REACH = {"Cu": 1.0, "Co": 1.25, "Mo": 0.5}  # where the range of angles ends, beside copper's
RADIUS = 240.0  # of the goniometer, mm

Floats = NDArray[np.float64]


class Lines(NamedTuple):
    """Reflections (R,) of a powder."""

    spacings: Floats
    powers: Floats  # squared structure factors of all equivalent ones


class Sample(NamedTuple):
    """What is drawn for a measurement."""

    expansion: float
    displacement: float  # mm
    zero: float  # degrees
    size: float  # nm
    microstrain: float
    march: float
    skew: float
    beta: float  # what a filter leaves of K beta
    halo: float
    air: float
    counts: float  # at the highest point


def drawn(random: np.random.Generator) -> Sample:
    return Sample(
        expansion=random.normal(0, 0.001),
        displacement=random.normal(0, 0.05),
        zero=random.normal(0, 0.01),
        size=float(np.exp(random.uniform(np.log(25), np.log(250)))),
        microstrain=random.uniform(0, 0.0012),
        march=random.uniform(0.75, 1.0),
        skew=random.uniform(0, 0.3),
        beta=random.uniform(0, 0.01),
        halo=random.uniform(0, 0.06),
        air=random.uniform(0, 0.1),
        counts=float(np.exp(random.uniform(np.log(1e3), np.log(1e5)))),
    )


def reflections(text: str, nearest: float, march: float, random: np.random.Generator) -> Lines:
    """Those of a CIF beyond a spacing of ``nearest`` angstrom, of crystallites that lie on (001), (100) or (111)."""
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    structure.change_occupancies_to_crystallographic()
    operations = structure.spacegroup.operations()
    factors = gemmi.StructureFactorCalculatorX(structure.cell)
    fractional = np.array(structure.cell.frac.mat.tolist())
    axis = np.array(((0, 0, 1), (1, 0, 0), (1, 1, 1))[random.integers(3)]) @ fractional
    spacings, powers = [], []
    for miller in gemmi.make_miller_array(structure.cell, structure.spacegroup, nearest).tolist():
        equal = {tuple(operation.apply_to_hkl(miller)) for operation in operations.sym_ops}
        equal |= {tuple(-index for index in one) for one in equal}
        vectors = np.array(sorted(equal)) @ fractional
        cosines = vectors @ axis / np.linalg.norm(vectors, axis=1) / np.linalg.norm(axis)
        textured = ((march * cosines) ** 2 + (1 - cosines**2) / march) ** -1.5
        spacings.append(1 / np.linalg.norm(vectors[0]))
        amplitude = factors.calculate_sf_from_small_structure(structure, miller)
        powers.append(abs(amplitude) ** 2 * textured.sum())
    return Lines(np.array(spacings), np.array(powers))


def measured(lines: Lines, angles: Floats, sample: Sample, anode: str) -> Floats:
    """The pattern (L,) of a sample at ``angles`` (L,), degrees of two theta: counts that are expected."""
    first, second, beta = LINES[anode]
    pattern = np.zeros(len(angles))
    for wavelength, share in ((first, 1.0), (second, 0.5), (beta, sample.beta)):
        sines = wavelength / 2 / (lines.spacings * (1 + sample.expansion))
        inside = sines < 0.99
        theta = np.arcsin(sines[inside])
        areas = share * lines.powers[inside] * (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        places = np.degrees(2 * theta - 2 * sample.displacement * np.cos(theta) / RADIUS) + sample.zero
        gauss = np.sqrt(0.004 + 0.003 * np.tan(theta) ** 2)
        lorentz = 0.94 * wavelength / (10 * sample.size * np.cos(theta)) + 4 * sample.microstrain * np.tan(theta)
        for place, area, *widths in zip(places, areas, gauss, np.degrees(lorentz), strict=True):
            _draw(pattern, angles, (place, area, *widths), sample.skew)
    middle = 15 * first / 1.54 + 7
    halo = sample.halo * np.exp(-(((angles - middle) / 6) ** 2) / 2)
    air = sample.air * np.exp(-(angles - angles[0]) / 12) + 0.01
    counts: Floats = (pattern / pattern.max() + halo + air) * sample.counts
    return counts


def _draw(pattern: Floats, angles: Floats, line: tuple[float, ...], skew: float) -> None:
    """Add a pseudo-Voigt whose low side is broader at low angles, by axial divergence."""
    place, area, gauss, lorentz = line
    factors = (1.0, 2.69, 2.43, 4.47, 0.078, 1.0)
    width = sum(factor * gauss ** (5 - n) * lorentz**n for n, factor in enumerate(factors)) ** 0.2
    ratio = lorentz / width
    share = 1.366 * ratio - 0.477 * ratio**2 + 0.111 * ratio**3
    start, end = np.searchsorted(angles, [place - 30 * width, place + 30 * width])
    apart = angles[start:end] - place
    tail = 1 + skew * max(0.0, 1 / np.tan(np.radians(max(place, 5.0))) - 0.6) * (apart < 0)
    scaled = (apart / (width * tail)) ** 2
    shape = share * 2 / np.pi / (1 + 4 * scaled) + (1 - share) * 0.9394 * np.exp(-2.7726 * scaled)
    pattern[start:end] += area / width * shape


def xrdml(angles: Floats, counts: NDArray[np.int64], anode: str) -> str:
    """The text of an .xrdml file."""
    one, two, beta = LINES[anode]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5">'
        '<xrdMeasurement measurementType="Scan"><usedWavelength intended="K-Alpha">'
        f'<kAlpha1 unit="Angstrom">{one}</kAlpha1><kAlpha2 unit="Angstrom">{two}</kAlpha2>'
        f'<kBeta unit="Angstrom">{beta}</kBeta><ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>'
        '<scan scanAxis="Gonio"><dataPoints><positions axis="2Theta" unit="deg">'
        f"<startPosition>{angles[0]:.5f}</startPosition><endPosition>{angles[-1]:.5f}</endPosition></positions>"
        f'<intensities unit="counts">{" ".join(map(str, counts.tolist()))}</intensities></dataPoints></scan>'
        "</xrdMeasurement></xrdMeasurements>\n"
    )


def measure(cifs: Path, unknown: Path, *, most: int, seed: int, anode: str) -> int:
    """A file for each of at most ``most`` of the structures that can be candidates, drawn at random; how many."""
    random, known = np.random.default_rng(seed), load(str(cifs)).classes
    paths = [path for path in sorted(cifs.rglob("*.cif")) if str(path.relative_to(cifs).with_suffix("")) in known]
    unknown.mkdir(parents=True, exist_ok=True)
    written = 0
    for place in random.permutation(len(paths)):
        text = paths[place].read_text("utf-8", errors="replace")
        if written < most and (found := simulated(text, anode, random)):
            name = "__".join(paths[place].relative_to(cifs).with_suffix("").parts)
            (unknown / f"{name}.xrdml").write_text(xrdml(*found, anode))
            written += 1
    return written


def simulated(text: str, anode: str, random: np.random.Generator) -> tuple[Floats, NDArray[np.int64]] | None:
    """(angles, counts) of a CIF, on a goniometer's usual range; None where it cannot be read or has no reflection."""
    sample, reach = drawn(random), REACH[anode]
    step, low, high = random.choice([0.0131, 0.0167, 0.02, 0.026]), random.uniform(5, 9.5), random.uniform(81, 90)
    angles = np.arange(low * min(reach, 1), high * reach, step)
    nearest = LINES[anode][0] / 2 / np.sin(np.radians(angles[-1] / 2 + 1))
    try:
        lines = reflections(text, nearest, sample.march, random)
    except (RuntimeError, ValueError, AttributeError):
        return None
    if not len(lines.spacings) or not np.isfinite(lines.powers).all():
        return None
    return angles, random.poisson(measured(lines, angles, sample, anode))


def score(answers: str) -> dict[str, Any]:
    """How many unknowns there are, and the shares whose structure is first and among five."""
    first, five, count, wrong = 0, 0, 0, []
    for line in answers.splitlines():
        found = re.match(r"(.+)\.xrdml: (.*)", line)
        if not found:
            continue
        right = found[1].rpartition("/")[2].replace("__", "/")
        ranks = [f"{right} (" in one for one in re.split(r"(?<=\.\d{4}), ", found[2])]
        count, first, five = count + 1, first + ranks[0], five + any(ranks[:5])
        if not ranks[0]:
            wrong.append(line)
    return {"count": count, "top1": first / max(count, 1), "top5": five / max(count, 1), "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("measure")
    making.add_argument("cifs", type=Path)
    making.add_argument("unknown", type=Path)
    making.add_argument("--most", type=int, default=500)
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--anode", choices=LINES, default="Cu")
    scoring = verbs.add_parser("score")
    scoring.add_argument("answers", type=Path)
    given = vars(parser.parse_args())
    if given.pop("verb") == "measure":
        cifs, unknown = given.pop("cifs"), given.pop("unknown")
        print(f"{measure(cifs, unknown, **given)} files in {unknown}")
        return
    found = score(given["answers"].read_text())
    print("\n".join(found["wrong"]), file=sys.stderr)
    print(f"{found['count']} unknown: first {found['top1']:.4f}, among five {found['top5']:.4f}")


if __name__ == "__main__":
    main()
