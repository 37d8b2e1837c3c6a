"""Long tables: a point a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read

AXIS = np.linspace(400, 500, 11)
HEIGHTS = np.random.default_rng(5).random((8, 11)).round(3)


def written(folder: Path, header: str, lines: list[str]) -> str:
    path = folder / "mine.csv"
    path.write_text("\n".join([header, *lines]))
    return str(path)


def lines(form: str) -> list[str]:
    """A line for each point of each spectrum: n its number, c its class, x and y the point."""
    return [form.format(n=n, c="AB"[n % 2], x=x, y=HEIGHTS[n][place]) for n in range(8) for place, x in enumerate(AXIS)]


@pytest.mark.parametrize("order", ["by spectrum", "by position", "shuffled keys"])
def test_points_of_one_sample_are_a_spectrum(tmp_path: Path, order: str) -> None:
    some = lines("s{n},{c},{x},{y}")
    if order == "by position":
        some = sorted(some, key=lambda line: float(line.split(",")[2]))
    elif order == "shuffled keys":
        some = sorted(some, key=lambda line: line.split(",")[1])
    dataset = load(written(tmp_path, "sample,class,Wavenumber (1/cm),intensity", some))
    assert dataset.classes == ("A", "B")
    assert (dataset.axis.name, dataset.axis.unit) == ("Wavenumber", "1/cm")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    parts = [dataset.split(name) for name in ("train", "validation", "test")]
    for part in parts:
        for spectrum, label in zip(part.batch(torch.arange(len(part))), part.labels, strict=True):
            row = int(np.abs(HEIGHTS - spectrum.numpy()).sum(axis=1).argmin())
            np.testing.assert_allclose(spectrum, HEIGHTS[row], rtol=1e-6)
            assert label == row % 2
    assert sum(map(len, parts)) == 8
    assert "intensities from intensity; classes from class; ignored sample" in dataset.description


def test_a_spectrum_begins_where_the_axis_starts_again(tmp_path: Path) -> None:
    spectra, axis, labels, rows = read(written(tmp_path, "class,wavelength,intensity", lines("{c},{x},{y}")))
    assert spectra.shape == (8, 11)
    assert axis is not None
    assert labels == ["A"] * 4 + ["B"] * 4
    np.testing.assert_allclose(spectra[0], HEIGHTS[0])
    assert rows[0] == "line 2"


def test_several_columns_of_intensities_are_chosen_from(tmp_path: Path) -> None:
    path = written(tmp_path, "sample,label,wavelength,raw,corrected,esd", lines("{n},{c},{x},1,{y},0.1"))
    with pytest.raises(ValueError, match=r"got 2 .*: give columns=wavelength,raw or columns=wavelength,corrected$"):
        load(path)
    dataset = load(path, columns="wavelength,corrected", group="sample")
    assert "8 groups by sample" in dataset.description
    assert float(dataset.train.batch(torch.tensor([0])).max()) < 1


def test_samples_on_other_axes_are_resampled_and_repeats_averaged(tmp_path: Path) -> None:
    some = [line for line in lines("{n},{c},{x},{y}") if not line.startswith("3,B,400")]
    some.insert(0, some[0])
    dataset = load(written(tmp_path, "sample,label,wavelength,intensity", some))
    assert dataset.axis.values[0] == 410
    assert "resampled to the common range 410 to 500" in dataset.description
    assert "repeated points of the axis averaged" in dataset.description
