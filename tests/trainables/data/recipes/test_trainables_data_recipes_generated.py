from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.trainables.data import load
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.data.recipes.generated import Generated

SMALL = {"classes": 8, "points": 400, "train": 6, "validation": 3, "test": 2}


def train(**options: object) -> Peaks:
    made = load("generated", **{**SMALL, **options}).train
    assert isinstance(made, Peaks)
    return made


def test_sizes_are_as_asked() -> None:
    dataset = load("generated", **SMALL)
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [48, 24, 16]
    assert np.bincount(dataset.train.labels).tolist() == [6] * 8
    assert len(dataset.classes) == 8
    assert dataset.train.batch(torch.arange(5)).shape == (5, 400)


def test_splits_are_drawn_from_the_same_rule_and_differ() -> None:
    dataset = load("generated", **{**SMALL, "validation": 6, "test": 6})
    splits = [dataset.split(name).batch(torch.arange(48)) for name in ("train", "validation", "test")]
    assert not torch.equal(splits[0], splits[1])
    assert not torch.equal(splits[1], splits[2])


def test_the_seed_decides_everything() -> None:
    assert load("generated", **SMALL, noise=0.1).digest == load("generated", **SMALL, noise=0.1).digest
    assert load("generated", **SMALL).digest != load("generated", **SMALL, seed=1).digest


def test_text_options_are_read_as_numbers() -> None:
    assert (
        load("generated", classes="8", points="400", noise="0.1").digest
        == load("generated", classes=8, points=400, noise=0.1).digest
    )


def test_shift_change_and_widths_stay_in_their_ranges() -> None:
    options = {"shift": 0.02, "change": 0.1, "min_width": 1.5, "max_width": 3.0, "train": 200}
    dataset = load("generated", **{**SMALL, **options})
    made = dataset.train
    assert isinstance(made, Peaks)
    positions, heights = (array[made.labels] for array in dataset.definition.padded())
    real = (heights > 0) & (made.heights > 0)
    shifts, changes = (made.positions - positions)[real], (made.heights - heights)[real]
    assert (shifts.min(), shifts.max()) == (-8, 8)
    assert 0.09 < np.abs(changes).max() <= 0.1
    assert 1.5 <= made.widths.min() < 1.6
    assert 2.9 < made.widths.max() <= 3.0


def test_there_is_nothing_but_the_peaks_of_the_class() -> None:
    dataset = load("generated", **SMALL, shift=0.01, max_width=3)
    far = np.ones((8, 400), bool)
    for number, places in enumerate(dataset.definition.positions):
        for place in places:
            far[number, max(place - 20, 0) : place + 21] = False
    spectra = dataset.train.batch(torch.arange(48)).numpy()
    assert far[dataset.train.labels].any(axis=1).all()
    assert (spectra[far[dataset.train.labels]] == 0).all()


def test_classes_have_as_many_peaks_as_asked() -> None:
    counts = load(
        "generated", classes=200, min_peaks=4, max_peaks=5, points=500, train=1, validation=1, test=1
    ).definition.counts
    assert set(counts) == {4, 5}


def test_noise_is_a_share_of_a_full_peak_at_any_width() -> None:
    for width in (2.0, 6.0):
        quiet = train(min_width=width, max_width=width)
        noisy = train(min_width=width, max_width=width, noise=0.05)
        rows = torch.arange(48)
        noise = noisy.batch(rows) - quiet.batch(rows)
        full = 1 / (width * np.sqrt(2 * np.pi))
        assert noise.std().item() == pytest.approx(0.05 * full, rel=0.05)


def test_a_background_is_positive_and_at_most_as_asked() -> None:
    rows = torch.arange(48)
    background = train(min_width=2, max_width=2, background=0.5).batch(rows) - train(min_width=2, max_width=2).batch(
        rows
    )
    assert background.min() > -1e-6
    assert 0.1 < background.max() / (1 / (2 * np.sqrt(2 * np.pi))) <= 0.5


def test_one_line_says_what_is_made() -> None:
    line = str(Generated(classes=7, noise=0.25))
    assert "\n" not in line
    for word in ("7 classes", "noise 0.25", "5000 points", "seed 0"):
        assert word in line
    assert load("generated", **SMALL).description == str(Generated(**SMALL))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", 1),
        ("points", 10),
        ("min_peaks", 0),
        ("max_peaks", 1),
        ("shift", -0.1),
        ("change", 2),
        ("min_width", 0),
        ("max_width", 1.0),
        ("noise", "nan"),
        ("background", -1),
        ("train", 0),
        ("test", 0),
        ("seed", -5),
    ],
)
def test_options_that_cannot_work_are_refused_in_one_line(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name} of generated data must be [^\n]*, got [^\n]*: change it$"):
        load("generated", **{name: value})
