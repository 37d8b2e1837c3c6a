"""Output layers that compare directions: a class is a direction, a logit the scaled cosine to it.

Unlike a plain linear layer they let classes with few spectra be told apart by angle. Each gives (B, d) to logits
(B, C); in training ``target`` makes of them, with the labels, what the loss sees. B batch, C classes, d features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NEARLY_ONE = 1 - 1e-6  # cosines are kept below, where the angle has no finite gradient


class Cosine(nn.Module):
    """Scaled cosines without a margin."""

    scale: Tensor

    def __init__(self, features: int, classes: int, *, scale: float, margin: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, features)))
        self.margin = margin
        self.register_buffer("scale", torch.tensor(float(scale)))

    def forward(self, features: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(features), F.normalize(self.weight))

    def target(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The logits that the loss sees in training; float32."""
        return logits.float()

    def _replaced(self, logits: Tensor, labels: Tensor, cosines: Tensor) -> Tensor:
        """``logits`` with ``cosines`` (B,) of the true classes in their places, scaled."""
        return logits.float().scatter(1, labels[:, None], self.scale * cosines[:, None])

    def _true(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(B,) cosines of the true classes."""
        cosines: Tensor = logits.float().gather(1, labels[:, None])[:, 0] / self.scale
        return cosines.clamp(-NEARLY_ONE, NEARLY_ONE)


class CosFace(Cosine):
    """The true class must win by a margin of the cosine (Wang et al. 2018)."""

    def target(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self._replaced(logits, labels, self._true(logits, labels) - self.margin)


class ArcFace(Cosine):
    """The true class must win by a margin of the angle (Deng et al. 2019).

    Where the widened angle would exceed pi the cosine goes on falling evenly, so that the loss stays monotonic.
    """

    def target(self, logits: Tensor, labels: Tensor) -> Tensor:
        cosine = self._true(logits, labels)
        angle = cosine.acos()
        beyond = cosine - self.margin * math.sin(self.margin)
        return self._replaced(logits, labels, (angle + self.margin).cos().where(angle + self.margin < math.pi, beyond))


class AdaCos(Cosine):
    """A scale that follows the training (Zhang et al. 2019), which the public XRDidentifier code never let happen.

    Every training batch sets it to ln(B) / cos(min(pi / 4, median angle to the true classes)), B being the batch's mean
    of the sum over the other classes of exp(logit). It starts at sqrt(2) ln(C - 1). Both are at least sqrt(2): below,
    as with 2 classes, no spectrum could be told apart. The scale is a buffer, kept with the weights, and rests when the
    network only predicts. Once the angles are small it is near ln(C - 1), where a right answer has a probability of a
    half: the loss stays at ln 2 however much better the network gets, so progress is measured at the first scale.
    """

    def __init__(self, features: int, classes: int, *, scale: float = 0.0, margin: float = 0.0) -> None:
        self.first = math.sqrt(2) * max(1.0, math.log(max(2, classes - 1)))
        super().__init__(features, classes, scale=self.first)

    def target(self, logits: Tensor, labels: Tensor) -> Tensor:
        before = self.scale
        with torch.no_grad():
            others = logits.float().scatter(1, labels[:, None], -math.inf)
            average = others.logsumexp(dim=1).logsumexp(dim=0) - math.log(len(labels))
            angle = self._true(logits, labels).acos().median().clamp(max=math.pi / 4)
            scale = (average / angle.cos()).clamp(min=math.sqrt(2))
            self.scale = scale.where(scale.isfinite(), before)  # a new tensor: the step still needs the old one
        return logits.float() * (self.scale / before)

    def steady(self, logits: Tensor) -> Tensor:
        """``logits`` at the first scale, so that their loss can be compared from epoch to epoch; float32."""
        return logits.float() * (self.first / self.scale)


HEADS: dict[str, type[Cosine]] = {"cosine": Cosine, "cosface": CosFace, "arcface": ArcFace, "adacos": AdaCos}
