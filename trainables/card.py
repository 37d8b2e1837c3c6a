"""The model card: what an exported network is, how well it did, how to use it, and what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spectune.spaces import Network
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.baseline import NONE, described
from spectune.trainables.data.grid.units import source

TEXT = """# {title}

{summary}

| | |
|---|---|
| architecture | {architecture} |
| input | spectra of {points} points, {axis} |
| intensities | {intensities} |
| output | {count} classes: {classes} |
| parameters | {parameters:,} |
| multiply-adds per spectrum | {macs:,} |
| dataset | {dataset} |
| dataset digest | `{digest}` |
| made with | spectune {version} |

## Results

{results}
{decisive}
## Use

Preprocessing ({preprocess}) is inside the network: give raw intensities on the axis above. Nothing here needs
pickle.{corrected}

```sh
spectune predict FOLDER FILE
```

```python
from spectune.trainables.export import read

model = read("FOLDER")  # checks the hashes below
probabilities = model.predict(spectra)  # (N, {points}) array to (N, {count}), in the order of model.classes
```

Without spectune, by any ONNX runtime; the {function} of the logits are the probabilities:

```python
import onnxruntime

session = onnxruntime.InferenceSession("FOLDER/model.onnx")
(logits,) = session.run(None, {{"spectra": spectra.astype("float32")}})
```

{limits} The results hold for spectra like those of the dataset, measured or simulated in the same way.

## Files

Check them with `sha256sum -c SHA256SUMS`.

| file | SHA-256 |
|---|---|
{files}
"""
LIMITS = {
    "one": "It knows the classes above only: a spectrum of anything else, or of several of them together, gets one "
    "of them too.",
    "several": "A spectrum has every label whose probability is above its threshold (`thresholds` in config.json, "
    "chosen on the training split), several or none. It knows the labels above only.",
}
LISTED = 30  # classes that are named
DECISIVE = 10  # positions that are named


def card(
    network: Network, config: dict[str, Any], hashes: dict[str, str], importances: Sequence[float] | None = None
) -> str:
    """The text of README.md from what config.json holds and the hashes of the other files.

    ``importances`` (L,) of the points are those of an estimator.
    """
    numbers, classes, axis = config["numbers"], config["classes"], config["axis"]
    values = axis["values"]
    named = ", ".join(_plain(name) for name in classes[:LISTED])
    return TEXT.format(
        title=_plain(f"A classifier of spectra: {config['dataset']['name']}"),
        summary=_summary(numbers),
        architecture=f"{network.family}: {network.describe()}",
        points=len(values),
        function="sigmoid" if config["labels"] == "several" else "softmax",
        limits=LIMITS[config["labels"]],
        axis=_plain(f"{axis['name']} {values[0]:g} to {values[-1]:g} {axis['unit']}{_source(axis)}"),
        intensities=_plain(config.get("quantity") or "not said"),
        count=len(classes),
        classes=named + (f" and {len(classes) - LISTED} more in config.json" if len(classes) > LISTED else ""),
        parameters=config["parameters"],
        macs=config["macs"],
        dataset=_plain(f"{config['dataset']['name']}: {config['dataset']['description']}"),
        digest=config["dataset"]["digest"],
        version=config["spectune"],
        results=_results(numbers),
        preprocess=", ".join(network.preparation()) or network.preprocess,
        corrected=_corrected(config.get("baseline", NONE), len(values)),
        decisive="" if importances is None else _decisive(importances[: len(values)], axis),
        files="\n".join(f"| {name} | `{digest}` |" for name, digest in hashes.items()),
    )


def _summary(numbers: dict[str, Any]) -> str:
    study = f" in the study {_plain(numbers['study'])}" if numbers.get("study") else ""
    return f"A model for one-dimensional spectra, found and trained by spectune{study}."


def _source(axis: dict[str, Any]) -> str:
    """With which X-rays or laser it was measured, where that is known."""
    return source(Axis(np.array(axis["values"]), axis["name"], axis["unit"], axis.get("wavelength", 0.0)))


def _corrected(baseline: str, points: int) -> str:
    """What was done to the spectra before the network saw them."""
    if baseline == NONE:
        return ""
    return (
        f" It was trained on spectra without their baselines. spectune removes them by itself; `model.onnx` expects "
        f"corrected spectra, as `{described(baseline, points)}` of pybaselines gives them on the axis above, each "
        f"spectrum divided by its largest absolute value for it."
    )


def _results(numbers: dict[str, Any]) -> str:
    """One row a split: mean over seeds and its interval, and the value of the seed whose weights are exported."""
    splits = {name: row for name, row in numbers.items() if isinstance(row, dict) and "mean" in row}
    if not splits:
        return "No results were recorded."
    more = [(name, row) for name, rows in numbers.get("beside", {}).items() for row in rows]
    seed, again = numbers.get("exported_seed"), numbers.get("refit")
    lines = ["| split | metric | mean of seeds | 95 % interval | seeds | this network |", "|---|---|---|---|---|---|"]
    for name, row in [*splits.items(), *more]:
        own = None if again else dict(zip(row.get("seeds", ()), row.get("values", ()), strict=False)).get(seed)
        interval = "one seed only" if row.get("low") is None else f"{row['low']:.4f} to {row['high']:.4f}"
        seeds = " ".join(str(one) for one in row.get("seeds", ()))
        lines.append(
            f"| {name} | {row.get('metric', '')} | {row['mean']:.4f} | {interval} | {seeds} | "
            f"{'' if own is None else f'{own:.4f}'} |"
        )
    if numbers.get("folds"):
        folds = f"one of {numbers['folds']} folds of the spectra for training and validation"
        lines += ["", f"Each seed was validated on {folds}, and trained on the others."]
    if over := next((row["over"] for row in reversed(splits.values()) if row.get("over")), None):
        lines += ["", f"The intervals are over {over}."]
    if most := numbers.get("largest_class"):
        name, share = most["test"]["class"], most["test"]["share"]
        lines += ["", f"Always saying the largest class, {_plain(name)}, is right for {share:.4f} of the blind test."]
    if mixed := numbers.get("ensemble"):
        lines += ["", *_ensemble(mixed)]
    elif seed is not None and not again:
        lines += ["", f"The weights are those of seed {seed}. The means are what to expect of this architecture."]
    if numbers.get("verdict"):
        lines += ["", _plain(numbers["verdict"])]
    if "test" not in splits:
        lines += ["", "It was not tested on the blind test split: the validation split has chosen it, so expect less."]
    if again:
        lines += ["", _refit(again)]
    return "\n".join(lines)


def _ensemble(mixed: dict[str, Any]) -> list[str]:
    """What it averages, and what its value on the validation split is."""
    rows = [
        f"| {_plain(one['candidate'])} | {one['seed']} | {one['trial']} | {one['weight']} |" for one in mixed["members"]
    ]
    return [
        f"{_plain(mixed['remark'])} That is: trainings were selected in five folds, each time without the spectra that "
        "the choice was then scored on. The members here were selected on the whole validation split "
        "(Caruana et al. 2004).",
        "",
        "| member | seed | trial | weight |",
        "|---|---|---|---|",
        *rows,
    ]


def _refit(again: dict[str, Any]) -> str:
    """That these are not the weights that were tested."""
    epochs = ", ".join(str(count) for count in again["epochs"])
    return (
        f"**This network itself was not tested.** After the study it was trained again, on the training and validation "
        f"spectra together ({again['spectra']:,} spectra), for as many epochs as were best before ({epochs}), with the "
        "same seed and learning rates. The results above are those of the network before."
    )


def _decisive(importances: Sequence[float], axis: dict[str, Any]) -> str:
    """The positions with the highest importances; nothing where they are those of a list of peaks."""
    if len(importances) < len(axis["values"]):
        return ""
    order = sorted(range(len(importances)), key=lambda point: -importances[point])[:DECISIVE]
    places = ", ".join(f"{axis['values'][point]:g}" for point in order if importances[point] > 0)
    named = _plain(f"{axis['name']} / {axis['unit']}")
    return f"\nThe positions ({named}) that decide most, the first one the most: {places or 'none'}.\n"


def _plain(text: Any) -> str:
    """Text that cannot break out of a table cell or start markup."""
    one_line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in one_line)
