"""Three systems for powder patterns of real structures: frameworks, their identification, and crystal systems.

    python benchmarks/systems.py fetch mofs|crystals|all           structures, checked, listed and divided
    python benchmarks/systems.py run mofs|identify|crystals|all    the studies; what was finished is not run again
    python benchmarks/systems.py run mofs --full                   the published sizes, for a GPU
    python benchmarks/systems.py pace                              seconds of the processor for an epoch of each
    python benchmarks/systems.py table                             docs/figures/systems.md's tables of what was recorded

``fetch`` takes CoRE MOF 2019 from PyPI (core-mof), 510 minerals and elements from Debian (libavogadro-data), and lets
PyXtal, in an environment of its own, make random crystals. Everything lies in ``--cache``, outside the repository.
``run`` calls ``spectune`` as it is printed, and appends a line to ``results/systems.jsonl`` for each study. Trainings
go on where they were stopped. ``--show`` only prints the commands.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tarfile
import time
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import real
import systems_table
import torch
from record import HERE, append
from sets import Package

from spectune.search.records.study import Study, read
from spectune.spaces.errors import InputError
from spectune.spaces.saved import configs
from spectune.trainables.data import load
from spectune.trainables.data.cross import stratify
from spectune.trainables.data.crystals import alike, conditions, table
from spectune.trainables.data.dense import Dense
from spectune.trainables.train import train

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
MOFS = Package(name="core-mof", version="2019.1", registry="PyPI", licence="CC BY 4.0")
MINERALS = Package(
    name="libavogadro-data", version="1.97.0-3", registry="Debian", licence="public domain, from the COD"
)
PYXTAL = "pyxtal==1.1.5"
KNOWN = 1012  # classes, as in the data of the group of the ViT paper
SHARES = (0.5, 0.15, 0.35)  # of real structures to train on, to validate with, to test on

# What the published figures' authors did not say is chosen here, the same for training and test.
POWDER = {"wavelength": "CuKa1", "min_size": 50, "microstrain": 0.0005}
MOF_DATA = {**POWDER, "min_angle": 5, "max_angle": 50, "points": 901, "w": 0.0075, "redraw": "never"}
SYSTEM_DATA = {**POWDER, "min_angle": 10, "max_angle": 80, "points": 1001, "w": 0.013, "redraw": "never"}
EACH = {"train": 8, "validation": 2, "test": 2}
SMALL_REGNET = {
    "stages": 5,
    "blocks": 1,
    "filters": "16,32,64,64,128",
    "block_dropout": 0.1,
    "batch_size": 64,
    "schedule": "cosine",
}
SIX = ("extra_trees", "transformer", "dense", "scnn_lstm", "cnn2_relu", "cnn_bilstm")


class Part(NamedTuple):
    """A study: the system it is of, its name, and the words that start it."""

    system: str
    name: str
    words: list[str]


def parts(system: str, options: argparse.Namespace) -> list[Part]:
    """The studies of a system, small or full."""
    made = {"mofs": _mofs, "identify": _identify, "crystals": _crystals}[system](options)
    size = "-full" if options.full else ""
    place = ["--studies", str(options.cache / "studies"), "--resume", "--seeds", str(options.seeds)]
    return [
        Part(system, f"{system}-{name}{size}", [*words, *place, "--name", f"{system}-{name}{size}"])
        for name, words in made.items()
        if not options.study or name in options.study
    ]


def _mofs(options: argparse.Namespace) -> dict[str, list[str]]:
    """The transformer beside a CNN of the lineage that the paper names, and ours."""
    data = _mof_data(options)
    epochs = ["--epochs", "100" if options.full else str(options.epochs), "--baseline", "none"]
    quick = {} if options.full else {"schedule": "cosine", "lr": 1e-3, "batch_size": 64}
    return {
        "neighbours": ["train", "knn_5", *data, "--baseline", "none", *_set({"kept": 10_000})],
        "ours": ["train", "compact", *data, *epochs, *_set({"batch_norm": True})],
        "vit": ["train", "vit_xrd", *data, *epochs, *_set(quick if options.full else {**quick, "depth": 4})],
        "cnn": ["train", "vgg_relu", *data, *epochs, *_set(quick)],
        "cnn2": ["train", "cnn2_relu", *data, *epochs, *_set(quick)],
    }


def _mof_data(options: argparse.Namespace) -> list[str]:
    """The same structures and conditions for all, drawn once; full: longer, more of each, new in every epoch."""
    if not options.full:
        return ["--dataset", str(options.cache / "mofs.npz")]
    return ["--dataset", str(options.cache / "known.txt"), *_data(_full(MOF_DATA, 2251) | {"train": 50})]


def _identify(options: argparse.Namespace) -> dict[str, list[str]]:
    settings = {} if options.full else SMALL_REGNET
    epochs = ["--epochs", "50" if options.full else str(options.epochs), "--baseline", "none"]
    return {"regnet": ["train", "regnet", *_mof_data(options), *epochs, *_set(settings)]}


def _crystals(options: argparse.Namespace) -> dict[str, list[str]]:
    """Each model on whole spectra and on peaks, with either loss, and a search over everything."""
    data = SYSTEM_DATA | {"label": "system", "train": 10, "validation": 5, "test": 5}
    if options.full:
        data = _full(data, 4251)
    shared = ["--dataset", str(options.cache / "crystals"), *_data(data)]
    more = ["--dataset", str(options.cache / "crystals-made"), *_data(data | {"train": 2})]
    epochs = ["--epochs", "100" if options.full else str(options.epochs)]
    found = {}
    for model in SIX:
        grid = ["--grid", "--vary", "reading=spectrum,peaks", "--test"]
        grid += ["--vary", "loss=cross_entropy,focal"] if model != "extra_trees" else []
        grid += _set({"patch_size": 20}) if model == "transformer" else []  # fits the list of 20 peaks, too
        found[model] = ["ablate", model, *shared, *epochs, *grid]
    found["made"] = ["ablate", "extra_trees", *more, *epochs, "--grid", "--vary", "reading=peaks", "--test"]
    time = ["--total-time", "8h" if options.full else options.time]
    found["search"] = ["search", "--space", "any", *shared, *time, *epochs, "--baseline", "simple"]
    return found


def _full(data: dict[str, Any], points: int) -> dict[str, Any]:
    return {**{name: value for name, value in data.items() if name != "redraw"}, "points": points}


def _data(values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in ("--data", f"{name}={value}")]


def _set(values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def fetch(what: str, options: argparse.Namespace) -> None:
    """Structures on the disk, in the lists and folders that the studies read."""
    options.cache.mkdir(parents=True, exist_ok=True)
    if what in ("mofs", "all"):
        _fetch_mofs(options)
    if what in ("crystals", "all"):
        _fetch_crystals(options)


def _fetch_mofs(options: argparse.Namespace) -> None:
    """``known.txt`` of those that are classes, ``new.txt`` of others: drawn from all that can be told apart."""
    folder = options.cache / "mofs"
    if not folder.is_dir():
        package = real.unpacked(options.cache, MOFS)
        with tarfile.open(package / "CoRE_MOF" / "data" / "2019-ASR.tar.xz") as archive:
            archive.extractall(folder.with_suffix(".part"), filter="data")
        folder.with_suffix(".part").rename(folder)
    files = sorted(path.name for path in folder.rglob("*.cif"))
    random.Random(0).shuffle(files)
    drawn = options.cache / "drawn.txt"
    drawn.write_text("\n".join(f"mofs/{name}" for name in files[: options.drawn]) + "\n")
    measured = conditions.Conditions(**_conditions(MOF_DATA))
    found = table.read(drawn, measured)
    firsts = np.unique(alike.alike(found, measured))
    names = [f"{found.names[first]}.cif" for first in firsts]
    for name, some in (("known", names[: options.known]), ("new", names[options.known :])):
        (options.cache / f"{name}.txt").write_text("\n".join(some) + "\n")
    print(f"{len(files)} structures, {options.drawn} drawn, {len(found)} usable, {len(names)} that can be told apart")
    _render(options)


def _render(options: argparse.Namespace) -> None:
    """Patterns of both lists as arrays: ``mofs.npz`` with splits to train on, of new ones references and queries."""
    for name, made in (("known", EACH), ("new", {"train": 5, "validation": 1, "test": 2})):
        words = _data({**MOF_DATA, **made})
        arrays = {}
        for split in made:
            out = options.cache / f"{name}-{split}.npz"
            command = [
                "data",
                "export",
                str(options.cache / f"{name}.txt"),
                *words,
                "--split",
                split,
                "--out",
                str(out),
            ]
            subprocess.run([SPECTUNE, *command], check=True)
            with np.load(out, allow_pickle=False) as opened:
                arrays[split] = {key: opened[key] for key in opened.files}
        if name == "known":
            rows = {key: np.concatenate([arrays[split][key] for split in made]) for key in ("x", "y")}
            splits = np.concatenate([np.repeat(split, len(arrays[split]["y"])) for split in made])
            shared = {key: arrays["train"][key] for key in ("axis", "names")}
            np.savez(options.cache / "mofs.npz", split=splits, allow_pickle=False, **rows, **shared)


def _conditions(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name in conditions.Conditions.__dataclass_fields__}


def _fetch_crystals(options: argparse.Namespace) -> None:
    """Folders train, validation and test of real structures; in ``crystals-made`` train has random ones, too."""
    folder, made, more = (options.cache / name for name in ("crystals", "made", "crystals-made"))
    minerals = next((real.unpacked(options.cache, MINERALS)).rglob("crystals"))
    measured = conditions.Conditions(**_conditions(SYSTEM_DATA))
    found = table.read(minerals, measured)
    _, labels = np.unique(found.systems, return_inverse=True)
    placed = stratify(labels, alike.alike(found, measured), SHARES, 0)
    shutil.rmtree(folder, ignore_errors=True)
    for name, part in zip(found.names.tolist(), placed.tolist(), strict=True):
        path = folder / ("train", "validation", "test")[part] / "real" / f"{name}.cif"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(minerals / f"{name}.cif", path)
    shutil.rmtree(more, ignore_errors=True)
    shutil.copytree(folder, more)
    own = options.cache / "pyxtal"
    if not own.is_dir():
        venv.create(own, with_pip=True)
        subprocess.run([str(own / "bin" / "python"), "-m", "pip", "install", "-q", PYXTAL], check=True)
    command = [str(HERE / "made.py"), str(made), "--each", str(options.made)]
    subprocess.run([str(own / "bin" / "python"), *command], check=True)
    for path in sorted(made.glob("*.cif")):
        if int(path.stem.rpartition("-")[2]) < options.made:
            target = more / "train" / "made" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def run(system: str, options: argparse.Namespace) -> None:
    """Every study of a system that was not finished, and a line of what it found."""
    recorded = {(row["study"], row["digest"], row.get("command")) for row in systems_table.rows()}
    for part in parts(system, options):
        print(f"\n{' '.join(['spectune', *part.words])}", flush=True)
        folder = options.cache / "studies" / part.name
        if options.show:
            continue
        there = (folder / "journal.jsonl").is_file() and read(folder).finished
        if not there and (failed := subprocess.run([SPECTUNE, *part.words], check=False).returncode):
            sys.exit(failed)  # it has said why
        study, command = read(folder), _words(part.words, options)
        key = (part.name, study.header["dataset"]["digest"], command)
        if not study.finished or key in recorded:
            continue
        line = {"system": system, "study": part.name, "command": command, **figures(study)}
        if system == "identify":
            line["references"] = [identified(folder, name, options) for name in ("new", "both")]
        append("systems", line)


def _words(words: list[str], options: argparse.Namespace) -> str:
    return " ".join(["spectune", *words]).replace(str(options.cache), "CACHE")


def figures(study: Study) -> dict[str, Any]:
    """Of every tested candidate the metrics of the blind test with their intervals, and its seconds of training."""
    header, found = study.header, {}
    for candidate, trials in study.confirmed().items():
        tested = study.tested(candidate) or study.evaluations.get((candidate, "test"))
        if tested:
            seconds = [round(trial.seconds, 1) for trial in trials]
            epochs = [len(trial.reports) for trial in trials]
            about = {"seconds": seconds, "epochs": epochs, "parameters": trials[0].parameters}
            found[str(candidate)] = {**about, **{key: tested[key] for key in ("seeds", "metrics", "intervals")}}
    data = {key: header["dataset"].get(key) for key in ("digest", "description", "points", "classes")}
    return {"digest": data.pop("digest"), "data": data, "found": found}


def identified(folder: Path, which: str, options: argparse.Namespace) -> dict[str, Any]:
    """Top-1, 3 and 5 of ``spectune identify``: patterns of new frameworks among references of new ones, or of both."""
    export = sorted((folder / "exports").iterdir())[0]
    references, queries = options.cache / "new-train.npz", options.cache / "new-test.npz"
    if which == "both":
        references = options.cache / "both.npz"
        with np.load(options.cache / "known-train.npz") as one, np.load(options.cache / "new-train.npz") as two:
            names = np.concatenate([one["names"], two["names"]])
            y = np.concatenate([one["y"], two["y"] + len(one["names"])])
            np.savez(references, x=np.concatenate([one["x"], two["x"]]), y=y, axis=one["axis"], names=names)
    command = [SPECTUNE, "identify", str(export), str(queries), "--references", str(references)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    tops = {f"top{most}": float(value) for most, value in re.findall(r"top-(\d) ([\d.]+)", said)}
    return {"references": which, **tops, "said": said}


def pace(options: argparse.Namespace) -> None:
    """Seconds of the processor for an epoch of each network of the MOFs, one after the other on one thread."""
    whole = load(str(options.cache / "mofs.npz"))
    some = torch.arange(0, len(whole.train), 8)
    few = Dense(whole.train.batch(some).numpy(), whole.train.labels[some.numpy()])
    dataset = replace(whole, train=few, validation=few, test=few, digest="")
    torch.set_num_threads(1)
    found = {}
    for path in sorted((options.cache / "studies").glob("mofs-*")):
        study = read(path)
        network, training = configs(next(iter(study.trials.values())).config)
        if network.by_steps and "full" not in study.name:
            epochs = train(network, training, dataset, seed=0, epochs=2)
            next(epochs)
            began = time.process_time()
            next(epochs)
            found[study.name] = round((time.process_time() - began) * len(whole.train) / len(some), 2)
    append("systems", {"system": "pace", "study": "pace", "digest": whole.digest, "seconds": found})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fetch", "run", "pace", "table"))
    parser.add_argument("which", nargs="?", choices=("mofs", "identify", "crystals", "all"), default="all")
    parser.add_argument("--full", action="store_true", help="the published sizes, for a GPU")
    parser.add_argument("--show", action="store_true", help="only print the commands")
    parser.add_argument("--study", nargs="+", help="only these of the studies, by the ends of their names")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10, help="of a training that is not full")
    parser.add_argument("--time", default="10m", help="of a search that is not full")
    parser.add_argument("--drawn", type=int, default=1500, help="frameworks to choose from")
    parser.add_argument("--known", type=int, default=KNOWN, help="frameworks that are classes")
    parser.add_argument("--made", type=int, default=400, help="random crystals of each system")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spectune-systems")
    options = parser.parse_args()
    try:
        if options.what == "fetch":
            fetch(options.which, options)
        elif options.what == "run":
            for system in ("mofs", "identify", "crystals") if options.which == "all" else (options.which,):
                run(system, options)
        elif options.what == "pace":
            pace(options)
        else:
            print(systems_table.draw(systems_table.rows()))
    except InputError as error:
        sys.exit(f"systems.py: {error}")


if __name__ == "__main__":
    main()
