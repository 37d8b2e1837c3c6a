from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import classes
from spectune.trainables.data import examples, load


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    """What spectune data show hands over."""
    return examples(load("generated", classes=4, points=600, train=5, validation=3, test=2), 3)


def figure(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    drawn: dict[str, Any] = json.loads(found[1])
    return drawn


def lines(drawn: dict[str, Any], name: str) -> list[list[tuple[float, float]]]:
    """The spectra of a trace, which are apart by gaps."""
    trace = next(one for one in drawn["data"] if one["name"] == name)
    spectra: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(trace["x"], trace["y"], strict=True):
        if x is None:
            spectra.append([])
        else:
            spectra[-1].append((x, y))
    return spectra[:-1]


def test_every_class_is_drawn_with_some_training_spectra(arrays: dict[str, Any]) -> None:
    drawn = figure(classes.build(arrays))
    assert drawn["layout"]["yaxis"]["ticktext"] == [str(name) for name in arrays["names"]]
    assert drawn["layout"]["xaxis"]["title"]["text"] == str(arrays["axis_label"])
    assert len(lines(drawn, "training spectra")) == 9
    for index, (line, nominal) in enumerate(zip(lines(drawn, "class"), arrays["nominal"], strict=True)):
        x, y = np.array(line).T
        expected = 0.9 * nominal / nominal.max() - index
        assert np.interp(arrays["axis"], x, y) == pytest.approx(expected, abs=2e-3)


def test_a_class_with_fewer_spectra_leaves_its_empty_rows_out(arrays: dict[str, Any]) -> None:
    spectra = np.array(arrays["spectra"])
    spectra[1, 1:] = np.nan
    assert len(lines(figure(classes.build({**arrays, "spectra": spectra})), "training spectra")) == 7


def test_names_from_files_are_escaped(arrays: dict[str, Any]) -> None:
    names = np.array(["<i>a</i>", "b</script>", "c"])
    html = classes.build({**arrays, "names": names, "title": "<b>mine</b>"})
    assert "<h1>&lt;b&gt;mine&lt;/b&gt;</h1>" in html
    assert figure(html)["layout"]["yaxis"]["ticktext"][:2] == ["&lt;i&gt;a&lt;/i&gt;", "b&lt;/script&gt;"]


def test_the_command_writes_the_page(arrays: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    np.savez(tmp_path / "examples.npz", **arrays)
    assert classes.main([str(tmp_path / "examples.npz"), "--out", str(tmp_path / "page.html")]) == 0
    assert figure((tmp_path / "page.html").read_text("utf-8"))
    assert capsys.readouterr().out.strip().endswith("page.html")


@pytest.mark.parametrize("content", ["absent", "empty", "text", "array", "pickle", "lacking"])
def test_a_file_that_cannot_be_drawn_is_one_clear_line(tmp_path: Path, capsys: Any, content: str) -> None:
    path = tmp_path / "file.npz"
    if content in ("empty", "text"):
        path.write_bytes(b"" if content == "empty" else b"position,intensity\n")
    elif content == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif content == "pickle":
        np.savez(path, title=np.array([{}], dtype=object))
    elif content == "lacking":
        np.savez(path, title="a", axis=np.zeros(3))
    assert classes.main([str(path), "--out", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("spectune classes: ") and error.count("\n") == 1
    assert str(path) in error
    assert not (tmp_path / "page.html").exists()
