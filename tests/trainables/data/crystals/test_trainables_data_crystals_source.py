"""A folder of CIFs is a source like any other."""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.spaces import Training
from spectune.spaces.mlp import MLP
from spectune.trainables.data import describe, examples, load
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.pace import epoch_seconds
from spectune.trainables.train import train

FEW: dict[str, Any] = {"train": 4, "validation": 2, "test": 2, "min_angle": 20, "max_angle": 60, "points": 1200}


def test_structures_are_classes_and_are_in_all_splits(folder: Path) -> None:
    dataset = load(str(folder), **FEW)
    assert dataset.classes == tuple(sorted(path.stem for path in folder.iterdir()))
    assert (dataset.axis.name, dataset.axis.unit, dataset.axis.values[-1]) == ("2theta", "degrees", 60)
    for name, count in (("train", 4), ("validation", 2), ("test", 2)):
        split = dataset.split(name)
        assert np.bincount(split.labels).tolist() == [count] * 10
        assert split.batch(torch.arange(3)).shape == (3, 1200)
    spectra = [dataset.split(name).batch(torch.arange(2)) for name in ("train", "validation", "test")]
    assert not torch.equal(spectra[0], spectra[1]) and not torch.equal(spectra[1], spectra[2])
    assert "split by conditions: every structure is in all splits" in dataset.description
    copy = pickle.loads(pickle.dumps(dataset.blind()))
    assert copy.digest == dataset.digest == load(str(folder), **FEW).digest
    assert torch.equal(copy.train.batch(torch.tensor([1])), dataset.train.batch(torch.tensor([1])))


def test_the_digest_is_that_of_the_patterns_wherever_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    first = load(str(folder), **FEW).digest
    assert load(str(folder.rename(tmp_path / "elsewhere")), **FEW).digest == first
    assert load(str(tmp_path / "elsewhere"), **FEW, noise=0.02).digest != first


def test_it_is_described_and_drawn(folder: Path) -> None:
    dataset = load(str(folder), **FEW)
    assert "2theta (degrees) 20 to 60, X-rays 1.5419 angstrom" in describe(dataset)
    assert np.isfinite(examples(dataset, 12)["nominal"]).all()


def test_structures_of_one_system_are_on_one_side(folder: Path, cif: Callable[..., str]) -> None:
    for number in range(4):
        (folder / f"salt{number}.cif").write_text(cif("halite"))  # four twins
    dataset = load(str(folder), label="system", **FEW)
    assert dataset.classes == ("cubic", "trigonal")
    shown = {name: set(dataset.split(name).groups.tolist()) for name in ("train", "validation", "test")}  # type: ignore[union-attr]
    assert all(shown.values())
    assert not shown["train"] & shown["test"] and not shown["validation"] & shown["test"]
    for seed in range(1, 8):  # twins that were torn apart would be refused
        load(str(folder), label="system", seed=seed, **FEW)
    for words in ("split by structures", "left out for fewer than 3 structures: hexagonal, tetragonal", "5 structures"):
        assert words in dataset.description


def test_folders_called_train_and_test_are_kept_as_splits(folder: Path, cif: Callable[..., str]) -> None:
    for name, split in (("quartz", "train"), ("calcite", "train"), ("corundum", "test"), ("halite", "train")):
        _moved(folder, name, split)
    for name, split in (("sylvite", "train"), ("copper", "validation"), ("silicon", "test"), ("rutile", "test")):
        _moved(folder, name, split)
    for name in ("ceria", "zincite"):
        _moved(folder, name, "train")
    (folder / "train" / "salt of others.cif").write_text(cif("silicon"))  # a twin of one of the test
    dataset = load(str(folder), label="system", **FEW)
    assert dataset.classes == ("cubic", "hexagonal", "trigonal")
    assert {name: _systems(dataset, name) for name in ("train", "validation", "test")} == {
        "train": {"cubic": 3, "hexagonal": 1, "trigonal": 2},
        "validation": {"cubic": 1},
        "test": {"cubic": 1, "trigonal": 1},
    }
    assert dataset.drawn == ()
    for words in (
        "9 crystal structures, powder",
        "as in the folders train and test",
        "left out for no structure to train on: tetragonal",
        "1 left out that cannot be told apart from one of a later split",
    ):
        assert words in dataset.description


def test_structures_to_validate_with_are_drawn_where_no_folder_has_them(folder: Path) -> None:
    for path in sorted(folder.glob("*.cif")):
        _moved(folder, path.stem, "test" if path.stem in ("halite", "corundum") else "train")
    dataset = load(str(folder), label="system", **FEW)
    assert _systems(dataset, "test") == {"cubic": 1, "trigonal": 1}
    shown = {name: set(dataset.split(name).groups.tolist()) for name in ("train", "validation", "test")}  # type: ignore[union-attr]
    assert [len(shown[name]) > 0 for name in shown] == [True] * 3
    assert not shown["train"] & shown["validation"] and not shown["validation"] & shown["test"]
    assert len(shown["train"] | shown["validation"]) == 8
    assert dataset.drawn == ("validation",)
    by_conditions = load(str(folder), **FEW)  # each structure is a class: folders are names
    assert len(by_conditions.classes) == 10 and "every structure is in all splits" in by_conditions.description


def test_folders_that_leave_a_split_without_structures_are_refused(folder: Path, cif: Callable[..., str]) -> None:
    for name in ("halite", "quartz"):
        _moved(folder, name, "train")
    for path in sorted(folder.glob("*.cif")):
        path.unlink()
    for split in ("validation", "test"):
        _write(folder, "sylvite", split, cif)
    with pytest.raises(
        ValueError, match=r"must have structures for validation that can be told apart .* got none"
    ) as error:
        load(str(folder), label="system", **FEW)
    assert "\n" not in str(error.value)


def _write(folder: Path, name: str, split: str, cif: Callable[..., str]) -> None:
    (folder / split).mkdir(exist_ok=True)
    (folder / split / f"{name}.cif").write_text(cif(name))


def _moved(folder: Path, name: str, split: str) -> None:
    (folder / split).mkdir(exist_ok=True)
    (folder / f"{name}.cif").rename(folder / split / f"{name}.cif")


def _systems(dataset: Dataset, name: str) -> dict[str, int]:
    """How many structures of each class a split shows."""
    split = dataset.split(name)
    assert split.groups is not None
    pairs = set(zip(split.labels.tolist(), split.groups.tolist(), strict=True))
    counts = Counter(dataset.classes[label] for label, _ in pairs)
    return dict(sorted(counts.items()))


def test_twins_are_told_of_or_merged(folder: Path, cif: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    (folder / "salt.cif").write_text(cif("halite"))
    with caplog.at_level(logging.WARNING, "spectune"):
        told = load(str(folder), **FEW)
    assert "2 structures in 1 groups cannot be told apart (such as halite and salt): --data alike=merge" in caplog.text
    assert len(told.classes) == 11
    merged = load(str(folder), alike="merge", **FEW)
    assert len(merged.classes) == 10 and "halite and 1 alike" in merged.classes


def test_a_column_of_a_table_is_a_label(folder: Path) -> None:
    names = sorted(path.stem for path in folder.iterdir())
    rows = [f"{name}.cif,{'oxide' if number % 2 else 'other'}" for number, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *rows[:-1], f"{names[-1]},"]))
    dataset = load(str(folder), label="kind", table=str(folder / "labels.csv"), **FEW)
    assert dataset.classes == ("other", "oxide")
    assert dataset.description.startswith("9 crystal structures")
    with pytest.raises(ValueError, match=r"label must be a column of labels.csv, got 'sort': choose one of kind"):
        load(str(folder), label="sort", table=str(folder / "labels.csv"), **FEW)
    (folder / "labels.csv").write_text("file,kind\nnone.cif,oxide\n")
    with pytest.raises(ValueError, match=r"must name the files in its first column, got 'none.cif'"):
        load(str(folder), label="kind", table=str(folder / "labels.csv"), **FEW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "mineral"}, "label of crystals must be one of structure, system, spacegroup, or a column of table"),
        ({"split": "both"}, "split of crystals must be one of auto"),
        ({"split": "structures"}, "split must be conditions where each structure is a class"),
        ({"alike": "merge", "label": "system"}, "alike must be tell where structures are not the classes"),
        ({"held": 0.9}, "held of crystals must be above 0 and at most 0.4"),
        ({"train": 0}, "train of crystals must be at least 1"),
        ({"label": "spacegroup"}, "must give 2 or more classes by spacegroup of 3 or more structures"),
        ({"shift": 1}, "options of .* must be known, got 'shift': choose one of wavelength"),
    ],
)
def test_options_that_cannot_work_are_refused_in_one_line(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(str(folder), **options)
    assert "\n" not in str(error.value)


class Recorded(Split):
    """A split that keeps what training is given of it, and what a fit is."""

    def __init__(self, split: Split) -> None:
        self.labels, self.groups, self.varies, self.split = split.labels, split.groups, split.varies, split
        self.given: list[torch.Tensor] = []

    def batch(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        return self.split.batch(indices, device)

    def fresh(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        spectra = self.split.fresh(indices, device)
        self.given.append(spectra[indices.argsort()])
        return spectra

    def feed(self, digest: Any) -> None:
        self.split.feed(digest)


def test_training_sees_other_conditions_in_every_epoch_and_the_same_again_by_its_seed(folder: Path) -> None:
    """Also where the spectra of other splits would go through the steps before the network once."""
    dataset = load(str(folder), **FEW)
    seen = []
    for seed in (0, 0, 1):
        recorded = Recorded(dataset.train)
        list(train(MLP(scatter="msc"), Training(batch_size=64), replace(dataset, train=recorded), seed=seed, epochs=2))
        seen.append(recorded.given)
    assert [len(given) for given in seen] == [2, 2, 2]
    assert not torch.equal(seen[0][0], seen[0][1])
    assert torch.equal(seen[0][0], seen[1][0]) and torch.equal(seen[0][1], seen[1][1])
    assert not torch.equal(seen[0][0], seen[2][0])
    assert not load(str(folder), redraw="never", **FEW).train.varies


def test_what_a_search_will_take_is_timed_on_fresh_patterns(folder: Path) -> None:
    dataset = load(str(folder), **FEW)
    recorded = Recorded(dataset.train)
    assert epoch_seconds(MLP(), Training(batch_size=16), replace(dataset, train=recorded)) > 0
    assert recorded.given
