"""Real sets are read, checked and divided so that no group is on two sides."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sets

from spectune.spaces.errors import InputError
from spectune.trainables.data import load


def spectra(**given: object) -> sets.Spectra:
    """60 made-up spectra of 20 points, three classes and 20 groups of three."""
    chance = np.random.default_rng(0)
    known = {
        "x": chance.normal(size=(60, 20)),
        "axis": np.linspace(400, 800, 20),
        "unit": "1/cm",
        "labels": [f"class {row // 3 % 3}" for row in range(60)],
        "groups": [f"sample {row // 3}" for row in range(60)],
    }
    return sets.Spectra(**(known | given))  # type: ignore[arg-type]


def test_a_group_is_on_one_side_and_every_class_on_all() -> None:
    labels, groups = [f"{row // 3 % 3}" for row in range(60)], [f"{row // 3}" for row in range(60)]
    split = sets.divide(labels, groups)
    for group in set(groups):
        assert len({split[row] for row in range(60) if groups[row] == group}) == 1
    for part in ("train", "validation", "test"):
        assert {labels[row] for row in range(60) if split[row] == part} == {"0", "1", "2"}
    assert (split == sets.divide(labels, groups)).all()
    assert (split == "train").sum() > (split == "test").sum() > (split == "validation").sum()


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match="3 groups or more"):
        sets.divide(["a", "b"] * 10, ["one", "other"] * 10)


def test_what_is_prepared_is_what_spectune_reads(tmp_path: Path) -> None:
    arrays = sets.prepare(spectra())
    np.savez(tmp_path / "set.npz", **arrays)
    dataset = load(str(tmp_path / "set.npz"))
    assert dataset.classes == tuple(arrays["names"])
    assert dataset.test is not None
    assert dataset.test.labels.tolist() == arrays["y"][arrays["split"] == "test"].tolist()
    assert (dataset.axis.unit, dataset.axis.values[0]) == ("1/cm", 400)


def test_a_falling_axis_rises_with_its_spectra() -> None:
    falling = spectra()
    rising = replace(falling, x=falling.x[:, ::-1], axis=falling.axis[::-1])
    assert np.array_equal(sets.prepare(falling)["x"], sets.prepare(rising)["x"])


def test_copies_of_a_spectrum_are_on_one_side_and_said() -> None:
    copied = spectra(groups=[])
    copied.x[::9] = copied.x[0]
    arrays = sets.prepare(copied)
    assert len(set(arrays["split"][::9])) == 1
    assert "6 spectra are copies of others, and on their side" in arrays["said"]


def test_a_rare_class_is_left_out_and_said() -> None:
    arrays = sets.prepare(spectra(labels=["rare"] * 9 + [f"class {row % 2}" for row in range(51)], groups=[]))
    assert arrays["names"].tolist() == ["class 0", "class 1"]
    assert len(arrays["x"]) == 51
    assert "left out, fewer than 10: rare" in arrays["said"]


def test_bounds_of_a_quantity_are_those_of_the_training_spectra() -> None:
    values = np.random.default_rng(1).uniform(0, 30, 60)
    arrays = sets.prepare(spectra(labels=[], values=values, groups=[]))
    train = arrays["split"] == "train"
    low, high = np.quantile(values[train], (1 / 3, 2 / 3))
    assert arrays["y"].tolist() == ((values >= low).astype(int) + (values >= high)).tolist()
    assert np.bincount(arrays["y"][train]).tolist() == [10, 10, 10]


def test_files_that_are_not_the_known_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "collagen.csv").write_text("other")
    one = replace(sets.SETS["tissue"], files="*.csv")
    with pytest.raises(InputError, match=r"the 1 files of orange-spectroscopy must have the SHA-256 5c7c"):
        sets.taken(tmp_path, one)
    content = hashlib.sha256(b"collagen.csv\0other").hexdigest()
    assert sets.taken(tmp_path, replace(one, sha256=content)) == [tmp_path / "collagen.csv"]


def test_oranges_table_is_read_past_its_three_rows_of_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("type,1801.2,1797.4\nd,c,c\nclass,,\nlipids,0.1,0.2\nDNA,0.3,0.4\n")
    read = sets.read_tissue([tmp_path / "t.csv"])
    assert (read.labels, read.x.tolist(), read.axis.tolist()) == (
        ["lipids", "DNA"],
        [[0.1, 0.2], [0.3, 0.4]],
        [1801.2, 1797.4],
    )


def test_coffee_takes_labels_and_spectra_from_two_files(tmp_path: Path) -> None:
    (tmp_path / "coffee_labels.csv").write_text("labels\nBrasil\nVietnam\n")
    (tmp_path / "coffee_spectra.csv").write_text("0,1,2\n0.1,0.2,0.3\n0.4,0.5,0.6\n")
    read = sets.read_coffee(sorted(tmp_path.iterdir()))
    assert (read.labels, read.x.shape) == (["Brasil", "Vietnam"], (2, 3))


def test_crystals_are_patterns_by_system_and_twins_are_a_group(tmp_path: Path) -> None:
    cell = "_cell_length_a {0}\n_cell_length_b {0}\n_cell_length_c {1}\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    sites = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu 0 0 0\n"
    for group, c, name in (("F m -3 m", 1.0, "cubic"), ("P 4/m m m", 0.7, "tetragonal")):
        for number, a in enumerate((4.0, 5.0, 6.0, 6.0)):
            text = f"data_a\n{cell.format(a, a * c)}_cell_angle_gamma 90\n_space_group_name_H-M_alt '{group}'\n{sites}"
            (tmp_path / f"{name}{number}.cif").write_text(text)
    read = sets.read_crystals(sorted(tmp_path.glob("*.cif")))
    assert sorted(read.labels) == ["cubic"] * 4 + ["tetragonal"] * 4
    assert read.x.shape == (8, len(read.axis)) and len(set(read.groups)) == 6
    assert read.axis[read.x.argmax(axis=1)].min() == pytest.approx(14.75, abs=0.2)  # (100) of 6 angstrom
    assert "4 structures in 2 groups cannot be told apart" in read.said[0]


def test_ucr_joins_both_parts_and_takes_the_class_off(tmp_path: Path) -> None:
    for part, number in (("TEST", 1), ("TRAIN", 0)):
        (tmp_path / f"Coffee_{part}.txt").write_text(f"  {number}.0e+00  -5.1e-01  2.5e-01\n")
    read = sets.read_ucr(sorted(tmp_path.iterdir()))
    assert (read.labels, read.x.tolist()) == (["species 1", "species 0"], [[-0.51, 0.25], [-0.51, 0.25]])


def test_raman_files_of_two_kinds_come_onto_one_axis_by_instrument(tmp_path: Path) -> None:
    shifts = np.arange(200.0, 1800.0, 4.0)
    counts = np.exp(-(((shifts - 1000) / 8) ** 2))
    rows = [
        f"{row};1;1;{shift:.3f};0;0;0;{count:.4f};".replace(".", ",")
        for row, (shift, count) in enumerate(zip(shifts, counts, strict=True))
    ]
    head = (
        "File Version;BWSpec\nPixel;Wavelength;Wavenumber;Raman Shift;Dark;Reference;Raw data #1;Dark Subtracted #1;\n"
    )
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one" / "PST02_a.txt").write_text(head + "0; ; ; ;1;1;1;-117,0;\n" + "\n".join(rows))
    two = "\n".join(f"{shift}\t{count}" for shift, count in zip(shifts, counts, strict=True))
    (tmp_path / "other" / "Pol_b.txt").write_text(two)
    (tmp_path / "other" / "neon_b.txt").write_text(two)
    read = sets.read_raman(sorted(tmp_path.glob("*/*.txt")))
    assert (read.labels, read.groups) == (["polystyrene"] * 2, ["one", "other"])
    assert read.axis[read.x.argmax(axis=1)].tolist() == [1000, 1000]
    np.testing.assert_allclose(read.x[0], read.x[1], atol=1e-3)


def test_fermentation_takes_the_spectra_near_a_sample(tmp_path: Path) -> None:
    hours = [0.0, 1.0, 2.0]
    lines = [f"{hour},{glucose},0" for hour, glucose in zip(hours, (45.0, 20.0, 4.0), strict=True)]
    (tmp_path / "fermentation_hplc.csv").write_text("\n".join(["time,glucose,xylose", *lines]))
    spectra = [f"{row},{row}" for row in range(97)]  # two hours
    (tmp_path / "fermentation_spectra.csv").write_text("\n".join(["428.0,429.0", *spectra]))
    read = sets.read_fermentation(sorted(tmp_path.iterdir()))
    assert read.x[:, 0].tolist() == [*range(5), *range(44, 53), *range(92, 97)]
    assert read.groups == ["sample 0"] * 5 + ["sample 1"] * 9 + ["sample 2"] * 5
    assert [read.labels[row] for row in (0, 5, 14)] == ["a: over 40 g/L", "b: 5 to 40 g/L", "c: under 5 g/L"]


def test_meats_take_the_fat_off_the_end_of_a_line(tmp_path: Path) -> None:
    for part, fat in (("TEST", 42.5), ("TRAIN", 4.0)):
        (tmp_path / f"T_{part}.ts").write_text(f"# about\n@targetLabel true\n@data\n2.5,2.6,2.7:{fat}\n")
    read = sets.read_meats(sorted(tmp_path.iterdir()))
    assert read.values is not None
    assert (read.x.tolist(), read.values.tolist()) == ([[2.5, 2.6, 2.7]] * 2, [42.5, 4.0])
    assert read.axis.tolist() == [850, 950, 1050]


def test_entries_of_r_are_unpacked() -> None:
    content = b"X\n" + bytes(range(200)) * 3
    assert sets.unpacked(struct.pack(">i", len(content)) + zlib.compress(content)) == content


def test_a_matrix_within_a_data_frame_of_r_is_by_columns() -> None:
    table = SimpleNamespace(
        value=[SimpleNamespace(value=[1.0, 2.0]), SimpleNamespace(value=[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])]
    )
    octane, x = sets.columns(table)
    assert (octane.tolist(), x.tolist()) == ([1, 2], [[1, 2, 3], [4, 5, 6]])


def test_transmittances_become_absorbances_whatever_their_unit() -> None:
    falling = np.linspace(4000, 600, 1000)
    assert sets.absorbance(falling, np.full(1000, 0.1), "TRANSMITTANCE") == pytest.approx(1.0)
    assert sets.absorbance(falling, np.full(1000, 10.0), "Transmittance") == pytest.approx(1.0)
    assert sets.absorbance(falling, falling, "ABSORBANCE") == pytest.approx(sets.WAVENUMBERS)
