"""Builds the networks of ``spectune.spaces.resnet``. B batch, C channels, L points."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces.resnet import Residual, ResNet, projected
from spectune.trainables.models.layers import (
    ACTIVATIONS,
    Mean,
    Same,
    batch_norm,
    dropout,
    front,
    fully_connected,
    initialise,
)


def build(network: ResNet, points: int, classes: int) -> nn.Module:
    """The stem, the residual blocks, then the fully connected stack, initialised as Keras does."""
    plan = network.plan(points)
    stem = Same(1, network.stem_filters, network.stem_kernel, network.stem_stride)
    layers: list[nn.Module] = [*front(network), stem]
    layers += _norm(network, network.stem_filters)
    if network.stem_activation:
        layers.append(ACTIVATIONS[network.activation]())
    layers += [Block(network, block) for block in plan]
    if network.readout == "mean":
        layers.append(Mean())
    layers.append(nn.Flatten())
    features = plan[-1].outputs * (plan[-1].length if network.readout == "flatten" else 1)
    layers += fully_connected(network, features, classes, channels=plan[-1].outputs)
    return initialise(nn.Sequential(*layers))


def _norm(network: ResNet, channels: int) -> list[nn.Module]:
    return [batch_norm(channels, network.norm_momentum)] if network.batch_norm else []


class Block(nn.Module):
    """A residual block, (B, C, 1, L) to (B, outputs, 1, ceil(L / stride))."""

    def __init__(self, network: ResNet, block: Residual) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_basic if network.block == "basic" else _bottleneck)(network, block))
        self.squeeze = Squeeze(network, block.outputs) if network.squeeze else nn.Identity()
        self.shortcut: nn.Module = Pooled(block)
        if projected(network, block):
            shape = Same(block.inputs, block.outputs, 1, block.stride)
            self.shortcut = nn.Sequential(shape, *_norm(network, block.outputs))
        self.last = ACTIVATIONS[network.activation]() if network.block == "basic" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.squeeze(self.body(x)) + self.shortcut(x))
        return y


def _basic(network: ResNet, block: Residual) -> list[nn.Module]:
    return [
        *dropout(network.block_dropout),
        Same(block.inputs, block.outputs, network.kernel_size, block.stride),
        *_norm(network, block.outputs),
        ACTIVATIONS[network.activation](),
        *dropout(network.block_dropout),
        Same(block.outputs, block.outputs, network.kernel_size, 1),
        *_norm(network, block.outputs),
    ]


def _bottleneck(network: ResNet, block: Residual) -> list[nn.Module]:
    """Activated before each convolution; the network's first block leaves that to the stem."""

    def before(channels: int) -> list[nn.Module]:
        return [*_norm(network, channels), ACTIVATIONS[network.activation](), *dropout(network.block_dropout)]

    return [
        *([] if block.first else before(block.inputs)),
        Same(block.inputs, block.inner, 1, 1),
        *before(block.inner),
        Same(block.inner, block.inner, network.kernel_size, block.stride, block.groups),
        *before(block.inner),
        Same(block.inner, block.outputs, 1, 1),
    ]


class Squeeze(nn.Module):
    """Squeeze and excitation: every channel is weighted by what all channels are on average."""

    def __init__(self, network: ResNet, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // network.squeeze)
        self.weigh = nn.Sequential(
            nn.Linear(channels, narrow), ACTIVATIONS[network.activation](), nn.Linear(narrow, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.weigh(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class Pooled(nn.Module):
    """The shortcut without weights: a max pool of the stride, and zeros for the channels that are missing.

    Where a block narrows, the channels beyond its width are left out.
    """

    def __init__(self, block: Residual) -> None:
        super().__init__()
        self.stride = block.stride
        self.inputs = block.inputs
        self.outputs = block.outputs

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            missing = -x.shape[-1] % self.stride
            x = F.pad(x, (missing // 2, missing - missing // 2), value=float("-inf"))
            x = F.max_pool2d(x, (1, self.stride))
        more = self.outputs - self.inputs
        return F.pad(x, (0, 0, 0, 0, more // 2, more - more // 2)) if more > 0 else x[:, : self.outputs]
