"""Patterns have what physics says of their conditions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spectune.trainables.data.crystals import render as module
from spectune.trainables.data.crystals.cif import Crystal, crystals
from spectune.trainables.data.crystals.conditions import DRAWS, Conditions
from spectune.trainables.data.crystals.powder import reflections
from spectune.trainables.data.crystals.render import moved, render
from spectune.trainables.data.crystals.table import read

NOTHING: dict[str, Any] = {
    "wavelength": "1.540593",
    "min_angle": 20.0,
    "max_angle": 60.0,
    "points": 4001,  # 0.01 degrees
    "u": 0.0,
    "v": 0.0,
    "w": 0.0025,
    "min_size": 1e5,
    "max_size": 1e5,
    **dict.fromkeys(("strain", "thermal", "microstrain", "zero_shift", "displacement", "background", "noise"), 0.0),
    "texture": 1.0,
}
Pattern = NDArray[np.float64]
Make = Callable[..., tuple[Pattern, Pattern]]


@pytest.fixture
def pattern(cif: Callable[..., str], tmp_path: Path) -> Make:
    """``pattern(name, draws, **conditions)``: angles and intensities (L,); draws that are not given are 0.5."""

    def make(name: str, draws: dict[str, Any] | None = None, **settings: Any) -> tuple[Pattern, Pattern]:
        (tmp_path / "one.cif").write_text(cif(name))
        conditions = Conditions(**{**NOTHING, **settings})
        table = read(tmp_path / "one.cif", conditions)
        parts = [np.broadcast_to((draws or {}).get(part, 0.5), count) for part, count in DRAWS.items()]
        elements = np.broadcast_to((draws or {}).get("vacancies", 0.5), table.amplitudes.shape[1])
        row = torch.tensor(np.concatenate([*parts, elements]), dtype=torch.float32)[None, None]
        tables = moved(table, conditions, torch.device("cpu"))
        drawn = render(tables, torch.zeros(1, 1, dtype=torch.int64), row, conditions)
        return conditions.angles, drawn[0].double().numpy()

    return make


def bragg(spacing: float, wavelength: float = 1.540593) -> float:
    return float(np.degrees(2 * np.arcsin(wavelength / 2 / spacing)))


def top(angles: Pattern, intensities: Pattern, near: float, reach: float = 1.0) -> float:
    """Where the maximum near an angle is, by a parabola through three points."""
    some = np.flatnonzero(np.abs(angles - near) < reach)
    place = some[intensities[some].argmax()]
    left, middle, right = np.log(intensities[place - 1 : place + 2])
    return float(angles[place] + 0.5 * (left - right) / (left - 2 * middle + right) * (angles[1] - angles[0]))


def width(angles: Pattern, intensities: Pattern, near: float) -> float:
    """Full width at half maximum near an angle."""
    some = np.abs(angles - near) < 1.5
    x, y = angles[some], intensities[some]
    above = np.flatnonzero(y > y.max() / 2)
    ends = [
        np.interp(y.max() / 2, y[[a, b]], x[[a, b]]) for a, b in ((above[0] - 1, above[0]), (above[-1] + 1, above[-1]))
    ]
    return float(ends[1] - ends[0])


def area(angles: Pattern, intensities: Pattern, near: float) -> float:
    return float(intensities[np.abs(angles - near) < 1.5].sum())


def test_lines_stand_where_braggs_law_puts_them_with_their_areas(pattern: Make, cif: Callable[..., str]) -> None:
    angles, drawn = pattern("halite")
    (crystal,) = crystals("halite", cif("halite"))
    assert isinstance(crystal, Crystal)
    found = reflections(crystal, (1.6, 4.0), 0.5)
    sines = 1.540593 / 2 * np.linalg.norm(found.vectors, axis=1)
    strengths = found.powers * (1 + (1 - 2 * sines**2) ** 2) / (sines**2 * np.sqrt(1 - sines**2))
    for sine, share in zip(sines, strengths / strengths.max(), strict=True):
        if share > 0.02:
            place = float(np.degrees(2 * np.arcsin(sine)))
            assert top(angles, drawn, place) == pytest.approx(place, abs=1e-3)
            assert area(angles, drawn, place) / area(angles, drawn, bragg(2.8201)) == pytest.approx(share, rel=0.01)
    assert drawn.max() == pytest.approx(1)


def test_the_doublet_has_its_second_line_at_half_the_height(pattern: Make) -> None:
    angles, drawn = pattern("halite", wavelength="CuKa", w=0.001, min_angle=60.0, max_angle=75.0)
    first, second = (bragg(5.6402 / 4, line) for line in (1.540593, 1.544427))
    heights = [drawn[np.abs(angles - place).argmin()] for place in (first, second)]
    assert heights[1] / heights[0] == pytest.approx(0.5, abs=0.02)


def test_small_crystallites_and_microstrain_broaden(pattern: Make) -> None:
    """Scherrer's and Stokes' and Wilson's equations, nearly without a width of the instrument."""
    narrow = {"w": 0.0003}
    place = bragg(5.6402 / 2)
    cosine, tangent = np.cos(np.radians(place / 2)), np.tan(np.radians(place / 2))
    angles, drawn = pattern("halite", min_size=20.0, max_size=20.0, **narrow)
    assert width(angles, drawn, place) == pytest.approx(np.degrees(0.9 * 1.540593 / 200 / cosine), rel=0.02)
    angles, drawn = pattern("halite", {"microstrain": 1.0}, microstrain=0.01, **narrow)
    assert width(angles, drawn, place) == pytest.approx(np.degrees(4 * 0.01 * tangent), rel=0.02)


def test_the_instruments_width_is_cagliotis(pattern: Make) -> None:
    angles, drawn = pattern("halite", u=0.2, v=-0.1, w=0.03)
    for place in (bragg(5.6402 / 2), bragg(5.6402 / np.sqrt(8))):
        tangent = np.tan(np.radians(place / 2))
        assert width(angles, drawn, place) == pytest.approx(np.sqrt(0.2 * tangent**2 - 0.1 * tangent + 0.03), rel=0.01)


def test_the_goniometer_and_a_displaced_sample_move_lines(pattern: Make) -> None:
    place = bragg(5.6402 / 2)
    assert top(*pattern("halite", {"zero_shift": 1.0}, zero_shift=0.2), place) == pytest.approx(place + 0.2, abs=1e-3)
    for near in (place, bragg(5.6402 / np.sqrt(8))):
        moved = np.degrees(2 * 0.3 * np.cos(np.radians(near / 2)) / 200)
        found = top(*pattern("halite", {"displacement": 1.0}, displacement=0.3), near)
        assert found == pytest.approx(near - moved, abs=1e-3)


def test_strain_moves_lines_as_the_lattice_allows(pattern: Make) -> None:
    """A cubic lattice stays cubic whatever is drawn; one of quartz changes along c and across it on its own."""
    random = np.random.default_rng(0).random(6)
    angles, drawn = pattern("halite", {"strain": random}, strain=0.02)
    shares = [
        np.sin(np.radians(top(angles, drawn, near, 1.2) / 2)) / np.sin(np.radians(near / 2))
        for near in (bragg(5.6402 / 2), bragg(5.6402 / np.sqrt(8)))
    ]
    assert abs(shares[0] - 1) > 1e-3 and shares[0] == pytest.approx(shares[1], abs=2e-5)
    assert shares[0] - 1 == pytest.approx(-0.02 * (2 * random[:3] - 1).mean(), abs=2e-5)
    angles, drawn = pattern("zincite", {"strain": [0.5, 0.5, 1.0, 0.5, 0.5, 0.5]}, strain=0.02)
    for near, share in ((bragg(5.2066 / 2), 0.98), (bragg(3.2498 * np.sqrt(3) / 2), 1.0)):  # 002 and 100
        found = np.sin(np.radians(top(angles, drawn, near, 0.8) / 2)) / np.sin(np.radians(near / 2))
        assert found == pytest.approx(share, abs=1e-4)


def test_texture_is_that_of_march_and_dollase(pattern: Make, cif: Callable[..., str]) -> None:
    """Over all equivalent reflections of halite, whose crystallites lie on (001)."""
    (crystal,) = crystals("halite", cif("halite"))
    assert isinstance(crystal, Crystal)
    march, plain, textured = 0.5, pattern("halite"), pattern("halite", {"texture": 1.0, "axis": 0.3}, texture=2.0**-1)
    upside = pattern("halite", {"texture": 0.0, "axis": 0.3}, texture=2.0**-1)
    shares = {}
    for name, found, value in (("stands", upside, 1 / march), ("lies", textured, march)):
        for indices in ((2, 0, 0), (1, 1, 1), (2, 2, 0)):
            equal = {operation.apply_to_hkl(list(indices)).__str__() for operation in crystal.symmetry.operations()}
            vectors = np.array([[int(part) for part in one.strip("[]()").split(",")] for one in equal], float)
            squares = vectors[:, 2] ** 2 / (vectors**2).sum(axis=1)
            factor = ((value**2 * squares + (1 - squares) / value) ** -1.5).mean()
            near = bragg(5.6402 / np.sqrt((np.array(indices) ** 2).sum()))
            shares[name, indices] = (area(*found, near) / area(*plain, near), factor)
    for name in ("stands", "lies"):
        given, expected = zip(*(shares[name, indices] for indices in ((2, 0, 0), (1, 1, 1), (2, 2, 0))), strict=True)
        np.testing.assert_allclose(np.array(given) / given[0], np.array(expected) / expected[0], rtol=0.02)


def test_heat_and_vacancies_weaken_lines(pattern: Make) -> None:
    near, far = bragg(5.6402 / 2), bragg(5.6402 / np.sqrt(8))
    plain, hot = pattern("halite"), pattern("halite", {"thermal": 1.0}, thermal=5.0)
    ratio = (area(*hot, far) / area(*hot, near)) / (area(*plain, far) / area(*plain, near))
    assert ratio == pytest.approx(np.exp(-5.0 * (8 - 4) / 5.6402**2 / 2), rel=0.01)
    odd = bragg(5.6402 / np.sqrt(3))  # chlorine against sodium
    without = pattern("halite", {"vacancies": [1.0, 0.0]}, vacancies=0.35)
    assert area(*without, odd) / area(*without, near) < 0.2 * area(*plain, odd) / area(*plain, near)


def test_background_and_noise_are_shares_of_the_highest_point(pattern: Make) -> None:
    plain = pattern("halite")[1]
    added = pattern("halite", {"background": 1.0}, background=0.3)[1] - plain
    np.testing.assert_allclose(added, 0.3, atol=1e-5)
    noise = pattern("halite", noise=0.05)[1] - plain
    assert noise.std() == pytest.approx(0.05, rel=0.05) and abs(noise.mean()) < 0.005


def test_only_what_is_faint_is_left_out(pattern: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of lines with long tails, strong and weak, beside a drawing of all lines to the farthest point."""
    settings = {"min_size": 20.0, "max_size": 20.0, "microstrain": 0.01, "max_angle": 120.0, "points": 5001}
    for name in ("quartz", "calcite"):
        drawn = pattern(name, {"microstrain": 1.0}, **settings)[1]
        with monkeypatch.context() as patch:
            patch.setattr(module, "FAINT", 1e-12)
            whole = pattern(name, {"microstrain": 1.0}, **settings)[1]
        assert 0 < np.abs(drawn - whole).max() < 1e-3
