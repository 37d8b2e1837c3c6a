"""Several labels per spectrum: metrics, thresholds, losses, training, export."""

from __future__ import annotations

import io
import json

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score

from spectune.spaces import Training
from spectune.spaces.cnn import CNN
from spectune.spaces.metrics import scores
from spectune.spaces.mlp import MLP
from spectune.trainables import losses
from spectune.trainables.data import load
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.export import read, write
from spectune.trainables.metrics import by_label, score, thresholds
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

SMALL = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, fc_depth=1, fc_width=64, fc_dropout=0.0)
QUICK = Training(learning_rate=2e-3, batch_size=32)


def sample(count=300, labels=6):
    torch.manual_seed(0)
    true = (torch.rand(count, labels) < torch.linspace(0.5, 0.05, labels)).long()
    return (torch.randn(count, labels) + 2 * true).round(decimals=1), true  # rounded: some logits are equal


@pytest.fixture(scope="module")
def mixtures():
    shape = {"classes": 6, "points": 200, "shift": 0.01, "noise": 0.01}
    return load("generated", mixed=3, train=60, validation=20, test=10, **shape)


def test_metrics_are_those_of_scikit_learn():
    logits, true = sample()
    found = (logits > 0.5).numpy()
    values = score(logits, true, torch.full((6,), 0.5))
    assert list(values) == scores("several")
    labels = true.numpy()
    assert values["accuracy"] == pytest.approx((found == labels).all(axis=1).mean())
    assert values["molecular_f1"] == pytest.approx(f1_score(labels, found, average="samples", zero_division=1))
    assert values["macro_f1"] == pytest.approx(f1_score(labels, found, average="macro"))
    assert values["auc"] == pytest.approx(roc_auc_score(labels, logits.numpy(), average="macro"))


def test_a_label_without_examples_does_not_spoil_the_mean():
    logits, true = sample()
    true[:, 2] = 0
    values = score(logits, true, torch.zeros(6))
    rest = [number for number in range(6) if number != 2]
    assert values["auc"] == pytest.approx(roc_auc_score(true[:, rest].numpy(), logits[:, rest].numpy()))
    assert np.isnan(by_label(logits, true, torch.zeros(6))[2]["auc"])


def test_a_logit_that_is_not_finite_has_no_metrics():
    logits, true = sample()
    logits[3, 3] = float("nan")
    assert all(np.isnan(value) for value in score(logits, true, torch.zeros(6)).values())


def test_counts_by_label_add_up():
    logits, true = sample()
    for number, row in enumerate(by_label(logits, true, torch.zeros(6))):
        found, there = (logits[:, number] > 0).numpy(), true[:, number].numpy() > 0
        assert (row["spectra"], row["missed"]) == (there.sum(), (there & ~found).sum())
        assert row["wrong"] == (found & ~there).sum()
        assert row["f1"] == pytest.approx(f1_score(there, found))


def test_no_other_threshold_has_a_better_f1():
    logits, true = sample()
    best = thresholds(logits, true)
    for number in range(6):
        column, there = logits[:, number].numpy(), true[:, number].numpy()
        candidates = np.append(np.unique(column) - 0.01, column.max() + 1)
        most = max(f1_score(there, column > level, zero_division=0) for level in candidates)
        assert f1_score(there, column > float(best[number])) == pytest.approx(most)


def test_balanced_classes_are_the_published_weights_halved():
    logits, true = sample()
    loss = losses.loss(Training(balance=True), torch.nn.Identity(), true.numpy(), 6, torch.device("cpu"))
    share = true.double().mean(dim=0)
    p = logits.double().sigmoid()
    published = -(true * p.log() / share + (1 - true) * (1 - p).log() / (1 - share)).mean()
    assert float(loss(logits, true)) == pytest.approx(float(published) / 2, rel=1e-5)


def test_focal_without_focus_is_cross_entropy_and_with_it_is_the_formula():
    logits, true = sample()
    p = torch.where(true > 0, logits.double().sigmoid(), 1 - logits.double().sigmoid())
    training = Training(loss="focal", focal_gamma=2.0)
    loss = losses.loss(training, torch.nn.Identity(), true.numpy(), 6, torch.device("cpu"))
    assert float(loss(logits, true)) == pytest.approx(float((-((1 - p) ** 2) * p.log()).mean()), rel=1e-5)


def test_a_head_that_compares_directions_is_refused(mixtures):
    with pytest.raises(ValueError, match="needs one label per spectrum, got several: use head=linear"):
        next(train(MLP(head="adacos"), QUICK, mixtures, seed=0, epochs=1))


@pytest.mark.parametrize("multilabel", [True, False])
def test_only_several_labels_find_all_classes_of_a_mixture(mixtures, multilabel):
    """With one label per spectrum, that of its strongest class, a network can be right on unmixed spectra at most."""
    data, test = mixtures, mixtures.validation
    if not multilabel:
        one = [_one_label(part) for part in (mixtures.train, mixtures.validation)]
        data = load("generated", classes=6, points=200)
        data = type(data)(data.name, "", data.classes, data.axis, one[0], one[1], one[1])
    *_, last = train(SMALL, QUICK, data, seed=0, epochs=12)
    model = build(SMALL, 200, 6, multilabel=multilabel)
    model.load_state_dict(last.state["best"]["model"])
    logits = predict(model, test)
    above = model.thresholds if multilabel else logits.amax(dim=1, keepdim=True) - 1e-6
    right = ((logits > above).numpy() == (test.labels > 0)).all(axis=1).mean()
    assert (right > 0.6) == multilabel


def _one_label(part: Peaks) -> Peaks:
    labels = np.repeat(np.arange(6), len(part) // 6)  # the class at full height
    return Peaks(part.positions, part.heights, part.widths, labels, points=200, noise=part.noise, seed=part.seed)


@pytest.mark.parametrize("chosen", [True, False])
def test_only_chosen_thresholds_find_a_rare_label(chosen):
    """A label of 1 spectrum in 20 that overlaps: by probability 0.5 it is hardly ever found."""
    torch.manual_seed(0)
    true = (torch.rand(4000, 2) < torch.tensor([0.5, 0.05])).long()
    shares = torch.tensor([0.5, 0.05])
    logits = torch.randn(4000, 2) + 1.5 * true  # of spectra: evidence
    logits = 1.5 * logits - 1.125 + (shares / (1 - shares)).log()  # the true log-odds: a perfect network's logits
    above = thresholds(logits[:2000], true[:2000]) if chosen else torch.zeros(2)
    assert (by_label(logits[2000:], true[2000:], above)[1]["f1"] > 0.3) == chosen


def test_training_resumes_to_the_same_metrics_and_thresholds(mixtures):
    epochs = train(SMALL, QUICK, mixtures, seed=0, epochs=2)
    saved = io.BytesIO()
    torch.save(next(epochs).state, saved)
    saved.seek(0)
    second = next(epochs)
    assert set(second.metrics) == {*scores("several"), "train_loss", "learning_rate"}
    state = torch.load(saved, weights_only=True)
    (resumed,) = train(SMALL, QUICK, mixtures, seed=0, epochs=2, state=state)
    assert resumed.metrics == second.metrics
    assert torch.equal(resumed.state["model"]["thresholds"], second.state["model"]["thresholds"])


def test_an_export_finds_the_same_labels(mixtures, tmp_path):
    *_, last = train(SMALL, QUICK, mixtures, seed=0, epochs=2)
    weights = last.state["best"]["model"]
    folder = tmp_path / "model"
    write(folder, network=SMALL, training=QUICK, weights=weights, dataset=mixtures, numbers={})
    model = build(SMALL, 200, 6, multilabel=True)
    model.load_state_dict(weights)
    spectra = mixtures.test.batch(torch.arange(len(mixtures.test)))
    expected = (predict(model, mixtures.test) > model.thresholds).numpy()
    exported = read(folder)
    assert exported.multilabel
    assert ((exported.predict(spectra) > exported.thresholds) == expected).all()
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"spectra": spectra.numpy()})
    config = json.loads((folder / "config.json").read_text())
    assert ((1 / (1 + np.exp(-logits.astype(float))) > config["thresholds"]) == expected).all()
    card = (folder / "README.md").read_text()
    assert "the sigmoid of the logits" in card and "several or none" in card


def test_an_export_for_one_label_has_no_thresholds(dataset, tmp_path):
    network = MLP(depth=1, width=16)
    weights = build(network, 96, 4).state_dict()
    write(tmp_path / "one", network=network, training=QUICK, weights=weights, dataset=dataset, numbers={})
    with pytest.raises(ValueError, match="only a network for several labels has thresholds"):
        _ = read(tmp_path / "one").thresholds
