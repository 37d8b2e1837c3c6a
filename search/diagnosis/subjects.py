"""Trained networks to look at again: the confirmed ones of a study, or an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from spectune.search.records import JOURNAL, WEIGHTS, Study, Trial, find, read, stored
from spectune.search.records.ranking import winner
from spectune.spaces import FAMILIES, Network
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs
from spectune.trainables import own, weights
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import Exported
from spectune.trainables.export import read as read_export
from spectune.trainables.models import restored
from spectune.trainables.seal import SUMS


@dataclass(frozen=True)
class Subject:
    """One config with its trained networks, each made by a function when it is needed.

    ``digest`` is that of the data they were trained on, ``source`` where that comes from: ``source`` and ``options`` as
    in a study's header, empty where it is not known. ``seeds`` has None where an export does not tell.
    ``folds`` are those that training and validation spectra were divided into, if they were.
    """

    name: str
    digest: str
    source: dict[str, Any]
    seeds: tuple[int | None, ...]
    networks: tuple[Callable[[Dataset], nn.Module], ...] = field(repr=False)
    folds: int = 0


def subject(what: str, studies: str, families: Mapping[str, type[Network]] = FAMILIES) -> Subject:
    """The networks that ``STUDY``, ``STUDY:CANDIDATE`` or an export's folder stands for. ValueError in one line.

    ``families`` are those that an export may be of; a study has its own.
    """
    if (Path(what) / SUMS).is_file():
        return _exported(Path(what), families)
    if Path(what).is_dir() and not any((folder / JOURNAL).is_file() for folder in (Path(what), Path(studies) / what)):
        raise InputError(f"a diagnosis needs a study or an export, the folder {what} is neither: give its folder")
    try:
        folder, candidate = find(what, studies), ""
    except ValueError:
        name, colon, candidate = what.rpartition(":")
        if not colon:
            raise
        folder = find(name, studies)
    return _confirmed(read(folder), candidate)


def data_of(subjects: list[Subject], dataset: str, options: dict[str, str]) -> Dataset:
    """The one dataset that all were trained on, which is ``dataset`` where it is given. ValueError in one line."""
    given: dict[str, Any] = {"source": dataset, "options": options} if dataset else {}
    source = given or next((one.source for one in subjects if one.source), {})
    if not source:
        raise InputError(
            f"an export outside its study does not say where its data is, {subjects[0].name} needs --dataset: give it, "
            "with the --data options of its study"
        )
    if options and not dataset:
        raise InputError(
            f"--data are options of --dataset, got {', '.join(options)} without it: give --dataset as well"
        )
    loaded = load(source["source"], **source["options"])
    for one in subjects:
        if one.digest != loaded.digest:
            raise InputError(
                f"networks are looked at on the data they were trained on, for {one.name} its digest is {one.digest}, "
                f"that of {source['source']} is {loaded.digest}: give networks of one dataset, or restore the data"
            )
    return loaded


def _confirmed(study: Study, candidate: str) -> Subject:
    """A confirmed candidate, by default the winner."""
    families = own.known(own.kept(study.folder)).families
    confirmed = {str(name): trials for name, trials in study.confirmed().items()}
    chosen = candidate or str(winner(study))
    if not confirmed:
        raise InputError(f"only confirmed configs can be looked at, {study.name} has none yet: let it end first")
    if chosen not in confirmed:
        raise InputError(f"a candidate of {study.name} must be one of {', '.join(confirmed)}, got {chosen!r}")
    trials = confirmed[chosen]
    label = trials[0].label or (chosen if not chosen.isdigit() else f"trial {chosen}")
    return Subject(
        name=f"{study.name}: {label}",
        digest=study.header["dataset"]["digest"],
        source=study.header["dataset"],
        seeds=tuple(trial.seed for trial in trials),
        networks=tuple(partial(_trained, study.folder, trial, families) for trial in trials),
        folds=study.header.get("options", {}).get("folds") or 0,
    )


def _trained(folder: Path, trial: Trial, families: Mapping[str, type[Network]], dataset: Dataset) -> nn.Module:
    path = folder / stored(trial.number, WEIGHTS)
    network, _ = configs(trial.config, families)
    return restored(network, *dataset.sizes[:2], weights.read(path), multilabel=dataset.multilabel)


def _exported(folder: Path, families: Mapping[str, type[Network]]) -> Subject:
    exported = read_export(folder, families)
    folder = folder.absolute()
    home, digest = folder.parent.parent, exported.dataset["digest"]
    study = read(home) if (home / JOURNAL).is_file() else None
    source = study.header["dataset"] if study else {}
    return Subject(
        name=f"{study.name}: {folder.name}" if study else folder.name,
        digest=digest,
        source=source if source.get("digest") == digest else {},
        seeds=(exported.numbers.get("exported_seed"),),
        networks=(partial(_whole, exported),),
        folds=exported.numbers.get("folds", 0),
    )


def _whole(exported: Exported, dataset: Dataset) -> nn.Module:
    return exported.model
