"""What the records say of a session as it begins: everything that is needed to understand and repeat it."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import subprocess
import sys
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from spectune.search.ablation import variants
from spectune.search.records import Options, Study
from spectune.search.records.metrics import METRICS
from spectune.search.tracking.store import public
from spectune.spaces.saved import portfolio
from spectune.trainables import warm
from spectune.trainables.data.dataset import SPLITS, Dataset

UNEQUAL = 1.5  # times the smallest class that the largest one has
PACKAGES = ("spectune", "torch", "ray", "optuna", "mlflow", "numpy")


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
            **_balance(dataset, folded=bool(options.folds)),
        },
        "init": warm.origin(options.folder),
        **({"learned": learned(options)} if options.learned else {}),
        **({"ablation": variants.header(options, dataset)} if options.reference else {}),
        "objectives": [[name, METRICS[name].direction] for name in options.objectives],
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


def learned(options: Options) -> dict[str, Any]:
    """On how many datasets it was learned what the search begins with, in how many configs, and the digest of all."""
    values = options.catalogue.learned
    configs = portfolio(values, options.catalogue.space(options.space))
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return {"tasks": len(values["tasks"]), "configs": len(configs), "digest": digest}


def _balance(dataset: Dataset, *, folded: bool = False) -> dict[str, Any]:
    """The ``largest`` class of the splits that networks are judged on, and whether classes are so ``unequal`` on one of
    them that accuracy alone hides the small ones. Folds validate on what is to train with as well. Nothing for several
    labels per spectrum."""
    if dataset.multilabel:
        return {}
    by_split, unequal = {}, False
    for name in SPLITS[1:]:
        judged = SPLITS[:2] if folded and name == "validation" else (name,)
        labels = np.concatenate([dataset.split(one).labels for one in judged])
        counts = np.bincount(labels, minlength=len(dataset.classes))
        most = int(counts.argmax())
        by_split[name] = {"class": dataset.classes[most], "share": float(counts[most] / max(1, counts.sum()))}
        unequal |= bool(counts.max() >= UNEQUAL * counts.min())
    return {"largest": by_split, "unequal": unequal}


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
