"""The spaces of linear classifiers that are fitted at once: logistic regression, linear SVM and PLS-DA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import Choice, Float, Int
from spectune.spaces.layers import preprocess
from spectune.spaces.preprocess import Preprocessed


def autoscale() -> Any:
    return hyper(Choice(True, False), True, "every point divided by its own standard deviation, or all by one number")


def strength(default: float) -> Any:
    return hyper(
        Float(1e-5, 1e3, log=True), default, "training loss against squared weights; small: strongly regularised"
    )


class Linear(Preprocessed):
    """A family whose logits are weighted sums of the centred and scaled points."""

    by_steps: ClassVar[bool] = False

    autoscale: bool

    def cost(self, points: int, classes: int) -> Cost:
        """A mean and a scale per point, and for every class a weight per point and a bias."""
        points = self.inputs(points)
        return Cost(points * (classes + 2) + classes, points * classes, classes)

    def describe(self) -> str:
        """For instance: logistic regression, C 0.1, autoscaled, preprocessing snv."""
        scaled = "autoscaled" if self.autoscale else "mean-centred"
        return ", ".join(word for word in (self.method(), scaled, *self.end_words()) if word)

    def method(self) -> str:
        """The method with its own hyperparameter, in words."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Logistic(Linear):
    """Multinomial logistic regression with an L2 penalty."""

    family: ClassVar[str] = "logistic"

    C: float = strength(0.1)
    autoscale: bool = autoscale()
    preprocess: str = preprocess()

    def method(self) -> str:
        return f"logistic regression, C {self.C:.2g}"


@dataclass(frozen=True, kw_only=True)
class SVM(Linear):
    """Linear support vector machine with the squared hinge loss, one class against the others."""

    family: ClassVar[str] = "svm"

    C: float = strength(0.01)
    autoscale: bool = autoscale()
    preprocess: str = preprocess()

    def method(self) -> str:
        return f"linear support vector machine, C {self.C:.2g}"


@dataclass(frozen=True, kw_only=True)
class PLSDA(Linear):
    """Discriminant analysis by partial least squares (Barker and Rayens 2003)."""

    family: ClassVar[str] = "plsda"

    components: int = hyper(Int(1, 60, log=True), 10, "latent variables, at most as many as the training spectra allow")
    autoscale: bool = autoscale()
    preprocess: str = preprocess()

    def method(self) -> str:
        return f"PLS-DA of {self.components} components"
