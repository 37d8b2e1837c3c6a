"""The command line. Heavy modules are imported by the command that needs them, so that ``--help`` answers at once.

``ray submit`` swallows some options on their way to the script (``--start --stop --screen --args -n -p -v`` ...): none
of ours is called like one of those; a test compares them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from spectune.search.cli import commands
from spectune.search.cli.flags import add_options, studies
from spectune.search.process.collector import relaxed
from spectune.search.process.log import shown
from spectune.search.process.stop import INTERRUPTED
from spectune.spaces.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 2 for bad input (one line on stderr), 130 after an interrupt."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command_function")
    try:
        with shown(), relaxed():
            return int(command(**options) or 0)
    except InputError as error:
        print(f"spectune: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nspectune: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"spectune: {where}{error.strerror or error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spectune",
        description="Search for the best neural network for one-dimensional spectra.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _search_parser(verbs)
    _plan_parser(verbs)
    _ablate_parser(verbs)
    _models_parser(verbs)
    _data_parser(verbs)
    _model_parsers(verbs)
    _diagnose_parser(verbs)
    _study_parsers(verbs)
    return parser


def _search_parser(verbs: Any) -> None:
    search = verbs.add_parser(
        "search",
        help="explore, confirm, test and export a network",
        description="Explore a space, confirm the best configs on new seeds, test the winner once, export it.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    search.add_argument(
        "--print-space", action="store_true", help="print the space with its conditions and size, and stop"
    )
    search.add_argument(
        "--test-folds",
        type=int,
        metavar="K",
        help="search K times, each time with another fold of all spectra as the blind test, NAME-1 to NAME-K, which "
        "share trials and time: for too few spectra for one test",
    )
    add_options(search, "search")
    search.set_defaults(command_function=commands.search)

    train = verbs.add_parser(
        "train",
        help="train one known network outright",
        description="Train one known network on some seeds, test it, export it; recorded and tracked like a search.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    train.add_argument(
        "model", nargs="?", default="", metavar="MODEL", help="name of a known network (spectune models list)"
    )
    add_options(train, "train")
    train.set_defaults(command_function=commands.train)


def _plan_parser(verbs: Any) -> None:
    plan = verbs.add_parser(
        "plan",
        help="what a search will take, before anything is spent",
        description="Measure the pace of some configs and simulate the search: wall time, hours, cost. Takes the "
        "options of spectune search.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = plan.add_argument
    add("--of", dest="study", default="", metavar="STUDY", help="plan a study that was run again, or with more trials")
    add("--cores", type=int, default=None, metavar="N", help="CPU cores to plan for (default: this machine's)")
    add("--gpus", type=int, default=None, metavar="N", help="GPUs to plan for, measured on this machine's")
    add("--gpu", dest="card", default="", metavar="KIND", help="their kind where there is none here, as h200 or a100")
    add("--price", type=float, default=None, metavar="P", help="price of a core or a GPU for an hour")
    add_options(plan, "plan")
    plan.set_defaults(command_function=commands.plan)


def _ablate_parser(verbs: Any) -> None:
    ablate = verbs.add_parser(
        "ablate",
        help="train variants of one config on the same seeds and compare them",
        description="Train variants of one config on the same seeds and spectra, and say what the paired differences "
        "show. Nothing is selected, so nothing is exported; the blind test is left alone unless asked for.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = ablate.add_argument
    add("config", nargs="?", default="", metavar="CONFIG", help="known network, or a config file (an export's)")
    add("--of", dest="study", default="", metavar="STUDY", help="the confirmed winner of a study, on its dataset")
    how = ablate.add_mutually_exclusive_group()
    how.add_argument("--one-at-a-time", dest="grid", action="store_false", help="one change a variant (the default)")
    how.add_argument("--grid", action="store_true", help="all combinations")
    add_options(ablate, "ablate")
    ablate.set_defaults(command_function=commands.ablate)


def _models_parser(verbs: Any) -> None:
    models = verbs.add_parser("models", help="the known networks", allow_abbrev=False)
    verbs = models.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = verbs.add_parser("list", help="names, sizes and sources", allow_abbrev=False)
    listing.set_defaults(command_function=commands.list_models)
    show = verbs.add_parser("show", help="layers, shapes, parameters and multiply-adds", allow_abbrev=False)
    show.add_argument("model", metavar="MODEL", help="name of a known network")
    show.add_argument("--points", type=int, metavar="N", help="points of a spectrum (default: as published)")
    show.add_argument("--classes", type=int, metavar="N", help="classes (default: as published)")
    show.set_defaults(command_function=commands.show_model)


def _data_parser(verbs: Any) -> None:
    data = verbs.add_parser("data", help="look at a dataset or write one of its splits", allow_abbrev=False)
    verbs = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = verbs.add_parser("show", help="print what a dataset is and draw its classes", allow_abbrev=False)
    export = verbs.add_parser("export", help="write a split as .npz: x, y, axis, names", allow_abbrev=False)
    for parser in (show, export):
        parser.add_argument("dataset", metavar="DATASET", help="benchmark, challenge, generated, or a file or folder")
        parser.add_argument(
            "--data", action="append", default=[], metavar="NAME=VALUE", help="an option of the dataset"
        )
    show.add_argument("--out", default="", metavar="FILE", help="the page (default DATASET.html)")
    show.add_argument("--classes", type=int, default=12, metavar="N", help="classes to draw (default 12)")
    show.set_defaults(command_function=commands.show_data)
    export.add_argument("--split", default="test", help="train, validation or test (default test)")
    export.add_argument("--out", required=True, metavar="FILE", help="the .npz file")
    export.set_defaults(command_function=commands.export_data)


def _diagnose_parser(verbs: Any) -> None:
    diagnose = verbs.add_parser(
        "diagnose",
        help="why trained networks are wrong, and what the ideal classifier expects",
        description="Name the cause of every wrong answer and set the ideal classifier beside. Looks at results only: "
        "nothing is chosen by it.",
        allow_abbrev=False,
    )
    add = diagnose.add_argument
    add("what", nargs="+", metavar="WHAT", help="a study, STUDY:CANDIDATE (default: its winner), or an export's folder")
    add("--dataset", default="", metavar="DATA", help="what they were trained on (default: as the study says)")
    add("--data", action="append", default=[], metavar="NAME=VALUE", help="an option of the dataset")
    add("--split", choices=("test", "validation"), default="test", help="spectra to look at (default test)")
    add("--pair", default="", metavar="A,B", help="classes of the map (default: the most confused)")
    add("--peak", type=int, metavar="K", help="peak of A that the map varies, from 1 (default: what differs most)")
    add("--out", default="diagnosis.html", metavar="FILE", help="the page (default diagnosis.html)")
    add("--space", default="", metavar="FILE.py:NAME", help="the file of a network of your own")
    studies(diagnose)
    diagnose.set_defaults(command_function=commands.diagnose)


def _model_parsers(verbs: Any) -> None:
    """What is done with an export."""
    predict = verbs.add_parser("predict", help="classify spectra with an exported network", allow_abbrev=False)
    predict.add_argument("model", metavar="MODEL_FOLDER", help="folder of an export")
    predict.add_argument("file", metavar="FILE", help=".npz, .csv, .parquet or two-column text")
    predict.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how to read the file: columns, orient, header, decimal, unit ... (default: as in training)",
    )
    predict.add_argument("--space", default="", metavar="FILE.py:NAME", help="the file of a network of your own")
    predict.add_argument("--passes", type=int, default=0, metavar="N", help="Monte-Carlo dropout: mean and spread of N")
    predict.set_defaults(command_function=commands.predict)

    identify = verbs.add_parser(
        "identify", help="find the most similar references, of new classes too", allow_abbrev=False
    )
    identify.add_argument("model", metavar="MODEL_FOLDER", help="folder of an export, whose embeddings are compared")
    identify.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="spectra to identify: .npz, .csv, .xrdml, two-column text, a folder",
    )
    identify.add_argument(
        "--references",
        required=True,
        metavar="KNOWN",
        help="spectra of known classes, a folder each; or crystal structures: a folder, an archive or a list of CIFs",
    )
    identify.add_argument(
        "--wavelength",
        default="",
        metavar="LINE",
        help="of X-rays, as CuKa or in angstrom, where neither the model nor the files say it",
    )
    identify.add_argument("--space", default="", metavar="FILE.py:NAME", help="the file of a network of your own")
    identify.set_defaults(command_function=commands.identify)


def _study_parsers(verbs: Any) -> None:
    """What is done with a study that was run."""
    export = verbs.add_parser("export", help="export the best confirmed networks of a study", allow_abbrev=False)
    export.add_argument("study", metavar="STUDY", help="name or folder of a study")
    export.add_argument("--top", type=int, default=1, metavar="K", help="the best K confirmed configs (default 1)")
    export.add_argument(
        "--refit", action="store_true", help="the winner, trained again on training and validation spectra"
    )
    studies(export)
    export.set_defaults(command_function=commands.export)

    report = verbs.add_parser("report", help="write the report page of a study again", allow_abbrev=False)
    report.add_argument("study", metavar="STUDY", help="name or folder of a study")
    studies(report)
    report.set_defaults(command_function=commands.report)

    track = verbs.add_parser("track", help="deliver to MLflow what it missed of a study", allow_abbrev=False)
    track.add_argument("study", metavar="STUDY", help="name or folder of a study")
    track.add_argument("--tracking-uri", default="", metavar="URI", help="MLflow server or database")
    studies(track)
    track.set_defaults(command_function=commands.track)

    ui = verbs.add_parser("ui", help="open the MLflow UI on the store of the last study", allow_abbrev=False)
    ui.add_argument("--port", type=int, default=5000, help="port on the loopback address (default 5000)")
    studies(ui)
    ui.set_defaults(command_function=commands.ui)
