"""Groups of measured spectra: named by a column, an array or a part of a file's name, and never torn apart."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from spectune.spaces import CNN, MLP, SIMPLE, Training, ViT
from spectune.trainables.data import describe, load, save
from spectune.trainables.data.dataset import SPLITS, Dataset, Split
from spectune.trainables.models import restored
from spectune.trainables.train import predict, train

POINTS = 24
AXIS = np.linspace(400, 1000, POINTS).round(1)


def spectra(people: int = 10, times: int = 4, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``people`` measured so many ``times``: each has a spectrum of its own under little noise. Groups (N,)."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(people), times)
    x = random.normal(size=(people, POINTS))[groups] + 0.05 * random.normal(size=(len(groups), POINTS))
    return x.round(3), groups


def table(path: Path, *, header: Any = AXIS, **columns: Any) -> str:
    """A table of ten people, five a class, with ``columns`` before the intensities."""
    x, groups = spectra()
    content = {"patient": [f"P{group:02}" for group in groups], "label": groups % 2, **columns}
    frame = pd.DataFrame({**content, **dict(zip(map(str, header), x.T, strict=True))})
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return str(path)


def archive(path: Path, **arrays: Any) -> str:
    x, groups = spectra()
    np.savez(path, **{"x": x, "y": groups % 2, **arrays})
    return str(path)


def folder(path: Path, name: str = "P{group:02}_{time}.txt") -> str:
    x, groups = spectra()
    for row, (spectrum, group) in enumerate(zip(x, groups, strict=True)):
        file = path / ("ill" if group % 2 else "well") / name.format(group=group, time=row % 4, row=row)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(file, np.c_[AXIS, spectrum])
    return str(path)


def values(split: Split) -> np.ndarray:
    return split.batch(torch.arange(len(split))).numpy()


def people(dataset: Dataset) -> list[set[int]]:
    """The people in each split, told by their spectra."""
    x, groups = spectra()
    nearest = [np.abs(values(dataset.split(name))[:, None] - x).sum(axis=2).argmin(axis=1) for name in SPLITS]
    return [set(groups[rows]) for rows in nearest]


def apart(dataset: Dataset) -> None:
    """All ten people are in one split each, where all four of their spectra have one number, and classes in all."""
    found = people(dataset)
    assert sum(map(len, found)) == len(set.union(*found)) == 10
    for name in SPLITS:
        split = dataset.split(name)
        assert split.groups is not None
        assert np.unique(split.groups, return_counts=True)[1].tolist() == [4] * (len(split) // 4)
        assert set(split.labels) == {0, 1}


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz", "folder"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_spectra_of_a_group_are_in_one_split(tmp_path: Path, kind: str, seed: int) -> None:
    if kind == "folder":
        dataset = load(folder(tmp_path / "mine"), group="0", seed=seed)
    elif kind == "npz":
        dataset = load(archive(tmp_path / "mine.npz", group=spectra()[1]), seed=seed)
    else:
        dataset = load(table(tmp_path / f"mine.{kind}"), group="patient", seed=seed)
    apart(dataset)
    assert "10 groups by " in dataset.description
    assert dataset.description.endswith("6 train, 2 validation, 2 test")
    assert "spectra  train 24 (6 groups), validation 8 (2 groups), test 8 (2 groups)" in describe(dataset)


def test_a_group_is_named_by_column_number_or_array(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv")
    named, numbered = load(path, group="Patient"), load(path, group=0)
    assert named.digest == numbered.digest != load(path).digest
    assert load(path).train.groups is None
    named = load(archive(tmp_path / "mine.npz", donor=spectra()[1]), group="donor")
    apart(named)
    assert "10 groups by donor" in named.description
    for source, given, message in (
        (path, "subject", "group must name a column, got 'subject': the columns are patient, label"),
        (archive(tmp_path / "mine.npz"), "donor", "group must name an array, got 'donor': the arrays are x, y"),
        (folder(tmp_path / "mine"), "donor", "group must be the number of a part .* got 'donor': 0 is P01, 1 is 0"),
        (folder(tmp_path / "mine"), "2", "group=2 must be a part of the name, got 2 parts"),
    ):
        with pytest.raises(ValueError, match=message) as refusal:
            load(source, group=given)
        assert "\n" not in str(refusal.value)


def test_a_column_of_numbers_that_names_groups_is_no_intensity(tmp_path: Path) -> None:
    _, groups = spectra()
    path = table(tmp_path / "mine.csv", header=[f"b{n}c" for n in range(POINTS)], depth=groups + 30)
    assert "ignored patient, depth" in load(path).description
    assert len(load(path).axis) == len(load(path, group="depth").axis) == POINTS


def test_splits_of_the_file_that_tear_a_group_apart_are_refused_by_name(tmp_path: Path) -> None:
    _, groups = spectra()
    words = np.where(groups < 6, "train", np.where(groups < 8, "validation", "test"))
    apart(load(table(tmp_path / "mine.csv", split=words), group="patient"))
    words[[0, 39]] = "test", "train"
    with pytest.raises(ValueError, match=r"one split, 2 of 10 groups are in several \(P00, P09\): correct the splits"):
        load(table(tmp_path / "mine.csv", split=words), group="patient")


def test_what_a_file_does_not_split_is_drawn_from_whole_groups_of_training(tmp_path: Path) -> None:
    _, groups = spectra()
    path = table(tmp_path / "mine.csv", split=np.where(groups < 8, "train", "test"))
    dataset = load(path, group="patient")
    apart(dataset)
    assert people(dataset)[2] == {8, 9}


def test_a_class_of_too_few_groups_and_a_spectrum_without_one_are_refused(tmp_path: Path) -> None:
    _, groups = spectra()
    labels = np.where(groups < 2, "rare", "usual")
    message = (
        r"class 'rare' must be in every split that is drawn, its 2 groups \(P00, P01\) leave (validation|test) with"
    )
    with pytest.raises(ValueError, match=message):
        load(table(tmp_path / "mine.csv", label=labels), group="patient")
    three = load(table(tmp_path / "mine.csv", label=np.where(groups < 3, "rare", "usual")), group="patient")
    assert all(set(three.split(name).labels) == {0, 1} for name in SPLITS)
    with pytest.raises(ValueError, match="line 2: every spectrum must have a group, got none"):
        load(table(tmp_path / "mine.csv", patient=[""] + ["a"] * 39), group="patient")


def test_groups_of_several_labels_stay_whole(tmp_path: Path) -> None:
    x, groups = spectra(20)
    y = np.column_stack([groups % 2, groups % 3 == 0, np.ones(len(x), int)]).astype(int)
    np.savez(tmp_path / "mine.npz", x=x, y=y, group=groups)
    dataset = load(str(tmp_path / "mine.npz"))
    found = [set(dataset.split(name).groups) for name in SPLITS]
    assert sum(map(len, found)) == len(set.union(*found)) == 20
    assert dataset.train.labels.any(axis=0).all()


def test_a_saved_split_keeps_its_groups(tmp_path: Path) -> None:
    dataset = load(table(tmp_path / "mine.csv"), group="patient")
    save(dataset, "train", tmp_path / "train.npz")
    with np.load(tmp_path / "train.npz") as arrays:
        np.testing.assert_array_equal(arrays["group"], dataset.train.groups)
    again = load(str(tmp_path / "train.npz"))
    assert "6 groups by group: 2 train, 2 validation, 2 test" in again.description


def test_arrays_of_each_split_may_have_groups(tmp_path: Path) -> None:
    x, groups = spectra()
    arrays = {}
    for name, some in (("train", groups < 6), ("val", (groups >= 6) & (groups < 8)), ("test", groups >= 8)):
        arrays |= {f"x_{name}": x[some], f"y_{name}": groups[some] % 2, f"group_{name}": groups[some]}
    np.savez(tmp_path / "mine.npz", **arrays)
    dataset = load(str(tmp_path / "mine.npz"))
    apart(dataset)
    assert people(dataset) == [{0, 1, 2, 3, 4, 5}, {6, 7}, {8, 9}]


def warnings(caplog: pytest.LogCaptureFixture, source: str, **options: Any) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "spectune"):
        load(source, **options)
    return [record.getMessage() for record in caplog.records]


def test_what_repeats_and_was_ignored_is_said_with_the_option(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = table(tmp_path / "mine.csv")
    (said,) = warnings(caplog, path)
    assert "'patient' repeats and was ignored (10 different over 40 spectra, such as P00)" in said
    assert said.endswith("--data group=patient")
    assert warnings(caplog, path, group="patient") == []
    assert warnings(caplog, table(tmp_path / "few.csv", patient=spectra()[1] // 3))[0].endswith("--data group=patient")
    assert warnings(caplog, table(tmp_path / "few.csv", patient=1, level=spectra()[1] // 3)) == []
    (said,) = warnings(caplog, folder(tmp_path / "mine"))
    assert said.endswith("--data group=0")
    (said,) = warnings(caplog, archive(tmp_path / "mine.npz", donor=spectra()[1]))
    assert said.endswith("--data group=donor")
    assert warnings(caplog, folder(tmp_path / "others", "{row:02}.txt")) == []
    assert warnings(caplog, folder(tmp_path / "dated", "spectrum_{row:02}_v2.txt")) == []
    assert warnings(caplog, table(tmp_path / "mine.csv", patient=range(40), sex=["f", "m"] * 20)) == []


def test_columns_beside_numbered_ones_are_no_intensities(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, groups = spectra()
    header = [f"V{number}" for number in range(1, POINTS + 1)]
    path = table(
        tmp_path / "mine.csv", header=header, patient=groups + 100, age=groups + 40, replicate=[1, 2, 3, 4] * 10
    )
    dataset = load(path)
    assert len(dataset.axis) == POINTS
    assert "ignored patient, age, replicate" in dataset.description
    assert warnings(caplog, path)[0].endswith("--data group=patient")


def test_patients_are_not_taken_for_classes(tmp_path: Path) -> None:
    x, groups = spectra()
    frame = pd.DataFrame({"patient": [f"P{group}" for group in groups], "diagnosis": groups % 2})
    pd.concat([frame, pd.DataFrame(x, columns=AXIS)], axis=1).to_csv(tmp_path / "mine.csv", index=False)
    assert load(str(tmp_path / "mine.csv")).classes == ("0", "1")
    apart(load(str(tmp_path / "mine.csv"), group="patient"))


@pytest.fixture(scope="module")
def permuted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Blind test accuracies of 20 permutations of the labels of 24 people, with groups and without."""
    path, found = tmp_path_factory.mktemp("leak"), {"apart": [], "torn": []}
    x, groups = spectra(24, 6)
    for seed in range(20):
        y = np.random.default_rng(seed).permutation(np.arange(24) % 2)[groups]
        for name, arrays in (("apart", {"group": groups}), ("torn", {})):
            np.savez(path / "mine.npz", x=x, y=y, **arrays)
            dataset = load(str(path / "mine.npz"), seed=seed)
            model = LogisticRegression(max_iter=1000).fit(values(dataset.train), dataset.train.labels)
            test = dataset.split("test")
            found[name].append(model.score(values(test), test.labels))
    return {name: np.array(scores) for name, scores in found.items()}


def lowest(scores: np.ndarray) -> float:
    """The lower end of the 95 % interval of the mean, by Student."""
    return float(scores.mean() - 2.093 * scores.std(ddof=1) / np.sqrt(len(scores)))


def test_labels_that_say_nothing_are_not_learnt_where_groups_stay_whole(permuted: dict[str, np.ndarray]) -> None:
    assert lowest(permuted["apart"]) <= 0.5
    assert permuted["apart"].mean() < 0.6


def test_they_are_where_groups_are_torn_apart(permuted: dict[str, np.ndarray]) -> None:
    assert lowest(permuted["torn"]) > 0.8


@pytest.fixture(scope="module")
def unrelated(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """20 permutations of the labels of 60 people, who stay in one split each."""
    path = tmp_path_factory.mktemp("unrelated") / "mine.npz"
    x, groups = spectra(60, 3)
    found = []
    for seed in range(20):
        np.savez(path, x=x, y=np.random.default_rng(seed).permutation(np.arange(60) % 2)[groups], group=groups)
        found.append(load(str(path), seed=seed))
    return found


NET = CNN(depth=2, convs_per_block=1, filters=8, kernel_size=5, kernel_last=3, stride=1, fc_width=16)
METHODS = {name: known.network for name, known in SIMPLE.items()} | {"cnn": NET, "mlp": MLP(), "vit": ViT(patch_size=8)}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_no_method_learns_labels_that_say_nothing(unrelated: list[Dataset], method: str) -> None:
    scores = []
    for dataset in unrelated:
        *_, last = train(METHODS[method], Training(), dataset, seed=0, epochs=20)
        model = restored(METHODS[method], POINTS, 2, last.state["model"]).eval()
        test = dataset.split("test")
        scores.append(float((predict(model, test).argmax(dim=1).numpy() == test.labels).mean()))
    assert lowest(np.array(scores)) <= 0.5
    assert np.mean(scores) < 0.6
