"""The network that is the mean of others."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from spectune.spaces import CNN, PLSDA, Logistic, Training
from spectune.spaces.ensemble import Ensemble, Member
from spectune.trainables import export
from spectune.trainables.export import read, write
from spectune.trainables.models import build, restored
from spectune.trainables.models.ensemble import Mean, joined, mixed
from spectune.trainables.train import predict, train

NETWORKS = (
    CNN(depth=2, filters=8, kernel_size=5, fc_width=16),
    Logistic(preprocess="snv", detrend=1),
    PLSDA(components=3, savgol="first", window=7, preprocess="none"),
)
MIXED = Ensemble(
    members=tuple(Member(trial=at, weight=weight, network=NETWORKS[at]) for at, weight in enumerate((1, 2, 3)))
)


@pytest.fixture(scope="module")
def trained(dataset):
    """The weights of the members, each after an epoch."""
    found = []
    for network in NETWORKS:
        *_, last = train(network, Training(), dataset, seed=0, epochs=1)
        found.append({name: tensor.clone() for name, tensor in last.state["best"]["model"].items()})
    return found


def test_its_probabilities_are_the_weighted_mean_of_its_members(trained, dataset):
    each = [
        predict(restored(network, 96, 4, weights), dataset.validation).double().softmax(1)
        for network, weights in zip(NETWORKS, trained, strict=True)
    ]
    expected = (each[0] + 2 * each[1] + 3 * each[2]) / 6
    found = predict(restored(MIXED, 96, 4, joined(trained)), dataset.validation).double()
    torch.testing.assert_close(found.exp(), expected, atol=1e-6, rtol=1e-5)


def test_several_labels_have_the_mean_of_their_own_probabilities():
    logits = [torch.tensor([[3.0, -2.0]]), torch.tensor([[-1.0, -200.0]])]
    expected = 0.25 * logits[0].double().sigmoid() + 0.75 * logits[1].double().sigmoid()
    found = mixed(logits, [0.25, 0.75], several=True)
    torch.testing.assert_close(found.double().sigmoid(), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("several", [False, True])
def test_what_no_member_holds_possible_stays_finite(several):
    sure = torch.tensor([[1e30, -1e30, -torch.inf]])
    assert mixed([sure, sure], [0.5, 0.5], several=several).isfinite().all()


def test_an_onnx_runtime_gives_several_labels_all_digits_where_members_are_sure(tmp_path):
    mean = Mean([torch.nn.Identity(), torch.nn.Hardtanh(-25, 25)], [0.3, 0.7], several=True).eval()
    logits = torch.linspace(-30, 30, 240).reshape(2, 120)
    export._write_onnx(mean, 120, tmp_path / "mean.onnx", baseline="none")
    session = onnxruntime.InferenceSession(tmp_path / "mean.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"spectra": logits.numpy()})[0], mean(logits), atol=1e-4)


def test_with_several_labels_every_member_keeps_its_thresholds_and_the_mean_has_its_own():
    two = Ensemble(members=tuple(Member(trial=at, weight=1, network=NETWORKS[0]) for at in range(2)))
    weights = build(two, 96, 4, multilabel=True).state_dict()
    assert {name for name in weights if name.endswith("thresholds")} == {
        "thresholds",
        "members.0.thresholds",
        "members.1.thresholds",
    }


def test_its_export_agrees_in_every_form_with_members_that_prepare_spectra_in_their_own_way(trained, dataset, tmp_path):
    score = {"metric": "accuracy", "seeds": [1], "values": [0.9], "mean": 0.9}
    about = {"validation": score, "ensemble": {"members": [], "remark": "It averages."}, "study": "s"}
    weights = joined(trained)
    write(tmp_path / "1-mixed", network=MIXED, training=Training(), weights=weights, dataset=dataset, numbers=about)
    exported = read(tmp_path / "1-mixed")
    assert exported.network == MIXED
    logits = predict(restored(MIXED, 96, 4, weights), dataset.validation)
    spectra = dataset.validation.spectra
    np.testing.assert_allclose(exported.predict(spectra), logits.double().softmax(1), atol=1e-6)
    session = onnxruntime.InferenceSession(tmp_path / "1-mixed/model.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"spectra": spectra})[0], logits, atol=1e-4)
    card = (tmp_path / "1-mixed/README.md").read_text()
    assert "It averages." in card and "decide most" not in card  # a member's importances are not the ensemble's
