"""Identification by the nearest reference: the ranking, and classes that no training ever saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spectune.spaces import Training
from spectune.spaces.cnn import CNN
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.dense import Dense
from spectune.trainables.export import read, write
from spectune.trainables.identify import embedded, known, measured, rank, top
from spectune.trainables.models import build
from spectune.trainables.train import train

SEEN, NEW = 200, 40


def unit(rows):
    return np.array(rows, float) / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_class_is_as_near_as_its_nearest_reference():
    references = unit([[1, 0], [0, 1], [1, 1]])
    classes, order, similarity = rank(unit([[1, 0.1], [0.2, 1]]), references, ["quartz", "rutile", "quartz"])
    assert classes == ["quartz", "rutile"]
    assert order.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_allclose(similarity[1], unit([[0.2, 1]])[0] @ unit([[0, 1], [1, 1]]).T)


def test_many_references_are_ranked_in_blocks_as_if_at_once(monkeypatch):
    random = np.random.default_rng(0)
    queries, references = unit(random.normal(size=(50, 6))), unit(random.normal(size=(300, 6)))
    names = [f"class {number}" for number in random.permutation(300) % 70]
    monkeypatch.setattr("spectune.trainables.identify.BLOCK", 1000)
    classes, order, similarity = rank(queries, references, names, most=4)
    each = np.stack([(queries @ references[np.array(names) == name].T).max(axis=1) for name in classes], axis=1)
    assert order.shape == similarity.shape == (50, 4)
    np.testing.assert_array_equal(order, np.argsort(-each, axis=1)[:, :4])
    np.testing.assert_allclose(similarity, -np.sort(-each, axis=1)[:, :4])


def test_top_k_counts_queries_whose_class_has_a_reference():
    order = np.array([[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    labels = ["a", "a", "elsewhere"]
    assert [top(order, ["a", "b", "c"], labels, most) for most in (1, 2, 3)] == [0.5, 0.5, 1.0]
    assert np.isnan(top(order, ["a", "b", "c"], ["x"] * 3, 1))


@pytest.fixture(scope="module")
def classes():
    """240 classes, of which the last 40 are never trained on."""
    return load(
        "generated", classes=SEEN + NEW, points=400, train=5, validation=2, test=5, shift=0.02, change=0.15, noise=0.03
    )


def part(split, low, high):
    rows = np.flatnonzero((split.labels >= low) & (split.labels < high))
    return split.batch(torch.from_numpy(rows)).numpy(), split.labels[rows] - low


@pytest.fixture(scope="module")
def exported(classes, tmp_path_factory):
    """The exports of a network that was trained on five spectra of each of 200 classes, and of an untrained one."""
    splits = {name: Dense(*part(classes.split(name), 0, SEEN)) for name in ("train", "validation", "test")}
    seen = replace(classes, classes=classes.classes[:SEEN], definition=None, **splits)
    network = CNN(
        depth=3,
        filters=12,
        kernel_size=15,
        kernel_last=5,
        stride=2,
        batch_norm=True,
        fc_depth=1,
        fc_width=64,
        fc_dropout=0.1,
        head="adacos",
    )
    training = Training(learning_rate=3e-3, batch_size=32, schedule="cosine")
    *_, last = train(network, training, seen, seed=0, epochs=15)
    torch.manual_seed(0)
    untrained = build(network, 400, SEEN).state_dict()
    folders = {}
    for name, weights in (("trained", last.state["model"]), ("untrained", untrained)):
        folders[name] = tmp_path_factory.mktemp("exports") / name
        write(folders[name], network=network, training=training, weights=weights, dataset=seen, numbers={})
    return {name: read(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("each", [1, 5])
def test_only_a_trained_embedding_identifies_new_classes_by_a_few_references(classes, exported, each):
    """Trained with AdaCos on other classes; peaks move on their own, so that raw spectra are far from each other."""
    references, owners = part(classes.train, SEEN, SEEN + NEW)
    some = np.concatenate([np.flatnonzero(owners == number)[:each] for number in range(NEW)])
    queries, labels = part(classes.test, SEEN, SEEN + NEW)
    truth, names = labels.astype(str).tolist(), owners[some].astype(str).tolist()
    ways = {name: (export.embed(queries), export.embed(references[some])) for name, export in exported.items()}
    ways["raw"] = unit(queries), unit(references[some])
    found = {}
    for name, (vectors, theirs) in ways.items():
        known_classes, order, _ = rank(vectors, theirs, names)
        found[name] = [top(order, known_classes, truth, most) for most in (1, 5)]
    bar = {1: 0.77, 5: 0.9}[each]
    assert {name for name, (first, _) in found.items() if first > bar} == {"trained"}
    assert found["trained"][1] > max(found["trained"][0], 0.95)


def test_embeddings_have_length_one_and_do_not_depend_on_the_height_of_a_spectrum(classes, exported):
    spectra = classes.test.batch(torch.arange(5)).numpy()
    vectors = exported["trained"].embed(spectra)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(exported["trained"].embed(7 * spectra), vectors, atol=1e-5)


def test_monte_carlo_dropout_spreads_around_the_prediction_and_leaves_the_network_as_it_was(classes, exported):
    spectra = classes.test.batch(torch.arange(20)).numpy()
    before = exported["trained"].predict(spectra)
    torch.manual_seed(0)
    drawn = exported["trained"].sample(spectra, passes=30)
    assert drawn.shape == (30, 20, SEEN)
    np.testing.assert_allclose(drawn.sum(axis=2), 1)
    assert (drawn.std(axis=0).max(axis=1) > 0).all()
    assert np.mean(drawn.mean(axis=0).argmax(axis=1) == before.argmax(axis=1)) > 0.8
    np.testing.assert_array_equal(exported["trained"].predict(spectra), before)


def test_monte_carlo_dropout_needs_dropout(dataset, tmp_path):
    network = CNN(depth=1, filters=4, kernel_size=3, fc_depth=0, fc_dropout=0.0)
    weights = build(network, 96, 4).state_dict()
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    with pytest.raises(ValueError, match="dropout needs a network with dropout"):
        read(tmp_path / "model").sample(np.ones((1, 96)), passes=3)


CIF = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{name} 0 0 0
"""


@pytest.fixture
def metals(tmp_path):
    """CIFs of two metals, and a pattern with the two lines of copper, 50.4 and 43.3 degrees with Cu K alpha."""
    folder = tmp_path / "metals"
    folder.mkdir()
    for name, a in (("Cu", 3.6149), ("Al", 4.0495)):
        (folder / f"{name}.cif").write_text(CIF.format(name=name, a=a))
    angles = np.arange(35.0, 60.0, 0.05)
    heights = np.exp(-(((angles - 43.32) / 0.2) ** 2)) + 0.46 * np.exp(-(((angles - 50.45) / 0.2) ** 2))
    np.savetxt(tmp_path / "unknown.xy", np.c_[angles, heights + 0.01])
    return folder


def plain(dataset, folder, wavelength):
    """The export of an untrained network, as if it had learned from measured patterns on angles."""
    axis = Axis(np.linspace(35.0, 59.0, 96), "2theta", "degrees", wavelength)
    network = CNN(depth=1, filters=4, kernel_size=3, fc_depth=0, fc_dropout=0.0)
    torch.manual_seed(0)
    weights = build(network, 96, 4).state_dict()
    kept = replace(dataset, axis=axis)
    write(folder, network=network, training=Training(), weights=weights, dataset=kept, numbers={})
    return read(folder)


def test_structures_are_references_of_a_network_that_learned_from_measured_patterns(dataset, metals, tmp_path):
    for wavelength, given in ((1.5418, 0.0), (0.0, 1.5418)):
        exported = plain(dataset, tmp_path / str(given), wavelength)
        library = known(exported, metals, given)
        assert library.labels == ["Al (F m -3 m)", "Cu (F m -3 m)"]
        unknown = embedded(exported, measured(tmp_path / "unknown.xy", given))
        names, order, _ = rank(unknown.vectors, library.vectors, library.labels)
        assert [names[number] for number in order[0]] == ["Cu (F m -3 m)", "Al (F m -3 m)"]
    with pytest.raises(ValueError, match="got none that says it: give --wavelength"):
        known(exported, metals)


def test_a_wavelength_that_is_taken_for_granted_is_said(dataset, metals, tmp_path, caplog):
    for model, given, count in ((1.5418, 0.0, 1), (1.5418, 1.5406, 0), (0.0, 0.0, 0)):
        caplog.clear()
        exported = plain(dataset, tmp_path / f"{model}-{given}", model)
        embedded(exported, measured(tmp_path / "unknown.xy", given))
        said = "unknown.xy says no wavelength: taken to be that of the model, 1.5418 angstrom"
        assert caplog.text.count(said) == count


def test_structures_that_are_no_references_are_said(dataset, metals, tmp_path, caplog):
    (metals / "broken.cif").write_text("nothing")
    known(plain(dataset, tmp_path / "x", 1.5418), metals)
    assert "metals: left out: 1 not readable as CIF (broken)" in caplog.text


def test_a_wavelength_is_that_of_files_that_say_none(tmp_path):
    random = np.random.default_rng(0)
    arrays = {"x": random.random((2, 20)), "axis": np.arange(20.0), "axis_name": "2theta", "axis_unit": "degrees"}
    np.savez(tmp_path / "silent.npz", **arrays)
    np.savez(tmp_path / "says.npz", **arrays, axis_wavelength=1.5406)
    np.savez(tmp_path / "index.npz", x=arrays["x"])
    assert measured(tmp_path / "silent.npz", 1.789).axis.wavelength == 1.789
    assert measured(tmp_path / "says.npz").axis.wavelength == 1.5406
    assert measured(tmp_path / "says.npz", 1.5418).axis.wavelength == 1.5406
    assert measured(tmp_path / "index.npz", 1.789).axis is None
    with pytest.raises(ValueError, match=r"must be that of .*says.npz, 1.5406 angstrom, got 1.789: leave it away"):
        measured(tmp_path / "says.npz", 1.789)
