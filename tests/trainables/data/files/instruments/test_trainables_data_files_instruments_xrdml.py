"""The wavelength that an .xrdml file says is that of its axis, and of all files of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectune.spaces.errors import InputError
from spectune.trainables.data import read
from spectune.trainables.data.files.instruments.xrdml import read_xrdml

from . import made

TUBE = "<kAlpha1>1.540598</kAlpha1><kAlpha2>1.544426</kAlpha2><kBeta>1.39225</kBeta>"
RATIO = "<ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1>"


@pytest.mark.parametrize(
    ("intended", "inside", "wavelength"),
    [
        ("K-Alpha", TUBE + RATIO, (2 * 1.540598 + 1.544426) / 3),
        ("K-Alpha", TUBE, (2 * 1.540598 + 1.544426) / 3),
        ("K-Alpha 1", TUBE + RATIO, 1.540598),
        ("K-Alpha 2", TUBE + RATIO, 1.544426),
        ("K-Beta", TUBE + RATIO, 1.39225),
        ("", "<kAlpha1>0.7093</kAlpha1>", 0.7093),
        ("K-Alpha", "", 0.0),
    ],
)
def test_it_is_the_intended_one(tmp_path: Path, intended: str, inside: str, wavelength: float) -> None:
    used = f'<usedWavelength intended="{intended}">{inside}</usedWavelength>'
    (tmp_path / "a.xrdml").write_bytes(made.xrdml(used=used))
    (found,) = read_xrdml(tmp_path / "a.xrdml")
    assert found.axis.wavelength == pytest.approx(wavelength)


def test_a_wavelength_that_cannot_be_is_refused(tmp_path: Path) -> None:
    used = "<usedWavelength><kAlpha1>1540.6</kAlpha1></usedWavelength>"
    (tmp_path / "a.xrdml").write_bytes(made.xrdml(used=used))
    with pytest.raises(InputError, match=r"a.xrdml: X-rays must be of 0\.01 to 100 angstrom, got 1540\.6"):
        read_xrdml(tmp_path / "a.xrdml")


def test_patterns_of_two_wavelengths_are_refused_and_one_is_that_of_all(tmp_path: Path) -> None:
    used = "<usedWavelength><kAlpha1>{}</kAlpha1></usedWavelength>"
    (tmp_path / "a.xrdml").write_bytes(made.xrdml())
    (tmp_path / "b.xrdml").write_bytes(made.xrdml(used=used.format(1.5406)))
    _, axis, _, _ = read(tmp_path)
    assert axis is not None and axis.wavelength == 1.5406
    (tmp_path / "c.xrdml").write_bytes(made.xrdml(used=used.format(1.789)))
    with pytest.raises(ValueError, match=r"c.xrdml must be on the axis of .*b.xrdml, .* X-rays 1.5406 angstrom, got"):
        read(tmp_path)
