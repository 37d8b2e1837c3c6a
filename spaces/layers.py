"""What the families share: values by layer, the fully connected (FC) stack, and the tally of a network's cost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import AtLeast, Choice, Float, Int, Is

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu")
MOST = 400_000_000  # numbers that a fit stores: an ONNX file ends at 2 GB
WIDEST = 1024  # channels; growth stops here


def each(value: Any, count: int) -> tuple[Any, ...]:
    """One value per layer: the tuple itself, or the one value for all."""
    return value if isinstance(value, tuple) else (value,) * count


def grown(value: Any, growth: float | None, count: int, *, most: int = WIDEST) -> tuple[int, ...]:
    """One width per layer: the tuple itself, or the first one growing by a factor a layer, up to ``most``."""
    if isinstance(value, tuple):
        return value
    return tuple(min(most, round(value * (growth or 1.0) ** layer)) for layer in range(count))


def series(values: tuple[Any, ...]) -> str:
    """Values by layer: one for all, or joined."""
    return str(values[0]) if len(set(values)) == 1 else "-".join(str(value) for value in values)


def fc_depth(default: int = 1) -> Any:
    return hyper(Int(0, 3), default, "hidden fully connected layers")


def fc_width(default: int = 256) -> Any:
    return hyper(
        Int(16, 4096, log=True),
        default,
        "units of a hidden FC layer",
        when=AtLeast("fc_depth", 1),
        per_layer="fc_depth",
    )


def fc_activation(default: str = "relu") -> Any:
    return hyper(
        Choice("linear", *ACTIVATIONS), default, "activation of the hidden FC layers", when=AtLeast("fc_depth", 1)
    )


def fc_dropout(default: float = 0.3) -> Any:
    return hyper(Float(0.0, 0.8), default, "dropout before each FC layer and the output", replicas=True)


def norm_momentum() -> Any:
    return hyper(
        Choice(0.01, 0.1),
        0.1,
        "share of a batch in the running mean and variance; Keras' 0.01 needs hundreds of steps",
        when=Is("batch_norm", True),
        search=False,
    )


def preprocess() -> Any:
    return hyper(
        Choice("max", "none", "area", "snv", "sqrt", "derivative", aliases={"standardise": "snv"}),
        "max",
        "scale of a spectrum: divided by its maximum, by its area, SNV; root or derivative after the maximum",
    )


def reading() -> Any:
    return hyper(
        Choice("spectrum", "sticks", "peaks", "both"),
        "spectrum",
        "what is read: the spectrum, it with zeros between its peaks, a list of its peaks, or it and the list",
        search=False,
    )


def peaks() -> Any:
    return hyper(Int(1, 128, log=True), 20, "highest peaks in the list", when=Is("reading", "peaks", "both"))


def head() -> Any:
    return hyper(
        Choice("linear", "cosine", "cosface", "arcface", "adacos"),
        "linear",
        "output layer: linear, or the cosine to a direction per class, with a margin or an adaptive scale",
        search=False,
    )


def head_scale() -> Any:
    return hyper(
        Float(1.0, 64.0, log=True), 30.0, "scale of the cosines", when=Is("head", "cosine", "cosface", "arcface")
    )


def head_margin() -> Any:
    return hyper(Float(0.0, 1.0), 0.35, "margin of the true class", when=Is("head", "cosface", "arcface"))


class Stacked(Network):
    """A family that ends in a stack of FC layers: it declares ``fc_depth``, ``fc_width`` ... as above."""

    fc_depth: int
    fc_width: int | tuple[int, ...] | None
    fc_activation: str | None
    fc_dropout: float
    fc_norm: bool = False  # batch normalisation behind each hidden layer's activation; a field where it may vary

    def fc_widths(self) -> tuple[int, ...]:
        """Units of every hidden FC layer."""
        return each(self.fc_width, self.fc_depth) if self.fc_depth else ()

    def fc_words(self) -> list[str]:
        """The stack in words; empty ones are to be left out."""
        return [
            f"FC {series(self.fc_widths())} {self.fc_activation}" if self.fc_depth else "no hidden FC",
            "FC batch normalisation" if self.fc_depth and self.fc_norm else "",
            f"dropout {self.fc_dropout:.2g}" if self.fc_dropout else "",
            *self.end_words(),
        ]


class Tally:
    """Adds up what the layers of a network cost for one spectrum; only convolutions and products count as MACs."""

    def __init__(self) -> None:
        self.parameters = self.macs = self.activations = 0

    def convolution(
        self, inputs: int, outputs: int, *, kernel: int, length: int, groups: int = 1, norm: bool = False
    ) -> None:
        """A convolution with bias that gives ``length`` points, with batch normalisation or without."""
        weights = kernel * inputs * outputs // groups
        self.parameters += weights + outputs * (3 if norm else 1)
        self.macs += weights * length
        self.activations += outputs * length * (2 if norm else 1)

    def linear(self, inputs: int, outputs: int, *, rows: int = 1, bias: bool = True) -> None:
        """A fully connected layer, applied to ``rows`` vectors."""
        self.parameters += inputs * outputs + (outputs if bias else 0)
        self.macs += rows * inputs * outputs
        self.activations += rows * outputs

    def stack(self, network: Stacked, features: int, classes: int) -> None:
        """The FC stack with the output layer."""
        widths = (features, *network.fc_widths())
        for inputs, outputs in pairwise(widths):
            self.linear(inputs, outputs)
            if network.fc_norm:
                self.norm(outputs)
        self.output(network, widths[-1], classes)

    def output(self, network: Network, features: int, classes: int) -> None:
        """The output layer; directions have no bias."""
        self.linear(features, classes, bias=network.head == "linear")

    def norm(self, channels: int, *, length: int = 1) -> None:
        """A normalisation with a weight and a bias per channel."""
        self.parameters += 2 * channels
        self.activations += channels * length

    def keep(self, numbers: int) -> None:
        """Numbers that are kept and cost nothing else."""
        self.activations += numbers

    def total(self) -> Cost:
        return Cost(self.parameters, self.macs, self.activations)
