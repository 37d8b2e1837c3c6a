"""From what was typed to a session: its options, whether they can be followed, its end.

What is heavy is imported when it is needed, so that a wrong option is answered at once.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectune.search.process import stop
from spectune.search.records import JOURNAL, KEPT, Journal, Options, Study, fixed, known_space, pairs, plain, read, word
from spectune.search.records.metrics import ONE, SEVERAL
from spectune.search.tracking.store import default_uri
from spectune.search.workers import node
from spectune.spaces import KNOWN, Training
from spectune.spaces.config import hyperparameters

if TYPE_CHECKING:
    from spectune.trainables.data.dataset import Dataset

FLAGS = {"fixed": "set", "contrasts": "vary"}  # options whose flag has another name


def launch(given: dict[str, Any]) -> int:
    """Run or resume a study with the options of the command line; returns the exit code.

    Raises ValueError in one line for whatever a person can mend; no study is begun then. Ray starts while the data are
    read and the driver imports, as all of that takes seconds.
    """
    options, before = resolve(given)
    with stop.restored(), node.running(options.address) as address:
        return _launch(options, before, address)


def _launch(options: Options, before: Study | None, address: Callable[[], str]) -> int:
    """The same, with what the options turned out to be, on the Ray at ``address()``."""
    from spectune.trainables.data import load

    dataset = load(options.dataset, **options.data)
    possible(options, dataset, before)
    journal = Journal(options.folder)
    if ":" in options.space:
        from spectune.trainables import own

        own.keep(options.space, options.folder)
    if options.init_from:
        from spectune.trainables import warm

        warm.keep(options.init_from, options.folder)
    try:
        from spectune.search.session.run import run

        run(options, journal, dataset, address)
        return 0
    except KeyboardInterrupt:
        if not journal.path.stat().st_size:
            raise  # there is nothing to go on with
        print(f"\ninterrupted; nothing that was finished is lost. To go on: {resume_command(options)}", file=sys.stderr)
        return stop.INTERRUPTED
    except Exception as error:
        if not stop.full(error):
            raise
        said = f"a study needs space, the disk of {options.folder} is full: make room; nothing finished is lost."
        print(f"\nspectune: {said} To go on: {resume_command(options)}", file=sys.stderr)
        return stop.FAILED
    finally:
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
        from spectune.trainables import own

        own.load(space, folder, named="space" in given)
    export = given.get("init_from", kept.get("init_from", ""))
    start = {}
    if export:
        from spectune.trainables import warm

        start = warm.load(export, folder)
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
        from spectune.search.ablation import variants as ablate

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
    """What can be known to fail is said before a study is begun. Raises ValueError."""
    if before is not None and before.header["dataset"]["digest"] != dataset.digest:
        raise ValueError(
            f"a resumed study keeps its data, its digest is {before.header['dataset']['digest']}, that of "
            f"{options.dataset} is now {dataset.digest}: restore the data, or choose another --name"
        )
    needs, labels = (ONE, "one label") if dataset.multilabel else (SEVERAL, "several labels")
    for objective in options.objectives:
        if objective in needs:
            raise ValueError(
                f"--objective {objective} needs {labels} a spectrum, {options.dataset} has not: choose another"
            )
    if dataset.multilabel and (options.fixed.get("head", "linear") != "linear" or "head" in options.vary):
        raise ValueError("several labels a spectrum need head=linear, got another or --vary head: leave it out")
    if options.reference:
        from spectune.search.ablation import variants as ablate

        ablate.plan(options, dataset)
    points, classes = len(dataset.axis), len(dataset.classes)
    for name in options.start_from:
        try:
            options.allow(KNOWN[name].network, points, classes, multilabel=dataset.multilabel)
        except ValueError as error:
            raise ValueError(f"--start-from {name} cannot be tried: {error}") from None
    if options.baseline_name:
        try:
            KNOWN[options.baseline_name].network.cost(points, classes)
        except ValueError as error:
            cure = "" if options.model else "; or use --baseline none"
            raise ValueError(f"{options.baseline_name} cannot be trained here: {error}{cure}") from None
