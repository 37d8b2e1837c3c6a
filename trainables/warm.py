"""Starting from the export of another study: its network, its weights, and the record of where they came from.

The study keeps copies, so that the export may be moved or replaced once the study has begun.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from spectune.spaces import FAMILIES, Network, Published
from spectune.spaces.errors import InputError
from spectune.spaces.files import replacing
from spectune.spaces.saved import configs
from spectune.trainables.export import read
from spectune.trainables.seal import CONFIG, WEIGHTS

NAME = "transfer"  # the network of the export among the known ones of its study
COPY, ABOUT = "init.safetensors", "init.json"  # in the study's folder


def load(export: str, folder: Path, families: Mapping[str, type[Network]] = FAMILIES) -> Published:
    """The export's network with its training, to be known as ``NAME`` in the study that starts from it.

    Of a study in ``folder`` that has begun it is the copy. ValueError, in one line, where the export is not whole or
    its network is of none of the ``families``.
    """
    path = folder / ABOUT
    if not path.is_file():
        read(export, families)
        path = Path(export) / CONFIG
    try:
        config = json.loads(path.read_text())
        network, training = configs({"network": config["network"], "training": config["training"]}, families)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} must be the config of an export, and is not ({reason}): restore the study") from None
    if not network.by_steps:
        raise InputError(f"--init-from needs the export of a network, {export} is a {network.family}: give another")
    return Published(network, training.replace(init="scratch"), f"export {export}")


def keep(export: str, folder: Path) -> None:
    """Copy the weights and the config into the study's folder, if there are no copies yet. OSError where it cannot."""
    if (folder / ABOUT).is_file():
        return
    for name, copy in ((WEIGHTS, COPY), (CONFIG, ABOUT)):  # the config last: where it is, the weights are
        with replacing(folder / copy) as part:
            shutil.copyfile(Path(export) / name, part)


def origin(folder: Path) -> dict[str, Any] | None:
    """Where the weights that a study started from come from, for its record; None where they were drawn."""
    if not (folder / ABOUT).is_file():
        return None
    config = json.loads((folder / ABOUT).read_text())
    with (folder / COPY).open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "study": config["numbers"].get("study"), "dataset": config["dataset"]}
