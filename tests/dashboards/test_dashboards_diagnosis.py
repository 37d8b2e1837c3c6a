"""The page of a diagnosis, from a file as the command writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import diagnosis

AXIS = np.linspace(0, 100, 500)


def share(*values: float) -> dict[str, Any]:
    mean, wide = float(np.mean(values)), 0.1 if len(values) > 1 else None
    low, high = (None, None) if wide is None else (mean - wide, mean + wide)
    return {"values": list(values), "mean": mean, "low": low, "high": high}


def model(name: str, seeds: list[int], *values: float) -> dict[str, Any]:
    groups = {"minor peak": share(*values), "positions": share(*values)}
    return {
        "name": name,
        "seeds": seeds,
        "accuracy": share(*values),
        "groups": groups,
        "errors": {"minor peak": 3.5, "other": 1},
    }


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "dataset": {"name": "mine", "description": "two classes", "digest": "abc"},
        "split": "test",
        "spectra": 20,
        "causes": ["minor peak", "positions", "intensities", "several", "other"],
        "groups": {"minor peak": 12, "positions": 8},
        "models": [model("one", [0, 1], 0.5, 0.7), model("<b>two", [], 0.9)],
        "ideal": {
            "accuracy": 0.7778,
            "groups": {"minor peak": 1.0, "positions": 2 / 3},
            "errors": {"positions": 2.67},
            "outside": 0,
            "bound": "",
        },
        "unknown": "",
        "region": {"classes": ["a", "b"], "cause": "positions", "peaks": [1, 2]},
        "confused": [["a", "<i>b", "positions", [5, 2]], ["<i>b", "a", "positions", [0, 1]]],
        **changes,
    }


def arrays() -> dict[str, Any]:
    spectra = {f"{name}_0": np.exp(-((AXIS - 40) ** 2)) for name in ("true_spectrum", "predicted_spectrum")}
    shares = np.linspace(0, 1, 24).reshape(2, 3, 4)
    shares[1, 0, 0] = np.nan
    return {
        "pairs": 1,
        "axis": AXIS,
        "axis_label": "position / points",
        "true_0": "a",
        "predicted_0": "<i>b",
        "count_0": 7,
        "wrong_spectrum_0": np.exp(-((AXIS - 42) ** 2)),
        **spectra,
        "region_shares": shares,
        "region_positions": np.array([10, 11, 12, 13]),
        "region_heights": np.array([0, 0.1, 0.2]),
        "region_boxes": np.array([[10, 12, 0.0, 0.1], 4 * [np.nan]]),
        "region_spots_0": np.array([[10, 11], [0.05, 0.1]]),
        "region_wrong_0": np.array([[0.0, 1.0], [0.5, 0.0]]),
        "region_spots_1": np.zeros((2, 0)),
        "region_wrong_1": np.zeros((2, 0)),
    }


def built(tmp_path: Path, **changes: Any) -> str:
    path = tmp_path / "diagnosis.npz"
    np.savez(path, facts=json.dumps(facts(**changes)), **arrays())
    return diagnosis.build(path)


def figures(html: str) -> dict[str, Any]:
    found = re.findall(r'id="(plot-[\w-]+)".*?<script type="application/json">(.*?)</script>', html, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [one for one in figure["data"] if one.get("name") == name]
    return dict(one)


def test_every_config_stands_beside_the_ceiling_in_every_group(tmp_path: Path) -> None:
    drawn = figures(built(tmp_path))["plot-accuracy"]
    assert drawn["layout"]["yaxis"]["ticktext"] == ["all", "minor peak", "positions"]
    assert trace(drawn, "one")["x"] == [0.6, 0.6, 0.6]
    assert trace(drawn, "one")["error_x"]["array"] == pytest.approx([0.1, 0.1, 0.1])
    assert trace(drawn, "&lt;b&gt;two")["error_x"]["array"] == [0, 0, 0]  # one training has no interval
    ceiling = trace(drawn, "ideal classifier")
    assert [x for x in ceiling["x"] if x is not None][::2] == pytest.approx([0.7778, 1.0, 2 / 3])


def test_an_interval_that_is_cut_at_an_end_is_longer_on_the_other_side(tmp_path: Path) -> None:
    cut = {"values": [0.5, 1.0], "mean": 0.75, "low": 0.0, "high": 1.0}
    models = [{**model("one", [0, 1], 0.5, 1.0), "accuracy": cut}, model("two", [], 0.9)]
    drawn = figures(built(tmp_path, models=models))["plot-accuracy"]
    bars = trace(drawn, "one")["error_x"]
    assert (bars["array"][0], bars["arrayminus"][0]) == (0.25, 0.75)
    assert drawn["layout"]["xaxis"]["range"] == [-0.02, 1.02]


def test_the_page_says_split_seeds_digest_and_that_nothing_was_chosen(tmp_path: Path) -> None:
    html = built(tmp_path)
    for said in ("blind test split, 20 spectra", "abc", "2 trainings, seeds 0, 1", "77.8%", "no network was chosen"):
        assert said in html
    assert "validation split" in built(tmp_path, split="validation")


def test_errors_are_counted_by_cause_with_those_of_the_ideal(tmp_path: Path) -> None:
    drawn = figures(built(tmp_path))["plot-errors"]
    assert trace(drawn, "minor peak")["x"] == [3.5, 3.5, 0]
    assert trace(drawn, "positions")["x"] == [0, 0, 2.67]
    assert trace(drawn, "other")["x"] == [1, 1, 0]
    assert not [one for one in drawn["data"] if one["name"] == "several"]  # what did not happen needs no legend


def test_confused_pairs_are_drawn_with_their_cause(tmp_path: Path) -> None:
    html = built(tmp_path)
    assert "<h3>a taken for &lt;i&gt;b, 7 times: positions</h3>" in html
    assert len(figures(html)["plot-pair-0"]["data"]) % 3 == 0


def test_each_config_has_a_map_of_its_own_on_the_same_plane(tmp_path: Path) -> None:
    drawn = figures(built(tmp_path))
    maps = [drawn["plot-map-0"], drawn["plot-map-1"]]
    assert maps[0]["layout"]["xaxis"]["range"] == maps[1]["layout"]["xaxis"]["range"] == [10, 13]
    one, two = (next(trace for trace in figure["data"] if trace["type"] == "heatmap") for figure in maps)
    assert one["z"][0] == pytest.approx([0, 0.043, 0.087, 0.13], abs=1e-3)
    assert two["z"][0][0] is None  # a third class: neither colour
    assert trace(maps[0], "a, training")["x"] == [10, 12, 12, 10, 10]
    assert set(trace(maps[0], "b, training")["y"]) == {0}  # it has no such peak: the foot of the map
    crossed = [
        [one["x"] for one in figure["data"] if one.get("marker", {}).get("symbol") == "x-thin-open"] for figure in maps
    ]
    assert crossed == [[[11]], [[]]]


def test_without_a_definition_the_page_says_so_and_lists_classes(tmp_path: Path) -> None:
    bare = [{**one, "groups": {}, "errors": {"": 3}} for one in facts()["models"]]
    html = built(
        tmp_path,
        causes=[],
        groups={},
        models=bare,
        ideal=None,
        region=None,
        unknown="causes need a definition",
        confused=[["a", "b", "", [3, 1]]],
        classes=[["quartz", 5, [0.2, 0.4]]],
    )
    assert "There is no ceiling: causes need a definition" in html
    assert "quartz" in html and "0.2000" in html
    assert set(figures(html)) == {"plot-accuracy", "plot-pair-0"}
    assert trace(figures(html)["plot-accuracy"], "one")["x"] == [0.6]


def test_a_perfect_config_has_no_errors_to_draw(tmp_path: Path) -> None:
    perfect = [{**one, "errors": {}} for one in facts()["models"]]
    ideal = {**facts()["ideal"], "errors": {}}
    html = built(tmp_path, models=perfect, ideal=ideal, confused=[], region=None)
    for said in ("Nothing was wrong.", "No spectrum was taken for another class.", "give --pair to draw a map"):
        assert said in html


def test_a_bound_and_spectra_outside_are_told(tmp_path: Path) -> None:
    html = built(tmp_path, ideal={**facts()["ideal"], "bound": "noise hides peaks", "outside": 3})
    assert "at most: noise hides peaks" in html
    assert "3 spectra lie outside" in html


@pytest.mark.parametrize("content", ["absent", "text", "pickle", "lacking", "broken"])
def test_a_file_that_cannot_be_drawn_is_one_clear_line(tmp_path: Path, capsys: Any, content: str) -> None:
    path = tmp_path / "file.npz"
    if content == "text":
        path.write_text("no zip")
    elif content == "pickle":
        np.savez(path, facts=np.array([{}], dtype=object))
    elif content == "lacking":
        np.savez(path, other=1)
    elif content == "broken":
        np.savez(path, facts="{not json")
    assert diagnosis.main([str(path), "--out", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("spectune diagnosis: ") and error.count("\n") == 1 and str(path) in error
    assert not (tmp_path / "page.html").exists()
