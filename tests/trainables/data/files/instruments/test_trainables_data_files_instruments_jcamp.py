from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data.files.instruments import Spectrum, reader

from .made import AXIS, INTENSITIES, compound, jcamp, ntuples


def read(folder: Path, content: bytes, name: str = "a.jdx") -> list[Spectrum]:
    (folder / name).write_bytes(content)
    read_file = reader(folder / name)
    assert read_file is not None
    return read_file(folder / name)


def refused(folder: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read(folder, content)
    assert "a.jdx" in str(error.value)
    assert "\n" not in str(error.value)


# The example of McDonald and Wilks 1988, table X: the same ordinates in every form.
FORMS = {
    "fixed": "1  1  2  3  3  2  1  0  -1  -2  -3",
    "packed": "1+1+2+3+3+2+1+0-1-2-3",
    "squeezed": "1ABCCBA@abc",
    "differences": "1AJJ%jjjjjj",
    "with repeats": "1AJJ%jX",
    "scientific": "1 1.0E0 2E+00 30.0e-1 3 2 1 0 -1 -2 -.3E1",
}


@pytest.mark.parametrize("table", FORMS.values(), ids=FORMS)
def test_every_form_of_numbers_says_the_same(tmp_path: Path, table: str) -> None:
    (one,) = read(tmp_path, jcamp(table, axis=np.arange(1.0, 11.0)))
    np.testing.assert_array_equal(2 * one.intensities, [1, 2, 3, 3, 2, 1, 0, -1, -2, -3])
    np.testing.assert_allclose(one.axis.values, np.arange(1, 11))


def test_lines_of_differences_begin_with_a_check(tmp_path: Path) -> None:
    table = "1A1J1%\n3B2J8\n4D0"
    (one,) = read(tmp_path, jcamp(table, axis=np.arange(1.0, 5.0)))
    np.testing.assert_array_equal(2 * one.intensities, [11, 22, 22, 40])
    refused(tmp_path, jcamp(table.replace("3B2J8", "3B3J8"), axis=np.arange(1.0, 5.0)), "line 13: .* 22, as a check")


@pytest.mark.parametrize(
    ("units", "axis"),
    [
        ("1/CM", ("wavenumber", "1/cm")),
        ("cm-1", ("wavenumber", "1/cm")),
        ("NANOMETERS", ("wavelength", "nm")),
        ("MICROMETERS", ("wavelength", "um")),
        ("PPM", ("chemical shift", "ppm")),
        ("furlongs", ("position", "furlongs")),
    ],
)
def test_axes_have_the_names_used_here(tmp_path: Path, units: str, axis: tuple[str, str]) -> None:
    (one,) = read(tmp_path, jcamp().replace(b"1/CM", units.encode()))
    assert (one.axis.name, one.axis.unit) == axis
    assert one.quantity == "absorbance"


def test_a_transmittance_in_percent_is_no_fraction(tmp_path: Path) -> None:
    (one,) = read(tmp_path, jcamp().replace(b"ABSORBANCE", b"%T"))
    assert one.quantity == "% transmittance"


def test_a_raman_shift_is_no_absolute_wavenumber(tmp_path: Path) -> None:
    (one,) = read(tmp_path, jcamp().replace(b"INFRARED", b"RAMAN"))
    assert one.axis.name == "Raman shift"


def test_a_compound_file_gives_each_of_its_spectra(tmp_path: Path) -> None:
    peaks = jcamp("1,2 3,4").replace(b"XYDATA=(X++(Y..Y))", b"PEAK TABLE=(XY..XY)")
    one, two = read(tmp_path, compound(jcamp(), peaks, jcamp(intensities=2 * INTENSITIES)))
    np.testing.assert_array_equal(one.intensities, INTENSITIES / 2)
    np.testing.assert_array_equal(two.intensities, INTENSITIES)
    assert "peak table" in one.notes[0]


def test_pairs_may_be_unevenly_spaced(tmp_path: Path) -> None:
    table = "1, 10; 2.5, 20\n4, 30 8,40"
    content = jcamp(table, axis=np.arange(4.0)).replace(b"XYDATA=(X++(Y..Y))", b"XYPOINTS=(XY..XY)")
    (one,) = read(tmp_path, content)
    np.testing.assert_array_equal(one.axis.values, [1, 2.5, 4, 8])
    np.testing.assert_array_equal(2 * one.intensities, [10, 20, 30, 40])


def test_the_real_part_of_an_nmr_spectrum_is_read(tmp_path: Path) -> None:
    (one,) = read(tmp_path, ntuples())
    np.testing.assert_array_equal(one.intensities, [10, 20, 30, 40, 50, 60, 70, 10])
    np.testing.assert_array_equal(one.axis.values, np.arange(16, 0, -2))
    assert "imaginary" in one.notes[0]


def test_a_question_mark_is_a_missing_value(tmp_path: Path) -> None:
    (one,) = read(tmp_path, jcamp("1 5 ? 7", axis=np.arange(1.0, 4.0)))
    np.testing.assert_array_equal(one.intensities, [2.5, np.nan, 3.5])


def test_old_line_ends_and_a_mark_of_the_end_of_a_disk_file_do_no_harm(tmp_path: Path) -> None:
    (one,) = read(tmp_path, jcamp().replace(b"\r\n", b"\r") + b"\x1a")
    np.testing.assert_allclose(one.axis.values, AXIS)


def test_blocks_of_repeats_are_no_bomb(tmp_path: Path) -> None:
    block = jcamp("0@U999000", axis=np.array([0, 4_000_000])).replace(b"NPOINTS=2", b"NPOINTS=3999000")
    refused(tmp_path, compound(*[block] * 6), "must have 20000000 points at most in all blocks, got more")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "must be JCAMP-DX, got no record ##TITLE="),
        (jcamp("1,2 3,4").replace(b"XYDATA=(X++(Y..Y))", b"PEAK TABLE=(XY..XY)"), "got a peak table: export the"),
        (jcamp().replace(b"INFRARED SPECTRUM", b"NMR FID"), "got a free induction decay"),
        (jcamp().replace(b"NPOINTS=17", b"NPOINTS=18"), "must have NPOINTS=18 ordinates, got 17: the file is cut off"),
        (
            jcamp().replace(b"LASTX=480.0", b"LASTX=880.0"),
            "the abscissas of lines must follow FIRSTX=400 and LASTX=880",
        ),
        (jcamp().replace(b"##FIRSTX=400.0\r\n", b""), "must say FIRSTX and LASTX"),
        (jcamp().replace(b"62", b"6z2"), "line 13: a table must hold numbers, got 'z2"),
        (jcamp("400AU9999999"), "a repeat must follow an ordinate and give 4000000 points at most, got U9999999"),
        (jcamp("400AT" + "U900000" * 20), "a repeat must follow an ordinate and give 4000000 points at most"),
        (jcamp("400T"), "a repeat must follow an ordinate"),
        (jcamp("400J"), "a difference must follow an ordinate"),
        (ntuples("R").replace(b"SYMBOL=X,R", b"SYMBOL=X,Q"), "SYMBOL must name X and R, got X, Q"),
    ],
)
def test_what_is_no_spectrum_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    refused(tmp_path, content, message)
