from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import pytest
import torch

from spectune.trainables.data import SOURCES, load

TINY = {
    "benchmark": {},
    "challenge": {"points": 500, "train": 3, "validation": 2},
    "generated": {"classes": 5, "points": 200, "train": 3, "validation": 2, "test": 2},
}
DEFINITION = {
    "datapoints": 5000,
    "spectra": {
        "quartz": {"peak_positions": [391, 1004], "peak_heights": [0.4, 1.0]},
        "calcite": {"peak_positions": [1000], "peak_heights": [1]},
    },
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_keeps_the_contract(source: str) -> None:
    dataset = load(source, **TINY.get(source, {}))
    assert dataclasses.is_dataclass(SOURCES[source])
    assert dataset.description and "\n" not in dataset.description
    for name in ("train", "validation", "test"):
        split = dataset.split(name)
        assert set(split.labels) == set(range(len(dataset.classes)))
        spectra = split.batch(torch.tensor([len(split) - 1, 0]))
        assert spectra.shape == (2, len(dataset.axis))
        assert spectra.dtype == torch.float32
        assert torch.isfinite(spectra).all()
    copy = pickle.loads(pickle.dumps(dataset.blind()))
    assert copy.digest == dataset.digest == load(source, **TINY.get(source, {})).digest
    assert torch.equal(copy.train.batch(torch.tensor([1])), dataset.train.batch(torch.tensor([1])))


def test_the_benchmark_travels_as_a_few_megabytes() -> None:
    assert len(pickle.dumps(load("benchmark"))) < 8_000_000  # the spectra would be 690 MB


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("benchmrk", {}, "benchmark, challenge, generated"),
        ("generated", {"clases": 3}, "choose one of classes, points"),
        ("benchmark", {"seed": 3}, "got 'seed': leave it away"),
        ("generated", {"classes": "many"}, "classes must be a whole number, got 'many': the default is 100"),
        ("generated", {"classes": 2.5}, "classes must be a whole number"),
        ("generated", {"noise": True}, "noise must be a number"),
    ],
)
def test_the_unknown_is_refused_with_the_known(source: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(source, **options)
    assert "\n" not in str(error.value)


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spectra.mat").write_text("x")
    with pytest.raises(ValueError, match=r"\.npz, \.txt, \.csv"):
        load(str(tmp_path / "spectra.mat"))


def defined(folder: Path, content: object) -> str:
    path = folder / "mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_definition_file_is_drawn_by_the_benchmarks_rules(tmp_path: Path) -> None:
    dataset = load(defined(tmp_path, DEFINITION), train=4, validation="2")
    assert dataset.classes == ("quartz", "calcite")
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [8, 4, 18]
    assert dataset.name == "mine"


def test_a_definition_is_scaled_to_fewer_points(tmp_path: Path) -> None:
    path = defined(tmp_path, DEFINITION)
    full, small = load(path), load(path, points="500")
    assert len(small.axis) == 500 and small.digest != full.digest
    for before, after in zip(full.definition.positions, small.definition.positions, strict=True):
        assert after == tuple(place * 500 // full.definition.points for place in before)
    assert small.definition.heights == full.definition.heights
    with pytest.raises(ValueError, match="points must be 0, as defined, or from 100"):
        load(path, points="50")


def test_a_definition_of_27_classes_is_drawn_by_the_challenges_rules_unless_told(tmp_path: Path) -> None:
    many = {
        "datapoints": 5000,
        "spectra": {str(n): {"peak_positions": [200 + n, 3000], "peak_heights": [0.5, 1]} for n in range(27)},
    }
    path = defined(tmp_path, many)
    assert len(load(path).split("test")) == 27 * 6
    assert len(load(path, rules="benchmark").split("test")) == 27 * 9
    with pytest.raises(ValueError, match="auto, benchmark, challenge, got 'mine'"):
        load(path, rules="mine")


def test_the_challenges_rules_need_27_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"need 27 classes .* got 2: use rules=benchmark"):
        load(defined(tmp_path, DEFINITION), rules="challenge")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "must be JSON"),
        ("[" * 100_000, "must be JSON"),
        ([1], "must be a definition"),
        ({"datapoints": 5000}, "must be a definition"),
        ({**DEFINITION, "datapoints": 1.5}, "must be a definition"),
        (
            {**DEFINITION, "datapoints": 500},
            r"class 'quartz': a peak position must be a whole number in 0\.\.499, got 1004",
        ),
        ({"datapoints": 5000, "spectra": {"a": {}}}, "at least 2 classes"),
        ({"datapoints": 5000, "spectra": {"a": {}, "b": {}}}, "class 'a': peak_positions and peak_heights"),
        ({"datapoints": 5000, "spectra": {"a": 3, "b": {}}}, "class 'a': peak_positions and peak_heights"),
        (
            {"datapoints": 5000, "spectra": {"a": {"peak_positions": [4], "peak_heights": [100]}, "b": 1}},
            "at most 2, got 100",
        ),
        ({"datapoints": 5000, "spectra": {"a": {"peak_positions": [4], "peak_heights": ["1"]}, "b": 1}}, "got '1'"),
    ],
)
def test_broken_definitions_are_refused_in_one_line(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(defined(tmp_path, content))
    assert "\n" not in str(error.value)
