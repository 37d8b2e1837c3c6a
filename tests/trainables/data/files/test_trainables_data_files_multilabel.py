"""Datasets whose spectra may have several labels: how they are read, split, made, written and drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import describe, examples, load, save

NAMES = ("ester", "ether", "ketone")
RANDOM = np.random.default_rng(0)
X = RANDOM.random((60, 20))
Y = (RANDOM.random((60, 3)) < (0.7, 0.4, 0.1)).astype(int)  # some rows have none


def archive(folder: Path, **more: object) -> str:
    np.savez(folder / "groups.npz", x=X, y=Y, names=np.array(NAMES), **more)
    return str(folder / "groups.npz")


def all_rows(dataset):
    parts = [dataset.split(name) for name in ("train", "validation", "test")]
    spectra = torch.cat([part.batch(torch.arange(len(part))) for part in parts])
    return spectra.numpy(), np.concatenate([part.labels for part in parts])


def test_an_array_of_zeros_and_ones_gives_every_spectrum_its_labels(tmp_path):
    dataset = load(archive(tmp_path))
    assert dataset.multilabel and dataset.classes == NAMES
    spectra, labels = all_rows(dataset)
    assert labels.dtype == np.int64 and len(spectra) == len(X)
    where = [int(np.abs(X - row).sum(axis=1).argmin()) for row in spectra]
    assert sorted(where) == list(range(len(X)))
    assert (labels == Y[where]).all()


def test_a_table_with_a_separator_is_the_same_dataset(tmp_path):
    lines = ["label," + ",".join(map(str, range(20)))]
    for row, own in zip(X, Y, strict=True):
        words = " | ".join(name for name, there in zip(NAMES, own, strict=True) if there)
        lines.append(words + "," + ",".join(repr(float(value)) for value in row))
    (tmp_path / "groups.csv").write_text("\n".join(lines))
    table, array = load(str(tmp_path / "groups.csv"), multilabel="|"), load(archive(tmp_path))
    for one, other in zip(all_rows(table), all_rows(array), strict=True):
        np.testing.assert_allclose(one, other)
    with pytest.raises(ValueError, match="every spectrum must have a label"):
        load(str(tmp_path / "groups.csv"))


def test_one_one_a_row_stays_one_label_a_spectrum(tmp_path):
    np.savez(tmp_path / "one.npz", x=X, y=np.eye(3, dtype=int)[np.arange(60) % 3])
    assert not load(str(tmp_path / "one.npz")).multilabel


@pytest.mark.parametrize("seed", range(5))
def test_every_label_has_its_share_of_every_split(tmp_path, seed):
    """The rarest of 12 labels has 4 of 400 spectra: divided at random, some split would mostly be without it."""
    random = np.random.default_rng(seed)
    y = (random.random((400, 12)) < np.geomspace(0.6, 0.02, 12)).astype(int)
    y[:, -1] = 0
    y[random.choice(400, 4, replace=False), -1] = 1
    np.savez(tmp_path / "many.npz", x=random.random((400, 20)), y=y)
    dataset = load(str(tmp_path / "many.npz"), seed=seed)
    for name, share in (("validation", 0.15), ("test", 0.15), ("train", 0.7)):
        labels = dataset.split(name).labels
        assert abs(len(labels) - share * 400) <= 12
        assert (labels.sum(axis=0) >= 1).all()
        assert (np.abs(labels.sum(axis=0) - share * y.sum(axis=0)) <= 3).all()


def test_splits_that_the_file_brings_are_kept(tmp_path):
    words = np.array(["train"] * 40 + ["test"] * 20)
    dataset = load(archive(tmp_path, split=words))
    assert (dataset.test.labels == Y[40:]).all()
    assert len(dataset.validation) + len(dataset.train) == 40 and len(dataset.validation)


def test_a_label_of_too_few_spectra_or_without_a_training_spectrum_is_refused(tmp_path):
    few = Y.copy()
    few[:, 2] = 0
    few[:2, 2] = 1
    np.savez(tmp_path / "few.npz", x=X, y=few, names=np.array(NAMES))
    with pytest.raises(ValueError, match="class 'ketone' must have 3 or more spectra"):
        load(str(tmp_path / "few.npz"))
    late = Y.copy()
    late[:40, 2], late[40:, 2] = 0, 1
    np.savez(tmp_path / "late.npz", x=X, y=late, split=np.array(["train"] * 40 + ["test"] * 20))
    with pytest.raises(ValueError, match="must have training spectra, '2' has none"):
        load(str(tmp_path / "late.npz"))


def test_a_written_split_is_read_again_and_drawn(tmp_path):
    dataset = load(archive(tmp_path))
    save(dataset, "train", tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz", allow_pickle=False) as file:
        assert (file["y"] == dataset.train.labels).all()
    drawn = examples(dataset, 3)
    ester = dataset.train.labels[:, 0] == 1
    expected = dataset.train.batch(torch.from_numpy(np.flatnonzero(ester))).numpy().mean(axis=0)
    np.testing.assert_allclose(drawn["nominal"][0], expected, rtol=1e-5)
    assert "with any of 3 classes" in describe(dataset)


def test_mixed_spectra_are_sums_of_their_classes():
    """Without shifts and changes each is a sum of the spectra of its labels, the first one at full height."""
    same = {"classes": 5, "points": 300, "shift": 0.0, "change": 0.0, "min_width": 2.0, "max_width": 2.0, "train": 8}
    pure, mixed = load("generated", **same), load("generated", mixed=3, **same)
    assert mixed.multilabel and not pure.multilabel
    labels = mixed.train.labels
    assert set(labels.sum(axis=1)) == {1, 2, 3}
    basis = pure.train.batch(torch.arange(0, 40, 8)).double().numpy()
    spectra = mixed.train.batch(torch.arange(40)).double().numpy()
    weights = np.linalg.lstsq(basis.T, spectra.T, rcond=None)[0].T
    np.testing.assert_allclose(weights @ basis, spectra, atol=1e-5)
    assert ((weights > 0.29) == (labels > 0)).all()
    assert (weights[np.arange(40), np.repeat(np.arange(5), 8)] > 0.999).all()


def test_one_class_a_spectrum_is_the_dataset_it_always_was():
    assert load("generated", classes=5, points=300, mixed=1).digest == load("generated", classes=5, points=300).digest
    with pytest.raises(ValueError, match="mixed of generated data must be from 1 to 5"):
        load("generated", classes=5, mixed=6)
