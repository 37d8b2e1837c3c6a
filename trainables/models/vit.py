"""Builds the networks of ``spectune.spaces.vit``. B batch, T tokens, W width, H heads, L points."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces.vit import STEM_KERNEL, ViT
from spectune.trainables.models.layers import Same, front, initialise, output


def build(network: ViT, points: int, classes: int) -> nn.Module:
    """Tokens, pre-normalised transformer blocks, a readout and the output layer."""
    width, tokens = network.width, network.tokens(points)
    stem: list[nn.Module] = [*front(network)]
    if network.stem == "convolution":
        stem.append(Stem(network))
    else:
        assert network.patch_size is not None
        stem.append(Patches(network.patch_size, network.patch_step, tokens))
        if network.stem == "patches":
            stem.append(nn.Linear(network.patch_size, width))
    model = nn.Sequential(
        *stem,
        Tokens(network, tokens),
        *(Block(network, number) for number in range(network.depth)),
        nn.LayerNorm(width, eps=1e-6),
        Readout(network),
        output(network, width, classes),
    )
    return initialise(model)


class Patches(nn.Module):
    """Cuts spectra into patches, (B, 1, 1, L) to (B, T, patch); zeros fill the last one."""

    def __init__(self, size: int, step: int, tokens: int) -> None:
        super().__init__()
        self.size = size
        self.step = step
        self.length = (tokens - 1) * step + size

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, 0, 0], (0, self.length - x.shape[-1])).unfold(1, self.size, self.step)


class Stem(nn.Module):
    """Convolutions of stride 2, (B, 1, 1, L) to (B, T, W)."""

    def __init__(self, network: ViT) -> None:
        super().__init__()
        channels, layers = 1, list[nn.Module]()
        for outputs in network.stem_widths():
            layers += [Same(channels, outputs, STEM_KERNEL, 2), nn.GELU()]
            channels = outputs
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y[:, :, 0].mT


class Tokens(nn.Module):
    """Adds the class token, if there is one, and the places, (B, T, W) to (B, T or T + 1, W)."""

    def __init__(self, network: ViT, tokens: int) -> None:
        super().__init__()
        count = tokens + (network.readout == "class")
        self.first = nn.Parameter(torch.zeros(1, 1, network.width)) if network.readout == "class" else None
        self.places: Tensor | None = None
        if network.positions == "learned":
            self.places = nn.Parameter(nn.init.trunc_normal_(torch.empty(count, network.width), std=0.02))
        if network.positions == "sinusoidal":
            self.register_buffer("waves", sinusoids(count, network.width))
        self.dropout = nn.Dropout(network.dropout)

    def stretched(self, parameter: str, weights: Tensor) -> Tensor | None:
        """Places (T, W) interpolated along the axis; the class token, which comes first, keeps its own."""
        if parameter != "places" or self.places is None or weights.shape[1:] != self.places.shape[1:]:
            return None
        first = 0 if self.first is None else 1
        spread = F.interpolate(weights[first:].T[None], len(self.places) - first, mode="linear")[0].T
        return torch.cat([weights[:first], spread])

    def forward(self, x: Tensor) -> Tensor:
        if self.first is not None:
            x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], dim=1)
        places = getattr(self, "waves", self.places)
        y: Tensor = self.dropout(x if places is None else x + places)
        return y


def sinusoids(count: int, width: int) -> Tensor:
    """(T, W) sines and cosines of wavelengths from 2 pi to 20000 pi tokens (Vaswani et al. 2017)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


class Block(nn.Module):
    """Attention, then a hidden layer, each normalised before and added to what it was given."""

    def __init__(self, network: ViT, number: int) -> None:
        super().__init__()
        width = network.width
        self.skip = network.stochastic_depth * (number + 1) / network.depth
        self.attend = nn.Sequential(nn.LayerNorm(width, eps=1e-6), Attention(network), nn.Dropout(network.dropout))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, network.mlp_ratio * width),
            nn.GELU(),
            nn.Dropout(network.dropout),
            nn.Linear(network.mlp_ratio * width, width),
            nn.Dropout(network.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._kept(self.attend(x))
        return x + self._kept(self.mlp(x))

    def _kept(self, change: Tensor) -> Tensor:
        """Stochastic depth: in training a share of the spectra skips the change."""
        if not self.training or not self.skip:
            return change
        mask = torch.rand(len(change), 1, 1, device=change.device) >= self.skip
        return change * mask / (1 - self.skip)


class Attention(nn.Module):
    """Every token looks at all tokens, (B, T, W) to (B, T, W)."""

    def __init__(self, network: ViT) -> None:
        super().__init__()
        self.heads = network.heads
        self.qkv = nn.Linear(network.width, 3 * network.width)
        self.out = nn.Linear(network.width, network.width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, W / H) each
        y: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return y


class Readout(nn.Module):
    """(B, T, W) to (B, W): the class token, the mean of the tokens, or their mean weighted by attention."""

    def __init__(self, network: ViT) -> None:
        super().__init__()
        self.kind = network.readout
        self.weigh = nn.Linear(network.width, 1) if self.kind == "attention" else None

    def forward(self, x: Tensor) -> Tensor:
        if self.weigh is not None:
            weights: Tensor = self.weigh(x).softmax(dim=1)
            return (x * weights).sum(dim=1)
        return x[:, 0] if self.kind == "class" else x.mean(dim=1)
