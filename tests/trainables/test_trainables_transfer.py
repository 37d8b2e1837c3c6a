"""Starting from another network's weights: what is taken over, what is fresh, what is frozen, and that it helps."""

from __future__ import annotations

import pytest
import torch

from spectune.spaces import FAMILIES, Training
from spectune.spaces.cnn import CNN
from spectune.spaces.mlp import MLP
from spectune.spaces.vit import ViT
from spectune.trainables.data import load
from spectune.trainables.models import build
from spectune.trainables.train import train
from spectune.trainables.transfer import start

TRANSFER = Training(init="network", learning_rate=3e-4, batch_size=16)


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.by_steps])
def test_a_network_of_another_length_and_other_classes_takes_everything_but_the_output_layer(family):
    network = FAMILIES[family]()
    torch.manual_seed(0)
    source = build(network, 300, 7).state_dict()
    torch.manual_seed(1)
    model = build(network, 200, 4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fresh = start(model, source, keep="network")
    for name, tensor in model.state_dict().items():
        if name in fresh:
            assert torch.equal(tensor, before[name]), name
        elif tensor.shape == source[name].shape:
            assert torch.equal(tensor, source[name]), name
        else:
            assert not torch.equal(tensor, before[name]), name
    assert [name for name in fresh if name.endswith("weight")] == [list(before)[-2]]
    assert model(torch.rand(2, 200)).isfinite().all()


def test_the_same_spectrum_on_a_finer_axis_gives_nearly_the_same_hidden_values():
    """A dense layer sums over the points: on twice as many it must give the same sums."""
    network = MLP(depth=1, width=32, activation="linear", dropout=0.0)
    coarse, fine = build(network, 100, 3), build(network, 200, 3)
    start(fine, coarse.state_dict(), keep="network")
    places = torch.linspace(0, 1, 100)
    smooth = torch.sin(6 * places)[None] + 1.5
    doubled = torch.nn.functional.interpolate(smooth[None], 200, mode="linear")[0]
    torch.testing.assert_close(fine[:-1](doubled), coarse[:-1](smooth), rtol=0.05, atol=0.05)


def test_learned_positions_are_interpolated_and_the_class_token_keeps_its_own():
    network = ViT(patch_size=10, depth=1, heads=2, head_width=8, readout="class")
    old, new = build(network, 100, 3), build(network, 200, 3)
    start(new, old.state_dict(), keep="network")
    (places,) = [tensor for name, tensor in old.state_dict().items() if name.endswith("places")]
    (spread,) = [tensor for name, tensor in new.state_dict().items() if name.endswith("places")]
    assert (len(places), len(spread)) == (11, 21)
    assert torch.equal(places[0], spread[0])
    torch.testing.assert_close(spread[1], places[1])
    torch.testing.assert_close(spread[2], 0.75 * places[1] + 0.25 * places[2])


def test_weights_of_another_network_are_refused_in_one_line():
    model = build(CNN(depth=2, filters=8), 100, 3)
    for other in (CNN(depth=1, filters=8), CNN(depth=2, filters=9)):
        with pytest.raises(ValueError, match="must be of the same network") as refusal:
            start(model, build(other, 100, 3).state_dict(), keep="network")
        assert "\n" not in str(refusal.value)


def test_transfer_without_weights_is_refused(dataset):
    with pytest.raises(ValueError, match="--init-from"):
        next(train(MLP(), TRANSFER, dataset, seed=0, epochs=1))


def test_only_the_output_layer_learns_while_the_rest_is_frozen(dataset):
    network = CNN(depth=1, filters=4, kernel_size=5, fc_width=16)
    weights = build(network, 60, 9).state_dict()
    frozen = TRANSFER.replace(freeze=2)
    states = [
        {name: tensor.clone() for name, tensor in epoch.state["model"].items()}
        for epoch in train(network, frozen, dataset, seed=0, epochs=3, init=weights)
    ]
    head = {
        name for name in states[0] if name.startswith(max(states[0], key=lambda n: int(n.split(".")[0])).split(".")[0])
    }
    for name in states[0]:
        same = torch.equal(states[0][name], states[1][name])
        assert same == (name not in head), name
        assert not torch.equal(states[1][name], states[2][name]), name


def test_the_backbone_is_kept_and_everything_that_reads_whole_feature_maps_is_new():
    network = CNN(depth=2, filters=4, kernel_size=5, fc_depth=2, fc_width=16)
    model = build(network, 200, 4)
    fresh = start(model, build(network, 300, 7).state_dict(), keep="backbone")
    shapes = [tuple(model.state_dict()[name].shape) for name in fresh if name.endswith("weight")]
    assert [shape[0] for shape in shapes] == [16, 16, 4]  # both hidden layers and the output
    kept = [tensor for name, tensor in model.named_parameters() if name not in fresh]
    assert sorted(tensor.ndim for tensor in kept) == [1, 1, 4, 4]  # two convolutions with their biases


@pytest.mark.parametrize(("init", "helps"), [("backbone", True), ("scratch", False)])
def test_only_what_was_learned_elsewhere_lets_few_spectra_suffice(init, helps):
    """Trained on 60 classes of 600 points, then for 5 epochs on 3 spectra each of 20 other classes on 400 points."""
    network = CNN(
        depth=4, filters=16, filter_growth=1.5, kernel_size=15, kernel_last=5, fc_depth=1, fc_width=64, fc_dropout=0.0
    )
    shape = {"shift": 0.03, "change": 0.1, "noise": 0.02}
    source = load("generated", classes=60, points=600, train=20, validation=3, test=1, **shape)
    *_, last = train(network, Training(learning_rate=1e-3, batch_size=32), source, seed=0, epochs=8)
    target = load("generated", classes=20, points=400, train=3, validation=10, test=1, seed=1, **shape)
    *_, after = train(network, TRANSFER.replace(init=init), target, seed=0, epochs=5, init=last.state["best"]["model"])
    assert (after.state["best"]["metrics"]["accuracy"] > 0.65) == helps
