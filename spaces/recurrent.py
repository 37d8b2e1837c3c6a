"""The space of recurrent networks: convolutions that shorten the spectrum, then an LSTM or GRU along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Single
from spectune.spaces.errors import InputError
from spectune.spaces.layers import (
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
    peaks,
    preprocess,
    reading,
    series,
)
from spectune.spaces.preprocess import Preprocessed

GATES = {"lstm": 4, "gru": 3}


@dataclass(frozen=True, kw_only=True)
class Recurrent(Preprocessed, Stacked):
    """A config of the family that holds the CNN-BiLSTM and the small CNN-LSTM of the crystal-system study (2024).

    Convolutions are padded and activated by ReLU; a max pool of ``pool_size`` follows each, or, as published, the last
    one only.
    """

    family: ClassVar[str] = "recurrent"

    axis_channel: bool = hyper(Choice(False, True), False, "the place on the axis as a second input channel")
    conv_depth: int = hyper(Int(1, 4), 2, "convolutions before the recurrent layers")
    filters: int | tuple[int, ...] = hyper(
        Int(8, 128, log=True), 32, "filters of the first convolution", per_layer="conv_depth"
    )
    filter_growth: float | None = hyper(
        Choice(1.0, 1.5, 2.0),
        1.0,
        "filters grow by this factor a convolution",
        when=All(AtLeast("conv_depth", 2), Single("filters")),
    )
    kernel_size: int | tuple[int, ...] = hyper(
        Int(3, 64, log=True), 15, "points under a kernel", per_layer="conv_depth"
    )
    stride: int | tuple[int, ...] = hyper(Int(1, 4), 4, "stride of a convolution", per_layer="conv_depth")
    pool_size: int | tuple[int, ...] = hyper(
        Int(1, 4), 2, "size and stride of the max pool behind a convolution", per_layer="conv_depth"
    )
    conv_dropout: float = hyper(Float(0.0, 0.5), 0.0, "dropout before the recurrent layers", replicas=True)
    cell: str = hyper(Choice(*GATES), "lstm", "kind of recurrent layer")
    layers: int = hyper(Int(1, 3), 1, "recurrent layers")
    hidden: int = hyper(Int(8, 256, log=True), 64, "units of a recurrent layer, in each direction")
    bidirectional: bool = hyper(Choice(False, True), True, "both directions")
    readout: str = hyper(Choice("last", "mean"), "last", "what the FC stack sees: the last state, or the mean output")
    fc_depth: int = fc_depth(0)
    fc_width: int | tuple[int, ...] | None = fc_width()
    fc_activation: str | None = fc_activation()
    fc_dropout: float = fc_dropout()
    preprocess: str = preprocess()
    reading: str = reading()
    peaks: int | None = peaks()
    head: str = head()
    head_scale: float | None = head_scale()
    head_margin: float | None = head_margin()

    @property
    def channels(self) -> int:
        """Input channels."""
        return 2 if self.axis_channel else 1

    @property
    def features(self) -> int:
        """Numbers that reach the FC stack."""
        return self.hidden * (2 if self.bidirectional else 1)

    def widths(self) -> tuple[int, ...]:
        """Filters of every convolution."""
        return grown(self.filters, self.filter_growth, self.conv_depth)

    def plan(self, points: int) -> tuple[tuple[int, int, int, int, int, int], ...]:
        """(filters, kernel, stride, pool, length before the pool, length after it) of every convolution.

        Raises ValueError where a pool is wider than its signal.
        """
        columns = (self.widths(), self.kernel_size, self.stride, self.pool_size)
        rows, length = [], points
        for filters, kernel, stride, pool in zip(*(each(column, self.conv_depth) for column in columns), strict=True):
            conv_length = -(-length // stride)
            if pool > conv_length:
                raise InputError(
                    f"pooling must leave a signal, but {pool} points are pooled where {conv_length} of {points} are "
                    f"left: use less conv_depth (got {self.conv_depth}), stride or pool_size"
                )
            length = conv_length // pool
            rows.append((filters, kernel, stride, pool, conv_length, length))
        return tuple(rows)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        tally, channels, length = Tally(), self.channels, points
        for filters, kernel, _, _, conv_length, after in self.plan(points):
            tally.convolution(channels, filters, kernel=kernel, length=conv_length)
            tally.keep(filters * after)
            channels, length = filters, after
        gates, directions = GATES[self.cell] * self.hidden, 2 if self.bidirectional else 1
        for _ in range(self.layers):
            weights = gates * (channels + self.hidden)
            tally.parameters += directions * (weights + 2 * gates)
            tally.macs += directions * weights * length
            tally.keep(directions * (gates + 2 * self.hidden) * length)
            channels = self.features
        tally.stack(self, self.features, classes)
        return tally.total()

    def describe(self) -> str:
        """For instance: 2 convolutions of 32 filters, kernel 15, stride 4, pool 2, bidirectional LSTM 1 x 64."""
        kind = f"{'bidirectional ' if self.bidirectional else ''}{self.cell.upper()}"
        words = [
            f"{self.conv_depth} convolution{'s' if self.conv_depth > 1 else ''} of {series(self.widths())} filters",
            f"kernel {series(each(self.kernel_size, self.conv_depth))}",
            f"stride {series(each(self.stride, self.conv_depth))}",
            f"pool {series(each(self.pool_size, self.conv_depth))}",
            "axis as a channel" if self.axis_channel else "",
            f"dropout {self.conv_dropout:.2g}" if self.conv_dropout else "",
            f"{kind} {self.layers} x {self.hidden}",
            "mean output" if self.readout == "mean" else "",
            *self.fc_words(),
        ]
        return ", ".join(word for word in words if word)
