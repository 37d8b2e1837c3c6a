"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import argparse
import re

from spectune.search.records import AUTO
from spectune.spaces import SPACES

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FACTORS = {"k": 10**3, "M": 10**6, "G": 10**9}


def exploration(parser: argparse.ArgumentParser) -> None:
    """What a search may explore and confirm."""
    add = parser.add_argument
    add("--space", help=f"{', '.join(SPACES)}, or your own as FILE.py:NAME (default cnn)")
    add("--trials", type=int, metavar="N", help="trials of the exploration (default 50)")
    add(
        "--time",
        type=duration,
        metavar="TIME",
        help="end of the exploration, as 90s, 10m, 2h; confirmation comes on top",
    )
    add("--grace", type=int, metavar="N", help="epochs before a trial may be stopped (default a 27th of --epochs)")
    add("--eta", type=int, metavar="N", help="one trial in N goes on at a rung (default 3)")
    add("--top", type=int, metavar="K", help="configs to confirm (default 3)")
    add("--seeds", type=int, metavar="N", help="new seeds in the confirmation (default 5)")
    add("--start-from", action="append", metavar="MODEL", help="known network to try first (default: all that fit)")
    add("--baseline", metavar="MODEL", help="published network to compare with, or none (default cnn2)")
    add(
        "--objective",
        action="append",
        metavar="METRIC",
        help="what to optimise; twice for a Pareto front (default accuracy)",
    )
    add("--sampler", choices=("near", "tpe", "random"), help="what proposes configs (default near)")
    add("--vary", action="append", metavar="NAME", help="search a hyperparameter that is fixed by default")
    add("--max-params", type=count, metavar="N", help="most parameters of a network, as 500k, 2M")
    add("--max-macs", type=count, metavar="N", help="most multiply-adds for one spectrum, as 20M")


def training(parser: argparse.ArgumentParser) -> None:
    """What trainings are like, and what each of them gets."""
    add = parser.add_argument
    add("--dataset", metavar="DATA", help="benchmark, challenge, generated, or a file or folder (default challenge)")
    add("--data", action="append", metavar="NAME=VALUE", help="an option of the dataset; may be given several times")
    add("--epochs", type=int, metavar="N", help="full budget of one training (default 100)")
    add("--seed", type=int, metavar="N", help="seed of the study (default 0)")
    add("--set", action="append", metavar="NAME=VALUE", help="fix a hyperparameter; may be given several times")
    add("--concurrent", type=int, metavar="N", help="trials at a time (default: as many as fit)")
    add("--replicas", type=int, metavar="N", help="trainings of one architecture that are fused into one (default 1)")
    add("--cpus-per-trial", type=float, metavar="N", help="CPU cores of a trial (default 1)")
    add(
        "--gpus-per-trial",
        type=gpus,
        metavar="N",
        help="GPUs of a trial, as 0.25, or auto: measured on the first configs (default 1 where there are GPUs)",
    )


def session(parser: argparse.ArgumentParser) -> None:
    """What a search, a training and an ablation have in common."""
    training(parser)
    add = parser.add_argument
    add("--name", help="name of the study and of its folder")
    add(
        "--stall",
        type=duration,
        metavar="TIME",
        help="start a training again that drew no batch for so long, as 10m (default 1h)",
    )
    add("--resume", action="store_true", help="go on with the study of that name, or start it; extends a finished one")
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
    studies(parser)


def warm(parser: argparse.ArgumentParser) -> None:
    """How a search and a training start from another study."""
    parser.add_argument(
        "--init-from", metavar="EXPORT", help="start from the network and the weights of another study's export"
    )


def studies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--studies", default="studies", metavar="DIR", help="folder of all studies (default studies)")


def duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``10m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"a time is a number with s, m, h or d, got {text!r}: write 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def gpus(text: str) -> float | str:
    """A number of GPUs, or ``auto``."""
    try:
        return text if text == AUTO else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"GPUs are a number or {AUTO}, got {text!r}: write 1, 0.25 or {AUTO}"
        ) from None


def count(text: str) -> int:
    """The number in ``500000``, ``500k``, ``2M`` or ``1.5G``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"a count is a number, k, M or G may follow, got {text!r}: write 500k or 2M")
    return round(float(match[1]) * FACTORS.get(match[2], 1))
