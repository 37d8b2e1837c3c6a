"""The space of plain convolutional networks: blocks of convolutions and pooling, then fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is, Single

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu")
MOST_FILTERS = 512  # filter_growth stops here


class Block(NamedTuple):
    """One block of a CNN, resolved for spectra of a given length."""

    convolutions: int
    filters: int
    kernel: int
    stride: int  # of the first convolution; the others keep the length
    pool_size: int  # 0: no pooling
    pool_stride: int
    conv_length: int  # points after each convolution of the block (SAME padding)
    length: int  # points after pooling (VALID)


@dataclass(frozen=True, kw_only=True)
class CNN(Network):
    """A config of the family that holds CNN2, CNN3, CNN6, VGG and CNN-BN of Schuetzke et al. 2023.

    Convolutions are padded so that a stride of 1 keeps the length; pooling is not padded. Dropout comes before every
    hidden fully connected (FC) layer and once more before the output, as in the paper's scripts.
    """

    family: ClassVar[str] = "cnn"

    depth: int = hyper(Int(1, 8), 3, "blocks of convolution and pooling")
    convs_per_block: int | tuple[int, ...] = hyper(Int(1, 3), 1, "convolutions in a block", per_layer="depth")
    filters: int | tuple[int, ...] = hyper(Int(4, 128, log=True), 32, "filters of the first block", per_layer="depth")
    filter_growth: float | None = hyper(
        Choice(1.0, 1.5, 2.0),
        1.0,
        f"filters grow by this factor a block, up to {MOST_FILTERS}",
        when=All(AtLeast("depth", 2), Single("filters")),
    )
    kernel_size: int | tuple[int, ...] = hyper(
        Int(3, 64, log=True), 25, "points under the first block's kernel", per_layer="depth"
    )
    kernel_last: int | None = hyper(
        Int(3, 64, log=True),
        9,
        "points under the last block's kernel; linear in between",
        when=All(AtLeast("depth", 2), Single("kernel_size")),
    )
    stride: int | tuple[int, ...] = hyper(
        Int(1, 4), 1, "stride of the very first convolution (a tuple: of each block's first)", per_layer="depth"
    )
    pooling: str = hyper(Choice("max", "average", "none"), "max", "kind of pooling after each block")
    pool_size: int | tuple[int, ...] | None = hyper(
        Int(1, 4), 2, "points under the pool", when=Is("pooling", "max", "average"), per_layer="depth"
    )
    pool_stride: int | tuple[int, ...] | None = hyper(
        Int(1, 4), 2, "stride of the pool", when=Is("pooling", "max", "average"), per_layer="depth"
    )
    batch_norm: bool = hyper(Choice(False, True), False, "batch normalisation between convolution and activation")
    activation: str = hyper(Choice(*ACTIVATIONS), "relu", "activation of the convolutions")
    conv_dropout: float = hyper(Float(0.0, 0.5), 0.0, "dropout after each block")
    fc_depth: int = hyper(Int(0, 3), 1, "hidden fully connected layers")
    fc_width: int | tuple[int, ...] | None = hyper(
        Int(16, 4096, log=True), 256, "units of a hidden FC layer", when=AtLeast("fc_depth", 1), per_layer="fc_depth"
    )
    fc_activation: str | None = hyper(
        Choice("linear", *ACTIVATIONS), "relu", "activation of the hidden FC layers", when=AtLeast("fc_depth", 1)
    )
    fc_dropout: float = hyper(Float(0.0, 0.8), 0.3, "dropout before each FC layer and the output")

    def blocks(self, points: int) -> tuple[Block, ...]:
        """Every block with its sizes for spectra of ``points`` points.

        Raises ValueError where a pool is wider than the signal that reaches it.
        """
        rows = zip(
            _each(self.convs_per_block, self.depth),
            self._filters(),
            self._kernels(),
            self._strides(),
            _each(self.pool_size or 0, self.depth),
            _each(self.pool_stride or 1, self.depth),
            strict=True,
        )
        blocks, length = [], points
        for number, (convolutions, filters, kernel, stride, pool_size, pool_stride) in enumerate(rows, start=1):
            conv_length = -(-length // stride)
            if pool_size > conv_length:
                raise ValueError(
                    f"pooling must leave a signal, but block {number} pools {pool_size} points where {conv_length} of "
                    f"{points} are left: use less depth (got {self.depth}), stride or pool_stride"
                )
            length = (conv_length - pool_size) // pool_stride + 1 if pool_size else conv_length
            blocks.append(Block(convolutions, filters, kernel, stride, pool_size, pool_stride, conv_length, length))
        return tuple(blocks)

    def fc_widths(self) -> tuple[int, ...]:
        """Units of every hidden FC layer."""
        return _each(self.fc_width, self.fc_depth) if self.fc_depth else ()

    def cost(self, points: int, classes: int) -> Cost:
        parameters = macs = activations = 0
        channels = 1
        blocks = self.blocks(points)
        for block in blocks:
            for _ in range(block.convolutions):
                weights = block.kernel * channels * block.filters
                parameters += weights + block.filters * (3 if self.batch_norm else 1)
                macs += weights * block.conv_length
                activations += block.filters * block.conv_length * (2 if self.batch_norm else 1)
                channels = block.filters
            activations += block.filters * block.length
        widths = (channels * blocks[-1].length, *self.fc_widths(), classes)
        for inputs, outputs in pairwise(widths):
            parameters += inputs * outputs + outputs
            macs += inputs * outputs
            activations += outputs
        return Cost(parameters, macs, activations)

    def describe(self) -> str:
        """For instance: 3 blocks of 32 filters, kernels 25-9, max pooling 2/2, FC 256 relu, dropout 0.3."""
        convolutions = _series(_each(self.convs_per_block, self.depth))
        words = [
            f"{self.depth} block{'s' if self.depth > 1 else ''} of {_series(self._filters())} filters",
            f"{convolutions} convolutions a block" if convolutions != "1" else "",
            f"kernel{'s' if self.depth > 1 else ''} {_series(self._kernels())}",
            f"stride {_series(self._strides())}" if self.stride != 1 else "",
            self._pools(),
            "batch normalisation" if self.batch_norm else "",
            self.activation if self.activation != "relu" else "",
            f"block dropout {self.conv_dropout:.2g}" if self.conv_dropout else "",
            f"FC {_series(self.fc_widths())} {self.fc_activation}" if self.fc_depth else "no hidden FC",
            f"dropout {self.fc_dropout:.2g}" if self.fc_dropout else "",
        ]
        return ", ".join(word for word in words if word)

    def _pools(self) -> str:
        if self.pooling == "none":
            return "no pooling"
        pools = zip(_each(self.pool_size, self.depth), _each(self.pool_stride, self.depth), strict=True)
        return f"{self.pooling} pooling {_series(tuple(f'{size}/{stride}' for size, stride in pools))}"

    def _filters(self) -> tuple[int, ...]:
        if isinstance(self.filters, tuple):
            return self.filters
        growth = self.filter_growth or 1.0
        return tuple(min(MOST_FILTERS, round(self.filters * growth**block)) for block in range(self.depth))

    def _strides(self) -> tuple[int, ...]:
        return self.stride if isinstance(self.stride, tuple) else (self.stride,) + (1,) * (self.depth - 1)

    def _kernels(self) -> tuple[int, ...]:
        if isinstance(self.kernel_size, tuple):
            return self.kernel_size
        first, last = self.kernel_size, self.kernel_last or self.kernel_size
        steps = max(1, self.depth - 1)
        return tuple(round(first + (last - first) * block / steps) for block in range(self.depth))


def _series(values: tuple[Any, ...]) -> str:
    """Values by layer: one for all, or joined."""
    return str(values[0]) if len(set(values)) == 1 else "-".join(str(value) for value in values)


def _each(value: Any, count: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * count
