"""What each command does. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from spectune.search.process import pages
from spectune.search.process.command import ended, module, opened
from spectune.search.process.cpus import limit_threads
from spectune.search.process.stop import FAILED, INTERRUPTED
from spectune.search.records import PRESETS, Options, find, pairs
from spectune.spaces import ALIASES, KNOWN, STANDARD, Catalogue, Training
from spectune.spaces.errors import InputError


def _catalogue(space: str) -> Catalogue:
    """What can be named, with what the file of a ``--space`` adds where one is given."""
    if not space:
        return STANDARD
    from spectune.trainables import own

    return own.load(space)


def search(print_space: bool = False, test_folds: int | None = None, **given: Any) -> int:
    if print_space:
        from spectune.spaces.show import space_table

        name = given.get("space", "cnn")
        print(space_table(_catalogue(name if ":" in name else "").space(name)))
        print(space_table(Training))
        return 0
    return _session(given, test_folds)


def _session(given: dict[str, Any], test_folds: int | None = None) -> int:
    """Run a session, or one for each of so many test folds, and show what it found; an interrupt and a full disk are
    answered with the way to go on."""
    from spectune.search.session.launch import DiskFull, Interrupted
    from spectune.search.session.progress import Progress

    def watcher(options: Options, concurrent: int) -> Progress:
        return Progress(options, concurrent=concurrent)

    try:
        if test_folds is None:
            _searched(given, watcher)
        else:
            from spectune.search.session.nested import search as nested

            nested(test_folds, given, watcher)
    except Interrupted as error:
        print(f"\n{error}", file=sys.stderr)
        return INTERRUPTED
    except DiskFull as error:
        print(f"\nspectune: {error}", file=sys.stderr)
        return FAILED
    return 0


def _searched(given: dict[str, Any], watcher: Any) -> None:
    from spectune.search.session.launch import launch

    finished = launch(given, watcher)
    from spectune.search.session.result import show

    show(*finished)


def plan(
    *, study: str, cores: int | None, gpus: int | None, card: str, studies: str = Options.studies, **given: Any
) -> None:
    import tempfile

    from spectune.search.planning.plan import machine
    from spectune.search.planning.plan import plan as planned
    from spectune.search.session.launch import advised, divided, possible, resolve
    from spectune.trainables.data import load

    actual, price = None, given.pop("price")
    if study:
        folder = find(study, studies).resolve()
        options, actual = resolve({**given, "name": folder.name, "studies": str(folder.parent), "resume": True})
    if actual is not None and cores is gpus is None:
        cores, gpus = (int(actual.header["machine"][name]) or None for name in ("cpus", "gpus"))
        cores = None if gpus else cores
    on = machine(cores=cores, gpus=gpus, card=card, price=price)
    if actual is None:
        with tempfile.TemporaryDirectory() as nowhere:
            options, _ = resolve({**given, "name": "plan", "studies": nowhere})
    dataset = load(options.dataset, **options.data)
    possible(options, dataset)
    planned(divided(advised(options, dataset), dataset), dataset, on, actual)


def train(model: str, **given: Any) -> int:
    if model == "" and given.get("init_from"):
        model = "transfer"
    elif model not in KNOWN or given.get("init_from"):
        raise InputError(
            f"a model must be one of {', '.join(KNOWN)}, or be left out with --init-from, got {model!r}: "
            "see spectune models list"
        )
    return _session({**PRESETS["train"], **given, "model": model})


def ablate(config: str, study: str, **given: Any) -> int:
    if "retune" in given:
        given["retune"] = [ALIASES.get(name, name) for name in given["retune"]]
    again = given.get("resume") and not config and not study
    if not again:
        from spectune.search.ablation.variants import refer

        followed = refer(config, find(study, given.get("studies", Options.studies)) if study else None)
        if "dataset" in given:
            followed.pop("data", None)
        given = {**followed, **given}
    if "contrasts" not in given and not again:
        raise InputError("an ablation needs to know what to vary, got no --vary: add --vary NAME=VALUE,VALUE")
    return _session({**PRESETS["ablate"], **given})


def list_models() -> None:
    from spectune.search.process.table import table

    rows = []
    for name, (network, _, source, points, classes, _) in KNOWN.items():
        cost = network.cost(points, classes)
        rows.append(
            {
                "model": name,
                "family": network.family,
                "parameters": f"{cost.parameters:,}",
                "multiply-adds": f"{cost.macs / 1e6:,.1f} M",
                "points": points,
                "classes": classes,
                "source": source,
            }
        )
    table(rows, "known networks, for the points and classes they were published with")


def show_model(model: str, points: int | None, classes: int | None) -> None:
    from spectune.search.process.table import table
    from spectune.trainables.summary import layers

    if model not in KNOWN:
        raise InputError(f"a model must be one of {', '.join(KNOWN)}, got {model!r}: see spectune models list")
    known = KNOWN[model]
    points, classes = points or known.points, classes or known.classes
    cost = known.network.cost(points, classes)
    rows = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "gives": " x ".join(str(size) for size in layer.shape),
            "parameters": f"{layer.parameters:,}",
            "multiply-adds": f"{layer.macs:,}",
        }
        for layer in layers(known.network, points, classes)
    ]
    table(rows, f"{model} ({known.source}): {known.network.describe()}; {points} points, {classes} classes")
    settings = {"family": known.network.family, **known.network.to_dict(), **known.training.to_dict()}
    print(" ".join(f"{name}={value}" for name, value in settings.items()))
    print(f"{cost.parameters:,} parameters, {cost.macs:,} multiply-adds, {cost.activations:,} activations per spectrum")


def show_data(dataset: str, data: list[str], out: str, classes: int) -> None:
    import tempfile

    import numpy as np

    from spectune.trainables.data import describe, examples, load

    loaded = load(dataset, **pairs("--data", data))
    print(describe(loaded))
    page = Path(out or f"{Path(dataset).stem}.html")
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "examples.npz"
        np.savez(arrays, **examples(loaded, classes))
        pages.draw("classes", str(arrays), "--out", str(page))
    print(f"classes drawn in {page}")


def export_data(dataset: str, data: list[str], split: str, out: str) -> None:
    from spectune.trainables.data import load, save

    save(load(dataset, **pairs("--data", data)), split, out)
    print(f"{split} split of {dataset} written to {out}")


def export(study: str, top: int, refit: bool, studies: str) -> None:
    limit_threads()
    from spectune.search.session.finish import export_again
    from spectune.search.session.refit import refit as trained_again

    if top < 1:
        raise InputError(f"--top must be at least 1, got {top}: give a larger number")
    if refit and top > 1:
        raise InputError(f"--refit is of the winner alone, got --top {top}: leave one of them out")
    if refit:
        print(trained_again(find(study, studies)))
        return
    for folder in export_again(find(study, studies), top):
        print(folder)


def predict(model: str, file: str, data: list[str], space: str, passes: int) -> None:
    limit_threads()
    from spectune.trainables.export import read as read_export
    from spectune.trainables.unknown import unknown

    if passes < 0:
        raise InputError(f"--passes must be at least 0, got {passes}: give a larger number")
    exported = read_export(Path(model), _catalogue(space).families)
    found = unknown(exported, Path(file), pairs("--data", data))
    spectra = found.spectra
    drawn = exported.sample(spectra, passes=passes) if passes else exported.predict(spectra)[None]
    unlike = exported.unlike(spectra).tolist() if exported.likeness else []
    away = [f"; unlike {value:.2f}" for value in unlike] or [""] * len(spectra)
    for name, row, spread, far in zip(found.names, drawn.mean(axis=0), drawn.std(axis=0), away, strict=True):
        best = row.argsort()[::-1]
        best = [index for index in best if row[index] > exported.thresholds[index]] if exported.multilabel else best[:5]
        sure = [f" (+- {spread[index]:.4f})" if passes else "" for index in best]
        said = (f"{exported.classes[index]} {row[index]:.4f}{more}" for index, more in zip(best, sure, strict=True))
        print(f"{name}: {', '.join(said) or 'none of the labels'}{far}")
    if count := sum(value > 1 for value in unlike):
        print(
            f"{count} of {len(spectra)} spectra are like none of training (unlike above 1): further from every class "
            f"than 99 % of the validation spectra are",
            file=sys.stderr,
        )


def identify(model: str, files: list[str], references: str, wavelength: str, space: str) -> None:
    limit_threads()
    from spectune.trainables.data.grid import units
    from spectune.trainables.export import read as read_export
    from spectune.trainables.identify import embedded, known, measured, rank, top

    exported = read_export(Path(model), _catalogue(space).families)
    given = units.wavelength(wavelength)
    unknown = [measured(Path(file), given) for file in files]
    said = (spectra.axis.wavelength for spectra in unknown if spectra.axis and spectra.axis.wavelength)
    library = known(exported, Path(references), given or next(said, 0.0))
    assert library.labels is not None
    for spectra in unknown:
        some = embedded(exported, spectra)
        ranked, order, similarity = rank(some.vectors, library.vectors, library.labels)
        for name, best, row in zip(some.names, order, similarity, strict=True):
            shown = (f"{ranked[number]} {value:.4f}" for number, value in zip(best, row, strict=True))
            print(f"{name}: " + ", ".join(shown))
        if some.labels is not None and set(some.labels) & set(ranked):
            shares = ", ".join(f"top-{most} {top(order, ranked, some.labels, most):.4f}" for most in (1, 3, 5))
            print(f"{shares} of {len(some.labels)} spectra, {len(library.labels)} references of {len(ranked)} classes")


def diagnose(what: list[str], data: list[str], space: str, out: str, **given: Any) -> None:
    limit_threads()
    from spectune.search.diagnosis import diagnose as command

    families = _catalogue(space).families
    command.diagnose(what, data=pairs("--data", data), out=Path(out), families=families, **given)


def report(study: str, studies: str) -> None:
    folder = find(study, studies)
    pages.draw("report", str(folder))
    print(folder / "report.html")


def track(study: str, tracking_uri: str, studies: str) -> int:
    from spectune.search.tracking.follower import Follower
    from spectune.search.tracking.store import default_uri, public

    uri = tracking_uri or default_uri()
    follower = Follower(find(study, studies), uri)
    try:
        follower.catch_up()
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"spectune: {follower.behind} bytes of the journal are not in {public(uri)}: {reason}", file=sys.stderr)
        return 1
    print(f"everything of {study} is in {public(uri)}")
    return 0


def ui(port: int, studies: str) -> int:
    from spectune.search.tracking.runs import page
    from spectune.search.tracking.store import default_uri, last_study, public

    name, uri = last_study(Path(studies)) or ("", default_uri())
    if not uri.startswith("sqlite"):
        print(f"the last study is tracked by the server at {public(uri)}: open it in a browser")
        return 0
    at = ("--host", "127.0.0.1", "--port", str(port))
    command = module("mlflow", "server", "--backend-store-uri", uri, *at, "--workers", "1")  # four start late
    quick = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # each of its queues is a process
    with ended(subprocess.Popen(command, env=quick, start_new_session=True)) as server:
        url = f"http://127.0.0.1:{port}{page(uri, name) if name else ''}"
        print(f"MLflow UI on {url} (Ctrl-C ends it)", flush=True)
        threading.Thread(target=opened, args=(url, f"http://127.0.0.1:{port}/health"), daemon=True).start()
        return server.wait()
