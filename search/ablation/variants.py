"""Ablations: the variants of one config, trained on the same seeds and spectra. What they say is ``compare``'s.

An ablation re-trains, it does not infer. It is a study without exploration whose candidates are the variants: packed,
tracked and resumed like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spectune.search.ablation.vary import Variant, changed, spelled, value_of, variants
from spectune.search.records import Options, Task, Trial, read
from spectune.search.records.ranking import best, single, valued
from spectune.search.strategy.agenda import Agenda
from spectune.spaces import KNOWN
from spectune.spaces.config import hyperparameters
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs, recorded
from spectune.trainables.data.ceiling.causes import categories
from spectune.trainables.data.dataset import Dataset

FOLLOWED = ("space", "dataset", "epochs")  # options taken from the study whose winner is varied


def refer(config: str, study: Path | None) -> dict[str, Any]:
    """The options of an ablation of a known network, a config file, or the confirmed winner of a study.

    Raises ValueError where there is no such config.
    """
    if study is not None:
        if config:
            raise InputError(f"an ablation has one reference, got {config} and --of {study.name}: leave one away")
        source = read(study)
        chosen = single(source)
        if chosen is None:
            raise InputError(
                f"the reference is a confirmed winner, {source.name} has none yet: let the study end first"
            )
        options = source.header["options"]
        return {
            **{key: options[key] for key in FOLLOWED},
            "reference": {"name": "winner", "config": source.confirmed()[chosen][0].config},
            "data": [f"{name}={value}" for name, value in options["data"].items()],
            "objectives": options["objectives"][:1],
        }
    if config in KNOWN:
        network, training, *_ = KNOWN[config]
        return {"reference": {"name": config, "config": recorded(network, training)}, "space": network.family}
    path = Path(config)
    if not path.is_file():
        raise InputError(
            f"an ablation varies one of {', '.join(KNOWN)}, a config file, or --of STUDY, got {config!r}: name one"
        )
    values = _read(path)
    return {"reference": {"name": path.stem, "config": values}, "space": values["network"]["family"]}


def _read(path: Path) -> dict[str, Any]:
    """The config in a file: an export's config.json, or ``network`` and ``training`` alone."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        config = {key: dict(content[key]) for key in ("network", "training")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"a config file is JSON with network and training, {path} is not: take an export's config.json"
        ) from None
    return recorded(*configs(config))


def _unchanged(reference: Mapping[str, Any]) -> Variant:
    """The reference as a variant of itself."""
    return Variant(reference["name"], *configs(reference["config"]), changes={}, also={})


def settle(reference: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The reference with what ``--set`` says of its network and its training."""
    name = " ".join([reference["name"], *(f"{key}={spelled(value)}" for key, value in settings.items())])
    return {"name": name, "config": recorded(*changed(_unchanged(reference), settings))}


def plan(options: Options, dataset: Dataset) -> tuple[list[Variant], list[tuple[str, str]]]:
    """The reference and its variants, and those that cannot be with the reason. ValueError where nothing can be."""
    reference = _unchanged(options.reference)

    def allow(network: Any) -> None:
        options.allow(network, dataset.sizes)

    allow(reference.network)
    for name in options.retune:
        if value_of(reference, name) is None:
            raise InputError(f"--retune takes hyperparameters of {reference.name}, it has no {name}: leave it out")
    others, skipped = variants(reference, options.contrasts, grid=options.grid, allow=allow)
    for one in (reference, *others):
        if one.training.init != "scratch":
            raise InputError(
                f"an ablation trains from scratch, {one.name} has init={one.training.init}: set init=scratch"
            )
    return [reference, *others], skipped


def header(options: Options, dataset: Dataset) -> dict[str, Any]:
    """What a study's header says of its ablation."""
    planned, skipped = plan(options, dataset)
    return {
        "reference": planned[0].name,
        "variants": {
            one.name: {
                "changes": one.changes,
                "before": {name: value_of(planned[0], name) for name in one.changes},
                "also": one.also,
            }
            for one in planned
        },
        "skipped": skipped,
        "grid": options.grid,
        "retune": list(options.retune),
        "categories": categories(dataset),
    }


class Ablation(Agenda):
    """The tasks of an ablation: tunes each variant where asked, then trains all on every seed in turn."""

    def __init__(self, *agenda: Any, variants: list[Variant], **session: Any) -> None:
        super().__init__(*agenda, **session)
        self._variants = variants  # the reference first

    def tasks(self) -> Iterator[Task | None]:
        yield from self.interrupted()
        if self.goal.retune:
            yield from self._tunings()
            while any(trial.stage == "tune" for trial in self.study.running.values()):
                yield None
        tasks = [self._best(variant) for variant in self._variants]
        for seed in self.seeds():
            for task in sorted(tasks, key=lambda task: -self.macs(task.network)):
                if self.lacks(task.candidate, seed):
                    yield replace(task, number=self.number(), stage="confirm", seed=seed)

    def _tunings(self) -> Iterator[Task]:
        """The same settings of the hyperparameters to tune for every variant, on the study's seed."""
        for variant in self._variants:
            for settings in self._settings(variant):
                task = self._training(variant, settings, stage="tune")
                if not any(trial.config == task.config for trial in self._tuned(variant.name)):
                    yield task

    def _settings(self, variant: Variant) -> list[dict[str, Any]]:
        """The variant's own values, then points spread evenly over the domains (a scrambled Sobol sequence)."""
        from scipy.stats import qmc  # a second to import

        names = self.goal.retune
        own = {name: value_of(variant, name) for name in names}
        domains = {hp.name: hp.domain for config in variant[1:3] for hp in hyperparameters(type(config))}
        more = self.budget.retune_trials - 1
        shares = qmc.Sobol(len(names), rng=self.goal.seed).random_base2(more.bit_length())[:more]
        drawn = [{name: domains[name].at(share) for name, share in zip(names, row, strict=True)} for row in shares]
        return [own, *({name: row[name] for name in names if own[name] is not None} for row in drawn)]

    def _tuned(self, name: str) -> list[Trial]:
        return [trial for trial in self.study.stage("tune") if trial.candidate == name]

    def _best(self, variant: Variant) -> Task:
        """The variant with the settings that were best on the validation split, or with its own."""
        sound = [trial for trial in valued(self.study, self._tuned(variant.name)) if trial.status == "complete"]
        if not sound:
            return self._training(variant, {}, stage="confirm")
        return self._task(vars(best(self.study, sound)))

    def _training(self, variant: Variant, settings: dict[str, Any], *, stage: str) -> Task:
        network, training = changed(variant, settings)
        return Task(
            number=self.number(),
            stage=stage,
            network=network,
            training=training,
            seed=self.goal.seed,
            label=variant.name,
            candidate=variant.name,
        )
