"""What may vary: hyperparameter domains, config types and the published architectures. Standard library only."""

from spectune.spaces.cnn import CNN
from spectune.spaces.config import Config, Cost, Network
from spectune.spaces.published import PUBLISHED, STARTS, Published
from spectune.spaces.training import Training

SPACES: dict[str, type[Network]] = {
    "cnn": CNN,
}

__all__ = ["CNN", "PUBLISHED", "SPACES", "STARTS", "Config", "Cost", "Network", "Published", "Training"]
