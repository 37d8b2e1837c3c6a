"""The space of random convolutions with a ridge classifier: MiniRocket (Dempster et al. 2021)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import Int
from spectune.spaces.errors import InputError
from spectune.spaces.layers import preprocess
from spectune.spaces.preprocess import Preprocessed

KERNELS = 84  # ways to choose 3 of 9 weights
LENGTH = 9  # weights of a kernel


@dataclass(frozen=True, kw_only=True)
class Rocket(Preprocessed):
    """A config of MiniRocket: features are shares of a dilated convolution that lie above a bias."""

    family: ClassVar[str] = "rocket"
    by_steps: ClassVar[bool] = False

    features: int = hyper(Int(KERNELS, 20_000, log=True), 9996, "random features, rounded down to a multiple of 84")
    dilations: int = hyper(Int(1, 32), 32, "dilations of the kernels, at most", search=False)
    preprocess: str = preprocess()

    def plan(self, points: int) -> tuple[tuple[int, int], ...]:
        """(dilation, biases of each kernel) as published: dilations grow by a factor, the kernel at most to the axis.

        ValueError where a kernel is longer than the axis.
        """
        if points < LENGTH:
            raise InputError(
                f"random convolutions must have {LENGTH} points or more, got {points}: choose another family"
            )
        biases = self.features // KERNELS
        most = min(biases, self.dilations)
        exponent = math.log2((points - 1) / (LENGTH - 1))
        dilations = Counter(int(2 ** (exponent * step / max(most - 1, 1))) for step in range(most))
        counts = {dilation: int(count * biases / most) for dilation, count in sorted(dilations.items())}
        for dilation in [*counts] * (1 + biases // len(counts)):
            if sum(counts.values()) < biases:
                counts[dilation] += 1
        return tuple(counts.items())

    def cost(self, points: int, classes: int) -> Cost:
        """The kernels, a slope per kernel and dilation, and per feature its bias, mean, scale and weights.

        A comparison counts as a multiply-add.
        """
        points = self.inputs(points)
        dilations, features = len(self.plan(points)), self.features // KERNELS * KERNELS
        parameters = KERNELS * (LENGTH + dilations) + features * (classes + 3) + classes
        macs = points * (dilations * KERNELS * LENGTH + features) + features * classes
        return Cost(parameters, macs, features)

    def describe(self) -> str:
        """For instance: 9996 random convolutions and ridge regression, preprocessing snv."""
        words = (f"{self.features // KERNELS * KERNELS} random convolutions and ridge regression", *self.end_words())
        return ", ".join(word for word in words if word)
