"""Study folders as the search writes them: journals line by line through the contract, with a clock of their own."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record
from spectune.search.records.ranking import interval
from spectune.spaces import FAMILIES, PUBLISHED, Training
from spectune.spaces.domain import Choice, Domain, Float

START = 1_790_000_000.0
EPOCHS = 18
CLASSES = [f"class {number:02d}" for number in range(27)]


class Scribe:
    """Writes a study's journal; every event takes some seconds of the study's own time."""

    def __init__(self, folder: Path, *, objectives: list[list[str]] | None = None, seed: int = 7) -> None:
        folder.mkdir(parents=True)
        self.folder, self.clock, self.trials = folder, START, 0
        self.objectives = objectives or [["accuracy", "max"]]
        self.random = random.Random(seed)

    def write(self, event: str, *, after: float = 0.2, **values: Any) -> None:
        self.clock += after
        with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
            print(json.dumps({"event": event, "time": self.clock, **values}), file=file)

    def study(self, **changes: Any) -> None:
        header = {
            "id": "0f3c",
            "name": self.folder.name,
            "session": 1,
            "space": "cnn",
            "dataset": {
                "source": "challenge",
                "options": {"minor": "0.035"},
                "name": "challenge",
                "description": "27 classes in three families of nine, 5000 points, drawn by the published rules",
                "digest": "91a14b6ac3ee1ad9",
                "points": 5000,
                "classes": 27,
                "sizes": {"train": 1350, "validation": 270, "test": 162},
            },
            "objectives": self.objectives,
            "options": {"trials": 25, "epochs": EPOCHS, "seeds": 5, "top": 3, "eta": 3, "grace": 2, "baseline": ""},
            "seed": 0,
            "command": "spectune search --space cnn --dataset challenge --trials 25 --epochs 18",
            "store": "sqlite:///mlflow.db",
            "versions": {
                "spectune": "0.1.0",
                "python": "3.11.2",
                "torch": "2.13.0",
                "ray": "2.60.0",
                "optuna": "5.0.0",
            },
            "git": "4ec6c63a90b1+",
            "machine": {"cpus": 2.0, "gpus": 0, "nodes": 1, "processor": "x86_64"},
        }
        self.write("study", **{**header, **changes})

    def config(self, label: str = "") -> dict[str, Any]:
        if label:
            network, training = PUBLISHED[label].network, PUBLISHED[label].training
        else:
            network = self._proposed(FAMILIES["cnn"])
            training = self._proposed(Training)
        return {"network": {"family": "cnn", **network.to_dict()}, "training": training.to_dict()}

    def train(
        self,
        config: dict[str, Any],
        *,
        skill: float,
        label: str = "",
        status: str = "complete",
        reason: str = "",
        epochs: int = EPOCHS,
        stage: str = "explore",
        seed: int = 0,
        candidate: int | str | None = None,
    ) -> int:
        """One trial from its start to its end (none for the status running); ``skill`` is where its accuracy tends."""
        trial, self.trials = self.trials, self.trials + 1
        values = {name: value for name, value in config["network"].items() if name != "family"}
        cost = FAMILIES[config["network"]["family"]].from_dict(values).cost(5000, 27)
        size = {"parameters": cost.parameters, "macs": cost.macs}
        asked = {"label": label, "seed": seed, "candidate": candidate}
        self.write("start", trial=trial, stage=stage, config=config, **asked, **size)
        began, pace, rows = self.clock, self.random.uniform(2, 6), []
        for epoch in range(1, epochs + 1):
            rows.append(self._epoch(skill * (1 - np.exp(-epoch / pace)) + self.random.gauss(0, 0.012)))
            if reason == "nan" and epoch == epochs:
                rows[-1]["loss"] = rows[-1]["train_loss"] = None
            self.write("report", trial=trial, epoch=epoch, metrics=rows[-1], after=self.random.uniform(0.3, 0.7))
        if status == "running":
            return trial
        best = min(range(len(rows)), key=lambda row: rows[row]["loss"] or np.inf, default=-1)
        metrics = {} if status == "failed" else {**rows[best], **size, "latency": round(size["macs"] / 3e7, 4)}
        values = None if status == "failed" else [metrics[name] for name, _ in self.objectives]
        came = {"status": status, "reason": reason, "metrics": metrics, "values": values}
        self.write("end", trial=trial, best_epoch=best + 1, epochs=epochs, seconds=self.clock - began, **came)
        return trial

    def test(self, candidate: int | str, trials: list[int], accuracy: list[float], confused: list[list[Any]]) -> None:
        metrics = [{**self._epoch(value), "accuracy": value} for value in accuracy]
        seeds = list(range(1, len(trials) + 1))
        line = {"trials": trials, "seeds": seeds, "metrics": metrics, "confused": confused, "ceiling": 0.7778}
        self.write("test", candidate=candidate, **line)

    def _epoch(self, accuracy: float) -> dict[str, float]:
        accuracy = min(1.0, max(1 / 27, accuracy))
        loss = 3.3 * (1 - accuracy) ** 1.3 + 0.02 + abs(self.random.gauss(0, 0.02))
        return {
            "accuracy": round(270 * accuracy) / 270,
            "top3": min(1.0, accuracy + 0.1),
            "top5": min(1.0, accuracy + 0.15),
            "macro_f1": accuracy,
            "loss": loss,
            "calibration_error": 0.1 * (1 - accuracy),
            "train_loss": 0.9 * loss,
            "learning_rate": 3e-4,
        }

    def _proposed(self, space: Any) -> Any:
        while True:
            try:
                proposed = space.propose(self._choose)
                if space is not Training:
                    proposed.cost(5000, 27)
                return proposed
            except ValueError:
                continue

    def _choose(self, name: str, domain: Domain) -> Any:
        if isinstance(domain, Choice):
            return self.random.choice(domain.options)
        low, high = domain.low, domain.high
        value = low * (high / low) ** self.random.random() if domain.log else self.random.uniform(low, high)
        return value if isinstance(domain, Float) else round(value)


class Page(HTMLParser):
    """What a reader sees: the text, tables as lists of rows, figures, and everything that could load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tables, self.figures, self.links, self.scripts = "", [], {}, [], 0
        self._inside, self._figure, self._cell = "", "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("src", "href", "action", "data") if name in given]
        self._inside = f"{tag}:{given.get('type')}" if tag in ("script", "style") else self._inside
        self.scripts += tag == "script"
        if given.get("class") == "plot":
            self._figure = given["id"] or ""
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag in ("script", "style") else self._inside
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside == "script:application/json":
            self.figures[self._figure] = json.loads(data)
        elif not self._inside:
            self.text += data
            if self._cell:
                self.tables[-1][-1][-1] += data

    def rows(self, *heads: str) -> list[list[str]]:
        """The rows of the table whose head begins so."""
        return next(table[1:] for table in self.tables if tuple(table[0][: len(heads)]) == heads)


def skill_of(config: dict[str, Any]) -> float:
    """What a config is worth in these tests: the learning rate decides, depth and pooling help."""
    network, training = config["network"], config["training"]
    rate = abs(np.log10(training["learning_rate"]) + 3.2)
    return float(
        np.clip(0.93 - 0.3 * rate + 0.03 * min(network["depth"], 6) - 0.1 * (network["pooling"] == "none"), 0.05, 0.95)
    )


def explore(scribe: Scribe, count: int, *, epochs: int = EPOCHS) -> None:
    """Published networks first, then ``count`` in all: every sixth fails, the weak ones are paused at epoch 2 or 6."""
    for label in ("cnn2", "cnn6"):
        scribe.train(scribe.config(label), label=label, skill=0.62 if label == "cnn2" else 0.8, epochs=epochs)
    failures = (("nan", 3), ("out of memory", 0), ("error: CUDA <launch> failed", 1))
    for number in range(2, count):
        config = scribe.config()
        skill = skill_of(config)
        if number % 6 == 5:
            reason, ran = failures[number // 6 % 3]
            scribe.train(config, skill=skill, status="failed", reason=reason, epochs=ran)
        elif skill < 0.6:
            scribe.train(config, skill=skill, status="paused", reason="asha", epochs=2 if skill < 0.4 else 6)
        else:
            scribe.train(config, skill=skill, epochs=epochs)


def confirm(scribe: Scribe, candidates: dict[int | str, float], *, seeds: int = 5) -> dict[int | str, list[int]]:
    """Every candidate on new seeds, with the accuracy it tends to; returns the trials of each."""
    lines = (scribe.folder / "journal.jsonl").read_text().splitlines()
    starts = {line["trial"]: line for line in map(json.loads, lines) if line["event"] == "start"}
    trials: dict[int | str, list[int]] = {}
    for candidate, skill in candidates.items():
        if isinstance(candidate, str):
            config, label = scribe.config(candidate), candidate
        else:
            config, label = starts[candidate]["config"], starts[candidate]["label"]
        asked = {"stage": "confirm", "candidate": candidate, "label": label}
        trials[candidate] = [
            scribe.train(config, skill=skill + scribe.random.gauss(0, 0.01), seed=seed, **asked)
            for seed in range(1, seeds + 1)
        ]
    return trials


def finish(scribe: Scribe, trials: dict[int | str, list[int]], accuracy: dict[int | str, float]) -> None:
    """The test of winner and baseline, the drawn pairs, the export and the end."""
    for candidate, mean in accuracy.items():
        values = [round(162 * (mean + scribe.random.gauss(0, 0.012))) / 162 for _ in trials[candidate]]
        scribe.test(candidate, trials[candidate], values, PAIRS)
    draw(scribe.folder / "confused.npz")
    winner = next(iter(accuracy))
    scribe.write("export", folder=f"exports/1-trial{winner}", trial=trials[winner][0], rank=1)
    scribe.write("finish", session=1, seconds=scribe.clock - START)


PAIRS = [
    [CLASSES[a], CLASSES[b], count] for a, b, count in ((9, 10, 14), (10, 9, 11), (19, 18, 7), (21, 22, 4), (3, 4, 1))
]


def draw(path: Path, pairs: list[list[Any]] = PAIRS, points: int = 5000) -> None:
    """confused.npz: two peaks per class, the second one decides."""
    axis = np.linspace(0, points - 1, points)
    arrays: dict[str, Any] = {"axis": axis, "axis_label": "position / points", "pairs": len(pairs)}

    def peaks(*centres: float) -> Any:
        spectrum = sum(
            np.exp(-(((axis - centre * points) / (0.003 * points)) ** 2)) / (1 + i) for i, centre in enumerate(centres)
        )
        return np.asarray(spectrum, np.float32)

    for number, (true, predicted, count) in enumerate(pairs):
        arrays |= {f"true_{number}": true, f"predicted_{number}": predicted, f"count_{number}": count}
        arrays[f"true_spectrum_{number}"] = peaks(0.3, 0.6 - 0.01 * number)
        arrays[f"predicted_spectrum_{number}"] = peaks(0.3, 0.62)
        arrays[f"wrong_spectrum_{number}"] = peaks(0.31, 0.613)
    np.savez(path, **arrays)


def whole(folder: Path) -> Path:
    """A finished study: 25 explore trials, three of them and the baseline confirmed on five seeds, tests, an export."""
    scribe = Scribe(folder)
    scribe.study()
    explore(scribe, 25)
    best = _best(folder, 2)
    trials = confirm(scribe, {"cnn2": 0.63, best[0]: 0.9, best[1]: 0.87, 1: 0.8})
    finish(scribe, trials, {best[0]: 0.88, "cnn2": 0.61})
    return folder


def two(folder: Path) -> Path:
    """A finished study of accuracy against parameters, without a baseline."""
    scribe = Scribe(folder, objectives=[["accuracy", "max"], ["parameters", "min"]])
    scribe.study(options={"trials": 30, "epochs": EPOCHS, "seeds": 3, "top": 2, "baseline": "none"})
    explore(scribe, 30)
    best = _best(folder, 2)
    trials = confirm(scribe, {best[0]: 0.9, best[1]: 0.8}, seeds=3)
    finish(scribe, trials, {best[0]: 0.87})
    return folder


def running(folder: Path) -> Path:
    """A study that was resumed once and still explores: two trials run, one has not reported yet."""
    scribe = Scribe(folder)
    scribe.study()
    explore(scribe, 9)
    scribe.study(session=2, after=4000.0, command="spectune search --resume --name running")
    scribe.train(scribe.config(), skill=0.7, status="running", epochs=4)
    scribe.train(scribe.config(), skill=0.7, status="running", epochs=0)
    return folder


def failed(folder: Path) -> Path:
    """Nothing but failures, before and after the first epoch."""
    scribe = Scribe(folder)
    scribe.study()
    for number in range(6):
        reason = ("nan", "out of memory", "error: CUDA <launch> failed")[number % 3]
        scribe.train(scribe.config(), skill=0.3, status="failed", reason=reason, epochs=number % 3)
    return folder


def training(folder: Path) -> Path:
    """One known network, trained on three seeds and tested: nothing was searched."""
    scribe = Scribe(folder)
    options = {"trials": 0, "epochs": EPOCHS, "seeds": 3, "model": "cnn6", "baseline": ""}
    scribe.study(options=options, command="spectune train cnn6 --dataset challenge --epochs 18 --seeds 3")
    finish(scribe, confirm(scribe, {"cnn6": 0.8}, seeds=3), {"cnn6": 0.78})
    return folder


def empty(folder: Path) -> Path:
    """A study that was killed before its first trial."""
    Scribe(folder).study()
    return folder


CATEGORIES = ["peak positions"] * 9 + ["peak intensities"] * 9 + ["minor peak"] * 9
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {  # changes, what changes along, worth in accuracy
    "fc_activation=linear": ({"fc_activation": "linear"}, {}, 0.04),
    "pooling=none": ({"pooling": "none"}, {"pool_size": None, "pool_stride": None}, -0.2),
}


class Ablator(Scribe):
    """Writes the journal of an ablation of cnn6."""

    def ablate(self, variants: dict[str, Any] = VARIANTS, **changes: Any) -> None:
        """The header."""
        self.variants = {"cnn6": ({}, {}, 0.0), **variants}
        asked = {name: {"changes": changed, "also": also} for name, (changed, also, _) in self.variants.items()}
        settings = {"grid": False, "retune": [], "skipped": [], "categories": CATEGORIES, **changes}
        command = "spectune ablate --reference cnn6 --dataset challenge --seeds 5"
        self.study(ablation={"reference": "cnn6", "variants": asked, **settings}, command=command)

    def retune(self, rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3)) -> None:
        """A training of every variant with every learning rate, of which 3e-4 is best."""
        for name, (*_, skill) in self.variants.items():
            for rate in rates:
                tried = 0.8 + skill - 0.1 * abs(np.log10(rate / 3e-4))
                self.train(self.of(name, learning_rate=rate), skill=tried, stage="tune", label=name, candidate=name)

    def confirm(self, name: str, seed: int, **options: Any) -> int:
        """One training of a variant."""
        asked = {"stage": "confirm", "candidate": name, "label": name, "seed": seed, **options}
        skill = 0.8 + self.variants[name][2] + 0.004 * (seed % 5)
        return self.train(self.of(name, learning_rate=3e-4), skill=skill, **asked)

    def of(self, name: str, **training: Any) -> dict[str, Any]:
        """The config of a variant."""
        config = self.config("cnn6")
        changed = self.variants[name][0]
        return {"network": {**config["network"], **changed}, "training": {**config["training"], **training}}

    def compare(self, seeds: int = 5, *, splits: tuple[str, ...] = ("validation",)) -> None:
        """Every variant on the same seeds, then evaluations, comparisons and the end."""
        for name in self.variants:
            for seed in range(1, seeds + 1):
                self.confirm(name, seed)
        found = record.read(self.folder).confirmed()
        for split in splits:
            for name in self.variants:
                self._evaluate(name, split, found[name])
            self.write("compare", **self._comparison(split, found))
        self.write("finish", session=1, seconds=self.clock - START)

    def _evaluate(self, name: str, split: str, trials: list[record.Trial]) -> None:
        """Ten spectra of each class; those of a minor peak are right less often."""
        right = [
            [round(10 * one.metrics["accuracy"] ** (2 if category == "minor peak" else 1)) for category in CATEGORIES]
            for one in trials
        ]
        asked = {"trials": [one.number for one in trials], "seeds": [one.seed for one in trials]}
        metrics = [one.metrics for one in trials]
        self.write("evaluate", candidate=name, split=split, metrics=metrics, right=right, spectra=[10] * 27, **asked)

    def _comparison(self, split: str, found: dict[Any, list[record.Trial]]) -> dict[str, Any]:
        """What the study says of its variants, by simpler means: Student's intervals, p of all sign flips."""
        metric, direction = self.objectives[0]
        values = {name: [one.metrics[metric] for one in trials] for name, trials in found.items()}
        seeds = [one.seed for one in found["cnn6"]]
        rows = []
        for name, trials in found.items():
            size = {"parameters": trials[0].parameters, "macs": trials[0].macs, "seconds": trials[0].seconds}
            gaps = np.subtract(values[name], values["cnn6"])
            gap = None if name == "cnn6" else difference(gaps, seeds, tests=len(found) - 1)
            finding = f"{name} changes the {metric} by {gap['mean']:+.4f} on {split}." if gap else ""
            row = {"variant": name, "seeds": seeds, "values": values[name], "finding": finding}
            rows.append({**row, **interval(values[name]), **size, "difference": gap})
        told = {"split": split, "metric": metric, "direction": direction}
        return {**told, "level": 0.95, "least_p": 2.0 ** (1 - len(seeds)), "rows": rows}


def difference(values: Any, seeds: list[int], *, tests: int) -> dict[str, Any]:
    gaps = [float(value) for value in values]
    found = interval(gaps)
    mean, spread = found["mean"], found.pop("std")
    gap: dict[str, Any] = {"seeds": seeds, "values": gaps, **found}
    if len(seeds) == 1:
        return {**gap, **dict.fromkeys(("p", "p_holm", "effect", "seeds_needed"))}
    flips = np.array(list(itertools.product((-1, 1), repeat=len(seeds))))
    p = float(np.mean(np.abs(flips @ values) >= abs(sum(values)) - 1e-12))
    adjusted, effect = min(1.0, p * tests), mean / (spread or 1.0)
    needed = None if adjusted <= 0.05 or not mean else int((2.8 / effect) ** 2) + 2
    return {**gap, "p": p, "p_holm": adjusted, "effect": effect, "seeds_needed": needed}


def ablation(folder: Path) -> Path:
    """A finished ablation: the reference and two variants, re-tuned, eight seeds, on both splits."""
    scribe = Ablator(folder)
    skipped = [["kernel_size=4", "kernel_size must be odd to keep the length"]]
    scribe.ablate(retune=["learning_rate"], skipped=skipped)
    scribe.retune()
    scribe.compare(8, splits=("validation", "test"))
    return folder


def interrupted(folder: Path) -> Path:
    """An ablation that still runs: two seeds of the reference, one of a variant and one of it failed, one begins."""
    scribe = Ablator(folder)
    scribe.ablate()
    for seed in (1, 2):
        scribe.confirm("cnn6", seed)
    scribe.confirm("fc_activation=linear", 1)
    scribe.confirm("fc_activation=linear", 2, status="failed", reason="nan", epochs=3)
    scribe.confirm("pooling=none", 1, status="running", epochs=4)
    return folder


def _best(folder: Path, count: int) -> list[int]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    ends = [line for line in lines if line["event"] == "end" and line["status"] == "complete"]
    return [line["trial"] for line in sorted(ends, key=lambda line: -line["metrics"]["accuracy"])[:count]]


KINDS: dict[str, Callable[[Path], Path]] = {
    "whole": whole,
    "two": two,
    "running": running,
    "failed": failed,
    "empty": empty,
    "training": training,
    "ablation": ablation,
    "interrupted": interrupted,
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of every kind of study; tests that change one copy it first."""
    place = tmp_path_factory.mktemp("studies")
    return {name: make(place / name) for name, make in KINDS.items()}


@pytest.fixture(scope="session")
def reports(folders: dict[str, Path]) -> dict[str, str]:
    """The report of every kind of study, as HTML."""
    return {name: report.build(record.read(folder)) for name, folder in folders.items()}


@pytest.fixture(scope="session")
def pages(reports: dict[str, str]) -> dict[str, Page]:
    """What a reader sees of the report of every kind of study."""
    return {name: Page(html) for name, html in reports.items()}


@pytest.fixture(scope="session")
def summaries(folders: dict[str, Path]) -> dict[str, Summary]:
    """The tables of every kind of study."""
    return {name: Summary(record.read(folder)) for name, folder in folders.items()}


@pytest.fixture(scope="session")
def study(folders: dict[str, Path]) -> record.Study:
    """The records of a finished ablation."""
    return record.read(folders["ablation"])


@pytest.fixture(scope="session")
def page(pages: dict[str, Page]) -> Page:
    """The page of a finished ablation."""
    return pages["ablation"]


@pytest.fixture
def scribe(tmp_path: Path) -> Scribe:
    """A journal to write to."""
    return Scribe(tmp_path / "study")


@pytest.fixture
def ablator(tmp_path: Path) -> Ablator:
    """A journal of an ablation to write to."""
    return Ablator(tmp_path / "study")


@pytest.fixture(scope="session")
def shown() -> Callable[[str], Page]:
    """What a reader sees of a page."""
    return Page
