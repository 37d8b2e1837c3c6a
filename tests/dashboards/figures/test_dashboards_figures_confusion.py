from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards.figures.confusion import Pair, confusion, filled, read

AXIS = np.linspace(10, 90, 2000)


def peaks(*centres: float) -> Any:
    return sum(np.exp(-(((AXIS - centre) / 0.2) ** 2)) for centre in centres)


def pair(*spectra: Any, **changes: str) -> Pair:
    names = {"true": "quartz", "predicted": "calcite", "axis_label": "2theta (degrees)"}
    return Pair(**{**names, **changes}, count=3, axis=AXIS, spectra=np.stack(spectra))


def test_the_pairs_are_those_of_the_file(folders: dict[str, Path]) -> None:
    pairs = read(folders["whole"] / "confused.npz", 3)
    assert [(one.true, one.predicted, one.count) for one in pairs] == [
        ("class 09", "class 10", 14),
        ("class 10", "class 09", 11),
        ("class 19", "class 18", 7),
    ]
    with np.load(folders["whole"] / "confused.npz") as file:
        assert np.array_equal(pairs[1].spectra[2], file["wrong_spectrum_1"])
        assert len(read(folders["whole"] / "confused.npz", 99)) == file["pairs"]


@pytest.mark.parametrize("content", ["absent", "empty", "text", "pickle", "lacking", "short", "nan"])
def test_a_broken_file_is_a_clear_error(folders: dict[str, Path], tmp_path: Path, content: str) -> None:
    path = tmp_path / "confused.npz"
    if content in ("empty", "text"):
        path.write_bytes(b"" if content == "empty" else b"no zip")
    elif content == "pickle":
        np.savez(path, pairs=np.array([{}], dtype=object))
    elif content == "lacking":
        np.savez(path, pairs=1, axis=AXIS)
    elif content in ("short", "nan"):
        shutil.copy(folders["whole"] / "confused.npz", path)
        with np.load(path) as file:
            arrays = dict(file)
        axis = arrays["axis"]
        broken = {"axis": axis[:-1]} if content == "short" else {"true_spectrum_0": np.full_like(axis, np.nan)}
        np.savez(path, **{**arrays, **broken})
    with pytest.raises(ValueError, match=r"confused\.npz, which is missing or broken: test again"):
        read(path, 6)


def test_stretches_without_a_peak_are_left_out_and_no_peak_is() -> None:
    spectra = np.stack([peaks(30, 70), peaks(30.4, 71), peaks(30.2)])
    stretches = filled(spectra)
    assert len(stretches) == 2
    drawn = np.concatenate([np.arange(start, stop) for start, stop in stretches])
    assert len(drawn) < 0.2 * len(AXIS)
    left_out = np.setdiff1d(np.arange(len(AXIS)), drawn)
    assert spectra[:, left_out].max() < 0.01
    assert min(AXIS[drawn]) < 29 and max(AXIS[drawn]) > 71.5  # with some room at the sides


def test_a_minor_peak_is_not_left_out() -> None:
    assert len(filled(np.stack([peaks(30) + 0.035 * peaks(60), peaks(30)]))) == 2


def test_crowded_noisy_or_flat_spectra_are_drawn_whole() -> None:
    whole = [(0, len(AXIS))]
    assert filled(np.random.default_rng(0).normal(size=(3, len(AXIS)))) == whole
    assert filled(np.stack([peaks(*range(15, 90, 10))])) == whole
    assert filled(np.exp(-(((AXIS - 50) / 15) ** 2))[None]) == whole
    assert filled(np.zeros((3, len(AXIS)))) == whole


def test_every_stretch_has_all_three_spectra_side_by_side() -> None:
    figure = confusion(pair(peaks(30, 70), peaks(30.4, 71), peaks(30.2, 70.1)))
    assert [one.name for one in figure.data] == 2 * ["quartz (true)", "calcite (predicted)", "the test spectrum"]
    assert [one.xaxis for one in figure.data] == 3 * ["x"] + 3 * ["x2"]
    assert [one.showlegend for one in figure.data] == 3 * [True] + 3 * [False]
    first, second = figure.layout.xaxis.domain, figure.layout.xaxis2.domain
    assert (first[0], second[1]) == (0, pytest.approx(1))
    assert first[1] < second[0]
    x, y = figure.data[4].x, figure.data[4].y
    assert x[int(np.argmax(y))] == pytest.approx(71, abs=0.05)
    assert figure.layout.annotations[0].text == "2theta (degrees)"


def test_names_stay_text() -> None:
    figure = confusion(pair(peaks(30), peaks(31), peaks(30), true="<b>a</b>", axis_label="<i>x</i>"))
    assert figure.data[0].name == "&lt;b&gt;a&lt;/b&gt; (true)"
    assert figure.layout.annotations[0].text == "&lt;i&gt;x&lt;/i&gt;"
