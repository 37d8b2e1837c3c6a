"""The commands of docs/start.md identify phases whose patterns none of our code computed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import phases
import pytest

from spectune.trainables.data import read

CELL = "_cell_length_a {a}\n_cell_length_b {a}\n_cell_length_c {c}\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
SITES = "loop_\n_atom_site_label\n" + "".join(f"_atom_site_fract_{axis}\n" for axis in "xyz")
MINERALS = {  # a, c, gamma, space group, formula, atoms
    "halite": (5.6402, 5.6402, 90, "F m -3 m", "Cl Na", "Na 0 0 0\nCl 0.5 0.5 0.5"),
    "sylvite": (6.2931, 6.2931, 90, "F m -3 m", "Cl K", "K 0 0 0\nCl 0.5 0.5 0.5"),
    "fluorite": (5.463, 5.463, 90, "F m -3 m", "Ca F2", "Ca 0 0 0\nF 0.25 0.25 0.25"),
    "quartz": (4.9134, 5.4052, 120, "P 32 2 1", "O2 Si", "Si 0.4697 0 0.66667\nO 0.4135 0.2669 0.7858"),
    "calcite": (4.9896, 17.061, 120, "R -3 c :H", "C Ca O3", "Ca 0 0 0\nC 0 0 0.25\nO 0.2573 0 0.25"),
    "corundum": (4.7589, 12.991, 120, "R -3 c :H", "Al2 O3", "Al 0 0 0.35216\nO 0.30624 0 0.25"),
    "rutile": (4.594, 2.959, 90, "P 42/m n m", "O2 Ti", "Ti 0 0 0\nO 0.3053 0.3053 0"),
    "zincite": (3.2498, 5.2066, 120, "P 63 m c", "O Zn", "Zn 0.33333 0.66667 0\nO 0.33333 0.66667 0.3821"),
}


def cif(name: str) -> str:
    a, c, gamma, group, formula, atoms = MINERALS[name]
    return (
        f"data_{name}\n_chemical_formula_sum '{formula}'\n{CELL.format(a=a, c=c)}_cell_angle_gamma {gamma}\n"
        f"_space_group_name_H-M_alt '{group}'\n{SITES}{atoms}\n"
    )


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    folder = tmp_path / "candidates"
    folder.mkdir()
    for name in MINERALS:
        (folder / f"{name}.cif").write_text(cif(name))
    (folder / "rock-salt.cif").write_text(cif("halite"))
    return folder


def run(folder: Path, command: str) -> str:
    """What a command of the documents prints; its wildcards are those of a shell."""
    words = [
        str(path.relative_to(folder)) if "*" in word else word
        for word in shlex.split(command)[1:]
        for path in (sorted(folder.glob(word)) if "*" in word else [folder])
    ]
    code = "import sys; from spectune.search.cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_three_commands_of_the_documents_identify_phases(checkout: Path, candidates: Path) -> None:
    """The very commands, on files of two goniometers, one with cobalt."""
    folder = candidates.parent
    assert phases.measure(candidates, folder / "unknown", most=20, seed=3, anode="Cu") == 9
    angles, counts = phases.simulated(cif("quartz"), "Co", np.random.default_rng(0)) or pytest.fail()
    (folder / "unknown" / "cobalt.xrdml").write_text(phases.xrdml(angles, counts, "Co"))
    section = (checkout / "docs/start.md").read_text("utf-8").split("## Identify a phase")[1]
    commands = re.findall(r"^spectune .*$", section.split("## ")[0].replace("\\\n", " "), re.MULTILINE)
    assert len(commands) == 3
    shown, _, answers = (run(folder, command) for command in commands)
    assert "2 structures in 1 groups cannot be told apart (such as halite and rock-salt)" in shown
    found = dict(line.split(": ") for line in answers.splitlines())
    halite = "halite (ClNa, F m -3 m) or rock-salt (ClNa, F m -3 m)"
    right = {name: f"{name} ({MINERALS[name][4].replace(' ', '')}, " for name in MINERALS}
    right |= {"halite": halite, "rock-salt": halite, "cobalt": right["quartz"]}
    assert set(found) == {f"{name}.xrdml" for name in right}
    assert [name for name in right if not found[f"{name}.xrdml"].startswith(right[name])] == []


def test_lines_are_where_they_belong_and_the_file_is_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    angles, counts = phases.simulated(cif("halite"), "Cu", random) or pytest.fail()
    assert angles[counts.argmax()] == pytest.approx(31.70, abs=0.15)
    (tmp_path / "a.xrdml").write_text(phases.xrdml(angles, counts, "Cu"))
    spectra, axis, _, _ = read(tmp_path / "a.xrdml")
    assert axis is not None and axis.wavelength == pytest.approx(1.54187, abs=1e-5)
    assert spectra[0].tolist() == counts.tolist() and axis.values == pytest.approx(angles, abs=1e-4)
    assert phases.simulated("data_a\n_cell_length_a 5\n", "Cu", random) is None


def test_answers_are_scored_by_the_names_of_the_files() -> None:
    answers = """
a/oxides__ZnO.xrdml: oxides/B (O2, P 1) or oxides/ZnO (OZn, P 63 m c) 0.9900, oxides/ZnO2 (O2Zn, P 1) 0.5000
oxides__ZnO2.xrdml: oxides/ZnO (OZn, P 63 m c) 0.9900, oxides/A (X, P 1) or oxides/ZnO2 (O2Zn, P 1) 0.5000
oxides__A.xrdml: oxides/ZnO (OZn, P 63 m c) 0.9900
"""
    found = phases.score(answers)
    assert (found["count"], found["top1"], found["top5"]) == (3, 1 / 3, 2 / 3)
    assert len(found["wrong"]) == 2
