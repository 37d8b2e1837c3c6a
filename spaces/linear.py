"""The spaces of linear classifiers that are fitted at once: logistic regression, linear SVM and PLS-DA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import Choice, Float
from spectune.spaces.layers import preprocess


def autoscale() -> Any:
    return hyper(
        Choice(True, False), True, "every point divided by its own standard deviation, or all by the same number"
    )


def inverse_penalty() -> Any:
    return hyper(
        Float(1e-4, 1e3, log=True),
        0.1,
        "training loss against squared weights; small: strongly regularised",
    )


class Linear(Network):
    """A family whose logits are weighted sums of the centred and scaled points."""

    by_steps: ClassVar[bool] = False

    autoscale: bool

    def cost(self, points: int, classes: int) -> Cost:
        """A mean and a scale per point, and for every class a weight per point and a bias."""
        return Cost(points * (classes + 2) + classes, points * classes, classes)

    def words(self) -> list[str]:
        """What every one of them says of itself; empty ones are to be left out."""
        return ["autoscaled" if self.autoscale else "mean-centred", *self.end_words()]


@dataclass(frozen=True, kw_only=True)
class Logistic(Linear):
    """Multinomial logistic regression with an L2 penalty."""

    family: ClassVar[str] = "logistic"

    C: float = inverse_penalty()
    autoscale: bool = autoscale()
    preprocess: str = preprocess()

    def describe(self) -> str:
        return ", ".join(word for word in (f"logistic regression, C {self.C:.2g}", *self.words()) if word)
