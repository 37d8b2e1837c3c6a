"""One session of a study from its options to its end: what ``spectune search`` does."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import time
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spectune.search import ablate, cluster, compare, finish, own, packing, result, stop, trial, warm
from spectune.search.options import KEPT, OBJECTIVES, ONE, SEVERAL, Options, fixed, known_space, pairs, plain, word
from spectune.search.progress import Progress
from spectune.search.record import JOURNAL, Journal, Study, read
from spectune.search.store import default_uri, public
from spectune.search.study import Director
from spectune.search.writer import Writer
from spectune.spaces import KNOWN, Training
from spectune.spaces.config import hyperparameters
from spectune.trainables.data import load
from spectune.trainables.data.dataset import SPLITS, Dataset

FLAGS = {"fixed": "set", "contrasts": "vary"}  # options whose flag has another name
PACKAGES = ("spectune", "torch", "ray", "optuna", "mlflow", "numpy")


def launch(given: dict[str, Any]) -> int:
    """Run or resume a study with the options of the command line; returns the exit code.

    Raises ValueError in one line for whatever a person can mend; nothing is started then.
    """
    options, before = resolve(given)
    dataset = load(options.dataset, **options.data)
    possible(options, dataset, before)
    journal = Journal(options.folder)
    if ":" in options.space:
        own.keep(options.space, options.folder)
    if options.init_from:
        warm.keep(options.init_from, options.folder)
    try:
        return _session(options, journal, dataset)
    except KeyboardInterrupt:
        print(f"\ninterrupted; nothing that was finished is lost. To go on: {resume_command(options)}", file=sys.stderr)
        return stop.INTERRUPTED
    except Exception as error:
        if not stop.full(error):
            raise
        said = f"a study needs space, the disk of {options.folder} is full: make room; nothing finished is lost."
        print(f"\nspectune: {said} To go on: {resume_command(options)}", file=sys.stderr)
        return stop.FAILED
    finally:
        cluster.stop()
        journal.close()


def resolve(given: dict[str, Any]) -> tuple[Options, Study | None]:
    """The options of this session and, when it resumes one, the study so far. Raises ValueError."""
    given = dict(given)
    resume = given.pop("resume", False)
    if given.get("model") in KNOWN:
        given["space"] = KNOWN[given["model"]].network.family
    varied = given.get("reference", {}).get("name", "")
    what = f"ablate-{varied}" if varied else given.get("model") or given.get("space", "cnn").rpartition(":")[2]
    data = Path(given.get("dataset", "challenge")).stem
    name = plain(given.get("name") or f"{word(what)}-{word(data)}-{time.strftime('%Y%m%d-%H%M%S')}")
    folder = Path(given.get("studies", "studies")) / name
    before = read(folder) if (folder / JOURNAL).is_file() and (folder / JOURNAL).stat().st_size else None
    if before is not None and not resume:
        raise ValueError(f"a study is started once, {folder} exists: add --resume to go on with it, or choose --name")
    kept = {} if before is None else before.header["options"]
    space = given.get("space", kept.get("space", "cnn"))
    if ":" in space:
        own.load(space, folder, named="space" in given)
    export = given.get("init_from", kept.get("init_from", ""))
    start = warm.load(export, folder) if export else {}
    if start and given.setdefault("space", start["family"]) != start["family"]:
        raise ValueError(f"--init-from keeps the network of its export, a {start['family']}: leave --space out")
    space = start.get("family", space)
    if "data" in given:
        given["data"] = pairs("--data", given["data"])
    if "objective" in given:
        given["objectives"] = given.pop("objective")
    if "set" in given:
        given["fixed"] = fixed(known_space(space), given.pop("set"))
    if "reference" in given and given.get("fixed"):
        given["reference"] = ablate.settle(given["reference"], given.pop("fixed"))
    if start and ("fixed" in given or before is None):
        kept_network = {name: value for name, value in start["fixed"].items() if name not in given.get("vary", ())}
        given["fixed"] = kept_network | _of_training(given.get("fixed", {}))
    given["tracking_uri"] = given.get("tracking_uri") or default_uri()
    given.setdefault("address", os.environ.get("RAY_ADDRESS"))
    options = Options.from_dict({**kept, **given, "name": name})
    for key in KEPT if before else ():
        value, flag = options.to_dict()[key], FLAGS.get(key, key).replace("_", "-")
        if value != kept[key]:
            raise ValueError(
                f"a resumed study keeps its --{flag}, it is {kept[key]!r}, got {value!r}: choose another --name"
            )
    return options, before


def _of_training(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``--set`` says of the training; ValueError for a network that is taken from an export."""
    training = {hp.name for hp in hyperparameters(Training)}
    for name in settings:
        if name not in training:
            raise ValueError(f"--init-from keeps the network of its export, --set cannot change {name}: leave it out")
    return settings


def resume_command(options: Options) -> str:
    """What to type to go on."""
    verb = "ablate" if options.reference else "search"
    return shlex.join(["spectune", verb, "--resume", "--name", options.name, *options.place])


def possible(options: Options, dataset: Dataset, before: Study | None = None) -> None:
    """What can be known to fail is said before anything is started. Raises ValueError."""
    if before is not None and before.header["dataset"]["digest"] != dataset.digest:
        raise ValueError(
            f"a resumed study keeps its data, its digest is {before.header['dataset']['digest']}, that of "
            f"{options.dataset} is now {dataset.digest}: restore the data, or choose another --name"
        )
    needs, labels = (ONE, "one label") if dataset.several else (SEVERAL, "several labels")
    for objective in options.objectives:
        if objective in needs:
            raise ValueError(
                f"--objective {objective} needs {labels} a spectrum, {options.dataset} has not: choose another"
            )
    if dataset.several and (options.fixed.get("head", "linear") != "linear" or "head" in options.vary):
        raise ValueError("several labels a spectrum need head=linear, got another or --vary head: leave it out")
    if options.reference:
        ablate.plan(options, dataset)
    points, classes = len(dataset.axis), len(dataset.classes)
    for name in options.start_from:
        try:
            options.allow(KNOWN[name].network, points, classes, several=dataset.several)
        except ValueError as error:
            raise ValueError(f"--start-from {name} cannot be tried: {error}") from None
    if options.baseline_name:
        try:
            KNOWN[options.baseline_name].network.cost(points, classes)
        except ValueError as error:
            cure = "" if options.model else "; or use --baseline none"
            raise ValueError(f"{options.baseline_name} cannot be trained here: {error}{cure}") from None


def _session(options: Options, journal: Journal, dataset: Dataset) -> int:
    began = time.monotonic()
    resources = cluster.start(options.address)
    cpus, gpus = options.cpus_per_trial, packing.gpus(options, dataset, resources)
    concurrent = packing.concurrent(options, resources, gpus)
    study = Study(options.folder)
    if journal.path.stat().st_size:
        study = read(options.folder)
    study.apply(journal.append("study", **header(options, dataset, study, resources)))
    progress = Progress(options, concurrent=concurrent)
    progress.note(_greeting(options, dataset, study, concurrent))
    writer, finished = Writer(options.folder, options.tracking_uri, progress.note), False
    try:
        room = cluster.Room(cluster.shelf_for(options.folder, int(resources["nodes"])), cpus, gpus)
        director = _director(options, dataset, study=study, journal=journal, progress=progress)
        stop.listen(director)
        spent = time.process_time()
        trial.run(
            director,
            dataset=dataset.blind(),
            room=room,
            epochs=options.epochs,
            stall=options.stall,
            concurrent=concurrent,
            scratch=options.folder.absolute() / "ray",
        )
        spent = time.process_time() - spent
        progress.close(study)
        if options.reference:
            compare.evaluate(options, study, journal, dataset, room)
            compare.compare(study, journal)
        else:
            finish.test(options, study, journal, dataset, room)
            finish.export(study, journal, dataset, top=1)
        finish.publish(options, study, journal, seconds=time.monotonic() - began, driver=spent)
        finished = True
    finally:
        if not finished:
            stop.deaf()
        left = writer.close(None if finished else stop.HURRY)
    result.show(study, options, left)
    return 0


def _director(options: Options, dataset: Dataset, **session: Any) -> Director:
    """What directs the session: a search, one training, or an ablation."""
    sizes: dict[str, Any] = {"points": len(dataset.axis), "classes": len(dataset.classes), "several": dataset.several}
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


def header(options: Options, dataset: Dataset, study: Study, resources: dict[str, float]) -> dict[str, Any]:
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
            "labels": "several" if dataset.several else "one",
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
            "cpus": resources.get("CPU", 0),
            "gpus": resources.get("GPU", 0),
            "nodes": resources["nodes"],
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
