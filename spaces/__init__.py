"""What may vary: hyperparameter domains, config types and the published architectures. Standard library only."""

from spectune.spaces.catalogue import STANDARD, Catalogue
from spectune.spaces.cnn import CNN
from spectune.spaces.config import Config, Cost, Network, Sizes
from spectune.spaces.ensemble import Ensemble, Member
from spectune.spaces.forest import Forest
from spectune.spaces.inception import Inception
from spectune.spaces.knn import KNN
from spectune.spaces.linear import PLSDA, SVM, Logistic
from spectune.spaces.mlp import MLP
from spectune.spaces.published import KNOWN, PUBLISHED, SIMPLE, STARTS, Published
from spectune.spaces.recurrent import Recurrent
from spectune.spaces.registry import FAMILIES, SPACES
from spectune.spaces.resnet import ResNet
from spectune.spaces.rocket import Rocket
from spectune.spaces.space import Space
from spectune.spaces.training import ALIASES, Training
from spectune.spaces.vit import ViT

__all__ = [
    "ALIASES",
    "CNN",
    "FAMILIES",
    "KNN",
    "KNOWN",
    "MLP",
    "PLSDA",
    "PUBLISHED",
    "SIMPLE",
    "SPACES",
    "STANDARD",
    "STARTS",
    "SVM",
    "Catalogue",
    "Config",
    "Cost",
    "Ensemble",
    "Forest",
    "Inception",
    "Logistic",
    "Member",
    "Network",
    "Published",
    "Recurrent",
    "ResNet",
    "Rocket",
    "Sizes",
    "Space",
    "Training",
    "ViT",
    "cnn",
    "config",
    "domain",
    "ensemble",
    "errors",
    "files",
    "forest",
    "inception",
    "knn",
    "layers",
    "learned",
    "linear",
    "metrics",
    "mlp",
    "preprocess",
    "prior",
    "recurrent",
    "resnet",
    "rocket",
    "saved",
    "show",
    "space",
    "training",
    "vit",
]
