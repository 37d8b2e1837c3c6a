"""Schuetzke et al. 2023 again, figure by figure, beside the published numbers.

    python benchmarks/paper.py fig2 --published FOLDER             eight networks on the benchmark
    python benchmarks/paper.py fig3 --published FOLDER             their validation loss over epochs (trains as fig2)
    python benchmarks/paper.py fig7 --published FOLDER             linear against ReLU between the FC layers
    python benchmarks/paper.py table2 --published FOLDER           the modified variants, and batch norm that keeps up
    python benchmarks/paper.py fig7 --networks cnn6 --factors 0.1  a part of it
    python benchmarks/paper.py fig2 --replicas 5 --replay          on a GPU: five seeds as one network
    python benchmarks/paper.py fig7 --reduced                      what two cores can do, with the same question

Every part is a study of its own that is resumed by the same command, so short stretches of time add up, on different
machines, too: what was trained is recorded, and the table shows all that ever was. FOLDER holds challenge.json, the
published definition, and the published results as CSV; without the results those columns stay empty, and only fig2 and
fig3 can do without the definition. The published protocol: 5 seeds, early stopping, learning rate times 0.5 (paper) or
0.1 (code and logs) on a plateau.

``--reduced`` is declared in every table: 1000 points instead of 5000 (positions and shifts scaled, widths not), at most
150 epochs instead of 500; for fig2 and fig3 500 points, and of the 500 classes the 40 that are nearest to another one.
Its accuracies are not the paper's; the question is the same. Fewer epochs are another question: of networks that are
still learning the faster one wins.

Networks with batch norm stand in table2 once more with ``norm_momentum=0.1``: the published 0.01 leaves the statistics
that validation uses behind the weights where an epoch has 11 steps.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import drawn
import nearest
import tables
from record import HERE, append

from spectune.dashboards.figures.categories import shares
from spectune.search.ablation.vary import spelled
from spectune.search.records.study import Study, Trial, read
from spectune.spaces import PUBLISHED

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
EIGHT = ("cnn2", "cnn3", "cnn6", "vgg", "cnn_bn", "resnet", "inc3", "inc6")
FIGURES = {
    "fig2": EIGHT,
    "fig3": EIGHT,
    "fig7": ("cnn2", "cnn3", "cnn6", "inc3", "inc6"),
    "table2": ("cnn6", "cnn6_bn", "cnn6_convdo", "cnn_bn", "cnn_bn_mod", "vgg", "vgg_mod", "resnet", "resnet_mod"),
}
KEEPS_UP = 0.1  # momentum of batch norm
EPOCHS, REDUCED_EPOCHS = 500, 150
NEAREST = 40  # classes of a reduced fig2


class Part(NamedTuple):
    """A study that a figure needs: ``words`` start it, ``rows`` are its candidates with their published names."""

    network: str
    factor: float
    name: str
    words: list[str]
    rows: dict[str, tuple[str, ...]]


def parts(figure: str, options: argparse.Namespace) -> list[Part]:
    """The studies of a figure, one for each network and plateau factor, and in table2 for each way of batch norm."""
    found = []
    for network in options.networks or FIGURES[figure]:
        for factor in options.factors:
            part = _part(figure, network, factor, options)
            found.append(part)
            if figure == "table2" and "norm_momentum" in PUBLISHED[network].network.to_dict():
                found.append(_keeping_up(part))
    return found


def _part(figure: str, network: str, factor: float, options: argparse.Namespace) -> Part:
    data = ["--dataset", "benchmark"]
    if figure in ("fig7", "table2"):
        data = ["--dataset", str(options.published / "challenge.json")]
        data += ["--data", "points=1000"] if options.reduced else []
    elif options.reduced:
        data = ["--dataset", str(nearest_of(options)), "--data", "rules=benchmark", "--data", "points=500"]
    kept = "fig2" if figure == "fig3" else figure
    name = f"{kept}-{network}-{factor}{'-reduced' if options.reduced else ''}"
    epochs = str(REDUCED_EPOCHS if options.reduced else EPOCHS)
    place = ["--epochs", epochs, "--name", name, "--resume", "--studies", str(options.studies)]
    settings = {"plateau_factor": factor, **({"replay": True} if options.replay else {})}
    words = [*data, *place, "--seeds", str(options.seeds)]
    words += [word for setting, value in settings.items() for word in ("--set", f"{setting}={value}")]
    words += ["--replicas", str(options.replicas)] if options.replicas > 1 else []
    if figure != "fig7":
        return Part(network, factor, name, ["train", network, *words], {network: (network,)})
    activation = PUBLISHED[network].network.to_dict()["fc_activation"]
    (other,) = {"linear", "relu"} - {activation}
    rows: dict[str, tuple[str, ...]] = {
        " ".join([network, *(f"{key}={spelled(value)}" for key, value in settings.items())]): (network, activation),
        f"fc_activation={other}": (network, other),
    }
    vary = ["--vary", f"fc_activation={other}", "--test"]
    return Part(network, factor, name, ["ablate", network, *words, *vary], rows)


def _keeping_up(part: Part) -> Part:
    """The same network with batch norm whose running statistics keep up with the weights."""
    name = f"{part.name}-momentum"
    words = [name if word == part.name else word for word in part.words]
    words += ["--set", f"norm_momentum={KEEPS_UP}"]
    return part._replace(name=name, words=words, rows={part.network: (part.network, f"momentum {KEEPS_UP}")})


def nearest_of(options: argparse.Namespace) -> Path:
    """Where the definition of a reduced fig2 lies."""
    return Path(options.studies / f"nearest{NEAREST}.json")


def run(part: Part, options: argparse.Namespace) -> None:
    """Train what is missing of a part. Ctrl-C ends it; what was finished stays."""
    folder = options.studies / part.name
    if (folder / "journal.jsonl").is_file():
        study = read(folder)
        if study.finished and all(len(study.confirmed().get(name, [])) >= options.seeds for name in part.rows):
            return
    print(f"\n{' '.join([Path(SPECTUNE).name, *part.words])}", flush=True)
    if failed := subprocess.run([SPECTUNE, *part.words], check=False).returncode:
        sys.exit(failed)  # it has said why


def tested(study: Study, candidate: str) -> dict[int, float]:
    """Accuracies on the blind test by their seed."""
    found = study.tested(candidate) or study.evaluations.get((candidate, "test"))
    return dict(zip(found["seeds"], (row["accuracy"] for row in found["metrics"]), strict=True)) if found else {}


def published(figure: str, folder: Path | None) -> dict[tuple[str, ...], list[float]]:
    """The published test accuracies by network (and FC activation)."""
    name, keys, column = {
        "fig2": ("published_benchmark_results.csv", ("model",), "test_accuracy"),
        "fig7": ("published_challenge_results.csv", ("model", "hidden_activation"), "accuracy"),
    }.get(figure, ("", (), ""))
    path = None if folder is None or not name else folder / name
    if path is None or not path.is_file():
        return {}
    found: dict[tuple[str, ...], list[float]] = {}
    with path.open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            found.setdefault(tuple(row[key] for key in keys), []).append(float(row[column]))
    return found


def rows(figure: str, options: argparse.Namespace) -> list[tables.Row]:
    """What the studies at hand say of a figure, as rows of its table."""
    known, found = published(figure, options.published), []
    for part in parts(figure, options):
        folder = options.studies / part.name
        if not (folder / "journal.jsonl").is_file():
            continue
        study = read(folder)
        header = study.header
        about = {"factor": part.factor, "digest": header["dataset"]["digest"], "commit": header["git"]}
        for candidate, key in part.rows.items():
            trained, row = study.confirmed().get(candidate, []), {"network": list(key), **about}
            if figure == "fig3" and trained:
                found.append({**row, "seeds": [trial.seed for trial in trained], **curve(trained)})
            elif figure != "fig3" and (values := tested(study, candidate)):
                causes = shares(study, "test").items() if header.get("ablation") else ()
                found.append(
                    {
                        **row,
                        "seeds": list(values),
                        "values": list(values.values()),
                        "published": known.get(key, []),
                        "right": {cause: right[candidate] for cause, right in causes if candidate in right},
                        "seconds": [round(trial.seconds) for trial in trained],
                    }
                )
    return found


def curve(trials: list[Trial]) -> dict[str, Any]:
    """Validation losses: the median of the seeds that still train after each epoch, of their lowest, and their ends."""
    losses = [[row["loss"] for _, row in trial.reports] for trial in trials]
    middle = (statistics.median(filter(None, epoch)) for epoch in zip_longest(*losses))
    return {
        "curve": [float(f"{loss:.4g}") for loss in middle],
        "lowest": statistics.median(map(min, losses)),
        "epochs": [len(each) for each in losses],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--published", type=Path, help="folder with challenge.json and the published results")
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED)
    parser.add_argument("--factors", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--replicas", type=int, default=1, help="seeds that are trained as one network, for a GPU")
    parser.add_argument("--replay", action="store_true", help="steps as CUDA graphs, on a GPU")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--studies", type=Path, default=Path("studies/paper"))
    parser.add_argument("--show", action="store_true", help="train nothing, only write the table of what was recorded")
    options = parser.parse_args()
    if options.figure in ("fig7", "table2") and options.published is None:
        parser.error(f"{options.figure} needs the published definition: give --published FOLDER with challenge.json")
    if not options.show:
        if options.reduced and options.figure in ("fig2", "fig3"):
            nearest.write(nearest_of(options), NEAREST)
        for part in parts(options.figure, options):
            run(part, options)
        append("paper", {"figure": options.figure, "reduced": options.reduced, "rows": rows(options.figure, options)})
    show(options)


def show(options: argparse.Namespace) -> None:
    """Write the table and the picture of everything that was recorded of a figure."""
    name = f"{options.figure}{'-reduced' if options.reduced else ''}"
    title = f"{options.figure}{', reduced (see benchmarks/paper.py)' if options.reduced else ''}"
    found = tables.merged(tables.recorded(options.figure, reduced=options.reduced), FIGURES[options.figure])
    if not found:
        sys.exit(f"nothing was recorded of {title}: leave out --show to train it")
    page = options.studies / f"{name}.html"
    if options.figure == "fig3":
        lines = tables.losses(found)
        curves = {f"{row['network'][0]}, {row['factor']:g}": dict(enumerate(row["curve"], 1)) for row in found}
        drawn.losses(page, title, curves)
    else:
        lines = tables.accuracies(found, reduced=options.reduced)
        drawn.accuracies(page, title, found)
    said = {"fig2": tables.order, "fig7": tables.activations, "table2": tables.simpler}
    if options.figure in said:
        lines += ["", *said[options.figure](found)]
    text = "\n".join([f"## {title}", "", f"{', '.join(sorted({row['machine'] for row in found}))}", "", *lines, ""])
    print(text)
    (HERE / "results" / f"paper-{name}.md").write_text(text)


if __name__ == "__main__":
    main()
