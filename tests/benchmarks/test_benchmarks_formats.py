"""Real files of three packages, fetched by name, are what docs/formats.md says, and what other readers read."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import formats
import numpy as np
import pytest
import real
import sets

from spectune.trainables.data import read
from spectune.trainables.data.files.instruments import reader

from ..trainables.data.files.instruments import made

SECOND = ("brukeropus==1.4.3", "renishawWiRE==0.1.16", "geddes==1.0.1")
CACHE = Path.home() / ".cache" / "spectune-real"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Other readers, installed into a folder of their own."""
    folder = tmp_path_factory.mktemp("readers")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *SECOND]
    subprocess.run(command, check=True, capture_output=True)
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


def imported(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("package", formats.FOLDERS, ids=lambda package: package.name)
def test_the_table_of_the_docs_is_what_becomes_of_each_file(checkout: Path, package: sets.Package) -> None:
    found = list(formats.rows(real.unpacked(CACHE, package) / formats.FOLDERS[package]))
    documented = (checkout / "docs" / "formats.md").read_text("utf-8")
    assert [name for name, said in found if f"| `{name}` | {said} |" not in documented] == []
    assert len(found) > 60


def test_jcamp_reads_the_same_where_it_reads_a_file_whole() -> None:
    folder = real.unpacked(CACHE, sets.JCAMP) / formats.FOLDERS[sets.JCAMP]
    real.use_readers(CACHE)
    jcamp = imported("jcamp")
    compared = 0
    for path in sorted(folder.rglob("*")):
        read_file = reader(path)
        try:
            found = read_file(path) if read_file else []
            second = jcamp.readfile(str(path))
        except Exception:  # what one of both does not read is no second source
            continue
        blocks = second.get("children", [second])
        for one, block in zip(found, blocks, strict=False):
            if len(found) == len(blocks) and len(block["x"]) == len(block["y"]) == len(one.axis):
                np.testing.assert_allclose(one.axis.values, block["x"], rtol=1e-9)
                np.testing.assert_allclose(one.intensities, block["y"], rtol=1e-9)
                compared += 1
    assert compared > 100


def test_opus_and_wire_are_read_as_by_libraries_made_for_them(others: None) -> None:
    folder = real.unpacked(CACHE, sets.ORANGE) / formats.FOLDERS[sets.ORANGE]
    spectra, axis, *_ = read(folder / "peach_juice.0")
    second = imported("brukeropus").OPUSFile(str(folder / "peach_juice.0")).r
    assert axis is not None
    np.testing.assert_array_equal(spectra[0], second.y)
    np.testing.assert_array_equal(axis.values, second.x)
    exported = [line.split() for line in (folder / "peach_juice.dpt").read_text().splitlines()[:1816]]
    np.testing.assert_allclose(spectra[0], [float(row[1].split(";")[0]) for row in exported], atol=5.1e-6)
    for path in sorted((folder / "renishaw_test_files").glob("*.wdf")):
        spectra, axis, *_ = read(path)
        wire = imported("renishawWiRE").WDFReader(str(path))
        assert axis is not None
        np.testing.assert_array_equal(axis.values, wire.xdata)
        np.testing.assert_array_equal(spectra[0], np.ravel(wire.spectra))
        wire.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.raw", made.raw3(2)),
        ("a.raw", made.raw3(measured=True)),
        ("a.raw", made.raw4(2)),
        ("a.raw", made.raw4(size=4)),
        ("a.uxd", made.uxd(ranges=2)),
        ("a.uxd", made.uxd("_2THETACPS")),
        ("a.ras", made.ras()),
        ("a.xrdml", made.xrdml(2)),
        ("a.xrdml", made.xrdml(factors=" ".join(["10"] * 17))),
        ("a.xrdml", made.xrdml(listed=True)),
        ("a.brml", made.brml(2)),
    ],
)
def test_our_diffraction_files_are_files_for_another_reader(
    others: None, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    geddes: Any = imported("geddes")
    read_file = reader(path)
    assert read_file is not None
    for number, one in enumerate(read_file(path)):
        pattern = geddes.read(str(path), index=number) if number else geddes.read(str(path))
        np.testing.assert_array_equal(one.axis.values, pattern.x)
        np.testing.assert_array_equal(one.intensities, pattern.y)
