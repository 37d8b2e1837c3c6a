"""A trained network as a folder that others can use: weights, config, ONNX model, model card, hashes. No pickle."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spectune.spaces import FAMILIES, Network, Training
from spectune.spaces.errors import InputError
from spectune.spaces.saved import UnknownFamily, configs, recorded
from spectune.trainables.card import card
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.files.baseline import NONE, correct, described
from spectune.trainables.data.grid import resample, units
from spectune.trainables.likeness import Likeness, learn
from spectune.trainables.likeness import restored as likeness
from spectune.trainables.models import THRESHOLDS, restored
from spectune.trainables.models.ensemble import Mean
from spectune.trainables.models.estimator import importances
from spectune.trainables.seal import (
    CARD,
    CONFIG,
    HASHED,
    LIKENESS,
    ONNX,
    SUMS,
    WEIGHTS,
    refuse_other,
    replace,
    sha256,
    verify,
)

FORMAT = {"format": "spectune-model", "version": 1}
TOLERANCE = 1e-4  # between the logits of the trained and the reloaded network, of the largest logit if that is above 1
CHECKED = 256  # validation spectra that are compared
BATCH = 256
LOGGER = logging.getLogger("spectune")
# What a stranger's config or weights can raise; numbers beyond all sizes are an OverflowError or torch's RuntimeError.
UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
    *(OverflowError, RuntimeError, MemoryError, SafetensorError),
)


@dataclass(frozen=True, eq=False)
class Exported:
    """A network read from an export. ``numbers`` says how well it did, as on its model card.

    ``quantity`` is that of the intensities, "" where nobody said it; ``reading`` are the options that files were read
    with; ``conditions`` are those under which patterns were computed from structures; ``likeness`` is that to the
    spectra of training, None in exports that were made before there was one.
    """

    network: Network
    training: Training
    multilabel: bool
    classes: tuple[str, ...]
    axis: Axis
    dataset: dict[str, str]
    numbers: dict[str, Any]
    model: nn.Module
    baseline: str = NONE
    quantity: str = ""
    reading: Mapping[str, str] = field(default_factory=dict)
    likeness: Likeness | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, spectra: ArrayLike, axis: Axis | None = None) -> NDArray[np.float64]:
        """Probabilities (N, C) of the classes for raw spectra (N, L), moved to the network's axis from ``axis``, which
        is converted where its quantity or unit is another one.

        Give them as measured: baselines are removed here if they were in training. It knows its classes only: a
        spectrum of anything else gets one of them too. With several labels per spectrum each has a probability of
        its own, to be compared with ``thresholds``. ValueError where the spectra do not fit.
        """
        probabilities: NDArray[np.float64] = self._probabilities(self._fitted(spectra, axis)).numpy()
        return probabilities

    def unlike(self, spectra: ArrayLike, axis: Axis | None = None) -> NDArray[np.float64]:
        """How unlike those of training raw spectra are (N,): above 1 further from every class than 99 % of the
        validation spectra. ValueError where they do not fit, or where the export was made before this was known."""
        if self.likeness is None:
            raise InputError("this export does not know how unlike spectra are: export it again")
        return self.likeness.unlike(self._corrected(spectra, axis))

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(C,) the probability above which each label is found; ValueError where a spectrum has one label."""
        if not self.multilabel:
            raise InputError(
                "only a network for several labels has thresholds: take the most probable class of this one"
            )
        above: NDArray[np.float64] = self.model.get_buffer(THRESHOLDS).double().sigmoid().numpy()
        return above

    def sample(self, spectra: ArrayLike, axis: Axis | None = None, *, passes: int) -> NDArray[np.float64]:
        """Probabilities (passes, N, C) with dropout at work: their spread says how sure the network is.

        Monte-Carlo dropout (Gal and Ghahramani 2016), as XRD-AutoAnalyzer predicts. ValueError where the spectra do not
        fit, or where the network has no dropout.
        """
        layers = [module for module in self.model.modules() if isinstance(module, nn.Dropout)]
        if not any(layer.p for layer in layers):
            raise InputError(
                "Monte-Carlo dropout needs a network with dropout, this one has none: predict without passes"
            )
        batches = self._fitted(spectra, axis)
        for layer in layers:
            layer.train()
        try:
            drawn = [self._probabilities(batches) for _ in range(passes)]
        finally:
            self.model.eval()
        probabilities: NDArray[np.float64] = torch.stack(drawn).numpy()
        return probabilities

    def embed(self, spectra: ArrayLike, axis: Axis | None = None) -> NDArray[np.float64]:
        """Unit vectors (N, d) of raw spectra: what the output layer sees, to be compared by their angles.

        Those of an ensemble's members stand side by side, so that a cosine is the mean of theirs. ValueError where the
        spectra do not fit, or where a network does not end in an output layer.
        """
        members = [(1.0, self.model)]
        if isinstance(self.model, Mean):
            members = list(zip(self.model.shares, self.model.members, strict=True))
        batches = self._fitted(spectra, axis)
        vectors = [np.sqrt(share) * _embedded(model, batches) for share, model in members]
        return np.concatenate(vectors, axis=1)

    def _probabilities(self, batches: tuple[Tensor, ...]) -> Tensor:
        logits = _logits(self.model, batches).double()
        return logits.sigmoid() if self.multilabel else logits.softmax(dim=1)

    def _fitted(self, spectra: ArrayLike, axis: Axis | None) -> tuple[Tensor, ...]:
        """Raw spectra on the network's axis, corrected as in training, in batches."""
        return torch.split(torch.from_numpy(self._corrected(spectra, axis).astype(np.float32)), BATCH)

    def _corrected(self, spectra: ArrayLike, axis: Axis | None) -> NDArray[np.floating[Any]]:
        values = np.asarray(spectra)
        if axis is not None:
            if not units.alike(axis, self.axis):
                before, axis = axis, units.convert(axis, self.axis)
                LOGGER.info("axis converted from %s to %s", units.described(before), units.described(axis))
            if not np.array_equal(axis.values, self.axis.values):
                values = resample(values, axis, self.axis)
        if values.ndim != 2 or values.shape[1] != len(self.axis):
            raise InputError(
                f"spectra must be (N, {len(self.axis)}) for this network, got {values.shape}: give their axis as well, "
                "or resample them"
            )
        if not np.isfinite(values).all():
            raise InputError("spectra must be finite, got NaN or infinite intensities: clean them first")
        return correct(values, self.axis, self.baseline)


def _embedded(model: nn.Module, batches: tuple[Tensor, ...]) -> NDArray[np.float64]:
    """Unit vectors (N, d) of what the output layer sees."""
    if not isinstance(model, nn.Sequential):
        raise InputError("only a network that ends in an output layer gives embeddings, this one is of another make")
    found: NDArray[np.float64] = nn.functional.normalize(_logits(model[:-1], batches).double()).numpy()
    return found


def write(
    folder: Path | str,
    *,
    network: Network,
    training: Training,
    weights: dict[str, Tensor],
    dataset: Dataset,
    numbers: dict[str, Any],
) -> None:
    """Export the network with ``weights`` into ``folder``, whole or not at all; an older export there is replaced.

    ``numbers`` is JSON-ready and goes to the model card: validation and test results, seeds, the study's name.
    ValueError where a reloaded network disagrees with the trained one on validation spectra, or ``folder`` holds
    something else than an older export; OSError where it cannot be written.
    """
    folder = Path(folder)
    refuse_other(folder)
    model = _model(network, len(dataset.axis), len(dataset.classes), weights, multilabel=dataset.multilabel)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        (part / WEIGHTS).write_bytes(save(contiguous))  # save_file would make it unreadable for others
        config = _config(network, training, dataset, weights, numbers)
        (part / CONFIG).write_text(json.dumps(config, indent=1, allow_nan=False) + "\n")
        _write_onnx(model, len(dataset.axis), part / ONNX, baseline=dataset.baseline)
        (part / LIKENESS).write_bytes(save(learn(dataset).tensors()))
        hashes = {name: sha256(part / name) for name in (WEIGHTS, CONFIG, ONNX, LIKENESS)}
        importance = importances(weights)
        (part / CARD).write_text(card(network, config, hashes, None if importance is None else importance.tolist()))
        (part / SUMS).write_text("".join(f"{sha256(part / name)}  {name}\n" for name in (*HASHED, LIKENESS)))
        _compare(model, part, dataset, network)
        replace(folder, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def read(folder: Path | str, families: Mapping[str, type[Network]] = FAMILIES) -> Exported:
    """The network exported to ``folder``, its hashes checked; ``families`` are those that it may be of.

    ValueError in one line where the export is not whole, or its network of another family.
    """
    folder = Path(folder)
    verify(folder)
    try:
        config = json.loads((folder / CONFIG).read_text())
        if not isinstance(config, dict) or {key: config.get(key) for key in FORMAT} != FORMAT:
            raise InputError(f"format and version must be {FORMAT['format']} {FORMAT['version']}")
        spec = config["axis"]
        axis = Axis(
            np.array(spec["values"], dtype=np.float64), spec["name"], spec["unit"], float(spec.get("wavelength", 0))
        )
        network, training = configs(config, families)
        classes = config["classes"]
        if not (isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes)):
            raise InputError("classes must be a list of names")
        multilabel = config.get("labels", "one") == "several"
        model = _model(network, len(axis), len(classes), load_file(folder / WEIGHTS), multilabel=multilabel)
        if (baseline := str(config.get("baseline", NONE))) != NONE:
            described(baseline, len(axis))  # refuses what this version does not know
        return Exported(
            network=network,
            training=training,
            multilabel=multilabel,
            classes=tuple(classes),
            axis=axis,
            dataset=config["dataset"],
            numbers=config["numbers"],
            model=model,
            baseline=baseline,
            quantity=str(config.get("quantity", "")),
            reading={str(name): str(value) for name, value in config.get("reading", {}).items()},
            likeness=_likeness(folder, len(axis)),
            conditions=config.get("conditions", {}),
        )
    except UnknownFamily as error:
        raise InputError(f"{folder} is the export of a network that is not known: {error}") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{folder} is not an export that this version of spectune reads ({reason}): export it again"
        ) from None


def _likeness(folder: Path, points: int) -> Likeness | None:
    """That of an export, which is whole; None of one that was made before there was any."""
    return likeness(load_file(folder / LIKENESS), points) if (folder / LIKENESS).exists() else None


def _model(network: Network, points: int, classes: int, weights: dict[str, Tensor], *, multilabel: bool) -> nn.Module:
    """The network with ``weights``, ready to predict; ValueError when they belong to another one."""
    here = {name: tensor.detach().cpu() for name, tensor in weights.items()}
    return restored(network, points, classes, here, multilabel=multilabel).eval().requires_grad_(False)


def _config(
    network: Network, training: Training, dataset: Dataset, weights: dict[str, Tensor], numbers: dict[str, Any]
) -> dict[str, Any]:
    """Everything but the weights; the thresholds again, for those who read ONNX.

    File names are not among it: no config can point elsewhere.
    """
    axis, cost = dataset.axis, network.cost(len(dataset.axis), len(dataset.classes))
    return {
        **FORMAT,
        "spectune": version("spectune"),
        **recorded(network, training),
        "parameters": cost.parameters,
        "macs": cost.macs,
        "dataset": {"name": dataset.name, "description": dataset.description, "digest": dataset.digest},
        "baseline": dataset.baseline,
        "numbers": numbers,
        "labels": "several" if dataset.multilabel else "one",
        **({"thresholds": weights[THRESHOLDS].double().sigmoid().tolist()} if dataset.multilabel else {}),
        "classes": list(dataset.classes),
        "axis": {
            "name": axis.name,
            "unit": axis.unit,
            **({"wavelength": axis.wavelength} if axis.wavelength else {}),
            "values": axis.values.tolist(),
        },
        "quantity": dataset.quantity,
        "reading": dict(dataset.reading),
        "conditions": dict(dataset.conditions),
    }


def _write_onnx(model: nn.Module, points: int, path: Path, *, baseline: str) -> None:
    """``spectra`` (batch, L) float32, their baselines removed, to ``logits`` (batch, C), any number at a time.

    Constants are computed beforehand; what else torch would simplify takes the square of a graph's size in time, and an
    ONNX runtime does it as it loads the model.
    """
    from onnxscript import optimizer

    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            model,
            (torch.rand(2, points),),
            input_names=["spectra"],
            output_names=["logits"],
            dynamic_shapes=({0: batch},),
            dynamo=True,
            verbose=False,
            optimize=False,
        )
        assert program is not None
        optimizer.fold_constants(program.model)
        optimizer.remove_unused_nodes(program.model)
        if baseline != NONE:
            program.model.metadata_props["baseline"] = described(baseline, points)
        program.save(path, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch's exporter warns of its own deprecations, of torchvision's absence, and of ways to trace a network that it
    tried before the one that works; none of that concerns the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _compare(model: nn.Module, folder: Path, dataset: Dataset, network: Network) -> None:
    """Reload both forms and compare them with the trained network on validation spectra."""
    import onnxruntime

    indices = torch.arange(min(CHECKED, len(dataset.validation)))
    spectra = dataset.validation.batch(indices).cpu()
    expected = _logits(model, (spectra,))
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    reloaded = {
        WEIGHTS: _logits(read(folder, {one.family: type(one) for one in network.parts()}).model, (spectra,)),
        ONNX: torch.from_numpy(session.run(None, {"spectra": spectra.numpy()})[0]),
    }
    allowed = TOLERANCE * max(1.0, float(expected.abs().max()))
    for name, logits in reloaded.items():
        difference = float((logits - expected).abs().max())
        if not difference <= allowed:
            raise InputError(
                f"{name} must give the logits of the trained network to {allowed:g}, got a difference of "
                f"{difference:g}, so nothing is exported: let its layers give the same each time they predict"
            )


def _logits(model: nn.Module, batches: tuple[Tensor, ...]) -> Tensor:
    with torch.no_grad():
        return torch.cat([model(spectra) for spectra in batches])
