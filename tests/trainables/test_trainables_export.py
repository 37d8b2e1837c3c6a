"""An export: what is in it, that it gives the trained network back, and that a broken one is refused in one line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from spectune.spaces import CNN, Training
from spectune.spaces.ensemble import Ensemble, Member
from spectune.trainables import export
from spectune.trainables.data.dataset import Axis
from spectune.trainables.export import read, write
from spectune.trainables.models import build
from spectune.trainables.models.ensemble import joined
from spectune.trainables.train import predict

NETWORK = CNN(depth=2, filters=24, kernel_size=16, kernel_last=9, batch_norm=True, fc_width=16)
NUMBERS = {
    "study": "tiny|study",
    "exported_seed": 7,
    "validation": {
        "metric": "accuracy",
        "seeds": [7, 8],
        "values": [0.95, 0.9],
        "mean": 0.925,
        "std": 0.035,
        "low": 0.6,
        "high": 1.2,
    },
}
FILES = {"weights.safetensors", "config.json", "model.onnx", "likeness.safetensors", "README.md", "SHA256SUMS"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build(NETWORK, 96, 4)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


@pytest.fixture(scope="module")
def written(tmp_path_factory, dataset, model):
    folder = tmp_path_factory.mktemp("exports") / "1-tiny"
    put(folder, dataset, model)
    return folder


@pytest.fixture
def copied(written, tmp_path):
    return shutil.copytree(written, tmp_path / "model")


def put(folder, dataset, model, numbers=NUMBERS):
    weights = model.state_dict()
    write(folder, network=NETWORK, training=Training(), weights=weights, dataset=dataset, numbers=numbers)


def expected(model, dataset):
    return predict(model, dataset.validation).double().softmax(1).numpy()


def resum(folder):
    """Write hashes that fit the files, as someone who tampers would."""
    names = sorted(FILES - {"SHA256SUMS"})
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums))


def test_it_holds_six_files_and_leaves_nothing_beside_them(written):
    assert {path.name for path in written.iterdir()} == FILES
    assert [path.name for path in written.parent.iterdir()] == ["1-tiny"]


def test_read_gives_the_trained_network_back(written, dataset, model):
    exported = read(written)
    assert (exported.network, exported.training, exported.classes) == (NETWORK, Training(), dataset.classes)
    assert np.array_equal(exported.axis.values, dataset.axis.values)
    assert (exported.axis.name, exported.axis.unit) == ("angle", "degrees")
    assert exported.dataset["digest"] == dataset.digest
    assert exported.numbers == NUMBERS
    probabilities = exported.predict(dataset.validation.spectra)
    assert probabilities.shape == (20, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(probabilities, expected(model, dataset), atol=1e-6)


@pytest.mark.parametrize("count", [1, 20])
def test_the_onnx_model_agrees_for_any_number_of_spectra(written, dataset, model, count):
    session = onnxruntime.InferenceSession(written / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"spectra": dataset.validation.spectra[:count]})
    np.testing.assert_allclose(logits, predict(model, dataset.validation).numpy()[:count], atol=1e-4)


def test_nothing_is_pickled(written):
    with (written / "weights.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert set(header) >= set(build(NETWORK, 96, 4).state_dict())
    assert all(not path.read_bytes().startswith((b"\x80", b"PK")) for path in written.iterdir())


def test_whoever_may_read_one_file_may_read_all(written):
    assert len({path.stat().st_mode for path in written.iterdir()}) == 1


def test_the_hashes_fit_and_are_in_the_format_of_sha256sum(written):
    lines = dict(reversed(line.split("  ")) for line in (written / "SHA256SUMS").read_text().splitlines())
    assert set(lines) == FILES - {"SHA256SUMS"}
    for name, digest in lines.items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == digest


def test_the_card_says_what_it_is_and_how_well_it_did(written, dataset):
    text = (written / "README.md").read_text()
    for part in (
        NETWORK.describe(),
        dataset.digest,
        "angle 10 to 29 degrees",
        "anatase, rutile, quartz, calcite",
        "| validation | accuracy | 0.9250 | 0.6000 to 1.2000 | 7 8 | 0.9500 |",
        "seed 7",
        "not tested on the blind test split",
        "tiny\\|study",
        f"Preprocessing ({NETWORK.preprocess})",
        "spectune predict",
        hashlib.sha256((written / "weights.safetensors").read_bytes()).hexdigest(),
    ):
        assert part in text, part


def test_the_snippets_of_the_card_run(written, dataset, model, tmp_path, monkeypatch):
    monkeypatch.chdir(written.parent)
    text = (written / "README.md").read_text().replace("FOLDER", str(written))
    snippets = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    assert len(snippets) == 2
    names = {"spectra": dataset.validation.spectra.astype(np.float64)}
    for snippet in snippets:
        exec(snippet, names)
    np.testing.assert_allclose(names["probabilities"], expected(model, dataset), atol=1e-6)
    np.testing.assert_allclose(names["logits"], predict(model, dataset.validation).numpy(), atol=1e-4)


def test_exporting_prints_nothing(dataset, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest, test_trainables_export as t\n"
        "from pathlib import Path; from spectune.trainables.models import build\n"
        "t.put(Path(sys.argv[2]), conftest.make(), build(t.NETWORK, 96, 4))"
    )
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", code, here, str(tmp_path / "model")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read(tmp_path / "model").classes == dataset.classes


def test_an_older_export_is_replaced(copied, dataset, model):
    put(copied, dataset, model, {**NUMBERS, "study": "second"})
    assert read(copied).numbers["study"] == "second"
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_anything_else_is_not_replaced(tmp_path, dataset, model):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="replaces only an older export"):
        put(tmp_path, dataset, model)
    assert (tmp_path / "thesis.tex").exists()


def test_a_failure_leaves_the_older_export_and_no_rest(copied, dataset, model, monkeypatch):
    monkeypatch.setattr(export, "_write_onnx", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        put(copied, dataset, model, {"study": "second"})
    assert read(copied).numbers == NUMBERS
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_an_onnx_model_that_disagrees_is_not_exported(tmp_path, dataset, model, monkeypatch):
    truth = export._write_onnx
    other = build(NETWORK, 96, 4).eval()
    monkeypatch.setattr(export, "_write_onnx", lambda _, *rest, **named: truth(other, *rest, **named))
    with pytest.raises(ValueError, match=r"model.onnx must give the logits of the trained network to") as caught:
        put(tmp_path / "model", dataset, model)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path, dataset):
    other = build(NETWORK.replace(fc_width=17), 96, 4)
    with pytest.raises(ValueError, match="those of another one"):
        put(tmp_path / "model", dataset, other)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ValueError, match=f"an export holds {name}, there is none"):
        read(copied)


@pytest.mark.parametrize("name", sorted(FILES - {"SHA256SUMS"}))
def test_a_changed_file_is_named(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} in .* is not the file that was exported"):
        read(copied)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="an export is a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"an export holds weights.safetensors"):
        read(tmp_path)


def change(config, **values):
    return {**config, **values}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda config: [],
        lambda config: {"model_type": "bert"},
        lambda config: change(config, version=2),
        lambda config: change(config, network={"family": []}),
        lambda config: change(config, network={**config["network"], "depth": 99}),
        lambda config: change(config, network={**config["network"], "weights": "/etc/passwd"}),
        lambda config: change(config, network={**config["network"], "fc_width": 4096}),
        lambda config: change(config, network=None),
        lambda config: change(config, classes=["one"]),
        lambda config: change(config, axis={"values": [[1], [2, 3]], "name": "x", "unit": "y"}),
        lambda config: change(config, axis={"values": [1.0], "name": "x", "unit": "y", "path": "../x"}),
        lambda config: {key: value for key, value in config.items() if key != "numbers"},
    ],
)
def test_a_foreign_config_is_refused_in_one_line(copied, spoil):
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(spoil(config)))
    resum(copied)
    with pytest.raises(ValueError, match="is not an export that this version of spectune reads") as caught:
        read(copied)
    assert "\n" not in str(caught.value)


def test_the_cure_for_an_architecture_of_ones_own_is_its_file(copied):
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(change(config, network={"family": "mine"})))
    resum(copied)
    with pytest.raises(
        ValueError, match=r"got 'mine': where it is one of your own, give its file as --space"
    ) as caught:
        read(copied)
    assert "export it again" not in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe garbage", b'{"format": '])
def test_garbage_with_fitting_hashes_is_refused_in_one_line(copied, name, content):
    (copied / name).write_bytes(content)
    resum(copied)
    with pytest.raises(ValueError, match="is not an export that this version of spectune reads") as caught:
        read(copied)
    assert "\n" not in str(caught.value)


def test_names_in_the_hash_list_or_the_config_point_nowhere(copied):
    config = json.loads((copied / "config.json").read_text())
    config["weights"] = config["dataset"]["name"] = "../../../etc/passwd"
    (copied / "config.json").write_text(json.dumps(config))
    resum(copied)
    sums = (copied / "SHA256SUMS").read_text()
    (copied / "SHA256SUMS").write_text("0" * 64 + "  ../../../etc/passwd\n" + sums)
    assert read(copied).classes == ("anatase", "rutile", "quartz", "calcite")


def test_spectra_on_another_axis_are_moved_to_the_networks(written, dataset):
    exported = read(written)
    spectra = dataset.validation.spectra.astype(np.float64)
    fine = Axis(np.linspace(10.0, 29.0, 191), "angle", "degrees")  # twice as many points, every other one shared
    moved = np.stack([np.interp(fine.values, dataset.axis.values, spectrum) for spectrum in spectra])
    np.testing.assert_allclose(exported.predict(moved, fine), exported.predict(spectra), atol=1e-5)
    falling = Axis(dataset.axis.values[::-1].copy())
    np.testing.assert_allclose(exported.predict(spectra[:, ::-1], falling), exported.predict(spectra), atol=1e-5)


def test_spectra_on_an_axis_that_cannot_be_converted_are_refused(written, dataset):
    exported = read(written)
    spectra = dataset.validation.spectra
    exported.predict(spectra, Axis(dataset.axis.values, "2theta", "deg"))
    other = Axis(dataset.axis.values, "q", "1/nm")  # of the same values: they mean something else
    with pytest.raises(ValueError, match=r"must be known to convert q \(1/nm\) to angle \(degrees\), got none: give"):
        exported.predict(spectra, other)
    with pytest.raises(ValueError, match=r"can be converted to angle \(degrees\), got time \(s\): correct"):
        exported.predict(spectra, Axis(dataset.axis.values, "time", "s"))


def test_it_knows_quantity_source_and_options_of_reading_and_what_is_unlike(tmp_path, dataset, model):
    axis = Axis(dataset.axis.values, "2theta", "degrees", 1.540593)
    reading = {"columns": "0,2", "wavelength": "CuKa1"}
    put(tmp_path / "model", replace(dataset, axis=axis, quantity="counts", reading=reading), model)
    exported = read(tmp_path / "model")
    assert (exported.axis, exported.axis.wavelength) == (axis, 1.540593)
    assert (exported.quantity, exported.reading) == ("counts", reading)
    text = (tmp_path / "model" / "README.md").read_text()
    assert "2theta 10 to 29 degrees, X-rays 1.5406 angstrom |" in text and "| intensities | counts |" in text
    spectra = dataset.validation.spectra.astype(np.float64)
    assert (exported.unlike(spectra) < 1).all()
    assert (exported.unlike(np.random.default_rng(0).random(spectra.shape)) > 1).all()
    vector = Axis(4 * np.pi / 1.540593 * np.sin(np.radians(axis.values / 2)), "Q", "1/angstrom")
    np.testing.assert_allclose(exported.predict(spectra, vector), exported.predict(spectra), atol=1e-5)


def test_an_axis_keeps_its_wavelength_and_patterns_of_another_are_moved(dataset, model, tmp_path, caplog):
    angles = Axis(dataset.axis.values, "2theta", "degrees", 1.5406)
    known = {"wavelength": "CuKa1", "strain": 0.01}
    put(tmp_path / "x", replace(dataset, axis=angles, conditions=known), model)
    exported = read(tmp_path / "x")
    assert exported.axis == angles and exported.axis.wavelength == 1.5406 and exported.conditions == known
    sines = np.sin(np.radians(angles.values / 2)) * 1.789 / 1.5406
    cobalt = Axis(np.degrees(2 * np.arcsin(sines)), "2theta", "degrees", 1.789)
    spectra = dataset.validation.spectra
    with caplog.at_level("INFO", "spectune"):
        np.testing.assert_allclose(exported.predict(spectra, cobalt), exported.predict(spectra), atol=1e-5)
    assert "converted from 2theta (degrees), X-rays 1.789 angstrom to 2theta (degrees), X-rays 1.5406" in caplog.text
    assert read(put(tmp_path / "y", dataset, model) or tmp_path / "y").axis.wavelength == 0


def test_cosines_of_an_ensemble_are_the_means_of_its_members(dataset, model, tmp_path):
    torch.manual_seed(1)
    other = NETWORK.replace(fc_width=20)
    members = [(model, NETWORK, 3), (build(other, 96, 4).eval(), other, 1)]
    network = Ensemble(members=tuple(Member(trial=n, weight=w, network=one) for n, (_, one, w) in enumerate(members)))
    for name, one, weights in (
        ("both", network, joined([one.state_dict() for one, _, _ in members])),
        *((str(n), one, made.state_dict()) for n, (made, one, _) in enumerate(members)),
    ):
        write(tmp_path / name, network=one, training=Training(), weights=weights, dataset=dataset, numbers={})
    both, first, second = (
        vectors @ vectors.T
        for vectors in (read(tmp_path / name).embed(dataset.validation.spectra) for name in ("both", "0", "1"))
    )
    np.testing.assert_allclose(both, 0.75 * first + 0.25 * second, atol=1e-6)


def test_exports_can_be_kept_in_a_set(written):
    exported = read(written)
    assert len({exported, read(written)}) == 2
    assert exported.axis == read(written).axis


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        (np.ones(96), r"spectra must be \(N, 96\) for this network, got \(96,\)"),
        (np.ones((2, 95)), r"got \(2, 95\)"),
        (np.full((2, 96), np.nan), "spectra must be finite"),
    ],
)
def test_spectra_that_do_not_fit_are_refused(written, spectra, message):
    with pytest.raises(ValueError, match=message):
        read(written).predict(spectra)


def test_more_spectra_than_a_batch(written, dataset):
    exported = read(written)
    many = np.tile(dataset.validation.spectra, (30, 1))
    assert len(many) > export.BATCH
    np.testing.assert_allclose(exported.predict(many)[-20:], exported.predict(dataset.validation.spectra), atol=1e-6)
