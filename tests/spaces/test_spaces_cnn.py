"""The CNN family: its blocks, its cost against the published figures, and its words."""

from __future__ import annotations

import pytest

from spectune.spaces import CNN, PUBLISHED


def test_lengths_follow_keras():
    first, second = PUBLISHED["cnn2"].network.blocks(5000)
    assert (first.conv_lengths, first.length) == ((2500,), 1249)  # ceil(5000 / 2), (2500 - 3) // 2 + 1
    assert (second.conv_lengths, second.length) == ((417,), 139)


def test_filters_grow_and_kernels_shrink_evenly():
    network = CNN(depth=4, filters=100, filter_growth=2.0, kernel_size=30, kernel_last=9)
    assert [block.filters for block in network.blocks(5000)] == [100, 200, 400, 512]
    assert [block.kernel for block in network.blocks(5000)] == [30, 23, 16, 9]


def test_one_stride_is_that_of_the_very_first_convolution():
    assert [block.stride for block in CNN(depth=3, stride=4).blocks(5000)] == [4, 1, 1]
    assert [block.stride for block in CNN(depth=3, stride=(1, 2, 3)).blocks(5000)] == [1, 2, 3]


def test_a_last_kernel_or_a_growth_needs_a_second_block():
    network = CNN(depth=1, kernel_size=9)
    assert network.kernel_last is None
    assert network.filter_growth is None
    assert network.blocks(100)[0].kernel == 9


def test_a_pool_wider_than_the_signal_is_refused_with_the_rule():
    network = CNN(depth=7, pool_size=4, pool_stride=4)
    assert network.blocks(4**7)[-1].length == 1
    with pytest.raises(ValueError, match="pooling must leave a signal, but block 7 pools 4 points where 1 of 5000 are"):
        network.cost(5000, 10)


def test_an_unpadded_kernel_wider_than_its_signal_is_refused_with_the_rule():
    network = CNN(depth=2, convs_per_block=2, kernel_size=9, kernel_last=9, padding="none")
    assert [(block.conv_lengths, block.length) for block in network.blocks(52)] == [((44, 36), 18), ((10, 2), 1)]
    with pytest.raises(ValueError, match="a kernel must fit into its signal, but block 2 has 9 points where 8 of 32"):
        network.cost(32, 10)


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (
            CNN(depth=3, kernel_size=25, kernel_last=9),
            "3 blocks of 32 filters, kernels 25-17-9, max pooling 2/2, FC 256 relu, dropout 0.3",
        ),
        (
            PUBLISHED["cnn2"].network,
            "2 blocks of 64 filters, kernels 50-25, stride 2-3, max pooling 3/2-2/3, FC 2000-500 linear, dropout 0.3",
        ),
        (
            CNN(depth=1, kernel_size=5, pooling="none", batch_norm=True, activation="gelu", fc_depth=0, fc_dropout=0),
            "1 block of 32 filters, kernel 5, no pooling, batch normalisation, gelu, no hidden FC",
        ),
        (
            CNN(depth=2, convs_per_block=2, stride=3, conv_dropout=0.123, fc_dropout=0, kernel_last=25),
            "2 blocks of 32 filters, 2 convolutions a block, kernels 25, stride 3-1, max pooling 2/2, "
            "block dropout 0.12, FC 256 relu",
        ),
    ],
)
def test_it_describes_itself(network, text):
    assert network.describe() == text
