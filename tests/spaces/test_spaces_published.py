"""The published networks against the figures of their papers."""

from __future__ import annotations

import pytest

from spectune.spaces import PUBLISHED

# millions of multiply-adds of Schuetzke et al. 2023 for 5000 points and 500 classes, and what reaches the FC stack
MACS = {
    "cnn2": (69.7, 139 * 64),
    "cnn3": (145, 139 * 64),
    "cnn6": (543, 78 * 64),
    "inc3": (206, 20_433),
    "inc6": (350, 46_148),
    "vgg": (35.9, 312 * 64),
    "cnn_bn": (112, 625 * 64),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_has_its_published_parameters(name):
    published = PUBLISHED[name]
    cost = published.network.cost(published.points, published.classes)
    assert published.parameters in (cost.parameters, None)


@pytest.mark.parametrize("name", MACS)
def test_the_benchmarks_networks_have_the_published_multiply_adds(name):
    macs, _ = MACS[name]
    assert PUBLISHED[name].network.cost(5000, 500).macs / 1e6 == pytest.approx(macs, rel=0.005)


@pytest.mark.parametrize("name", MACS)
def test_the_published_number_of_features_reaches_the_fc_stack(name):
    network = PUBLISHED[name].network
    length = network.stem(5000)[-1].length if network.family == "inception" else 5000
    assert network.features(length) == MACS[name][1]


def test_the_resnet_shortens_the_signal_as_published():
    lengths = [block.length for block in PUBLISHED["resnet"].network.plan(5000) if block.stride == 2]
    assert lengths == [2500, 1250, 625, 313, 157, 79]


def test_the_regnet_shortens_the_signal_as_published():
    plan = PUBLISHED["regnet"].network.plan(6000)
    assert [block.length for block in plan if block.stride == 2] == [1500, 750, 375, 188, 94, 47, 24]
    assert (len(plan), {block.outputs // block.groups for block in plan}) == (20, {16})


def test_the_transformers_see_a_sequence():
    assert PUBLISHED["vit_xrd"].network.tokens(2880) == 36
    assert PUBLISHED["transformer"].network.tokens(8500) == 85
