"""One session of a study on Ray, from its first trial to its end."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spectune.search.ablation import compare
from spectune.search.ablation import variants as ablate
from spectune.search.planning.plan import first_tasks
from spectune.search.process import pages, stop
from spectune.search.records import Journal, Options, Study, read
from spectune.search.records.metrics import OBJECTIVES
from spectune.search.session import finish, result
from spectune.search.session.progress import Progress
from spectune.search.strategy.director import Director
from spectune.search.tracking.store import public
from spectune.search.tracking.writer import Writer
from spectune.search.workers import cluster, packing, pool
from spectune.search.workers.files import Folder, Resources, shared
from spectune.trainables import warm
from spectune.trainables.data.dataset import SPLITS, Dataset

PACKAGES = ("spectune", "torch", "ray", "optuna", "mlflow", "numpy")


def run(options: Options, journal: Journal, dataset: Dataset, address: Callable[[], str]) -> None:
    """Run a study, or go on with it, on the Ray at ``address()``."""
    began = time.monotonic()
    with cluster.joined(address()) as capacity:
        _run(options, journal, dataset, capacity, began)


def _run(options: Options, journal: Journal, dataset: Dataset, capacity: dict[str, float], began: float) -> None:
    cpus, gpus = options.cpus_per_trial, packing.gpus(options, dataset, capacity, _first(options, dataset))
    concurrent = packing.concurrent(options, capacity, gpus)
    study = Study(options.folder)
    if journal.path.stat().st_size:
        study = read(options.folder)
    study.apply(journal.append("study", **header(options, dataset, study, capacity)))
    progress = Progress(options, concurrent=concurrent)
    progress.note(_greeting(options, dataset, study, concurrent))
    writer, finished = Writer(options.folder, options.tracking_uri, progress.note), False
    try:
        folder = shared(options.folder) if options.address else Folder(options.folder.absolute())
        resources = Resources(folder, cpus, gpus)
        director = _director(options, dataset, study=study, journal=journal, progress=progress)
        stop.listen(director)
        spent = time.process_time()
        pool.run(
            director,
            dataset=dataset.blind(),
            resources=resources,
            epochs=options.epochs,
            stall=options.stall,
            concurrent=concurrent,
            scratch=options.folder.absolute() / "ray",
            tick=lambda: progress.tick(study),
        )
        spent = time.process_time() - spent
        progress.close(study)
        progress.note(f"training is done, {'comparing' if options.reference else 'testing and exporting'}")
        with pages.ahead("report", str(options.folder)) as draw:
            if options.reference:
                compare.evaluate(options, study, journal, dataset, resources)
                compare.compare(study, journal)
            else:
                finish.test(options, study, journal, dataset, resources)
                finish.export(study, journal, dataset, top=1)
            finish.publish(options, study, journal, draw=draw, seconds=time.monotonic() - began, driver=spent)
        finished = True
    finally:
        if not finished:
            stop.ignore()
        left = writer.close(None if finished else stop.HURRY)
    result.show(study, options, left)


def _first(options: Options, dataset: Dataset) -> Iterator[packing.Trainable]:
    """What would be trained first."""
    yield from ablate.plan(options, dataset)[0] if options.reference else first_tasks(options, dataset)


def _director(options: Options, dataset: Dataset, **session: Any) -> Director:
    """What directs the session: a search, one training, or an ablation."""
    points, classes = len(dataset.axis), len(dataset.classes)
    sizes: dict[str, Any] = {"points": points, "classes": classes, "multilabel": dataset.multilabel}
    if options.reference:
        return ablate.Ablation(ablate.plan(options, dataset)[0], options, **sizes, **session)
    return Director(options, **sizes, **session)


def _greeting(options: Options, dataset: Dataset, study: Study, concurrent: int) -> str:
    until = f"{options.trials} trials" + (f" or {options.time:g} s" if options.time else "") + f" of {options.space}"
    if options.reference:
        others = len(study.header["ablation"]["variants"]) - 1
        until = f"{options.seeds} trainings of {options.reference['name']} and each of its {others} variants"
    if options.model:
        until = f"{options.seeds} trainings of {options.model}"
    return (
        f"study {options.name} in {options.folder}: {until} on {dataset.description}; "
        f"{concurrent} at a time; MLflow: {public(options.tracking_uri)}"
    )


def header(options: Options, dataset: Dataset, study: Study, capacity: dict[str, float]) -> dict[str, Any]:
    """Everything that is needed to understand and repeat the session."""
    session = len(study.sessions) + 1
    sizes = {name: len(dataset.split(name)) for name in SPLITS}
    return {
        "id": study.header["id"] if study.sessions else uuid.uuid4().hex,
        "name": options.name,
        "session": session,
        "space": options.space,
        "dataset": {
            "source": options.dataset,
            "options": options.data,
            "name": dataset.name,
            "description": dataset.description,
            "digest": dataset.digest,
            "points": len(dataset.axis),
            "classes": len(dataset.classes),
            "labels": "several" if dataset.multilabel else "one",
            "sizes": sizes,
        },
        "init": warm.origin(options.folder),
        **({"ablation": ablate.header(options, dataset)} if options.reference else {}),
        "objectives": [[name, OBJECTIVES[name]] for name in options.objectives],
        "options": options.to_dict(),
        "seed": options.seed,
        "command": shlex.join([Path(sys.argv[0]).name, *_without_secrets(sys.argv[1:])]),
        "store": public(options.tracking_uri),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "git": _commit(),
        "machine": {
            "cpus": capacity.get("CPU", 0),
            "gpus": capacity.get("GPU", 0),
            "nodes": capacity["nodes"],
            "processor": platform.processor() or platform.machine(),
        },
    }


def _without_secrets(arguments: list[str]) -> list[str]:
    """A tracking URI may hold a password."""
    return [public(word) if "://" in word else word for word in arguments]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _commit() -> str:
    """The commit of the checkout that runs, with + when files were changed; "" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        commands = (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        commit, changed = (
            subprocess.run(["git", *command], cwd=here, capture_output=True, text=True, timeout=10, check=True).stdout
            for command in commands
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit.strip() + ("+" if changed.strip() else "")
