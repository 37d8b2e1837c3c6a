"""The end of a study: the winner and the published baseline see the test split once, the winner is exported."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spectune.search.ablation import compare
from spectune.search.records import ENSEMBLE, WEIGHTS, Journal, Options, Study, Trial, read, stored
from spectune.search.records.ranking import (
    beside,
    best,
    largest,
    members,
    mixture,
    nothing,
    ranking,
    remark,
    scored,
    simplest,
    winner,
)
from spectune.search.session import evaluate, result
from spectune.search.workers.files import Resources
from spectune.spaces import FAMILIES, Network
from spectune.spaces.errors import InputError
from spectune.spaces.files import replace, replacing
from spectune.spaces.saved import configs
from spectune.trainables import own, weights
from spectune.trainables.confused import drawn, scaled
from spectune.trainables.data import load
from spectune.trainables.data.ceiling.ideal import ceiling
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import write
from spectune.trainables.models.estimator import importances

MOST_PAIRS = 6  # confused pairs that are drawn
MOST_CLASSES = 6  # drawn with what decides
DECISIVE = "decisive.npz"


def test(options: Options, study: Study, journal: Journal, dataset: Dataset, resources: Resources) -> None:
    """Test the confirmed winner, the baseline and the best simple method on the blind split, unless an earlier session
    did."""
    confirmed = study.confirmed()
    wanted = dict.fromkeys(
        name for name in (winner(study), options.baseline_name, simplest(study)) if name in confirmed
    )
    numbers = {name: [one.number for one in confirmed[name]] for name in wanted}
    new = [name for name in wanted if (study.tested(name) or {}).get("trials") != numbers[name]]
    expected = ceiling(dataset, "test") if new else None
    for candidate in new:
        line, outcomes = evaluate.measure(
            options, study, confirmed[candidate], dataset=dataset, split="test", resources=resources
        )
        evaluate.keep(study, journal, candidate, dataset=dataset, outcomes=outcomes)
        if dataset.multilabel:
            mistakes: dict[str, Any] = {"labels": _labels(dataset, outcomes)}
        else:
            mistakes = {"confused": _confused(study, dataset, outcomes, draw=candidate == winner(study))}
        study.apply(journal.append("test", candidate=candidate, **line, ceiling=expected, **mistakes))
    evaluate.versus(study, journal)
    shutil.rmtree(study.folder / "ray", ignore_errors=True)  # Tune's own notes; every trial has ended


def export(
    study: Study, journal: Journal, dataset: Dataset, *, top: int, families: Mapping[str, type[Network]] = FAMILIES
) -> list[Path]:
    """Export the best ``top`` confirmed configs, each with the weights of its best seed on the validation split, or on
    the fold that it has."""
    folders = []
    _draw_importances(study, dataset, families)
    for rank, (candidate, trials) in enumerate(ranking(study)[:top], start=1):
        chosen = best(study, trials)
        name = f"{rank}-{study.candidate(candidate).slug}"
        network, training = configs(chosen.config, families)
        write(
            study.folder / "exports" / name,
            network=network,
            training=training,
            weights=weights.read(study.folder / stored(chosen.number, WEIGHTS)),
            dataset=dataset,
            numbers=numbers(study, candidate, chosen),
        )
        study.apply(journal.append("export", folder=f"exports/{name}", trial=chosen.number, rank=rank))
        folders.append(study.folder / "exports" / name)
    return folders


def _draw_importances(study: Study, dataset: Dataset, families: Mapping[str, type[Network]]) -> None:
    """Write what decides along the axis, the mean of the winner's seeds, where the winner knows it.

    ``decisive.npz`` holds ``axis`` (L,), ``axis_label``, ``importances`` (L,), and of the first classes the ``names``
    (K,) with a training spectrum each, ``spectra`` (K, L).
    """
    path = study.folder / DECISIVE
    path.unlink(missing_ok=True)
    best = winner(study)
    trials = [] if best is None else study.confirmed()[best]
    if not trials or configs(trials[0].config, families)[0].by_steps:
        return
    points = len(dataset.axis)
    vectors = [importances(weights.read(study.folder / stored(one.number, WEIGHTS))) for one in trials]
    known = [one[:points] for one in vectors if one is not None and len(one) >= points]  # a list of peaks has no axis
    if not known:
        return
    rows = [np.flatnonzero(dataset.train.labels == label)[:1] for label in range(MOST_CLASSES)]
    first = np.concatenate(rows)
    _save(
        path,
        axis=dataset.axis.values,
        axis_label=f"{dataset.axis.name} / {dataset.axis.unit}",
        importances=torch.stack(known).mean(dim=0).numpy(),
        names=np.array(dataset.classes)[dataset.train.labels[first]],
        spectra=scaled(dataset.train.batch(torch.from_numpy(first))).numpy(),
    )


def _save(path: Path, **arrays: Any) -> None:
    """Write an .npz file, whole or not at all."""
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def export_again(folder: Path, top: int) -> list[Path]:
    """``spectune export``: load the study's dataset again and export its best confirmed configs. Raises ValueError."""
    study, dataset, families = loaded(folder)
    journal = Journal(folder)
    try:
        return export(study, journal, dataset, top=top, families=families)
    finally:
        journal.close()


def loaded(folder: Path) -> tuple[Study, Dataset, Mapping[str, type[Network]]]:
    """A study with its dataset, loaded again, and the families of its networks. ValueError where nothing is confirmed
    or the data is another."""
    study = read(folder)
    families = own.known(own.kept(folder)).families
    if not ranking(study):
        reason = nothing(study) if study.confirmed() else "let the search end first"
        raise InputError(f"only confirmed configs are exported, {study.name} has none: {reason}")
    source = study.header["dataset"]
    dataset = load(source["source"], **source["options"])
    if dataset.digest != source["digest"]:
        raise InputError(
            f"an export is checked on the study's own data, its digest is {source['digest']}, that of "
            f"{source['source']} is now {dataset.digest}: restore the data"
        )
    return study, dataset, families


def publish(
    options: Options, study: Study, journal: Journal, *, draw: Callable[[], None], seconds: float, driver: float
) -> None:
    """Write result.json, have the report drawn, and say that the session is finished; ``driver`` seconds of its
    processor went into the trials."""
    text = json.dumps(result.build(study, options), indent=2)
    replace(study.folder / "result.json", text + "\n")
    times = {"seconds": round(seconds, 3), "driver": round(driver, 3)}
    study.apply(journal.append("finish", session=study.header["session"], **times))
    draw()
    names = ["result.json", "report.html"]
    if study.comparisons:
        compare.write(study)
        names.append(compare.TABLE)
    for name in names:
        journal.append("artifact", path=name)


def numbers(study: Study, candidate: int | str, best: Trial) -> dict[str, Any]:
    """What the model card says: which split, which seeds, which interval."""
    said: dict[str, Any] = {
        "study": study.name,
        "candidate": candidate,
        "exported_seed": best.seed,
        "validation": scored(study, candidate, "validation"),
    }
    if folds := study.header.get("options", {}).get("folds"):
        said["folds"] = folds
    if verdict := remark(study):
        said["verdict"] = verdict
    if study.header.get("init"):
        said["started_from"] = study.header["init"]
    if best.stage == ENSEMBLE:
        said["ensemble"] = {"members": members(study), "remark": mixture(study)}
    if (score := scored(study, candidate, "test")) is not None:
        said["test"] = score
    if others := beside(study):
        said["beside"] = {name: result.beside(study, candidate, others, name) for name in ("validation", "test")}
    if (most := largest(study)) is not None:
        said["largest_class"] = most
    return said


def _labels(dataset: Dataset, outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How each label did: ``missed`` and ``wrong`` added up over the seeds, F1 and AUC of each seed."""
    rows = []
    for name, *seeds in zip(dataset.classes, *(row["labels"] for row in outcomes), strict=True):
        sums = {key: sum(row[key] for row in seeds) for key in ("missed", "wrong")}
        each = {key: [row[key] if math.isfinite(row[key]) else None for row in seeds] for key in ("f1", "auc")}
        rows.append({"label": name, "spectra": seeds[0]["spectra"], **sums, **each})
    return rows


def _confused(study: Study, dataset: Dataset, outcomes: list[dict[str, Any]], *, draw: bool) -> list[list[Any]]:
    """[true class, predicted class, times] over all seeds, the most frequent first; the first are kept to be drawn."""
    confused = Counter({(a, b): 0 for row in outcomes for a, b, _ in row["confused"]})
    for row in outcomes:
        confused.update({(true, predicted): count for true, predicted, count in row["confused"]})
    if draw:
        pairs = [pair for pair, _ in confused.most_common(MOST_PAIRS)]
        predictions = np.stack([row["predictions"] for row in outcomes])
        _save(study.folder / "confused.npz", **drawn(dataset, "test", pairs, predictions, confused))
    return [[dataset.classes[a], dataset.classes[b], count] for (a, b), count in confused.most_common()]
