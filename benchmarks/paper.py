"""Schuetzke et al. 2023 again, figure by figure, beside the published numbers.

    python benchmarks/paper.py fig2 --published FOLDER             eight networks on the benchmark
    python benchmarks/paper.py fig3 --published FOLDER             their validation loss over epochs (trains as fig2)
    python benchmarks/paper.py fig7 --published FOLDER             linear against ReLU between the FC layers
    python benchmarks/paper.py table2 --published FOLDER           the modified variants, and batch norm that keeps up
    python benchmarks/paper.py fig7 --networks cnn6 --factors 0.1  a part of it
    python benchmarks/paper.py fig7 --reduced                      what two cores can do, with the same question

Every part is a study of its own that is resumed by the same command, so short stretches of time add up; a table of what
is there is written after each. FOLDER holds challenge.json, the published definition, and the published results as
CSV; without the results those columns stay empty, and only fig2 and fig3 can do without the definition. The published
protocol: 5 seeds, early stopping, learning rate times 0.5 (paper) or 0.1 (code and logs) on a plateau.

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
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import drawn
import nearest
from record import HERE, append, commit, machine
from scipy.stats import spearmanr

from spectune.dashboards.categories import shares
from spectune.search.confirm import interval
from spectune.search.paired import bootstrap, holm, permutation
from spectune.search.record import Study, read
from spectune.search.vary import said
from spectune.spaces import PUBLISHED

SPECTUNE = str(Path(sys.executable).with_name("spectune"))
EIGHT = ("cnn2", "cnn3", "cnn6", "vgg", "cnn_bn", "resnet", "inc3", "inc6")
FIGURES = {
    "fig2": EIGHT,
    "fig3": EIGHT,
    "fig7": ("cnn2", "cnn3", "cnn6", "inc3", "inc6"),
    "table2": ("cnn6", "cnn6_bn", "cnn6_convdo", "cnn_bn", "cnn_bn_mod", "vgg", "vgg_mod", "resnet", "resnet_mod"),
}
SIMPLER = {"cnn6_bn": "cnn6", "cnn6_convdo": "cnn6", "cnn_bn": "cnn_bn_mod", "vgg": "vgg_mod", "resnet": "resnet_mod"}
KEEPS_UP = 0.1  # momentum of batch norm
EPOCHS, REDUCED_EPOCHS = 500, 150
NEAREST = 40  # classes of a reduced fig2
CURVE = (1, 2, 5, 10, 20, 40, 80)  # epochs at which fig3's table shows the loss


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
    words = [*data, *place, "--seeds", str(options.seeds), "--set", f"plateau_factor={factor}"]
    words += ["--replicas", str(options.replicas)] if options.replicas > 1 else []
    if figure != "fig7":
        return Part(network, factor, name, ["train", network, *words], {network: (network,)})
    activation = PUBLISHED[network].network.to_dict()["fc_activation"]
    (other,) = {"linear", "relu"} - {activation}
    rows: dict[str, tuple[str, ...]] = {
        f"{network} plateau_factor={said(factor)}": (network, activation),
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


def accuracies(figure: str, options: argparse.Namespace) -> tuple[list[str], list[dict[str, Any]]]:
    """The table of a figure, a row for each network and factor that is there, and the same as records."""
    known = published(figure, options.published)
    lines = [
        "| network | plateau factor | seeds | test accuracy, median (range) | mean, 95 % interval | published median "
        "(range) | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    records = []
    for part in parts(figure, options):
        folder = options.studies / part.name
        study = read(folder) if (folder / "journal.jsonl").is_file() else None
        for candidate, key in part.rows.items():
            seeds = tested(study, candidate) if study else {}
            if study is None or not seeds:
                continue
            values = list(seeds.values())
            theirs = known.get(key, [])
            ends = interval(values, "accuracy")
            mean = f"{ends['mean']:.4f}" + ("" if ends["low"] is None else f", {ends['low']:.4f} to {ends['high']:.4f}")
            cells = [
                " ".join(key),
                f"{part.factor:g}",
                str(len(values)),
                spread(values),
                mean,
                spread(theirs),
                "reduced: compare the rows" if options.reduced else verdict(values, theirs),
            ]
            lines.append(f"| {' | '.join(cells)} |")
            records.append({
                "network": list(key), "factor": part.factor, "seeds": list(seeds), "values": values,
                "published": theirs,
                "digest": study.header["dataset"]["digest"],
                "seconds": [round(trial.seconds) for trial in study.confirmed()[candidate]],
            })  # fmt: skip
    return lines, records


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})" if values else ""


def verdict(ours: list[float], theirs: list[float]) -> str:
    """Whether the median lies within the published seeds."""
    if not theirs:
        return "not published"
    median = statistics.median(ours)
    if min(theirs) <= median <= max(theirs):
        return "inside the published spread"
    nearest = min(theirs) if median < min(theirs) else max(theirs)
    return f"outside, {100 * (median - nearest):+.1f} points"


def pairs(options: argparse.Namespace) -> list[str]:
    """What fig7's paired comparisons say, in their own words."""
    lines = []
    for part in parts("fig7", options):
        folder = options.studies / part.name
        found = read(folder).comparisons.get("test") if (folder / "journal.jsonl").is_file() else None
        lines += [f"* {part.name}: {row['finding']}" for row in (found or {"rows": []})["rows"] if row["finding"]]
    return lines


def simpler(records: list[dict[str, Any]]) -> list[str]:
    """How far table2's simpler networks are better than those that they were made of, in pairs of one seed."""
    rows = {
        (tuple(row["network"]), row["factor"]): dict(zip(row["seeds"], row["values"], strict=True)) for row in records
    }
    found = []
    for (key, factor), values in rows.items():
        better = rows.get(((SIMPLER.get(key[0], ""),), factor), {})
        if len(seeds := sorted(values.keys() & better.keys())) > 1:
            name = f"{SIMPLER[key[0]]} instead of {' '.join(key)}, plateau factor {factor:g}"
            found.append((name, [better[seed] - values[seed] for seed in seeds]))
    return compared(found)


def together(options: argparse.Namespace) -> list[str]:
    """What ReLU brings in the pairs of all of fig7's networks: on all spectra, and on those of each cause."""
    found: dict[str, list[float]] = {}
    for part in parts("fig7", options):
        folder = options.studies / part.name
        study = read(folder) if (folder / "journal.jsonl").is_file() else None
        tests = {variant: tested(study, variant) for variant in part.rows} if study else {}
        if study is None or not all(tests.values()) or len({tuple(test) for test in tests.values()}) > 1:
            continue  # not every seed has been tested with both
        relu, linear = sorted(part.rows, key=lambda variant: part.rows[variant][1], reverse=True)
        everything = {variant: list(test.values()) for variant, test in tests.items()}
        for spectra, values in {"all spectra": everything, **shares(study, "test")}.items():
            differences = (a - b for a, b in zip(values[relu], values[linear], strict=True))
            found.setdefault(f"plateau factor {part.factor:g}, {spectra}", []).extend(differences)
    return compared([(f"relu instead of linear in all networks, {name}", each) for name, each in found.items()])


def compared(found: list[tuple[str, list[float]]]) -> list[str]:
    """What paired differences say, a line for each name."""
    lines = []
    for (name, differences), p in zip(found, holm([permutation(one) for _, one in found]), strict=True):
        low, high = bootstrap(differences) or (math.nan, math.nan)
        lines.append(
            f"* {name}: {100 * statistics.fmean(differences):+.1f} points test accuracy (95 % CI {100 * low:+.1f} to "
            f"{100 * high:+.1f}, {len(differences)} pairs, p = {permutation(differences):.2g}, {p:.2g} corrected)"
        )
    return lines


def order(records: list[dict[str, Any]]) -> list[str]:
    """How far the networks' order is the published one."""
    lines = []
    for factor in sorted({row["factor"] for row in records}):
        rows = [row for row in records if row["factor"] == factor and row["published"]]
        if len(rows) > 2:
            both = [[statistics.fmean(row[key]) for row in rows] for key in ("values", "published")]
            found = spearmanr(*both)
            lines.append(
                f"* plateau factor {factor:g}: rank correlation of the {len(rows)} mean accuracies with the published "
                f"ones {found.statistic:.2f} (p = {found.pvalue:.3f})"
            )
    return lines


def losses(options: argparse.Namespace) -> tuple[list[str], dict[str, dict[int, float]]]:
    """Fig. 3: the validation loss over the epochs, median over the seeds, and where training stopped."""
    heads = [f"epoch {epoch}" for epoch in CURVE]
    lines = [
        f"| network | plateau factor | {' | '.join(heads)} | lowest | stopped after |",
        "|---" * (len(CURVE) + 4) + "|",
    ]
    drawings = {}
    for part in parts("fig3", options):
        folder = options.studies / part.name
        trials = list(read(folder).confirmed().values()) if (folder / "journal.jsonl").is_file() else []
        for group in trials:
            curves = [{epoch: row["loss"] for epoch, row in trial.reports} for trial in group]
            epochs = sorted({epoch for curve in curves for epoch in curve})
            middle = {epoch: statistics.median(curve[epoch] for curve in curves if epoch in curve) for epoch in epochs}
            drawings[f"{part.network}, {part.factor:g}"] = middle
            cells = [f"{middle[epoch]:.3g}" if epoch in middle else "" for epoch in CURVE]
            lowest = statistics.median(min(curve.values()) for curve in curves)
            ends = [len(curve) for curve in curves]
            row = [part.network, f"{part.factor:g}", *cells, f"{lowest:.3g}", f"{min(ends)} to {max(ends)} epochs"]
            lines.append(f"| {' | '.join(row)} |")
    return lines, drawings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--published", type=Path, help="folder with challenge.json and the published results")
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED)
    parser.add_argument("--factors", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--replicas", type=int, default=1, help="seeds that are trained as one network, for a GPU")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--studies", type=Path, default=Path("studies/paper"))
    parser.add_argument("--show", action="store_true", help="train nothing, only write the table of what is there")
    options = parser.parse_args()
    if options.figure in ("fig7", "table2") and options.published is None:
        parser.error(f"{options.figure} needs the published definition: give --published FOLDER with challenge.json")
    if not options.show:
        if options.reduced and options.figure in ("fig2", "fig3"):
            nearest.write(nearest_of(options), NEAREST)
        for part in parts(options.figure, options):
            run(part, options)
    name = f"{options.figure}{'-reduced' if options.reduced else ''}"
    title = f"{options.figure}{', reduced (see benchmarks/paper.py)' if options.reduced else ''}"
    records: list[dict[str, Any]] = []
    if options.figure == "fig3":
        lines, curves = losses(options)
        drawn.losses(options.studies / f"{name}.html", title, curves)
    else:
        lines, records = accuracies(options.figure, options)
        drawn.accuracies(options.studies / f"{name}.html", title, records)
    if options.figure == "fig7":
        lines += ["", *pairs(options), *together(options)]
    elif options.figure == "table2":
        lines += ["", *simpler(records)]
    elif options.figure == "fig2":
        lines += ["", *order(records)]
    text = "\n".join([f"## {title}", "", f"{commit()}, {machine()}", "", *lines, ""])
    print(text)
    (HERE / "results" / f"paper-{name}.md").write_text(text)
    append("paper", {"figure": options.figure, "reduced": options.reduced, "rows": records, "table": lines})


if __name__ == "__main__":
    main()
