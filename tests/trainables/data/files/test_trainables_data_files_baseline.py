"""Baselines of measured spectra: what each method leaves, what an export does about them, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from spectune.spaces import CNN, Training
from spectune.trainables.data import describe, load, read, save
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.files import baseline as module
from spectune.trainables.data.files.baseline import METHODS, correct, described
from spectune.trainables.export import Exported, write
from spectune.trainables.export import read as read_export
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

POINTS = 400
PLACES = ((90, 250), (130, 300), (180, 220))  # two peaks per class


def peaks(places: tuple[int, ...], points: int = POINTS) -> np.ndarray:
    width = 3 * points / POINTS
    at = np.array(places)[:, None] * points / POINTS
    return np.exp(-0.5 * ((np.arange(points) - at) / width) ** 2).sum(axis=0)


def background(kind: str, points: int = POINTS) -> np.ndarray:
    u = np.linspace(0, 1, points)
    return {"polynomial": 0.5 + 2 * u - 1.5 * u**2, "exponential": 0.2 + 3 * np.exp(-3 * u)}[kind]


def axis(points: int = POINTS) -> Axis:
    return Axis(np.linspace(100, 3000, points), "shift", "1/cm")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 spectra of three classes, on backgrounds that say nothing about the class."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % len(PLACES)
    spectra = [
        random.uniform(0.7, 1.3) * peaks(PLACES[label])
        + random.uniform(0, 2) * background("polynomial")
        + random.uniform(0, 2) * background("exponential")
        + random.normal(0, 0.01, POINTS)
        for label in labels
    ]
    path = tmp_path_factory.mktemp("data") / "mine.npz"
    np.savez(path, x=np.array(spectra), y=labels, axis=axis().values)
    return path


def everything(dataset: Dataset, name: str) -> np.ndarray:
    split = dataset.split(name)
    return split.batch(torch.arange(len(split))).numpy()


@pytest.fixture(scope="module")
def exported(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, torch.nn.Module, Exported, Path]:
    """A network trained on corrected and resampled spectra, as it was trained and as it is exported."""
    dataset = load(str(file), baseline="arpls:lam=1e4", points=200)
    network = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, stride=2, fc_depth=0, fc_dropout=0.2)
    *_, last = train(network, Training(learning_rate=3e-3, batch_size=16), dataset, seed=0, epochs=5)
    model = build(network, 200, len(PLACES))
    model.load_state_dict(last.state["model"])
    folder = tmp_path_factory.mktemp("exports") / "1-mine"
    write(folder, network=network, training=Training(), weights=last.state["model"], dataset=dataset, numbers={})
    return dataset, model.eval(), read_export(folder), folder


@pytest.mark.parametrize("points", [400, 1500])
@pytest.mark.parametrize("kind", ["polynomial", "exponential"])
@pytest.mark.parametrize("method", ["none", *METHODS])
def test_every_method_leaves_the_peaks_and_little_else(method: str, kind: str, points: int) -> None:
    true = peaks(PLACES[0], points)
    noise = np.random.default_rng(0).normal(0, 0.01, points)
    left = correct((true + background(kind, points) + noise)[None], axis(points), method)[0]
    near = bool(np.abs(left - true).mean() < 0.05 and np.abs(left - true).max() < 0.25)
    assert near == (method != "none")


@pytest.mark.parametrize("method", METHODS)
def test_a_correction_does_not_depend_on_the_unit_the_direction_or_the_other_spectra(method: str) -> None:
    spectra = np.array([peaks(place) + background("polynomial") for place in PLACES])
    left = correct(spectra, axis(), method)
    np.testing.assert_allclose(correct(1e6 * spectra[1:2], axis(), method)[0], 1e6 * left[1], rtol=1e-6, atol=1)
    falling = Axis(axis().values[::-1].copy())
    np.testing.assert_allclose(correct(spectra[:, ::-1], falling, method)[:, ::-1], left, atol=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_spectrum_is_all_baseline(method: str) -> None:
    for height in (0.0, 3.0):
        np.testing.assert_allclose(correct(np.full((1, POINTS), height), axis(), method), 0, atol=1e-9)


def test_the_dataset_says_what_was_removed_and_is_another_one(file: Path) -> None:
    plain, corrected, stiffer = (load(str(file), baseline=name) for name in ("none", "asls", "asls:lam=1e8"))
    assert len({plain.digest, corrected.digest, stiffer.digest}) == 3
    assert "baseline removed by asls:lam=1e8" in describe(stiffer)
    assert "baseline" not in describe(plain)
    assert load(str(file)).digest == plain.digest
    np.testing.assert_allclose(
        everything(corrected, "test"), correct(everything(plain, "test"), plain.axis, "asls"), atol=1e-3
    )


def test_an_export_corrects_raw_spectra_as_in_training(file: Path, exported: tuple) -> None:
    dataset, model, export, _ = exported
    raw = load(str(file))  # the same splits, as measured, on their own axis
    spectra, labels = everything(raw, "validation"), raw.validation.labels
    expected = predict(model, dataset.validation).double().softmax(dim=1).numpy()
    np.testing.assert_allclose(export.predict(spectra, raw.axis), expected, atol=1e-4)
    assert (expected.argmax(axis=1) == labels).all()
    assert not np.allclose(
        export.predict(spectra, raw.axis), Exported(**{**vars(export), "baseline": "none"}).predict(spectra, raw.axis)
    )


def test_embeddings_and_passes_are_of_corrected_spectra(file: Path, exported: tuple) -> None:
    dataset, model, export, _ = exported
    raw = load(str(file))
    spectra = everything(raw, "validation")
    embedded = torch.nn.functional.normalize(predict(model[:-1], dataset.validation)).numpy()
    np.testing.assert_allclose(export.embed(spectra, raw.axis), embedded, atol=1e-4)
    torch.manual_seed(0)
    drawn = export.sample(spectra, raw.axis, passes=30)
    assert (drawn.mean(axis=0).argmax(axis=1) == raw.validation.labels).all()


def test_whoever_uses_the_onnx_model_is_told_how_to_correct(file: Path, exported: tuple) -> None:
    *_, folder = exported
    text = (folder / "README.md").read_text()
    assert f"`model.onnx` expects corrected spectra, as `{described('arpls:lam=1e4', 200)}` of pybaselines" in text
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    assert session.get_modelmeta().custom_metadata_map["baseline"] == described("arpls:lam=1e4", 200)


def test_corrected_spectra_are_not_corrected_again(file: Path, tmp_path: Path) -> None:
    corrected = load(str(file), baseline="asls")
    save(corrected, "train", tmp_path / "train.npz")
    again = load(str(tmp_path / "train.npz"))
    assert again.baseline == "asls"
    assert set(everything(again, "train")[:, 0]) <= set(everything(corrected, "train")[:, 0])
    with pytest.raises(ValueError, match=r"train\.npz, whose spectra were corrected by asls already, got 'snip'"):
        load(str(tmp_path / "train.npz"), baseline="snip")
    with pytest.raises(ValueError, match="must be as measured"):
        read(tmp_path / "train.npz")


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("als", "baseline must be one of none, asls, .*beads, got 'als'"),
        ("asls:lamda=3", "takes the settings lam, p, .*got 'lamda=3'"),
        ("asls:lam=-1", "lam of baseline asls must be a number above 0, got '-1'"),
        ("beads:lam_0", "lam_0 of baseline beads must be a number above 0, got ''"),
    ],
)
def test_an_unknown_method_or_setting_is_refused_before_the_file_is_read(baseline: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(str(Path(__file__).parent), baseline=baseline)
    assert "\n" not in str(error.value)


def test_a_failure_names_the_spectrum(file: Path) -> None:
    with pytest.raises(ValueError, match=r"mine\.npz, spectrum 0 \(it has not converged after 2 steps\)") as error:
        load(str(file), baseline="arpls:max_iter=2,tol=1e-9")
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"spectrum 1 \(.*p must be between 0 and 1"):
        correct(np.array([np.ones(POINTS), peaks(PLACES[0])]), axis(), "asls:p=7")


def test_a_long_correction_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "spectune")
    spectra = np.array([peaks(place) for place in PLACES])
    correct(spectra, axis(), "asls")
    assert caplog.messages == []
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    correct(spectra, axis(), "asls")
    assert "baseline asls: 2 of 3 spectra" in caplog.messages


def test_pybaselines_is_loaded_only_where_it_is_used() -> None:
    code = "import sys, spectune.trainables.data; sys.exit('pybaselines' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
