"""From what was typed to a session: its options, whether they can be followed, its end.

What is heavy is imported when it is needed, so that a wrong option is answered at once.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectune.search.process import stop
from spectune.search.process.log import LOGGER
from spectune.search.records import (
    JOURNAL,
    Journal,
    Options,
    Study,
    fixed,
    options_of,
    pairs,
    plain,
    read,
    word,
)
from spectune.search.records.metrics import METRICS
from spectune.search.tracking.store import default_uri
from spectune.search.workers import node
from spectune.spaces import KNOWN, STANDARD, Catalogue, Network, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.errors import InputError

if TYPE_CHECKING:
    from spectune.search.session.run import Finished, Watcher
    from spectune.trainables.data.dataset import Dataset


LOOKED_AT = 500  # training spectra


class Interrupted(KeyboardInterrupt):
    """A session was interrupted; nothing that was finished is lost. ``resume`` is the command that goes on."""

    def __init__(self, resume: str) -> None:
        super().__init__(f"interrupted; nothing that was finished is lost. To go on: {resume}")
        self.resume = resume


class DiskFull(OSError):
    """The disk of a study is full; nothing that was finished is lost."""

    def __init__(self, folder: Path, resume: str) -> None:
        said = f"a study needs space, the disk of {folder} is full: make room; nothing finished is lost."
        super().__init__(f"{said} To go on: {resume}")


def launch(given: dict[str, Any], watcher: Watcher | None = None) -> Finished:
    """Run or resume a study with the options of the command line; returns what it found.

    ``watcher`` makes what is told meanwhile; without one it is the log "spectune". Raises ValueError in one line
    for whatever a person can mend; no study is begun then. ``Interrupted`` and ``DiskFull`` say how to go on. Ray
    starts while the data are read and the driver imports, as all of that takes seconds.
    """
    began = time.monotonic()
    options, before = resolve(given)
    with stop.restored(), node.running(options.address) as address:
        return _launch(options, before, address, watcher, began=began)


def _launch(
    options: Options, before: Study | None, address: Callable[[], str], watcher: Watcher | None, *, began: float
) -> Finished:
    """The same, with what the options turned out to be, on the Ray at ``address()``."""
    from spectune.trainables.data import load

    dataset = load(options.dataset, **options.data)
    possible(options, dataset, before)
    options = divided(advised(options, dataset), dataset)
    with _journal(options.folder) as journal:
        _keep(options)
        try:
            from spectune.search.session.run import run

            return run(options, journal, dataset, address, watcher, began=began)
        except KeyboardInterrupt:
            if not journal.begun:
                raise  # there is nothing to go on with
            raise Interrupted(resume_command(options)) from None
        except Exception as error:
            if not stop.full(error):
                raise
            raise DiskFull(options.folder, resume_command(options)) from error


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    """The study's journal; a study that never begins leaves no folder, whenever it is interrupted."""
    new = not folder.exists()
    try:
        with closing(Journal(folder)) as journal:
            yield journal
    finally:
        if new:
            _discard(folder)


def _discard(folder: Path) -> None:
    """Remove the folder of a study that never began, unless somebody else begins it there."""
    with suppress(InputError, OSError), closing(Journal(folder)) as journal:
        if not journal.begun:
            shutil.rmtree(folder, ignore_errors=True)


def _keep(options: Options) -> None:
    """Copy what the study needs of its own into its folder."""
    if ":" in options.space:
        from spectune.trainables import own

        own.keep(options.space, options.folder)
    if options.init_from:
        from spectune.trainables import warm

        warm.keep(options.init_from, options.folder)


def resolve(given: dict[str, Any]) -> tuple[Options, Study | None]:
    """The options of this session and, when it resumes one, the study so far. Raises ValueError."""
    given = {"studies": Options.studies, **given}
    resume = given.pop("resume", False)
    if given.get("model") in KNOWN:
        given["space"] = KNOWN[given["model"]].network.family
    given["name"] = named(given)
    folder = Path(given["studies"]) / given["name"]
    before = read(folder) if (folder / JOURNAL).is_file() and (folder / JOURNAL).stat().st_size else None
    if before is not None and not resume:
        raise InputError(f"a study is started once, {folder} exists: add --resume to go on with it, or choose --name")
    recorded = {} if before is None else before.header["options"]
    given, catalogue = _read(given, recorded, folder)
    given["tracking_uri"] = given.get("tracking_uri") or default_uri()
    given.setdefault("address", os.environ.get("RAY_ADDRESS"))
    if before is None and not (given.get("model") or given.get("reference")):
        given.setdefault("folds", None)  # by size, once the data are read
    options = Options.from_dict({**recorded, **given}, catalogue)
    if before is not None:
        _same(options, Options.from_dict({**recorded, "name": options.name}, catalogue))
    return options, before


def named(given: dict[str, Any]) -> str:
    """The name of the study: as given, or by what is searched, on which data, and when."""
    if given.get("name"):
        return plain(given["name"])
    varied = given.get("reference", {}).get("name", "")
    what = f"ablate-{varied}" if varied else given.get("model") or given.get("space", "cnn").rpartition(":")[2]
    data = Path(given.get("dataset", Options.dataset)).stem
    return plain(f"{word(what)}-{word(data)}-{time.strftime('%Y%m%d-%H%M%S')}")


def _read(given: dict[str, Any], recorded: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Catalogue]:
    """What was typed with its ``--data`` and ``--set`` read, and with what the study can name."""
    given = dict(given)
    space = given.get("space", recorded.get("space", Options.space))
    export = given.get("init_from", recorded.get("init_from", ""))
    catalogue, start = _catalogue(space, export, folder, named="space" in given)
    if start and catalogue.space(given.setdefault("space", start.family)).families != (type(start),):
        raise InputError(f"--init-from keeps the network of its export, a {start.family}: leave --space out")
    if "data" in given:
        given["data"] = pairs("--data", given["data"])
    if "fixed" in given:
        given["fixed"] = fixed(catalogue.space(given.get("space", space)), given["fixed"])
    if "reference" in given and given.get("fixed"):
        from spectune.search.ablation import variants

        given["reference"] = variants.settle(given["reference"], given.pop("fixed"))
    if start and ("fixed" in given or not recorded):
        settings = {**start.to_dict(), "init": "backbone"}
        network = {name: value for name, value in settings.items() if name not in given.get("vary", ())}
        given["fixed"] = network | _of_training(given.get("fixed", {}))
    return given, catalogue


def _catalogue(space: str, export: str, folder: Path, *, named: bool) -> tuple[Catalogue, Network | None]:
    """What the study can name, its own architecture among it, and the network of the export that it starts from."""
    catalogue = STANDARD
    if ":" in space:
        from spectune.trainables import own

        catalogue = own.load(space, folder, named=named)
    if not export:
        return catalogue, None
    from spectune.trainables import warm

    known = warm.load(export, folder, catalogue.families)
    return catalogue.with_known(warm.NAME, known), known.network


def _same(options: Options, before: Options) -> None:
    """ValueError where a resumed study is asked for something else than it was begun with."""
    for one in options_of(Options):
        value, recorded = getattr(options, one.name), getattr(before, one.name)
        if one.kept and value != recorded:
            raise InputError(
                f"a resumed study keeps its --{one.flag}, it is {recorded!r}, got {value!r}: choose another --name"
            )


def _of_training(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``--set`` says of the training; ValueError for a network that is taken from an export."""
    training = {hp.name for hp in hyperparameters(Training)}
    for name in settings:
        if name not in training:
            raise InputError(f"--init-from keeps the network of its export, --set cannot change {name}: leave it out")
    return settings


def advised(options: Options, dataset: Dataset) -> Options:
    """The options with what a look at some of the training spectra advises, where there is anything to find."""
    if options.prior == "none" or not options.explores or options.init_from:
        return options
    import torch

    from spectune.trainables.look import look

    some = torch.linspace(0, len(dataset.train) - 1, min(LOOKED_AT, len(dataset.train))).long()
    return replace(options, looked=look(dataset.train.batch(some).numpy()))


def divided(options: Options, dataset: Dataset) -> Options:
    """The options with the number of folds that the data need, if it was left open, and with seeds for whole repeats of
    them. ValueError where the data cannot be divided so."""
    from spectune.trainables.data import Folds, folds_by_size

    folds = folds_by_size(dataset) if options.folds is None else options.folds
    if not folds:
        return replace(options, folds=0)
    if dataset.definition is not None:
        raise InputError(
            f"--folds divides measured spectra, those of {options.dataset} are made by a recipe with a validation "
            "split of its own: leave --folds out, or have more made"
        )
    Folds(dataset, folds)
    seeds = math.ceil(options.seeds / folds) * folds
    if seeds != options.seeds:
        LOGGER.warning("%d seeds instead of %d: each repeat of %d folds takes so many", seeds, options.seeds, folds)
    return replace(options, folds=folds, seeds=seeds)


def resume_command(options: Options) -> str:
    """What to type to go on."""
    verb = "ablate" if options.reference else "search"
    return shlex.join(["spectune", verb, "--resume", "--name", options.name, *options.place])


def possible(options: Options, dataset: Dataset, before: Study | None = None) -> None:
    """What can be known to fail is said before a study is begun. Raises ValueError."""
    if before is not None and before.header["dataset"]["digest"] != dataset.digest:
        raise InputError(
            f"a resumed study keeps its data, its digest is {before.header['dataset']['digest']}, that of "
            f"{options.dataset} is now {dataset.digest}: restore the data, or choose another --name"
        )
    _measurable(options, dataset)
    if options.reference:
        from spectune.search.ablation import variants

        variants.plan(options, dataset)
    for name in options.start_from:
        try:
            options.allow(options.catalogue.known[name].network, dataset.sizes)
        except ValueError as error:
            raise InputError(f"--start-from {name} cannot be tried: {error}") from None
    if options.baseline_name:
        try:
            options.catalogue.known[options.baseline_name].network.cost(dataset.sizes.points, dataset.sizes.classes)
        except ValueError as error:
            cure = "" if options.model else "; or use --baseline none"
            raise InputError(f"{options.baseline_name} cannot be trained here: {error}{cure}") from None


def _measurable(options: Options, dataset: Dataset) -> None:
    """ValueError where the labels of the spectra are not such as an objective or a head needs."""
    for objective in options.objectives:
        needed = METRICS[objective].labels
        if needed not in ("any", "several" if dataset.multilabel else "one"):
            words = "one label" if needed == "one" else "several labels"
            raise InputError(
                f"--objective {objective} needs {words} per spectrum, {options.dataset} has not: choose another"
            )
    if dataset.multilabel and (options.fixed.get("head", "linear") != "linear" or "head" in options.vary):
        raise InputError("several labels per spectrum need head=linear, got another or --vary head: leave it out")
