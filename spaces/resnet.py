"""The space of residual networks, from ResNet to ResNeXt and RegNet: blocks that add to what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is, Single
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


class Residual(NamedTuple):
    """One residual block, resolved for spectra of a given length."""

    inputs: int
    outputs: int
    inner: int  # channels between the 1x1 convolutions of a bottleneck
    groups: int
    stride: int
    length_in: int
    length: int
    first: bool  # of the network


@dataclass(frozen=True, kw_only=True)
class ResNet(Preprocessed, Stacked):
    """A config of the family that holds the ResNet of Schuetzke et al. 2023 and the 1D RegNet of XRDidentifier.

    ``basic`` is convolution - normalisation - activation - convolution - normalisation, added to the shortcut, then
    activated. ``bottleneck`` is three times normalisation - activation - dropout - convolution (kernel 1, grouped
    ``kernel_size``, 1), then squeeze and excitation, added to the shortcut. All convolutions are padded.
    """

    family: ClassVar[str] = "resnet"

    stem_filters: int = hyper(Int(4, 128, log=True), 32, "filters of the stem's convolution")
    stem_kernel: int = hyper(Int(3, 64, log=True), 16, "points under the stem's kernel")
    stem_stride: int = hyper(Int(1, 4), 2, "stride of the stem")
    stem_activation: bool = hyper(Choice(False, True), True, "whether the stem is activated", search=False)
    stages: int = hyper(Int(1, 7), 4, "stages; each begins with a block that shortens the signal")
    blocks: int | tuple[int, ...] = hyper(Int(1, 4), 1, "residual blocks per stage", per_layer="stages")
    filters: int | tuple[int, ...] = hyper(
        Int(8, 1024, log=True), 32, "channels of the first stage", per_layer="stages"
    )
    filter_growth: float | None = hyper(
        Choice(1.0, 1.5, 2.0),
        1.5,
        "channels grow by this factor per stage",
        when=All(AtLeast("stages", 2), Single("filters")),
    )
    stage_stride: int = hyper(Int(1, 4), 2, "by how much a stage shortens the signal")
    kernel_size: int = hyper(Int(3, 48, log=True), 9, "points under a block's kernel")
    block: str = hyper(Choice("basic", "bottleneck"), "basic", "kind of residual block")
    bottleneck: float | None = hyper(
        Choice(0.25, 0.5, 1.0), 1.0, "share of the channels inside a block", when=Is("block", "bottleneck")
    )
    group_width: int | None = hyper(
        Choice(0, 8, 16, 32),
        16,
        "channels of a group (0: no groups)",
        when=Is("block", "bottleneck"),
    )
    squeeze: int = hyper(Choice(0, 2, 4, 8), 0, "squeeze and excitation with channels by this (0: none)")
    shortcut: str = hyper(
        Choice("projection", "pool"),
        "projection",
        "how a shortcut changes length and channels",
    )
    batch_norm: bool = hyper(Choice(False, True), True, "batch normalisation")
    norm_momentum: float | None = norm_momentum()
    activation: str = hyper(Choice(*ACTIVATIONS), "relu", "activation")
    block_dropout: float = hyper(Float(0.0, 0.5), 0.0, "dropout before the convolutions of a block", replicas=True)
    readout: str = hyper(Choice("flatten", "mean"), "mean", "what the FC stack sees: every point, or their mean")
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

    def plan(self, points: int) -> tuple[Residual, ...]:
        """Every residual block for spectra of ``points`` points; any length works."""
        length, channels = -(-points // self.stem_stride), self.stem_filters
        plan: list[Residual] = []
        widths = grown(self.filters, self.filter_growth, self.stages)
        for width, count in zip(widths, each(self.blocks, self.stages), strict=True):
            inner = max(1, round(width * (self.bottleneck or 1.0)))
            grouped = bool(self.group_width) and inner % (self.group_width or 1) == 0
            groups = inner // (self.group_width or 1) if grouped else 1
            for number in range(count):
                stride = 1 if number else self.stage_stride
                after = -(-length // stride)
                plan.append(Residual(channels, width, inner, groups, stride, length, after, not plan))
                channels, length = width, after
        return tuple(plan)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        tally, norm = Tally(), self.batch_norm
        plan = self.plan(points)
        length = plan[0].length_in
        tally.convolution(1, self.stem_filters, kernel=self.stem_kernel, length=length, norm=norm)
        for block in plan:
            for inputs, outputs, kernel, groups, at, normed in self._convolutions(block):
                tally.convolution(inputs, outputs, kernel=kernel, length=at, groups=groups)
                if norm and normed:
                    tally.norm(normed, length=at)
            if self.squeeze:
                narrow = max(1, block.outputs // self.squeeze)
                tally.linear(block.outputs, narrow)
                tally.linear(narrow, block.outputs)
            tally.keep(2 * block.outputs * block.length)
        features = plan[-1].outputs * (plan[-1].length if self.readout == "flatten" else 1)
        tally.stack(self, features, classes)
        return tally.total()

    def _convolutions(self, block: Residual) -> Iterator[tuple[int, int, int, int, int, int]]:
        """(inputs, outputs, kernel, groups, length, channels that are normalised or 0) of a block's convolutions."""
        if self.block == "basic":
            yield block.inputs, block.outputs, self.kernel_size, 1, block.length, block.outputs
            yield block.outputs, block.outputs, self.kernel_size, 1, block.length, block.outputs
        else:
            before = 0 if block.first else block.inputs
            yield block.inputs, block.inner, 1, 1, block.length_in, before
            yield block.inner, block.inner, self.kernel_size, block.groups, block.length, block.inner
            yield block.inner, block.outputs, 1, 1, block.length, block.inner
        if projected(self, block):
            yield block.inputs, block.outputs, 1, 1, block.length, block.outputs

    def describe(self) -> str:
        """For instance: stem 32 kernel 16 stride 2, 4 stages of 1 basic block, 32-48-72-108 channels, kernel 9."""
        widths = grown(self.filters, self.filter_growth, self.stages)
        counts = each(self.blocks, self.stages)
        words = [
            f"stem {self.stem_filters} kernel {self.stem_kernel} stride {self.stem_stride}",
            f"{self.stages} stages of {series(counts)} {self.block} block{'s' if max(counts) > 1 else ''}",
            f"{series(widths)} channels",
            f"kernel {self.kernel_size} stride {self.stage_stride}",
            f"groups of {self.group_width}" if self.group_width else "",
            "squeeze and excitation" if self.squeeze else "",
            "" if self.batch_norm else "no normalisation",
            self.activation if self.activation != "relu" else "",
            f"block dropout {self.block_dropout:.2g}" if self.block_dropout else "",
            "flattened" if self.readout == "flatten" else "",
            *self.fc_words(),
        ]
        return ", ".join(word for word in words if word)


def projected(network: ResNet, block: Residual) -> bool:
    """Whether a block's shortcut is a convolution of its own."""
    changes = block.stride > 1 or block.inputs != block.outputs
    return network.shortcut == "projection" and changes
