"""``spectune diagnose``: why trained networks are wrong, beside what the ideal classifier expects.

An analysis after the fact: nothing is chosen by it, and nothing of it is recorded in a study.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.search.diagnosis import findings
from spectune.search.diagnosis.subjects import Subject, data_of, subject
from spectune.search.process import pages
from spectune.search.process.log import LOGGER
from spectune.search.records.metrics import EXPECTED
from spectune.search.records.ranking import interval
from spectune.spaces import FAMILIES, Network
from spectune.spaces.errors import InputError
from spectune.trainables.confused import drawn
from spectune.trainables.data.ceiling import causes
from spectune.trainables.data.ceiling.ideal import Ideal, ideal
from spectune.trainables.data.ceiling.region import Region, region
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.train import predict

MOST_PAIRS = 6  # confused pairs that are drawn
MOST_CLASSES = 30  # without causes: classes that are listed, the least accurate first
LIKELY = (causes.MINOR, causes.POSITIONS, causes.INTENSITIES)  # causes that a map shows best

Cause = Callable[[int, int], str]

# K configs, S trainings of one, N spectra, Y x X grid of a map


def diagnose(
    what: list[str],
    *,
    dataset: str,
    data: dict[str, str],
    split: str,
    pair: str,
    peak: int | None,
    out: Path,
    studies: str,
    families: Mapping[str, type[Network]] = FAMILIES,
) -> None:
    """Print the diagnosis and write its page to ``out``. ValueError in one line for what a person can mend.

    ``families`` are those that an export may be of.
    """
    subjects = [subject(one, studies, families) for one in what]
    loaded = data_of(subjects, dataset, data)
    trained = next((one.name for one in subjects if one.folds), "")
    if split == "validation" and trained:
        raise InputError(
            f"networks are looked at on spectra that none was trained on, those of {trained} were trained on folds of "
            "the validation split: use --split test"
        )
    if loaded.multilabel:
        raise InputError(
            f"a diagnosis needs one label per spectrum, {loaded.name} has several: see the labels in the study's report"
        )
    differences = causes.differences(loaded)
    chosen = _pair(loaded, pair)
    if differences is None and (pair or peak is not None):
        raise InputError(f"--pair and --peak need a definition of the classes, {loaded.name} has none: leave them out")
    plane = region(differences, loaded.split(split), *chosen, peak=peak) if differences and chosen else None
    answers = (_answers(one, loaded, loaded.split(split), "spectra") for one in subjects)
    predictions = [np.stack([logits.argmax(axis=1) for logits in rows]) for rows in answers]
    why = _cause(loaded)
    facts = _facts(subjects, loaded, split, predictions, why)
    arrays = _confused(loaded, split, predictions, facts, why)
    if differences and not plane and (likeliest := _likeliest(loaded.split(split), predictions, why)):
        plane = region(differences, loaded.split(split), *likeliest, peak=peak)
    if plane:
        arrays |= _map(plane, subjects, loaded, split, predictions)
        facts["region"] = _told(plane, loaded, why)
    findings.show(facts)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "diagnosis.npz", facts=json.dumps(facts, allow_nan=False), **arrays)
        pages.draw("diagnosis", str(Path(folder) / "diagnosis.npz"), "--out", str(out))
    print(f"page  {out}")


def _answers(one: Subject, dataset: Dataset, spectra: Split, words: str) -> Iterator[NDArray[np.float32]]:
    """Logits (N, C) of every training; one network is in memory at a time."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for seed, network in zip(one.seeds, one.networks, strict=True):
        LOGGER.info("%s, seed %s: %s %s", one.name, seed, f"{len(spectra):,}", words)
        yield predict(network(dataset).to(device), spectra, device).numpy()


def _cause(dataset: Dataset) -> Cause:
    """The cause of a pair of classes, each computed once; "" where there is none to be known."""
    differences = causes.differences(dataset)
    return cache(lambda true, predicted: differences.cause(true, predicted) if differences else "")


def _facts(
    subjects: list[Subject], dataset: Dataset, split: str, predictions: list[NDArray[np.int64]], why: Cause
) -> dict[str, Any]:
    """Everything that is said in numbers, ready for JSON."""
    labels, groups = dataset.split(split).labels, np.array(causes.categories(dataset))
    rows = {name: np.flatnonzero(groups[labels] == name) for name in causes.CAUSES if len(groups)}
    rows = {name: some for name, some in rows.items() if len(some)}
    facts: dict[str, Any] = {
        "dataset": {key: getattr(dataset, key) for key in ("name", "description", "digest")},
        "split": split,
        "spectra": len(labels),
        "causes": list(causes.CAUSES) if len(groups) else [],
        "groups": {name: len(some) for name, some in rows.items()},
        "models": [_model(*pair, labels, rows, why) for pair in zip(subjects, predictions, strict=True)],
        "ideal": None,
        "unknown": "" if len(groups) else "causes and a ceiling need a definition of the classes, this data has none",
        "region": None,
    }
    try:
        expected = ideal(dataset, split)
    except ValueError as error:
        expected, facts["unknown"] = None, str(error)
    if expected is not None:
        facts["ideal"] = _expected(expected, labels, rows, why)
    if not len(groups):
        facts["classes"] = _classes(dataset, labels, predictions)
    return facts


def _model(
    one: Subject,
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    rows: dict[str, NDArray[np.int64]],
    why: Cause,
) -> dict[str, Any]:
    """A config's accuracies and its errors a training by cause."""
    right = predicted == labels
    wrong = Counter(why(int(labels[n]), int(predicted[s, n])) for s, n in np.argwhere(~right))
    return {
        "name": one.name,
        "seeds": [seed for seed in one.seeds if seed is not None],
        EXPECTED: _mean(right),
        "groups": {name: _mean(right[:, some]) for name, some in rows.items()},
        "errors": {name: wrong[name] / len(right) for name in ("", *causes.CAUSES) if wrong[name]},
    }


def _mean(right: NDArray[np.bool_]) -> dict[str, Any]:
    """Share of right answers (S, N) of each training, its mean and interval."""
    shares = right.mean(axis=1).tolist()
    return {"values": shares, **interval(shares, EXPECTED)}


def _expected(
    classifier: Ideal, labels: NDArray[np.int64], rows: dict[str, NDArray[np.int64]], why: Cause
) -> dict[str, Any]:
    """The same numbers of the ideal classifier."""
    wrong: Counter[str] = Counter()
    for true, likely, chance in zip(labels.tolist(), classifier.sets, classifier.chances, strict=True):
        for other in likely:
            wrong[why(true, other)] += 1 / len(likely) if other != true else 0  # type: ignore[assignment]
        wrong[causes.OTHER] += 0 if likely else 1 - chance
    return {
        EXPECTED: classifier.accuracy,
        "groups": {name: float(classifier.chances[some].mean()) for name, some in rows.items()},
        "errors": {name: wrong[name] for name in causes.CAUSES if wrong[name]},
        "outside": classifier.outside,
        "bound": classifier.bound,
    }


def _classes(dataset: Dataset, labels: NDArray[np.int64], predictions: list[NDArray[np.int64]]) -> list[list[Any]]:
    """[class, spectra, share that each config has right] of the classes that the first config knows worst."""
    rows = []
    for number in np.unique(labels).tolist():
        some = np.flatnonzero(labels == number)
        shares = [float((predicted[:, some] == number).mean()) for predicted in predictions]
        rows.append([dataset.classes[number], len(some), shares])
    return sorted(rows, key=lambda row: row[2][0])[:MOST_CLASSES]


def _counts(split: Split, predicted: NDArray[np.int64]) -> Counter[tuple[int, int]]:
    """How often each class was taken for another by all trainings (S, N)."""
    wrong = np.argwhere(predicted != split.labels)
    return Counter((int(split.labels[n]), int(predicted[s, n])) for s, n in wrong)


def _confused(
    dataset: Dataset, split: str, predictions: list[NDArray[np.int64]], facts: dict[str, Any], why: Cause
) -> dict[str, Any]:
    """The spectra of the pairs that all configs together confuse most; all pairs go to ``facts``."""
    each = [_counts(dataset.split(split), predicted) for predicted in predictions]
    total: Counter[tuple[int, int]] = sum(each, Counter())
    facts["confused"] = [
        [dataset.classes[a], dataset.classes[b], why(a, b), [counts[a, b] for counts in each]]
        for (a, b), _ in total.most_common()
    ]
    pairs = [pair for pair, _ in total.most_common(MOST_PAIRS)]
    return drawn(dataset, split, pairs, np.concatenate(predictions), total)


# The map --------------------------------------------------------------------------------------------------------------


def _pair(dataset: Dataset, pair: str) -> tuple[int, int] | None:
    """The class numbers of ``A,B``; names may hold commas."""
    if not pair:
        return None
    names = {name: number for number, name in enumerate(dataset.classes)}
    for place in (place for place, letter in enumerate(pair) if letter == ","):
        first, second = pair[:place], pair[place + 1 :]
        if first in names and second in names and first != second:
            return names[first], names[second]
    some = ", ".join(dataset.classes[:6]) + (" ..." if len(dataset.classes) > 6 else "")
    raise InputError(
        f"--pair takes two classes of {dataset.name} as A,B ({some}), got {pair!r}: see spectune data show"
    )


def _likeliest(split: Split, predictions: list[NDArray[np.int64]], why: Cause) -> tuple[int, int] | None:
    """The most confused pair of the first config that erred, if possible one with a single cause."""
    for predicted in predictions:
        pairs = [pair for pair, _ in _counts(split, predicted).most_common()]
        if pairs:
            return next((pair for pair in pairs if why(*pair) in LIKELY), pairs[0])
    return None


def _map(
    plane: Region, subjects: list[Subject], dataset: Dataset, split: str, predictions: list[NDArray[np.int64]]
) -> dict[str, Any]:
    """``region_shares`` (K, Y, X): how probable the first class is against the second, the mean over all trainings.

    NaN where most trainings answer with a third class. ``region_spots_I`` (2, n) are positions and heights of the
    split's spectra of both classes, ``region_wrong_I`` (K, n) the share of trainings that got them wrong.
    """
    first, second = plane.classes
    shares = []
    for one in subjects:
        logits = np.stack(list(_answers(one, dataset, plane.spectra, "spectra of the map")))
        mean = 1 / (1 + np.exp(np.clip(logits[:, :, second] - logits[:, :, first], -60, 60))).astype(float)
        third = ~np.isin(logits.argmax(axis=2), plane.classes)
        mean = np.where(third.mean(axis=0) > 0.5, np.nan, mean.mean(axis=0))
        shares.append(mean.reshape(len(plane.heights), len(plane.positions)))
    arrays: dict[str, Any] = {
        "region_shares": np.stack(shares),
        "region_positions": plane.positions,
        "region_heights": plane.heights,
        "region_boxes": np.array(plane.boxes),
    }
    spectra = dataset.split(split)
    assert isinstance(spectra, Peaks)
    for number in range(2):
        rows, positions, heights = plane.spots(spectra, number)
        wrong = [(predicted[:, rows] != plane.classes[number]).mean(axis=0) for predicted in predictions]
        arrays |= {f"region_spots_{number}": np.stack([positions, heights]), f"region_wrong_{number}": np.stack(wrong)}
    return arrays


def _told(plane: Region, dataset: Dataset, why: Cause) -> dict[str, Any]:
    names = [dataset.classes[number] for number in plane.classes]
    return {"classes": names, "cause": why(*plane.classes), "peaks": [n if n is None else n + 1 for n in plane.peak]}
