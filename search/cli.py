"""The command line. Heavy modules are imported by the command that needs them, so that ``--help`` answers at once.

``ray submit`` swallows some options on their way to the script (``--start --stop --screen --args -n -p -v`` ...): none
of ours is called like one of those; a test compares them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectune.spaces import SPACES, Training

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FACTORS = {"k": 10**3, "M": 10**6, "G": 10**9}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 2 for bad input (one line on stderr), 130 after an interrupt."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command_function")
    try:
        return int(command(**options) or 0)
    except ValueError as error:
        print(f"spectune: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spectune",
        description="Search for the best neural network for one-dimensional spectra.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _search_parser(commands)
    _data_parser(commands)

    export = commands.add_parser("export", help="export the best confirmed networks of a study", allow_abbrev=False)
    export.add_argument("study", metavar="STUDY", help="name or folder of a study")
    export.add_argument("--top", type=int, default=1, metavar="K", help="the best K confirmed configs (default 1)")
    _studies(export)
    export.set_defaults(command_function=_export)

    predict = commands.add_parser("predict", help="classify spectra with an exported network", allow_abbrev=False)
    predict.add_argument("model", metavar="MODEL_FOLDER", help="folder of an export")
    predict.add_argument("file", metavar="FILE", help=".npz, .csv, .parquet or two-column text")
    predict.set_defaults(command_function=_predict)

    report = commands.add_parser("report", help="write the report page of a study again", allow_abbrev=False)
    report.add_argument("study", metavar="STUDY", help="name or folder of a study")
    _studies(report)
    report.set_defaults(command_function=_report)

    track = commands.add_parser("track", help="deliver to MLflow what it missed of a study", allow_abbrev=False)
    track.add_argument("study", metavar="STUDY", help="name or folder of a study")
    track.add_argument("--tracking-uri", default="", metavar="URI", help="MLflow server or database")
    _studies(track)
    track.set_defaults(command_function=_track)

    ui = commands.add_parser("ui", help="open the MLflow UI on the store of the last study", allow_abbrev=False)
    ui.add_argument("--port", type=int, default=5000, help="port on the loopback address (default 5000)")
    _studies(ui)
    ui.set_defaults(command_function=_ui)
    return parser


def _search_parser(commands: Any) -> None:
    search = commands.add_parser(
        "search",
        help="explore, confirm, test and export a network",
        description="Explore a space, confirm the best configs on new seeds, test the winner once, export it.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = search.add_argument
    add("--space", choices=SPACES, help="architecture family, or any of them (default cnn)")
    add("--dataset", metavar="DATA", help="benchmark, challenge, generated, or a file or folder (default challenge)")
    add("--data", action="append", metavar="NAME=VALUE", help="an option of the dataset; may be given several times")
    add("--name", help="name of the study and of its folder")
    add("--resume", action="store_true", help="go on with the study of that name, or start it; extends a finished one")
    add("--trials", type=int, metavar="N", help="trials of the exploration (default 50)")
    add(
        "--time",
        type=duration,
        metavar="TIME",
        help="end of the exploration, as 90s, 10m, 2h; confirmation comes on top",
    )
    add("--epochs", type=int, metavar="N", help="full budget of one training (default 100)")
    add("--grace", type=int, metavar="N", help="epochs before a trial may be stopped (default a ninth of --epochs)")
    add("--eta", type=int, metavar="N", help="one trial in N goes on at a rung (default 3)")
    add("--top", type=int, metavar="K", help="configs to confirm (default 3)")
    add("--seeds", type=int, metavar="N", help="new seeds in the confirmation (default 5)")
    add("--baseline", metavar="NAME", help="published network to compare with, or none (default: the space's)")
    add(
        "--objective",
        action="append",
        metavar="METRIC",
        help="what to optimise; twice for a Pareto front (default accuracy)",
    )
    add("--sampler", choices=("tpe", "random"), help="what proposes configs (default tpe)")
    add("--seed", type=int, metavar="N", help="seed of the study (default 0)")
    add("--set", action="append", metavar="NAME=VALUE", help="fix a hyperparameter; may be given several times")
    add("--max-params", type=count, metavar="N", help="most parameters of a network, as 500k, 2M")
    add("--max-macs", type=count, metavar="N", help="most multiply-adds for one spectrum, as 20M")
    add("--concurrent", type=int, metavar="N", help="trials at a time (default: as many as fit)")
    add("--cpus-per-trial", type=float, metavar="N", help="CPU cores of a trial (default 1)")
    add("--gpus-per-trial", type=float, metavar="N", help="GPUs of a trial (default 1 where there are GPUs)")
    add(
        "--address",
        metavar="ADDRESS",
        help="Ray cluster to use, or auto (default $RAY_ADDRESS, else this machine alone)",
    )
    add(
        "--tracking-uri",
        metavar="URI",
        help="MLflow server or database (default $MLFLOW_TRACKING_URI, else mlflow.db here)",
    )
    _studies(search)
    add("--print-space", action="store_true", help="print the space with its conditions and size, and stop")
    search.set_defaults(command_function=_search)


def _data_parser(commands: Any) -> None:
    data = commands.add_parser("data", help="look at a dataset or write one of its splits", allow_abbrev=False)
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
    show.set_defaults(command_function=_show)
    export.add_argument("--split", default="test", help="train, validation or test (default test)")
    export.add_argument("--out", required=True, metavar="FILE", help="the .npz file")
    export.set_defaults(command_function=_export_data)


def _studies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--studies", default="studies", metavar="DIR", help="folder of all studies (default studies)")


# Commands -------------------------------------------------------------------------------------------------------------


def _search(print_space: bool = False, **given: Any) -> int:
    if print_space:
        from spectune.spaces.show import space_table

        print(space_table(SPACES[given.get("space", "cnn")]))
        print(space_table(Training))
        return 0
    from spectune.search.launch import launch

    return launch(given)


def _show(dataset: str, data: list[str], out: str, classes: int) -> None:
    import tempfile

    import numpy as np

    from spectune.trainables.data import describe, examples, load

    loaded = load(dataset, **pairs("--data", data))
    print(describe(loaded))
    page = Path(out or f"{Path(dataset).stem}.html")
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "examples.npz"
        np.savez(arrays, **examples(loaded, classes))
        dashboard("classes", str(arrays), "--out", str(page))
    print(f"classes drawn in {page}")


def _export_data(dataset: str, data: list[str], split: str, out: str) -> None:
    from spectune.trainables.data import load, save

    save(load(dataset, **pairs("--data", data)), split, out)
    print(f"{split} split of {dataset} written to {out}")


def _export(study: str, top: int, studies: str) -> None:
    from spectune.search.finish import export_again

    for folder in export_again(find(study, studies), top):
        print(folder)


def _predict(model: str, file: str) -> None:
    from spectune.trainables.data import read
    from spectune.trainables.export import read as read_export

    exported = read_export(Path(model))
    spectra, axis, _, names = read(Path(file))
    probabilities = exported.predict(spectra, axis)
    for name, row in zip(names, probabilities, strict=True):
        best = row.argsort()[::-1][:5]
        print(f"{name}: " + ", ".join(f"{exported.classes[index]} {row[index]:.4f}" for index in best))


def _report(study: str, studies: str) -> None:
    folder = find(study, studies)
    dashboard("report", str(folder))
    print(folder / "report.html")


def _track(study: str, tracking_uri: str, studies: str) -> int:
    from spectune.search.store import default_uri, public
    from spectune.search.tracking import Follower

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


def _ui(port: int, studies: str) -> int:
    from spectune.search.store import default_uri, last_store, public

    uri = last_store(Path(studies)) or default_uri()
    if not uri.startswith("sqlite"):
        print(f"the last study is tracked by the server at {public(uri)}: open it in a browser")
        return 0
    print(f"MLflow UI on http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = ["-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    try:
        return subprocess.run([sys.executable, *command], check=False).returncode
    except KeyboardInterrupt:
        return 0


# What options mean ----------------------------------------------------------------------------------------------------


def duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``10m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"a time is a number with s, m, h or d, got {text!r}: write 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def count(text: str) -> int:
    """The number in ``500000``, ``500k``, ``2M`` or ``1.5G``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"a count is a number, k, M or G may follow, got {text!r}: write 500k or 2M")
    return round(float(match[1]) * FACTORS.get(match[2], 1))


def pairs(flag: str, settings: Sequence[str]) -> dict[str, str]:
    """The dict of ``NAME=VALUE`` settings; ValueError for one without an equals sign."""
    for setting in settings:
        if "=" not in setting:
            raise ValueError(f"{flag} takes name=value, got {setting!r}: write it as for instance {flag} points=1000")
    return {name: value for name, _, value in (setting.partition("=") for setting in settings)}


def find(study: str, studies: str) -> Path:
    """The folder of a study given by its name or its folder; ValueError lists the known ones."""
    for folder in (Path(study), Path(studies) / study):
        if (folder / "journal.jsonl").is_file():
            return folder
    known = sorted(path.parent.name for path in Path(studies).glob("*/journal.jsonl"))
    raise ValueError(f"no study {study!r} in {studies}: known are {', '.join(known) or 'none yet'}")


def dashboard(page: str, *arguments: str) -> None:
    """Have a page drawn by a process of its own: the search never imports dashboards."""
    done = subprocess.run(
        [sys.executable, "-m", f"spectune.dashboards.{page}", *arguments], check=False, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ValueError(f"the page {page} could not be drawn: {last}")
