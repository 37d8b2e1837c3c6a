"""The families of architectures, and the spaces that a search may be given by name."""

from __future__ import annotations

from collections.abc import Mapping

from spectune.spaces.cnn import CNN
from spectune.spaces.config import Network
from spectune.spaces.forest import Forest
from spectune.spaces.inception import Inception
from spectune.spaces.knn import KNN
from spectune.spaces.linear import PLSDA, SVM, Logistic
from spectune.spaces.mlp import MLP
from spectune.spaces.recurrent import Recurrent
from spectune.spaces.resnet import ResNet
from spectune.spaces.rocket import Rocket
from spectune.spaces.space import Space
from spectune.spaces.vit import ViT

FAMILIES: Mapping[str, type[Network]] = {
    "cnn": CNN,
    "inception": Inception,
    "resnet": ResNet,
    "vit": ViT,
    "recurrent": Recurrent,
    "mlp": MLP,
    "forest": Forest,
    "logistic": Logistic,
    "svm": SVM,
    "plsda": PLSDA,
    "rocket": Rocket,
    "knn": KNN,
}

SPACES: Mapping[str, Space] = {
    **{name: Space(name, (family,)) for name, family in FAMILIES.items()},
    "simple": Space("simple", tuple(family for family in FAMILIES.values() if not family.by_steps)),
    "any": Space("any", tuple(FAMILIES.values())),
}
