"""Units and quantities of files: named by the file or by the user, and converted into what is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import describe, load, save
from spectune.trainables.data.dataset import Dataset

NM = np.linspace(1000.0, 2500.0, 12)


def spectra(dataset: Dataset) -> np.ndarray:
    """All training spectra, the smallest first value first."""
    found = dataset.train.batch(torch.arange(len(dataset.train))).numpy()
    return np.asarray(found[found[:, 0].argsort()])


def folder(path: Path, *heads: str, values: tuple[float, ...] = (), scales: tuple[float, ...] = ()) -> str:
    """Two classes of eight files: those of the first class under the first head, the others under the last."""
    random = np.random.default_rng(0)
    for number, name in enumerate(("calcite", "quartz")):
        (path / "mine" / name).mkdir(parents=True)
        head = heads[-1] if number else heads[0]
        for file in range(8):
            places = np.asarray(values or NM) if not number or len(heads) == 1 or "nm" in head else 1e7 / NM
            column = random.uniform(0.2, 0.9, len(places)) * (scales or (1.0, 1.0))[number]
            lines = [f"{x:.8g},{y:.8g}" for x, y in zip(places, column, strict=True)]
            (path / "mine" / name / f"{file}.csv").write_text("\n".join([*([head] if head else []), *lines]))
    return str(path / "mine")


def test_a_unit_that_the_file_does_not_say_is_taken_for_its_own(tmp_path: Path) -> None:
    axis = load(folder(tmp_path, ""), unit="1/cm").axis
    assert (axis.unit, axis.values[0]) == ("1/cm", 1000.0)


def test_a_file_that_says_another_unit_is_converted(tmp_path: Path) -> None:
    source = folder(tmp_path, "Wavelength (nm),Absorbance")
    before, after = load(source), load(source, unit="1/cm")
    assert (after.axis.name, after.axis.unit) == ("wavenumber", "1/cm")
    np.testing.assert_allclose(after.axis.values, 1e7 / NM, rtol=1e-6)
    np.testing.assert_array_equal(spectra(before), spectra(after))
    assert "axis converted from Wavelength (nm) to wavenumber (1/cm)" in after.description
    assert before.digest != after.digest == load(source, unit="1/cm").digest
    assert load(source, unit="NM").axis.values[0] == 1000.0
    assert load(source, unit="1/cm", axis="energy of light").axis.name == "energy of light"


def test_two_units_say_what_files_without_one_are_in(tmp_path: Path) -> None:
    axis = load(folder(tmp_path, ""), unit="nm:1/cm").axis
    np.testing.assert_allclose(axis.values[[0, -1]], [10000.0, 4000.0])


def test_files_in_two_units_are_brought_into_one(tmp_path: Path) -> None:
    source = folder(tmp_path, "Wavelength (nm),Absorbance", "Wavenumber (cm-1),Absorbance")
    with pytest.raises(ValueError, match="give unit=nm, which converts them"):
        load(source)
    axis = load(source, unit="nm").axis
    np.testing.assert_allclose(axis.values, NM, rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "unit", "message"),
    [
        ("Wavelength,Absorbance", "1/cm", "got Wavelength without one: give unit=UNIT:1/cm"),
        ("Wavelength (nm),Absorbance", "ppm", "unit that can be converted to ppm, got Wavelength"),
        ("2theta,counts", "1/angstrom", "wavelength of the X-rays, in angstrom, must be known"),
        ("", "nm:", "unit must be one unit, or two as FROM:TO, got 'nm:'"),
        ("", "nm:um:1/cm", "unit must be one unit, or two"),
    ],
)
def test_what_is_not_known_is_asked_for(tmp_path: Path, head: str, unit: str, message: str) -> None:
    values = tuple(np.linspace(10, 80, 12)) if head.startswith("2") else ()
    with pytest.raises(ValueError, match=message) as refusal:
        load(folder(tmp_path, head, values=values), unit=unit)
    assert "\n" not in str(refusal.value)


def test_angles_become_scattering_vectors_by_the_wavelength(tmp_path: Path) -> None:
    source = folder(tmp_path, "", values=tuple(np.linspace(10, 80, 12)))
    axis = load(source, axis="2theta", unit="degrees:1/angstrom", wavelength="CuKa1").axis
    np.testing.assert_allclose(axis.values[0], 4 * np.pi * np.sin(np.radians(5)) / 1.540593)
    angles = load(source, axis="2theta", unit="degrees", wavelength="CuKa1")
    assert angles.axis.wavelength == 1.540593
    assert "X-rays 1.5406 angstrom" in describe(angles)
    save(angles, "train", tmp_path / "train.npz")
    again = load(str(tmp_path / "train.npz"))
    assert again.axis == angles.axis and again.axis.wavelength == 1.540593


def test_absorbance_beside_transmittance_is_said_and_converted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = folder(tmp_path, "Wavelength (nm),Absorbance", "Wavelength (nm),%T", scales=(1.0, 100.0))
    mixed = load(source)
    assert "give intensity=absorbance, which converts them, or a model learns the unit" in caplog.text
    assert mixed.quantity == ""
    one = load(source, intensity="absorbance")
    assert one.quantity == "absorbance" and one.reading == {"intensity": "absorbance"}
    assert "intensities converted from % transmittance to absorbance in 8 files" in one.description
    assert "(absorbance)" in describe(one)
    save(one, "train", tmp_path / "train.npz")
    assert load(str(tmp_path / "train.npz")).quantity == "absorbance"
    highest = spectra(one).max()
    assert highest < 1.0 and one.digest != mixed.digest
    assert 10 < spectra(load(source, intensity="%T")).max() < 100


def test_intensities_that_no_file_names_are_what_the_user_says(tmp_path: Path) -> None:
    source = folder(tmp_path, "")
    assert load(source).quantity == ""
    named, converted = load(source, intensity="A"), load(source, intensity="T:A")
    assert named.quantity == converted.quantity == "absorbance"
    np.testing.assert_array_equal(spectra(load(source)), spectra(named))
    np.testing.assert_allclose(np.sort(10.0 ** -spectra(converted).ravel()), np.sort(spectra(named).ravel()), rtol=1e-5)
    percent = load(folder(tmp_path / "percent", "", scales=(100.0, 100.0)), intensity="T:A")
    np.testing.assert_allclose(spectra(percent), spectra(converted), rtol=1e-4)
    with pytest.raises(ValueError, match=r"intensity must be one of absorbance, .* got 'brightness'"):
        load(source, intensity="brightness")


def test_a_quantity_alone_does_not_change_the_digest(tmp_path: Path) -> None:
    source = folder(tmp_path, "Wavelength (nm),Absorbance")
    assert load(source).digest == load(source, intensity="absorbance", wavelength="785").digest
    assert load(source).quantity == "absorbance"
