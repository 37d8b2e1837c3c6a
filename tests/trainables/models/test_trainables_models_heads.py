"""Heads that compare directions: their formulas, their limits, and that the scale of AdaCos really adapts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from spectune.spaces import Training
from spectune.spaces.mlp import MLP
from spectune.trainables.losses import progress
from spectune.trainables.models import build
from spectune.trainables.models.heads import HEADS, AdaCos, ArcFace, CosFace, Cosine
from spectune.trainables.train import predict, train

FEATURES, CLASSES = 8, 6


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(32, FEATURES), torch.randint(0, CLASSES, (32,))


def cosines(head, features):
    weight = head.weight.detach().numpy()
    rows = features.numpy() / np.linalg.norm(features.numpy(), axis=1, keepdims=True)
    return rows @ (weight / np.linalg.norm(weight, axis=1, keepdims=True)).T


@pytest.mark.parametrize("kind", HEADS)
def test_logits_are_scaled_cosines_whatever_the_length_of_the_features(kind, batch):
    head = HEADS[kind](FEATURES, CLASSES, scale=10.0, margin=0.3)
    expected = float(head.scale) * cosines(head, batch[0])
    np.testing.assert_allclose(head(batch[0]).detach(), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(head(100 * batch[0]).detach(), expected, rtol=1e-4, atol=1e-4)


def test_cosface_takes_the_margin_off_the_true_cosine_only(batch):
    head = CosFace(FEATURES, CLASSES, scale=10.0, margin=0.3)
    logits = head(batch[0])
    change = (head.target(logits, batch[1]) - logits).detach()
    expected = torch.zeros(32, CLASSES).scatter(1, batch[1][:, None], -3.0)
    torch.testing.assert_close(change, expected, rtol=1e-4, atol=1e-4)


def test_arcface_widens_the_true_angle(batch):
    head = ArcFace(FEATURES, CLASSES, scale=10.0, margin=0.3)
    target = head.target(head(batch[0]), batch[1]).gather(1, batch[1][:, None])[:, 0].detach().numpy()
    angles = np.arccos(cosines(head, batch[0])[np.arange(32), batch[1].numpy()])
    inside = angles + 0.3 < math.pi
    assert inside.any()
    np.testing.assert_allclose(target[inside], 10 * np.cos(angles[inside] + 0.3), rtol=1e-3, atol=1e-3)


def test_arcface_goes_on_falling_where_the_angle_would_pass_pi():
    head = ArcFace(2, 2, scale=1.0, margin=0.5)
    cosine = torch.linspace(-0.999, 0.999, 200)
    logits = torch.stack([cosine, torch.zeros(200)], dim=1)
    target = head.target(logits, torch.zeros(200, dtype=torch.long))[:, 0]
    assert (target.diff() > 0).all()


def test_adacos_follows_the_published_formula(batch):
    head = AdaCos(FEATURES, CLASSES)
    features, labels = batch
    before = float(head.scale)
    assert before == pytest.approx(math.sqrt(2) * math.log(CLASSES - 1))
    logits = head(features)
    target = head.target(logits, labels)

    cosine, rows = cosines(head, features), np.arange(32)
    others = np.exp(before * cosine)
    others[rows, labels] = 0
    angle = np.sort(np.arccos(cosine[rows, labels]))[15]  # torch's median is the lower one
    expected = math.log(others.sum() / 32) / math.cos(min(math.pi / 4, angle))
    assert float(head.scale) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(target.detach(), expected * cosine, rtol=1e-3, atol=1e-3)


def test_adacos_works_with_two_classes_and_survives_what_is_not_finite():
    head = AdaCos(FEATURES, 2)
    for _ in range(20):
        head.target(head(torch.randn(16, FEATURES)), torch.randint(0, 2, (16,)))
        assert 1.414 < float(head.scale) < 10
    before = float(head.scale)
    head.target(torch.full((4, 2), math.nan), torch.zeros(4, dtype=torch.long))
    assert float(head.scale) == before


def test_the_scale_of_adacos_is_kept_with_the_weights_and_rests_when_predicting(batch):
    head = AdaCos(FEATURES, CLASSES)
    head.target(head(batch[0]), batch[1])
    scale = float(head.scale)
    head.eval()
    head(batch[0])
    assert float(head.state_dict()["scale"]) == scale


@pytest.mark.parametrize(("kind", "adapts"), [("adacos", True), ("cosine", False)])
def test_only_a_scale_that_adapts_gets_below_what_raw_cosines_can_reach(dataset, kind, adapts):
    """As the public XRDidentifier was trained: cosines in -1..1 as logits, whose loss has a floor."""
    network = MLP(depth=1, width=64, dropout=0.0, head=kind, head_scale=1.0)
    *_, last = train(network, Training(learning_rate=3e-3, batch_size=32), dataset, seed=0, epochs=25)
    floor = math.log(1 + (len(dataset.classes) - 1) * math.exp(-1 - 1 / (len(dataset.classes) - 1)))
    assert (last.metrics["loss"] < floor) == adapts  # the directions of C classes cannot be further apart


def test_every_head_is_trained(dataset):
    for kind in HEADS:
        model = build(MLP(depth=1, width=16, head=kind), 96, 4)
        assert any(isinstance(module, Cosine) for module in model.modules())
        (epoch,) = train(MLP(depth=1, width=16, head=kind), Training(), dataset, seed=0, epochs=1)
        before = build(MLP(depth=1, width=16, head=kind), 96, 4).state_dict()
        assert any(
            name.endswith("weight") and not torch.equal(before[name], tensor)
            for name, tensor in epoch.state["model"].items()
        )


def test_progress_of_adacos_is_seen_where_its_adapting_scale_hides_it_from_the_loss():
    """Smaller angles with the scale that they lead to: the loss rises, but the network is better."""
    model, labels = torch.nn.Sequential(AdaCos(FEATURES, 100)), torch.arange(50)
    head, values = model[0], []
    for true, scale in ((0.8, 13.0), (0.95, 6.0)):
        head.scale = torch.tensor(scale)
        logits = scale * (torch.zeros(50, 100).scatter(1, labels[:, None], true))
        loss = float(F.cross_entropy(logits, labels))
        values.append((progress(model, logits, labels, loss=loss), loss))
    (early, early_loss), (late, late_loss) = values
    assert late < early
    assert late_loss > early_loss


def test_training_keeps_the_epoch_of_most_progress_at_the_first_scale(dataset):
    network = MLP(depth=1, width=64, dropout=0.0, head="adacos")
    (epoch,) = train(network, Training(learning_rate=3e-3, batch_size=32), dataset, seed=0, epochs=1)
    model = build(network, 96, 4)
    model.load_state_dict(epoch.state["model"])
    logits, labels = predict(model, dataset.validation), torch.from_numpy(dataset.validation.labels)
    steady = logits * AdaCos(FEATURES, 4).scale / model[-1].scale
    assert epoch.state["lowest"] == pytest.approx(float(F.cross_entropy(steady, labels)), rel=1e-5)
    assert epoch.state["lowest"] != pytest.approx(epoch.metrics["loss"], rel=1e-3)
