"""The space of plain convolutional networks: blocks of convolutions and pooling, then fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is, Single
from spectune.spaces.errors import InputError
from spectune.spaces.layers import (
    ACTIVATIONS,
    Stacked,
    Tally,
    each,
    fc_activation,
    fc_depth,
    fc_dropout,
    fc_width,
    grown,
    head,
    head_margin,
    head_scale,
    norm_momentum,
    peaks,
    preprocess,
    reading,
    series,
)
from spectune.spaces.preprocess import Preprocessed

MOST_FILTERS = 512  # filter_growth stops here


class Block(NamedTuple):
    """One block of a CNN, resolved for spectra of a given length."""

    convolutions: int
    filters: int
    kernel: int
    stride: int  # of the first convolution; the others keep the length
    pool_size: int  # 0: no pooling
    pool_stride: int
    conv_lengths: tuple[int, ...]  # points after each convolution of the block
    length: int  # points after pooling


@dataclass(frozen=True, kw_only=True)
class CNN(Preprocessed, Stacked):
    """A config of the family that holds CNN2, CNN3, CNN6, VGG and CNN-BN of Schuetzke et al. 2023.

    Unless ``padding`` says otherwise, convolutions are padded so that a stride of 1 keeps the length, pools are not.
    Dropout comes before every hidden fully connected (FC) layer and once more before the output, as in the paper's
    scripts.
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
    norm_momentum: float | None = norm_momentum()
    activation: str = hyper(Choice(*ACTIVATIONS), "relu", "activation of the convolutions")
    conv_dropout: float = hyper(Float(0.0, 0.5), 0.0, "dropout after each block", replicas=True)
    padding: str = hyper(
        Choice("convolutions", "both", "none"), "convolutions", "what is padded: convolutions, pools too", search=False
    )
    norm_place: str | None = hyper(
        Choice("before", "after"),
        "before",
        "normalise before the activation, or after it, and then last behind the last pool without weights",
        when=Is("batch_norm", True),
        search=False,
    )
    readout: str = hyper(Choice("flatten", "mean"), "flatten", "what the FC stack sees: every point, or their mean")
    fc_depth: int = fc_depth()
    fc_width: int | tuple[int, ...] | None = fc_width()
    fc_activation: str | None = fc_activation()
    fc_dropout: float = fc_dropout()
    fc_norm: bool = hyper(Choice(False, True), False, "batch normalisation behind each hidden FC layer", search=False)
    preprocess: str = preprocess()
    reading: str = reading()
    peaks: int | None = peaks()
    head: str = head()
    head_scale: float | None = head_scale()
    head_margin: float | None = head_margin()

    def blocks(self, points: int) -> tuple[Block, ...]:
        """Every block with its sizes for spectra of ``points`` points.

        Raises ValueError where a pool is wider than the signal that reaches it.
        """
        rows = zip(
            each(self.convs_per_block, self.depth),
            self._filters(),
            self._kernels(),
            self._strides(),
            each(self.pool_size or 0, self.depth),
            each(self.pool_stride or 1, self.depth),
            strict=True,
        )
        blocks, length = [], points
        for number, (convolutions, filters, kernel, stride, pool_size, pool_stride) in enumerate(rows, start=1):
            lengths = []
            for step in (stride, *(1,) * (convolutions - 1)):
                if self.padding == "none" and kernel > length:
                    raise InputError(
                        f"a kernel must fit into its signal, but block {number} has {kernel} points where {length} of "
                        f"{points} are left: use less depth (got {self.depth}), stride or pool_stride"
                    )
                length = _after(length, kernel, step, padded=self.padding != "none")
                lengths.append(length)
            if pool_size > length and self.padding != "both":
                raise InputError(
                    f"pooling must leave a signal, but block {number} pools {pool_size} points where {length} of "
                    f"{points} are left: use less depth (got {self.depth}), stride or pool_stride"
                )
            if pool_size:
                length = _after(length, pool_size, pool_stride, padded=self.padding == "both")
            blocks.append(Block(convolutions, filters, kernel, stride, pool_size, pool_stride, tuple(lengths), length))
        return tuple(blocks)

    def features(self, points: int) -> int:
        """Numbers that reach the FC stack."""
        last = self.blocks(points)[-1]
        return last.filters * (last.length if self.readout == "flatten" else 1)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        tally, channels, after = Tally(), 1, self.norm_place == "after"
        blocks = self.blocks(points)
        for block in blocks:
            for length in block.conv_lengths:
                tally.convolution(channels, block.filters, kernel=block.kernel, length=length, norm=self.batch_norm)
                channels = block.filters
            tally.keep(block.filters * block.length)
        if after:  # the last one has no weights
            tally.parameters -= 2 * channels
        tally.stack(self, self.features(points), classes)
        return tally.total()

    def describe(self) -> str:
        """For instance: 3 blocks of 32 filters, kernels 25-9, max pooling 2/2, FC 256 relu, dropout 0.3."""
        convolutions = series(each(self.convs_per_block, self.depth))
        words = [
            f"{self.depth} block{'s' if self.depth > 1 else ''} of {series(self._filters())} filters",
            f"{convolutions} convolutions a block" if convolutions != "1" else "",
            f"kernel{'s' if self.depth > 1 else ''} {series(self._kernels())}",
            f"stride {series(self._strides())}" if self.stride != 1 else "",
            self._pools(),
            "batch normalisation" if self.batch_norm else "",
            self.activation if self.activation != "relu" else "",
            f"block dropout {self.conv_dropout:.2g}" if self.conv_dropout else "",
            "mean of points" if self.readout == "mean" else "",
            *self.fc_words(),
        ]
        return ", ".join(word for word in words if word)

    def _pools(self) -> str:
        if self.pooling == "none":
            return "no pooling"
        pools = zip(each(self.pool_size, self.depth), each(self.pool_stride, self.depth), strict=True)
        return f"{self.pooling} pooling {series(tuple(f'{size}/{stride}' for size, stride in pools))}"

    def _filters(self) -> tuple[int, ...]:
        return grown(self.filters, self.filter_growth, self.depth, most=MOST_FILTERS)

    def _strides(self) -> tuple[int, ...]:
        return self.stride if isinstance(self.stride, tuple) else (self.stride,) + (1,) * (self.depth - 1)

    def _kernels(self) -> tuple[int, ...]:
        if isinstance(self.kernel_size, tuple):
            return self.kernel_size
        first, last = self.kernel_size, self.kernel_last or self.kernel_size
        steps = max(1, self.depth - 1)
        return tuple(round(first + (last - first) * block / steps) for block in range(self.depth))


def _after(length: int, size: int, stride: int, *, padded: bool) -> int:
    """Points behind a convolution or pool of ``size`` and ``stride``."""
    return -(-length // stride) if padded else (length - size) // stride + 1
