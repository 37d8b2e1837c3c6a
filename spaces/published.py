"""Known networks as plain values of the spaces: the published ones, and what earlier searches found good."""

from __future__ import annotations

from typing import NamedTuple

from spectune.spaces.cnn import CNN
from spectune.spaces.config import Network
from spectune.spaces.training import Training


class Published(NamedTuple):
    """A network from the literature, with the training it was published with."""

    network: Network
    training: Training
    source: str


SCHUETZKE = "Schuetzke et al. 2023, npj Comput. Mater. 9, 100"

_CNN2 = CNN(
    depth=2, filters=64, kernel_size=(50, 25), stride=(2, 3), pool_size=(3, 2), pool_stride=(2, 3),
    fc_depth=2, fc_width=(2000, 500), fc_activation="linear", fc_dropout=0.3,
)  # fmt: skip
_CNN3 = CNN(
    depth=3, filters=64, kernel_size=(20, 15, 10), stride=(1, 1, 2), pool_size=(3, 2, 1), pool_stride=(3, 3, 2),
    fc_depth=2, fc_width=(2500, 1000), fc_activation="linear", fc_dropout=0.3,
)  # fmt: skip
_CNN6 = CNN(
    depth=6, filters=64, kernel_size=(35, 30, 25, 20, 15, 10), pool_size=(3, 3, 2, 1, 1, 1), pool_stride=2,
    fc_depth=2, fc_width=(3100, 1200), fc_activation="relu", fc_dropout=0.7,
)  # fmt: skip
_VGG = CNN(
    depth=4, convs_per_block=(1, 2, 2, 2), filters=(6, 16, 32, 64), kernel_size=5, kernel_last=5, conv_dropout=0.2,
    fc_depth=3, fc_width=(120, 84, 186), fc_activation="linear", fc_dropout=0.0,
)  # fmt: skip
_CNN_BN = CNN(
    depth=3, filters=(16, 32, 64), kernel_size=(21, 11, 5), batch_norm=True, activation="leaky_relu",
    fc_depth=1, fc_width=2048, fc_activation="linear", fc_dropout=0.5,
)  # fmt: skip

PUBLISHED: dict[str, Published] = {
    "cnn2": Published(_CNN2, Training(), SCHUETZKE),
    "cnn2_relu": Published(_CNN2.replace(fc_activation="relu"), Training(), SCHUETZKE),
    "cnn3": Published(_CNN3, Training(), SCHUETZKE),
    "cnn3_relu": Published(_CNN3.replace(fc_activation="relu"), Training(), SCHUETZKE),
    "cnn6": Published(_CNN6, Training(), SCHUETZKE),
    "cnn6_linear": Published(_CNN6.replace(fc_activation="linear"), Training(), SCHUETZKE),
    "vgg": Published(_VGG, Training(), SCHUETZKE),
    "vgg_relu": Published(_VGG.replace(fc_activation="relu"), Training(), SCHUETZKE),
    "cnn_bn": Published(_CNN_BN, Training(), SCHUETZKE),
    "cnn_bn_relu": Published(_CNN_BN.replace(fc_activation="relu"), Training(), SCHUETZKE),
}

# Where a search starts beside the published networks: good after few epochs and cheap, found by searches on the
# validation split of the challenging dataset (DECISIONS.md, 2026-11-21). Never a baseline.
_COMPACT = CNN(
    depth=4, filters=12, filter_growth=1.5, kernel_size=25, kernel_last=9, stride=4, pooling="average",
    fc_depth=1, fc_width=128, fc_activation="relu", fc_dropout=0.3,
)  # fmt: skip

STARTS: dict[str, Published] = {
    "compact": Published(_COMPACT, Training(learning_rate=2e-3, batch_size=32, schedule="cosine"), "spectune"),
}
