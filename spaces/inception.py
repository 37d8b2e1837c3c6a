"""The space of inception networks: a convolutional stem, then modules whose branches look at several scales at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Int, Single
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

WIDTH = Int(4, 256, log=True)


class Module(NamedTuple):
    """Channels of one inception module's convolutions."""

    point: int  # branch 1: kernel 1
    small_in: int  # branch 2: kernel 1, then small_kernel
    small: int
    wide_in: int  # branch 3: kernel 1, then wide_kernel
    wide: int
    pooled: int  # branch 4: average over 3 points, then kernel 1

    @property
    def outputs(self) -> int:
        return self.point + self.small + self.wide + self.pooled


class Stage(NamedTuple):
    """One block of the stem: a convolution and a max pool."""

    filters: int
    kernel: int
    stride: int
    pool_size: int
    pool_stride: int
    conv_length: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Inception(Preprocessed, Stacked):
    """A config of the family that holds INC3 and INC6 of Schuetzke et al. 2023 (after Lee et al. 2020).

    The stem's convolutions are padded, its pools are not; modules keep the length, each of their convolutions is
    activated.
    """

    family: ClassVar[str] = "inception"

    stem_depth: int = hyper(Int(1, 5), 3, "blocks of convolution and max pooling in the stem")
    filters: int | tuple[int, ...] = hyper(
        Int(8, 128, log=True), 32, "filters of a stem convolution", per_layer="stem_depth"
    )
    kernel_size: int | tuple[int, ...] = hyper(
        Int(3, 64, log=True), 15, "points under a stem convolution", per_layer="stem_depth"
    )
    stride: int | tuple[int, ...] = hyper(Int(1, 4), 1, "stride of a stem convolution", per_layer="stem_depth")
    pool_size: int | tuple[int, ...] = hyper(Int(1, 4), 2, "points under a stem pool", per_layer="stem_depth")
    pool_stride: int | tuple[int, ...] = hyper(Int(1, 4), 2, "stride of a stem pool", per_layer="stem_depth")
    modules: int = hyper(Int(1, 8), 3, "inception modules")
    point_width: int | tuple[int, ...] = hyper(
        WIDTH, 16, "channels of the first module's branch of kernel 1", per_layer="modules"
    )
    small_in: int | tuple[int, ...] = hyper(
        WIDTH, 16, "channels that enter the first module's small kernel", per_layer="modules"
    )
    small_width: int | tuple[int, ...] = hyper(WIDTH, 24, "channels that leave it", per_layer="modules")
    wide_in: int | tuple[int, ...] = hyper(
        WIDTH, 6, "channels that enter the first module's wide kernel", per_layer="modules"
    )
    wide_width: int | tuple[int, ...] = hyper(WIDTH, 12, "channels that leave it", per_layer="modules")
    pooled_width: int | tuple[int, ...] = hyper(
        WIDTH, 8, "channels of the first module's pooled branch", per_layer="modules"
    )
    module_growth: float | None = hyper(
        Choice(1.0, 1.3, 1.6),
        1.0,
        "a module's channels grow by this factor",
        when=All(AtLeast("modules", 2), Single("point_width")),
    )
    small_kernel: int = hyper(Int(2, 16, log=True), 3, "points under a module's small kernel")
    wide_kernel: int = hyper(Int(3, 48, log=True), 5, "points under a module's wide kernel")
    batch_norm: bool = hyper(Choice(False, True), False, "batch normalisation between convolution and activation")
    norm_momentum: float | None = norm_momentum()
    activation: str = hyper(Choice(*ACTIVATIONS), "relu", "activation of the convolutions")
    readout: str = hyper(Choice("flatten", "mean"), "flatten", "what the FC stack sees: every point, or their mean")
    fc_depth: int = fc_depth()
    fc_width: int | tuple[int, ...] | None = fc_width()
    fc_activation: str | None = fc_activation()
    fc_dropout: float = fc_dropout()
    preprocess: str = preprocess()
    reading: str = reading()
    peaks: int | None = peaks()
    head: str = head()
    head_scale: float | None = head_scale()
    head_margin: float | None = head_margin()

    def stem(self, points: int) -> tuple[Stage, ...]:
        """The stem's blocks for spectra of ``points`` points. ValueError where a pool is wider than its signal."""
        columns = (self.filters, self.kernel_size, self.stride, self.pool_size, self.pool_stride)
        stages, length = [], points
        for filters, kernel, stride, pool_size, pool_stride in zip(
            *(each(column, self.stem_depth) for column in columns), strict=True
        ):
            conv_length = -(-length // stride)
            if pool_size > conv_length:
                raise InputError(
                    f"pooling must leave a signal, but the stem pools {pool_size} points where {conv_length} of "
                    f"{points} are left: use less stem_depth (got {self.stem_depth}), stride or pool_stride"
                )
            length = (conv_length - pool_size) // pool_stride + 1
            stages.append(Stage(filters, kernel, stride, pool_size, pool_stride, conv_length, length))
        return tuple(stages)

    def module_widths(self) -> tuple[Module, ...]:
        """Channels of every module."""
        columns = (
            self.point_width,
            self.small_in,
            self.small_width,
            self.wide_in,
            self.wide_width,
            self.pooled_width,
        )
        growth = self.module_growth
        return tuple(Module(*row) for row in zip(*(grown(c, growth, self.modules) for c in columns), strict=True))

    def features(self, length: int) -> int:
        """Numbers that reach the FC stack from modules of ``length`` points."""
        return self.module_widths()[-1].outputs * (length if self.readout == "flatten" else 1)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        tally, channels, length, norm = Tally(), 1, points, self.batch_norm
        for stage in self.stem(points):
            tally.convolution(channels, stage.filters, kernel=stage.kernel, length=stage.conv_length, norm=norm)
            tally.keep(stage.filters * stage.length)
            channels, length = stage.filters, stage.length
        for module in self.module_widths():
            tally.keep(channels * length)
            for inputs, outputs, kernel in (
                (channels, module.point, 1),
                (channels, module.small_in, 1),
                (module.small_in, module.small, self.small_kernel),
                (channels, module.wide_in, 1),
                (module.wide_in, module.wide, self.wide_kernel),
                (channels, module.pooled, 1),
            ):
                tally.convolution(inputs, outputs, kernel=kernel, length=length, norm=norm)
            channels = module.outputs
        tally.stack(self, self.features(length), classes)
        return tally.total()

    def describe(self) -> str:
        """For instance: stem of 3 x 64 filters, kernels 20-15-10, 3 modules of 86-112-147 channels, FC 256 relu."""
        stages = self.stem(10**6)
        words = [
            f"stem of {series(tuple(stage.filters for stage in stages))} filters in {self.stem_depth} blocks",
            f"kernels {series(tuple(stage.kernel for stage in stages))}",
            f"{self.modules} modules of {series(tuple(module.outputs for module in self.module_widths()))} channels",
            f"kernels 1, {self.small_kernel}, {self.wide_kernel}",
            "batch normalisation" if self.batch_norm else "",
            self.activation if self.activation != "relu" else "",
            "mean of points" if self.readout == "mean" else "",
            *self.fc_words(),
        ]
        return ", ".join(word for word in words if word)
