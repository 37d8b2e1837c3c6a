from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from spectune.trainables.data import load, read
from spectune.trainables.data.files.instruments import READERS, reader
from spectune.trainables.data.files.table import Spectrum

from . import made
from .made import ANGLES, AXIS, INTENSITIES, WHOLE

RAMAN, INFRARED, ANGLE = ("Raman shift", "1/cm"), ("wavenumber", "1/cm"), ("2theta", "degree")


def spectra(folder: Path, name: str, content: bytes) -> list[Spectrum]:
    (folder / name).write_bytes(content)
    read_file = reader(folder / name)
    assert read_file is not None
    return read_file(folder / name)


def refused(folder: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        spectra(folder, name, content)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


SOUND: list[tuple[str, bytes, tuple[str, str], str]] = [
    ("a.spc", made.spc(), RAMAN, "counts"),
    ("a.spc", made.spc(exponent=8), RAMAN, "counts"),
    ("a.spc", made.spc(exponent=8, flags=1), RAMAN, "counts"),
    ("a.spc", made.spc(flags=128, x=1, y=2), INFRARED, "absorbance"),
    ("a.spc", made.spc(flags=4 | 64 | 128, exponent=8), RAMAN, "counts"),
    ("a.spc", made.spc(order=">", x=3, y=129), ("wavelength", "nm"), "reflectance"),
    ("a.spc", made.spc(flags=32, x=0, labels=b"Wavenumber (cm-1)\0Absorbance"), INFRARED, "absorbance"),
    ("a.spc", made.old_spc(), INFRARED, "absorbance"),
    ("a.spa", made.spa(), INFRARED, "absorbance"),
    ("a.spa", made.spa(x=32, y=31), RAMAN, "raman intensity"),
    ("a.wdf", made.wdf(), RAMAN, "counts"),
    ("a.wdf", made.wdf(unit=3), ("wavelength", "nm"), "counts"),
    ("a.0", made.opus(), INFRARED, "absorbance"),
    ("a.17", made.opus(kinds=((1, 2), (1, 1), (2, 1))), INFRARED, "single beam"),
    ("a.asd", made.asd(kind=2), ("wavelength", "nm"), "counts"),
    ("a.raw", made.raw2(), ANGLE, ""),
    ("a.raw", made.raw3(), ANGLE, ""),
    ("a.raw", made.raw4(), ANGLE, ""),
    ("a.raw", made.raw4(size=4), ANGLE, ""),
    ("a.uxd", made.uxd(), ANGLE, "counts"),
    ("a.uxd", made.uxd("_2THETACPS"), ANGLE, "counts per second"),
    ("a.ras", made.ras(unit="cps"), ANGLE, "counts per second"),
    ("a.xrdml", made.xrdml(), ANGLE, "counts"),
    ("a.xrdml", made.xrdml(listed=True), ANGLE, "counts"),
    ("a.brml", made.brml(), ANGLE, "counts"),
]


@pytest.mark.parametrize(("name", "content", "axis", "quantity"), SOUND)
def test_a_spectrum_comes_back_with_its_axis(
    tmp_path: Path, name: str, content: bytes, axis: tuple[str, str], quantity: str
) -> None:
    one = spectra(tmp_path, name, content)[-1]
    values = ANGLES if axis == ANGLE else AXIS
    np.testing.assert_allclose(np.sort(one.axis.values), values, rtol=1e-6)
    factor = 2 if name == "a.17" else 1
    np.testing.assert_allclose(one.intensities, factor * INTENSITIES, atol=0.01)
    assert (one.axis.name, one.axis.unit, one.quantity) == (*axis, quantity)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.spc", made.spc([INTENSITIES, 2 * INTENSITIES], flags=4)),
        ("a.spc", made.spc([INTENSITIES, 2 * INTENSITIES], flags=4 | 64, exponent=9)),
        ("a.spc", made.old_spc([INTENSITIES, 2 * INTENSITIES])),
        ("a.wdf", made.wdf([INTENSITIES, 2 * INTENSITIES], planned=5)),
        ("a.0", made.opus(series=2)),
    ],
)
def test_each_spectrum_of_a_map_or_a_series_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    one, two = spectra(tmp_path, name, content)
    np.testing.assert_allclose(one.intensities, INTENSITIES, atol=0.01)
    np.testing.assert_allclose(two.intensities, 2 * INTENSITIES, atol=0.01)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.raw", made.raw3(2)),
        ("a.raw", made.raw4(2)),
        ("a.uxd", made.uxd(ranges=2)),
        ("a.xrdml", made.xrdml(2)),
        ("a.brml", made.brml(2)),
    ],
)
def test_each_range_of_a_diffraction_file_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    one, two = spectra(tmp_path, name, content)
    np.testing.assert_allclose(one.intensities, two.intensities)
    np.testing.assert_allclose(two.axis.values, ANGLES)


def test_angles_that_were_measured_are_taken(tmp_path: Path) -> None:
    (one,) = spectra(tmp_path, "a.raw", made.raw3(measured=True))
    np.testing.assert_allclose(one.axis.values, ANGLES + 0.001)


def test_opus_shows_the_result_that_was_made_last(tmp_path: Path) -> None:
    (one,) = spectra(tmp_path, "a.0", made.opus(kinds=((12, 3), (12, 3), (1, 1)), scale=3))
    np.testing.assert_allclose(one.intensities, 2 * 3 * INTENSITIES)
    assert one.notes == ("left out reflectance, which the file holds as well",)


def test_counts_are_corrected_for_attenuators_where_the_format_says_so(tmp_path: Path) -> None:
    (one,) = spectra(tmp_path, "a.xrdml", made.xrdml(factors=" ".join(["10"] * 17)))
    np.testing.assert_allclose(one.intensities, 10 * INTENSITIES)
    (one,) = spectra(tmp_path, "a.ras", made.ras(attenuators=(1, 12.5)))
    np.testing.assert_allclose(one.intensities, INTENSITIES)
    assert "attenuators changed" in one.notes[0]


def test_a_reflectance_of_a_fieldspec_is_divided_by_its_white_reference(tmp_path: Path) -> None:
    (one,) = spectra(tmp_path, "a.asd", made.asd(what=1))
    np.testing.assert_allclose(one.intensities[:-1], INTENSITIES[:-1] / 128)
    assert np.isnan(one.intensities[-1])
    assert one.quantity == "reflectance"


DAMAGED: list[tuple[str, bytes, str]] = [
    ("a.spc", b"EPR data", "got another format .version byte 0x50; EPR and Shimadzu"),
    ("a.spc", made.spc(y=1), "got interferograms: transform them"),
    ("a.spa", made.spa(points=18), "must hold 18 intensities, got 17"),
    ("a.wdf", made.wdf().replace(b"XLST", b"XXXX"), "must hold spectra and their axis, got blocks WDF1, DATA, XXXX"),
    ("a.0", made.opus(kinds=((2, 1), (3, 1))), "got interferograms or none: transform and save it in OPUS"),
    ("a.0", made.opus()[:20] + b"\xff\xff\xff\x7f" + made.opus()[24:], "must have 4096 blocks at most"),
    ("a.0", made.opus(series=2).replace(b"\x44\0\0\0\4\0\0\0", b"\1\0\0\0\0\0\0\0"), "spectra of its series, got none"),
    ("a.1", b"no opus", "must be a file of OPUS, got another beginning"),
    ("a.asd", made.asd()[:40], "must be a whole file, got 40 bytes"),
    ("a.asd", made.asd()[:195] + b"\0\0\x80\x7f" + made.asd()[199:], "the axis must be finite"),
    ("a.raw", b"RAW \0\0\0", "version 2, 3 or 4, got another beginning, 'RAW "),
    ("a.raw", made.raw4(scan=b"PhiH"), "must be a scan along 2 theta, got 'PhiH'"),
    ("a.raw", made.raw3(scan=3), "must be a scan along 2 theta .* got scan 3"),
    ("a.uxd", made.uxd().replace(b"COUPLED", b"PHI"), "must be a scan along 2 theta, got one along PHI"),
    ("a.uxd", made.uxd().replace(b"30  62", b"30 x 62"), "line 9: a range must hold numbers"),
    ("a.uxd", made.uxd().replace(b"_COUNTS\n", b"_COUNTS\n" + b"1234567 " * 200 + b"x\n"), "must hold numbers"),
    ("a.ras", made.ras(axis="Omega"), "must be along 2 theta, got one along 'Omega'"),
    ("a.ras", made.ras().split(b"*RAS_INT_END")[0], "must end its intensities by"),
    ("a.xrdml", made.xrdml(axis="Omega"), "must hold a scan along 2 theta, got 1 others"),
    ("a.brml", made.brml(axis="Omega"), "must hold a scan along 2 theta, got 1 others"),
    ("a.brml", made.brml(width=3), "got detector frames of 3: integrate them"),
    ("a.brml", b"PK\3\4", "must be a zip archive"),
]


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED)
def test_what_is_no_spectrum_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    refused(tmp_path, name, content, message)


def test_entities_of_xml_are_refused(tmp_path: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
    refused(tmp_path, "a.xrdml", bomb, "must be XML without entities")
    stolen = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    refused(tmp_path, "a.xrdml", stolen, "must be XML without entities")


def test_elements_deep_within_one_another_are_refused(tmp_path: Path) -> None:
    deep = b"<scan>" * 200_000 + b"</scan>" * 200_000  # each would be looked for in each
    refused(tmp_path, "a.xrdml", deep, "must have 50 elements within one another at most")


def test_an_archive_that_says_to_unpack_to_more_than_the_memory_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(100):
            archive.writestr(f"RawData{number}.xml", "<a/>")
    content = buffer.getvalue()
    for entry in re.finditer(rb"PK\x01\x02", content):  # each says to be 4 GB, unpacked
        content = content[: entry.start() + 24] + b"\xfe\xff\xff\xff" + content[entry.start() + 28 :]
    refused(tmp_path, "a.brml", content, "must fit into memory, got .* GB when unpacked")


@pytest.mark.parametrize("suffix", READERS)
def test_every_suffix_has_a_file_that_is_read_and_fuzzed(suffix: str) -> None:
    read_file = READERS[suffix]
    assert any(reader(Path(name)) is read_file for name in WHOLE)


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file with a few bytes replaced, left out or repeated, a number of its header set to an extreme, or cut off."""
    places = st.integers(0, len(whole) - 1)
    extreme = st.sampled_from(
        [b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\xc0\x7f", b"9" * 8, b"E"]
    )
    damage = st.one_of(st.binary(min_size=1, max_size=6), extreme)
    replaced = st.builds(lambda at, what: whole[:at] + what + whole[at + len(what) :], places, damage)
    inserted = st.builds(lambda at, what: whole[:at] + what + whole[at:], places, damage)
    moved = st.builds(lambda at, to, size: whole[:at] + whole[to : to + size] + whole[at:], places, places, places)
    cut = st.builds(lambda at, size: whole[:at] + whole[at + size :], places, st.integers(1, 40))
    twice = st.builds(
        lambda at, what, to, other: (
            (first := whole[:at] + what + whole[at + len(what) :])[:to] + other + first[to + len(other) :]
        ),
        places,
        damage,
        places,
        damage,
    )
    return st.one_of(replaced, inserted, moved, cut, twice, places.map(lambda at: whole[:at]))


@pytest.mark.parametrize("name", WHOLE)
def test_any_damage_is_read_or_refused_in_one_line(
    fuzz: Callable[[st.SearchStrategy[Any], Callable[[Any], None]], None], tmp_path: Path, name: str
) -> None:
    def attempt(content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        read_file = reader(path)
        assert read_file is not None
        try:
            found = read_file(path)
        except ValueError as error:
            assert name in str(error)
            assert "\n" not in str(error)
        else:
            assert all(one.intensities.shape == (len(one.axis),) for one in found)
            assert sum(len(one.axis) for one in found) <= 100_000

    fuzz(damaged(WHOLE[name]()), attempt)


def test_a_damaged_file_is_refused_by_what_loads_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a.spa"
    path.write_bytes(made.spa()[:510])
    for attempt in (lambda: load(str(path)), lambda: read(path)):
        with pytest.raises(ValueError, match="must be a whole file"):
            attempt()
