"""Files that an export predicts: of other units, quantities, layouts and sizes than those of training, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.spaces import Training
from spectune.spaces.linear import Logistic
from spectune.trainables.data import load
from spectune.trainables.export import Exported, read, write
from spectune.trainables.train import train
from spectune.trainables.unknown import unknown

SHIFTS = np.linspace(400.0, 4000.0, 60)
Make = Callable[..., Exported]


def absorbances(count: int, random: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Two classes, told apart by where a band is, as absorbance on ``SHIFTS``."""
    labels = ["acid" if row % 2 else "ester" for row in range(count)]
    centres = np.array([1200.0 if label == "acid" else 2600.0 for label in labels])[:, None]
    spectra = random.uniform(0.5, 1.5, (count, 1)) * np.exp(-(((SHIFTS - centres) / 300) ** 2))
    return spectra + 0.1 + random.normal(0, 0.01, spectra.shape), labels


def folder(
    path: Path, head: str, axis: np.ndarray = SHIFTS, *, change: Callable[[np.ndarray], np.ndarray] = np.copy
) -> str:
    spectra, labels = absorbances(40, np.random.default_rng(0))
    for number, (spectrum, label) in enumerate(zip(spectra, labels, strict=True)):
        write_one(path / "mine" / label / f"{number}.csv", head, axis, change(spectrum))
    return str(path / "mine")


def write_one(path: Path, head: str, axis: np.ndarray, *columns: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(f"{value:.9g}" for value in row) for row in zip(axis, *columns, strict=True)]
    path.write_text("\n".join([*([head] if head else []), *lines]) + "\n")
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Make:
    """An export of a network that was trained on a source, by the options of its data."""

    def make(source: str, *, preprocess: str = "max", **options: Any) -> Exported:
        dataset = load(source, **options)
        network, training = Logistic(preprocess=preprocess), Training()
        (last,) = train(network, training, dataset, seed=0, epochs=1, device="cpu")
        weights = {name: tensor.cpu() for name, tensor in last.state["best"]["model"].items()}
        write(tmp_path / "export", network=network, training=training, weights=weights, dataset=dataset, numbers={})
        return read(tmp_path / "export")

    return make


def one(spectrum: int = 0) -> np.ndarray:
    return np.asarray(absorbances(10, np.random.default_rng(9))[0][spectrum])


def test_a_file_like_those_of_training_is_taken_as_it_is(tmp_path: Path, exported: Make) -> None:
    model = exported(folder(tmp_path, "Wavenumber (1/cm),Absorbance"))
    found = unknown(model, write_one(tmp_path / "new.csv", "Wavenumber (1/cm),Absorbance", SHIFTS, one()), {})
    np.testing.assert_allclose(found.spectra[0], one(), rtol=1e-6)
    assert found.names == ["new.csv"] and model.unlike(found.spectra) < 1
    assert model.quantity == "absorbance"


def test_another_unit_is_converted_and_said(tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "spectune")
    model = exported(folder(tmp_path, "Wavenumber (1/cm),Absorbance"))
    new = write_one(tmp_path / "new.csv", "Wavelength (um),Absorbance", 1e4 / SHIFTS[::-1], one()[::-1])
    found = unknown(model, new, {})
    np.testing.assert_allclose(found.spectra[0], one(), rtol=1e-3)
    assert "axis converted from Wavelength (um) to Wavenumber (1/cm)" in caplog.text
    axis = load(folder(tmp_path / "um", "Wavelength (um),Absorbance", 1e4 / SHIFTS)).axis
    np.testing.assert_allclose(model.predict(one()[None], axis), model.predict(one()[None]), atol=1e-4)


def test_the_same_numbers_in_another_unit_are_refused(tmp_path: Path, exported: Make) -> None:
    model = exported(folder(tmp_path, ""), unit="1/cm")
    new = write_one(tmp_path / "new.csv", "Wavelength (nm),Absorbance", SHIFTS, one())
    with pytest.raises(ValueError, match="must cover the model's axis, 400 to 4000 1/cm, got 2500 to 25000"):
        unknown(model, new, {})


def test_a_unit_that_nobody_says_is_asked_for_where_another_fits(tmp_path: Path, exported: Make) -> None:
    model = exported(folder(tmp_path, "Wavenumber (1/cm),Absorbance"))
    new = write_one(tmp_path / "new.csv", "", 1e7 / SHIFTS[::-1], one()[::-1])
    with pytest.raises(ValueError, match="give --data unit=nm, or --data unit=1/cm if it is that") as refusal:
        unknown(model, new, {})
    assert "new.csv" in str(refusal.value) and "\n" not in str(refusal.value)
    np.testing.assert_allclose(unknown(model, new, {"unit": "nm"}).spectra[0], one(), rtol=1e-3)
    with pytest.raises(ValueError, match="must cover the model's axis"):
        unknown(model, new, {"unit": "1/cm"})


def test_files_without_a_unit_are_what_those_of_training_were(tmp_path: Path, exported: Make) -> None:
    model = exported(folder(tmp_path, "", 1e7 / SHIFTS), unit="nm:1/cm")
    assert model.axis.unit == "1/cm"
    new = write_one(tmp_path / "new.csv", "", 1e7 / SHIFTS, one())
    np.testing.assert_allclose(unknown(model, new, {}).spectra[0], one(), rtol=1e-3)


def test_angles_of_other_x_rays_are_converted_and_unknown_ones_said(
    tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "spectune")
    angles = SHIFTS / 40
    model = exported(folder(tmp_path, "2theta,counts", angles), wavelength="CuKa1")
    molybdenum = 2 * np.degrees(np.arcsin(np.sin(np.radians(angles / 2)) * 0.709317 / 1.540593))
    new = write_one(tmp_path / "new.xy", "2theta,counts", molybdenum, one())
    np.testing.assert_allclose(unknown(model, new, {"wavelength": "MoKa1"}).spectra[0], one(), rtol=1e-3)
    spacings = 1.540593 / 2 / np.sin(np.radians(angles / 2))
    inverse = write_one(tmp_path / "q.csv", "q (1/A),counts", 2 * np.pi / spacings, one())
    np.testing.assert_allclose(unknown(model, inverse, {}).spectra[0], one(), rtol=1e-3)
    caplog.clear()
    unknown(model, write_one(tmp_path / "same.csv", "2theta,counts", angles, one()), {})
    assert "taken to be measured with X-rays 1.5406 angstrom, as in training" in caplog.text


def test_another_quantity_is_converted_or_refused(
    tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "spectune")
    model = exported(folder(tmp_path, "Wavenumber (1/cm),Absorbance"))
    new = write_one(tmp_path / "new.csv", "Wavenumber (1/cm),%T", SHIFTS, 100 * 10.0 ** -one())
    np.testing.assert_allclose(unknown(model, new, {}).spectra[0], one(), rtol=1e-6)
    assert "intensities converted from % transmittance to absorbance" in caplog.text
    for kind in ("counts", "Kubelka-Munk"):
        with pytest.raises(ValueError, match=f"quantity that can be converted to absorbance, got {kind.lower()}"):
            unknown(model, write_one(tmp_path / "new.csv", f"Wavenumber (1/cm),{kind}", SHIFTS, one()), {})
    silent = write_one(tmp_path / "new.csv", "", SHIFTS, 10.0 ** -one())
    np.testing.assert_allclose(unknown(model, silent, {"intensity": "T:A"}).spectra[0], one(), rtol=1e-6)
    assert unknown(model, silent, {"intensity": "T"}).spectra[0] == pytest.approx(one(), rel=1e-6)
    assert model.unlike(unknown(model, silent, {}).spectra) > 1


def test_a_quantity_that_only_one_knows_is_said(
    tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "spectune")
    model = exported(folder(tmp_path, ""))
    unknown(model, write_one(tmp_path / "new.csv", "Wavenumber (1/cm),Absorbance", SHIFTS, one()), {})
    assert "does not know its quantity, absorbance is taken to be the same" in caplog.text
    assert "does not know its unit, Wavenumber (1/cm) is taken to be the same" in caplog.text


def test_options_of_training_hold_where_the_file_is_laid_out_so(
    tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "spectune")
    source = Path(folder(tmp_path, "w,first,second"))
    for file in source.rglob("*.csv"):
        axis, spectrum = np.loadtxt(file, delimiter=",", skiprows=1).T
        write_one(file, "w,first,second", axis, spectrum[::-1], spectrum)
    model = exported(str(source), columns="w,second", unit="1/cm")
    assert model.reading == {"columns": "w,second", "unit": "1/cm"}
    new = write_one(tmp_path / "new.csv", "w,first,second", SHIFTS, one(1), one())
    np.testing.assert_allclose(unknown(model, new, {}).spectra[0], one(), rtol=1e-6)
    np.testing.assert_allclose(unknown(model, new, {"columns": "w,first"}).spectra[0], one(1), rtol=1e-6)
    assert "not laid out" not in caplog.text
    plain = write_one(tmp_path / "plain.csv", "", SHIFTS, one())
    np.testing.assert_allclose(unknown(model, plain, {}).spectra[0], one(), rtol=1e-6)
    assert "plain.csv: not laid out as in training, read without columns=w,second" in caplog.text
    np.savez(tmp_path / "new.npz", x=one()[None], axis=SHIFTS)
    np.testing.assert_allclose(unknown(model, tmp_path / "new.npz", {}).spectra[0], one())
    new.write_text(new.read_text().replace(f"{one()[5]:.9g}", "broken"))
    with pytest.raises(ValueError, match=r"new.csv, line 7: an intensity must be a number, got 'broken'"):
        unknown(model, new, {})
    with pytest.raises(ValueError, match=r"options of reading must be known, got 'points': choose one of label"):
        unknown(model, new, {"points": "7"})


@pytest.mark.parametrize(("preprocess", "said"), [("max", False), ("none", True)])
def test_another_size_is_said_where_it_matters(
    tmp_path: Path, exported: Make, caplog: pytest.LogCaptureFixture, preprocess: str, said: bool
) -> None:
    model = exported(folder(tmp_path, ""), preprocess=preprocess)
    unknown(model, write_one(tmp_path / "new.csv", "", SHIFTS, one()), {})
    assert "times those of training" not in caplog.text
    unknown(model, write_one(tmp_path / "new.csv", "", SHIFTS, 1e4 * one()), {})
    assert ("times those of training, and what the network says depends on it" in caplog.text) == said


def test_an_export_without_likeness_predicts(tmp_path: Path, exported: Make) -> None:
    """As those that were made before."""
    source = folder(tmp_path, "Wavenumber (1/cm),Absorbance")
    exported(source)
    whole = tmp_path / "export"
    old = shutil.copytree(whole, tmp_path / "old")
    (old / "likeness.safetensors").unlink()
    with pytest.raises(ValueError, match=r"an export holds likeness.safetensors, there is none in .*: give a whole"):
        read(old)
    sums = (old / "SHA256SUMS").read_text().splitlines()
    (old / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums if "likeness" not in line))
    model = read(old)
    found = unknown(model, write_one(tmp_path / "new.csv", "Wavenumber (1/cm),Absorbance", SHIFTS, one()), {})
    np.testing.assert_allclose(model.predict(found.spectra), read(whole).predict(found.spectra))
    with pytest.raises(ValueError, match="does not know how unlike spectra are: export it again"):
        model.unlike(found.spectra)
    (whole / "likeness.safetensors").write_bytes(b"0" + (whole / "likeness.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"likeness.safetensors in .* is not the file that was exported"):
        read(whole)
    assert torch.tensor(found.spectra).isfinite().all()
