"""``spectune export --refit``: the winner, trained again on all spectra that it may see."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load as unpack
from torch import Tensor

from spectune.search.records import Journal, Study, Trial
from spectune.search.records.ranking import best, ranking
from spectune.search.session.finish import loaded, numbers
from spectune.spaces import Ensemble, Network
from spectune.spaces.saved import configs
from spectune.trainables import warm
from spectune.trainables.data import together
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.export import write
from spectune.trainables.metrics import thresholds
from spectune.trainables.models import THRESHOLDS, restored
from spectune.trainables.models.ensemble import joined
from spectune.trainables.train import predict, train

LOGGER = logging.getLogger("spectune")


def refit(folder: Path) -> Path:
    """Train a study's winner, or each member where it is an ensemble, on training and validation spectra together, and
    export it; gives the export's folder.

    Nothing is decided anew: the seed, the number of epochs until the best one, and the learning rate of each are those
    of the training that was confirmed. The blind test is not looked at, so nothing is known of this very network.
    ValueError as of ``spectune export``.
    """
    study, dataset, families = loaded(folder)
    candidate, trials = ranking(study)[0]
    chosen = best(study, trials)
    network, training = configs(chosen.config, families)
    parts = [study.trials[one.trial] for one in network.members] if isinstance(network, Ensemble) else [chosen]
    whole = together(dataset)
    states = [_trained(study, part, whole, families) for part in parts]
    weights = _mixed(network, states, whole) if isinstance(network, Ensemble) else states[0]
    again = {"spectra": len(whole.train), "epochs": [len(rates(part)) for part in parts]}
    target = study.folder / "exports" / f"1-{study.candidate(candidate).slug}-refit"
    said = {**numbers(study, candidate, chosen), "refit": again}
    write(target, network=network, training=training, weights=weights, dataset=dataset, numbers=said)
    journal = Journal(folder)
    try:
        journal.append("refit", folder=f"exports/{target.name}", trial=chosen.number, **again)
    finally:
        journal.close()
    return target


def rates(trial: Trial) -> list[float]:
    """The learning rate of each epoch until the best one; what was not reported is as the epoch before."""
    known = {epoch: metrics.get("learning_rate") for epoch, metrics in trial.reports}
    schedule: list[float] = [trial.config["training"]["learning_rate"]]
    for epoch in range(1, trial.best_epoch + 1):
        rate = known.get(epoch)
        schedule.append(schedule[-1] if rate is None else rate)
    return schedule[1:]


def _trained(study: Study, trial: Trial, dataset: Dataset, families: Mapping[str, type[Network]]) -> dict[str, Tensor]:
    """The weights after as many epochs as the best one of the ``trial`` had."""
    network, training = configs(trial.config, families)
    course = rates(trial)
    init = None if training.init == "scratch" else unpack((study.folder / warm.COPY).read_bytes())
    LOGGER.info("trial %d again: %d epochs on %d spectra", trial.number, len(course), len(dataset.train))
    *_, last = train(
        network,
        training,
        dataset,
        seed=trial.seed,
        epochs=len(course),
        device="cuda" if torch.cuda.is_available() else "cpu",
        init=init,
        rates=course,
    )
    return {name: tensor.detach().cpu().clone() for name, tensor in last.state["best"]["model"].items()}


def _mixed(network: Ensemble, states: list[dict[str, Tensor]], dataset: Dataset) -> dict[str, Tensor]:
    """The weights of an ensemble of these members, where it needs them with thresholds that suit their mean."""
    weights = joined(states)
    if not dataset.multilabel:
        return weights
    points, classes = dataset.sizes[:2]
    weights[THRESHOLDS] = torch.zeros(classes)
    model = restored(network, points, classes, weights, multilabel=True)
    above = thresholds(predict(model, dataset.train), torch.from_numpy(dataset.train.labels))
    return {**weights, THRESHOLDS: above}
