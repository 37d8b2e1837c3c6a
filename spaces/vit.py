"""The space of vision transformers for spectra: patches of points, or a convolutional stem, then attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import Choice, Float, Int, Is
from spectune.spaces.errors import InputError
from spectune.spaces.layers import Tally, head, head_margin, head_scale, peaks, preprocess, reading
from spectune.spaces.preprocess import Preprocessed

STEM_KERNEL = 9  # of the convolutional stem's layers, each of stride 2


@dataclass(frozen=True, kw_only=True)
class ViT(Preprocessed):
    """A config of the family of pre-normalised transformers over patches (Chen et al. 2024; ViT_for_XRD, 2025).

    Patches begin every ``patch_step`` points; zeros fill the last one. The width is ``heads`` x ``head_width``; raw
    patches are tokens as they are, so that their width is ``patch_size``, which ``heads`` must divide.
    """

    family: ClassVar[str] = "vit"

    stem: str = hyper(Choice("patches", "raw", "convolution"), "patches", "tokens: projected or raw patches, or a stem")
    patch_size: int | None = hyper(Int(8, 256, log=True), 50, "points in a patch", when=Is("stem", "patches", "raw"))
    overlap: float | None = hyper(
        Choice(0.0, 0.25, 0.5), 0.0, "share of a patch that the next one sees, too", when=Is("stem", "patches", "raw")
    )
    stem_depth: int | None = hyper(
        Int(2, 6), 5, "convolutions of stride 2 before the transformer", when=Is("stem", "convolution")
    )
    stem_filters: int | None = hyper(
        Int(8, 64, log=True),
        16,
        "filters of the stem's first convolution, doubled in each",
        when=Is("stem", "convolution"),
    )
    depth: int = hyper(Int(1, 12), 4, "transformer blocks")
    heads: int = hyper(Choice(1, 2, 4, 8), 4, "attention heads")
    head_width: int | None = hyper(
        Choice(8, 16, 32, 64), 16, "width of a head", when=Is("stem", "patches", "convolution")
    )
    mlp_ratio: int = hyper(Choice(1, 2, 4), 2, "width of a block's hidden layer, in token widths")
    positions: str = hyper(
        Choice("learned", "sinusoidal", "none"), "learned", "encoding of a token's place on the axis"
    )
    readout: str = hyper(Choice("class", "mean", "attention"), "mean", "class token, mean, or attention pooling")
    dropout: float = hyper(
        Float(0.0, 0.5), 0.0, "dropout behind attention and hidden layers, and on the tokens", replicas=True
    )
    stochastic_depth: float = hyper(Float(0.0, 0.3), 0.0, "share of spectra that skip the last block in training")
    preprocess: str = preprocess()
    reading: str = reading()
    peaks: int | None = peaks()
    head: str = head()
    head_scale: float | None = head_scale()
    head_margin: float | None = head_margin()

    @property
    def width(self) -> int:
        """Numbers in a token."""
        return int(self.patch_size or 0) if self.stem == "raw" else self.heads * int(self.head_width or 0)

    @property
    def patch_step(self) -> int:
        """Points from one patch to the next."""
        return max(1, round((self.patch_size or 0) * (1 - (self.overlap or 0.0))))

    def tokens(self, points: int) -> int:
        """Tokens of a spectrum of ``points`` points, without the class token. ValueError where there are none."""
        if self.stem == "convolution":
            return -(-points // (1 << (self.stem_depth or 0)))
        assert self.patch_size is not None
        if self.patch_size > points:
            raise InputError(
                f"a patch must fit into a spectrum, got patch_size {self.patch_size} for {points} points: take less"
            )
        return 1 + -(-(points - self.patch_size) // self.patch_step)

    def stem_widths(self) -> tuple[int, ...]:
        """Channels after each convolution of the stem; the last gives the tokens."""
        depth, filters = self.stem_depth or 0, self.stem_filters or 0
        return (*(min(256, filters * 2**layer) for layer in range(depth - 1)), self.width)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        if self.stem == "raw" and self.width % self.heads:
            raise InputError(
                f"heads must divide the width of raw patches, got {self.heads} heads for patch_size {self.width}: "
                f"use a multiple of {self.heads}"
            )
        tally, width, tokens = Tally(), self.width, self.tokens(points)
        if self.stem == "patches":
            tally.linear(self.patch_size or 0, width, rows=tokens)
        if self.stem == "convolution":
            channels, length = 1, points
            for outputs in self.stem_widths():
                length = -(-length // 2)
                tally.convolution(channels, outputs, kernel=STEM_KERNEL, length=length)
                channels = outputs
        if self.readout == "class":
            tally.parameters += width
            tokens += 1
        if self.positions == "learned":
            tally.parameters += tokens * width
        for _ in range(self.depth):
            self._block(tally, tokens)
        tally.norm(width, length=tokens)
        if self.readout == "attention":
            tally.linear(width, 1, rows=tokens)
        tally.output(self, width, classes)
        return tally.total()

    def _block(self, tally: Tally, tokens: int) -> None:
        width = self.width
        tally.norm(width, length=tokens)
        tally.linear(width, 3 * width, rows=tokens)
        tally.macs += 2 * tokens * tokens * width
        tally.keep(self.heads * tokens * tokens)
        tally.linear(width, width, rows=tokens)
        tally.norm(width, length=tokens)
        tally.linear(width, self.mlp_ratio * width, rows=tokens)
        tally.linear(self.mlp_ratio * width, width, rows=tokens)

    def describe(self) -> str:
        """For instance: patches of 50, 4 blocks of 4 heads, width 64, MLP x2, learned positions, mean of tokens."""
        stem = (
            f"{self.stem_depth} convolutions from {self.stem_filters} filters"
            if self.stem == "convolution"
            else f"{'raw ' if self.stem == 'raw' else ''}patches of {self.patch_size} every {self.patch_step}"
        )
        words = [
            stem,
            f"{self.depth} block{'s' if self.depth > 1 else ''} of {self.heads} heads",
            f"width {self.width}",
            f"MLP x{self.mlp_ratio}",
            f"{self.positions} positions" if self.positions != "none" else "no positions",
            {"class": "class token", "mean": "mean of tokens", "attention": "attention pooling"}[self.readout],
            f"dropout {self.dropout:.2g}" if self.dropout else "",
            f"stochastic depth {self.stochastic_depth:.2g}" if self.stochastic_depth else "",
            *self.end_words(),
        ]
        return ", ".join(word for word in words if word)
