from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.dashboards.figures.decisive import FILE, importances, read
from spectune.search.records import study as record

AXIS = np.linspace(10, 90, 400)


def arrays(**changes: Any) -> dict[str, Any]:
    values = np.where(np.abs(AXIS - 30) < 0.2, 0.4, 0.0)
    spectra = np.stack([np.exp(-((AXIS - centre) ** 2)) for centre in (30, 70)])
    names = np.array(["<b>quartz</b>", "calcite"])
    return {
        "axis": AXIS,
        "axis_label": "2theta / degrees",
        "importances": values,
        "names": names,
        "spectra": spectra,
        **changes,
    }


def test_what_decides_is_drawn_over_a_spectrum_of_each_class(tmp_path: Path) -> None:
    np.savez(tmp_path / FILE, **arrays())
    figure = importances(read(tmp_path / FILE))
    *spectra, curve = figure.data
    assert [one.name for one in spectra] == ["&lt;b&gt;quartz&lt;/b&gt;", "calcite"]
    assert max(curve.y) == 1
    assert curve.x[int(np.argmax(curve.y))] == pytest.approx(30, abs=0.3)
    assert figure.layout.xaxis.title.text == "2theta / degrees"


def test_importances_of_nothing_are_drawn_flat(tmp_path: Path) -> None:
    np.savez(tmp_path / FILE, **arrays(importances=np.zeros(400)))
    assert set(importances(read(tmp_path / FILE)).data[-1].y) == {0}


@pytest.mark.parametrize("content", ["absent", "text", "lacking", "short", "nan"])
def test_a_broken_file_is_a_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE
    broken = {"short": {"axis": AXIS[:-1]}, "nan": {"importances": np.full(400, np.nan)}}
    if content == "text":
        path.write_text("no zip")
    elif content != "absent":
        np.savez(path, **({"axis": AXIS} if content == "lacking" else arrays(**broken[content])))
    with pytest.raises(ValueError, match="missing or broken: export again"):
        read(path)


def test_the_report_says_what_decides_only_where_the_winner_knows(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(folders["whole"], folder)
    assert "What decides" not in report.build(record.read(folder))
    np.savez(folder / FILE, **arrays())
    html = report.build(record.read(folder))
    assert "What decides" in html and 'id="plot-decisive"' in html and "<b>quartz" not in html
    (folder / FILE).write_text("broken")
    assert f"{FILE} is broken" in report.build(record.read(folder))
