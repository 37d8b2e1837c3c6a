"""What is the same for all of the user's own files: classes, splits, axis, missing values, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import describe, examples, load, read, resample
from spectune.trainables.data.dataset import Axis, Dataset

POINTS = 12
CLASSES = ("calcite", "quartz")


def spectra(count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Spectra that can be told apart by their first value, the number of the row."""
    x = np.random.default_rng(0).random((count, POINTS))
    x[:, 0] = np.arange(count)
    return x, np.array([CLASSES[row % 2] for row in range(count)])


def written(folder: Path, **arrays: Any) -> str:
    x, y = spectra()
    np.savez(folder / "mine.npz", **{"x": x, "y": y, **arrays})
    return str(folder / "mine.npz")


def rows(dataset: Dataset, split: str) -> list[int]:
    part = dataset.split(split)
    return sorted(part.batch(torch.arange(len(part)))[:, 0].int().tolist())


def refused(source: str, message: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(source, **options)
    assert "\n" not in str(error.value)
    assert Path(source).name in str(error.value)


def test_every_spectrum_lands_in_one_split_with_its_label_and_its_values(tmp_path: Path) -> None:
    dataset = load(written(tmp_path))
    x, y = spectra()
    found = []
    for name in ("train", "validation", "test"):
        split = dataset.split(name)
        for spectrum, label in zip(split.batch(torch.arange(len(split))), split.labels, strict=True):
            row = int(spectrum[0])
            found.append(row)
            assert dataset.classes[label] == y[row]
            np.testing.assert_allclose(spectrum, x[row], rtol=1e-6)
    assert sorted(found) == list(range(20))


def test_splits_have_the_asked_share_of_each_class(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((100, POINTS))
    y = np.array(["a"] * 60 + ["b"] * 40)
    dataset = load(written(tmp_path, x=x, y=y), validation=0.2, test="0.1")
    assert np.bincount(dataset.train.labels).tolist() == [42, 28]
    assert np.bincount(dataset.validation.labels).tolist() == [12, 8]
    assert np.bincount(dataset.split("test").labels).tolist() == [6, 4]


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("share", [0.01, 0.15, 0.4])
def test_small_classes_have_a_spectrum_in_every_split(tmp_path: Path, count: int, share: float) -> None:
    x, y = spectra(2 * count)
    dataset = load(written(tmp_path, x=x, y=y), validation=share, test=share)
    for name in ("train", "validation", "test"):
        assert set(dataset.split(name).labels) == {0, 1}


def test_the_seed_decides_the_splits(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert rows(load(path), "test") == rows(load(path), "test")
    assert len({tuple(rows(load(path, seed=seed), "test")) for seed in range(6)}) > 1


def test_splits_that_the_file_brings_are_kept(tmp_path: Path) -> None:
    words = np.array(["train", "Training", "val", "dev", "test", "TESTING", "valid", "validation"] + ["train"] * 12)
    dataset = load(written(tmp_path, split=words))
    assert rows(dataset, "validation") == [2, 3, 6, 7]
    assert rows(dataset, "test") == [4, 5]
    refused(
        written(tmp_path, split=np.array(["train"] * 19 + ["tests"])), "spectrum 19: a split must be .* got 'tests'"
    )


def test_a_split_that_the_file_does_not_bring_is_taken_from_training(tmp_path: Path) -> None:
    words = np.array(["test"] * 6 + ["train"] * 14)
    dataset = load(written(tmp_path, split=words), validation=0.3)
    assert rows(dataset, "test") == list(range(6))
    assert np.bincount(dataset.validation.labels).tolist() == [2, 2]
    assert len(dataset.train) == 10
    none = np.array(["test", "train"] * 10)
    refused(written(tmp_path, split=none), "class 'calcite' must have 2 or more training spectra, got 0")


def test_classes_are_sorted_numbers_by_value_and_names_keep_their_order(tmp_path: Path) -> None:
    x, _ = spectra(9)
    assert load(written(tmp_path, x=x, y=np.array(["b", "a", "c"] * 3))).classes == ("a", "b", "c")
    assert load(written(tmp_path, x=x, y=np.array([10, 9, 100] * 3))).classes == ("9", "10", "100")
    named = load(written(tmp_path, x=x, y=np.array([0, 1, 2] * 3), names=np.array(["rutile", "anatase", "brookite"])))
    assert named.classes == ("rutile", "anatase", "brookite")


def test_the_axis_is_kept_and_may_be_named(tmp_path: Path) -> None:
    axis = np.linspace(4000, 400, POINTS)
    path = written(tmp_path, axis=axis, axis_name="wavenumber", axis_unit="1/cm")
    dataset = load(path)
    np.testing.assert_array_equal(dataset.axis.values, axis)
    assert (dataset.axis.name, dataset.axis.unit) == ("wavenumber", "1/cm")
    assert load(path, axis="shift", unit="cm-1").axis.unit == "cm-1"
    assert load(path, axis="shift").axis.name == "shift"
    bare = load(written(tmp_path)).axis
    assert (bare.name, bare.unit, bare.values.tolist()) == ("position", "points", list(range(POINTS)))
    assert load(written(tmp_path, axis=axis), axis="shift", unit="ppm").axis == Axis(axis, "shift", "ppm")


def test_spectra_are_resampled_to_the_asked_points(tmp_path: Path) -> None:
    x = np.arange(POINTS) * 2.0 + np.zeros((20, 1))
    dataset = load(written(tmp_path, x=x, axis=np.arange(POINTS) * 1.0), points=23)
    np.testing.assert_allclose(dataset.axis.values, np.linspace(0, POINTS - 1, 23))
    np.testing.assert_allclose(dataset.train.batch(torch.tensor([0]))[0], 2 * dataset.axis.values, rtol=1e-6)


def holed(tmp_path: Path) -> str:
    x = np.arange(POINTS) * 2.0 + np.zeros((20, 1))
    x[4, 5] = x[4, 6] = x[6, 0] = np.nan
    return written(tmp_path, x=x)


def test_a_missing_value_is_refused_by_default(tmp_path: Path) -> None:
    refused(holed(tmp_path), "spectrum 4, value 6: an intensity must be a finite number, got a missing value: fill it")


def test_missing_values_are_interpolated_where_asked(tmp_path: Path) -> None:
    dataset = load(holed(tmp_path), missing="interpolate")
    every = torch.cat(
        [dataset.split(n).batch(torch.arange(len(dataset.split(n)))) for n in ("train", "validation", "test")]
    )
    wrong = (every - torch.arange(POINTS) * 2).abs()
    assert (wrong > 0).sum() == 1  # a missing end takes its neighbour's value
    assert wrong.max() == 2
    assert "filled missing values of 2 spectra" in dataset.description


def test_spectra_with_missing_values_are_dropped_where_asked(tmp_path: Path) -> None:
    dataset = load(holed(tmp_path), missing="drop")
    assert sum(len(dataset.split(name)) for name in ("train", "validation", "test")) == 18
    assert "dropped 2 spectra" in dataset.description
    kept = np.delete(spectra()[1], [4, 6])
    labels = np.concatenate([dataset.split(name).labels for name in ("train", "validation", "test")])
    assert np.bincount(labels).tolist() == [np.count_nonzero(kept == name) for name in CLASSES]


def test_a_spectrum_that_is_mostly_missing_is_not_invented(tmp_path: Path) -> None:
    x, _ = spectra()
    x[3, 2:] = np.nan
    refused(written(tmp_path, x=x), "spectrum 3, .* got most values missing: remove it", missing="interpolate")
    x[:, 1] = np.nan
    refused(written(tmp_path, x=x), "got none: use missing=interpolate", missing="drop")


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_values_are_refused_whatever_is_asked(tmp_path: Path, value: float) -> None:
    x, _ = spectra()
    x[3, 2] = value
    for missing in ("refuse", "interpolate", "drop"):
        refused(written(tmp_path, x=x), "spectrum 3, value 3: .* got a value beyond 1e30", missing=missing)


def test_data_that_cannot_be_split_into_classes_is_refused(tmp_path: Path) -> None:
    x, y = spectra()
    refused(written(tmp_path, y=np.array(["quartz"] * 20)), "2 or more classes, got only 'quartz'")
    refused(
        written(tmp_path, y=np.array(["quartz"] * 18 + ["iron"] * 2)),
        "class 'iron' must have 3 or more spectra, .* got 2",
    )
    refused(written(tmp_path, y=np.where(np.arange(20) == 3, "", y)), "spectrum 3: every spectrum must have a label")
    refused(written(tmp_path, y=np.arange(20) % 2, names=np.array(["a", "b", "c"])), "class 'c' must have 3 .* got 0")
    refused(written(tmp_path, y=np.arange(20) % 2, names=np.array(["a", "a"])), "names must be each class once")
    np.savez(tmp_path / "unlabelled.npz", x=x)
    refused(str(tmp_path / "unlabelled.npz"), "must say the class of each spectrum, got no labels")


def test_spectra_of_too_few_points_are_refused(tmp_path: Path) -> None:
    refused(written(tmp_path, x=np.zeros((20, 3))), "8 points or more, got 3")


@pytest.mark.parametrize(
    ("name", "value"),
    [("points", 3), ("missing", "guess"), ("validation", 0), ("test", 0.6), ("test", "nan"), ("seed", -1)],
)
def test_options_that_cannot_work_are_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got .*: change it$"):
        load(written(tmp_path), **{name: value})


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    first = load(written(tmp_path)).digest
    assert load(written(tmp_path)).digest == first
    x, _ = spectra()
    x[3, 3] += 0.01
    assert load(written(tmp_path, x=x)).digest != first


def test_describe_and_examples_work_without_a_definition(tmp_path: Path) -> None:
    dataset = load(written(tmp_path))
    assert "2: calcite, quartz" in describe(dataset)
    drawn = examples(dataset, 2)
    rows = np.flatnonzero(dataset.train.labels == 1)
    np.testing.assert_allclose(drawn["nominal"][1], dataset.train.batch(torch.from_numpy(rows)).mean(dim=0), rtol=1e-6)


def test_read_gives_unlabelled_spectra_with_names(tmp_path: Path) -> None:
    x, _ = spectra(4)
    axis = np.linspace(1, 2, POINTS)
    np.savez(tmp_path / "new.npz", x=x, axis=axis)
    found, read_axis, labels, names = read(tmp_path / "new.npz")
    np.testing.assert_array_equal(found, x)
    assert read_axis is not None
    np.testing.assert_array_equal(read_axis.values, axis)
    assert labels is None
    assert names == [f"spectrum {row}" for row in range(4)]


def test_read_refuses_what_it_cannot_classify(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be an existing file or folder"):
        read(tmp_path / "nothing.csv")
    (tmp_path / "picture.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        read(tmp_path / "picture.png")
    with pytest.raises(ValueError, match="a missing value"):
        read(holed(tmp_path))


def test_resample_moves_spectra_to_another_axis() -> None:
    rising, falling = Axis(np.linspace(0, 10, 11)), Axis(np.linspace(10, 0, 21))
    spectra = np.stack([rising.values * 3, rising.values**0])
    moved = resample(spectra, rising, falling)
    np.testing.assert_allclose(moved, np.stack([falling.values * 3, np.ones(21)]))
    np.testing.assert_allclose(resample(moved, falling, rising), spectra)


def test_resample_refuses_spectra_that_do_not_cover_the_axis() -> None:
    spectra = np.zeros((1, 11))
    with pytest.raises(ValueError, match=r"must cover the model's axis, 0 to 20 .*got 0 to 10"):
        resample(spectra, Axis(np.linspace(0, 10, 11)), Axis(np.linspace(0, 20, 41)))
    nearly = resample(spectra + 1, Axis(np.linspace(0, 10, 11)), Axis(np.linspace(0, 10.1, 102)))
    assert (nearly == 1).all()
    with pytest.raises(ValueError, match="one intensity for each of the 5 values"):
        resample(spectra, Axis(np.arange(5.0)), Axis(np.arange(5.0)))


@pytest.mark.parametrize("grouped", [False, True])
def test_test_folds_test_every_spectrum_once(tmp_path: Path, grouped: bool) -> None:
    groups = {"group": np.arange(60) // 6} if grouped else {}
    x, y = np.random.default_rng(0).random((60, POINTS)), np.arange(60) // 6 % 2
    x[:, 0] = np.arange(60)
    np.savez(tmp_path / "mine.npz", x=x, y=y, **groups)
    folds = [load(str(tmp_path / "mine.npz"), test_fold=f"{fold}/5") for fold in range(1, 6)]
    assert sorted(row for fold in folds for row in rows(fold, "test")) == list(range(60))
    assert len({fold.digest for fold in folds}) == 5
    for fold in folds:
        assert sorted(row for name in ("train", "validation", "test") for row in rows(fold, name)) == list(range(60))
        assert all(set(fold.split(name).labels) == {0, 1} for name in ("train", "validation", "test"))
        assert len(fold.validation) == pytest.approx(9, abs=3)  # 15 % of all, as without test folds
        assert fold.drawn == ("validation",)
        if grouped:
            together = [{row // 6 for row in rows(fold, name)} for name in ("train", "validation", "test")]
            assert sum(map(len, together)) == 10
    assert "test fold 2 of 5" in folds[1].description


def test_test_folds_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for wrong in ("0/5", "6/5", "1/1", "2", "a/b"):
        with pytest.raises(ValueError, match=r"test_fold must be a fold and how many there are, as 2/5, got"):
            load(written(tmp_path), test_fold=wrong)
    with pytest.raises(ValueError, match=r"no more than the rarest class has spectra, 10 of 'calcite', got 11"):
        load(written(tmp_path), test_fold="1/11")
    split = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    refused(written(tmp_path, split=split), "test_fold draws all splits, .* brings some", test_fold="1/5")


def test_it_is_said_which_splits_were_drawn(tmp_path: Path) -> None:
    assert load(written(tmp_path)).drawn == ("validation", "test")
    assert load(written(tmp_path, split=["train"] * 14 + ["test"] * 6)).drawn == ("validation",)
    assert load(written(tmp_path, split=["train"] * 12 + ["validation"] * 4 + ["test"] * 4)).drawn == ()


@pytest.mark.parametrize("name", ["mine.dat", "mine.asc", "mine.prn"])
def test_a_table_may_have_any_suffix_of_text(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(8).random((8, 10)).round(3)
    lines = [" ".join(["ab"[n % 2], *map(str, row)]) for n, row in enumerate(values)]
    (tmp_path / name).write_text("\n".join([" ".join(["label", *map(str, range(400, 410))]), *lines]))
    assert load(str(tmp_path / name)).classes == ("a", "b")
    np.testing.assert_allclose(read(tmp_path / name)[0], values)
