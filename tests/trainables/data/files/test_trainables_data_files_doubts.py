"""What a person should look at is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.files.doubts import saturated

X = np.linspace(0, 6, 60)
PEAK = np.exp(-((X - 3) ** 2) * 4) * 100


def warned(caplog: pytest.LogCaptureFixture, folder: Path, spectra: np.ndarray, labels: list[str]) -> str:
    np.savez(folder / "mine.npz", x=spectra, y=np.array(labels))
    load(str(folder / "mine.npz"))
    return "\n".join(record.getMessage() for record in caplog.records)


def noisy(count: int = 12) -> np.ndarray:
    return PEAK + np.random.default_rng(7).random((count, 60))


def test_nothing_is_said_of_spectra_as_they_should_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert warned(caplog, tmp_path, noisy(), ["PE", "PP"] * 6) == ""


def test_classes_that_differ_only_in_case_or_blanks_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = warned(caplog, tmp_path, noisy(), ["PE", "pe ", "P E", "PP"] * 3)
    assert "classes differ only in case or blanks ('P E', 'PE', 'pe '): write them alike" in said


def test_constant_spectra_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spectra = noisy()
    spectra[[4, 7]] = [[2.0], [3.0]]
    assert "2 spectra are constant (spectrum 4, spectrum 7)" in warned(caplog, tmp_path, spectra, ["a", "b"] * 6)


def test_a_peak_that_is_cut_off_is_saturated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spectra = noisy()
    spectra[5] = spectra[5].clip(max=60)
    said = warned(caplog, tmp_path, spectra, ["a", "b"] * 6)
    assert "1 spectra are flat at their highest value (spectrum 5)" in said


def test_low_counts_and_what_lets_all_light_pass_are_not_saturated() -> None:
    counts = np.zeros((1, 60))
    counts[0, 10:14] = 1
    assert not len(saturated(counts))
    absorbing = 90 * np.exp(-((np.linspace(-3, 3, 400) * 4) ** 2))
    transmittance = 100 - np.maximum(absorbing - 20, 0)[None]
    assert not len(saturated(transmittance))
    assert saturated(np.minimum(absorbing, 60)[None]).tolist() == [0]


def test_spectra_that_are_nearly_all_the_same_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spectra = np.repeat(noisy(2), 6, axis=0)
    assert "only 2 of 12 spectra are different: check which columns" in warned(
        caplog, tmp_path, spectra, ["a", "b"] * 6
    )
