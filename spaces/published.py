"""Known networks as plain values of the spaces: the published ones, good starts, and simple methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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
from spectune.spaces.training import Training
from spectune.spaces.vit import ViT


class Published(NamedTuple):
    """A network from the literature, with the training it was published with.

    ``points`` and ``classes`` are those of its publication, ``parameters`` its count there, None where none is known.
    """

    network: Network
    training: Training
    source: str
    points: int = 5000
    classes: int = 500
    parameters: int | None = None


def _simple(network: Network) -> Published:
    return Published(network, Training(), "spectune", points=1000, classes=10)


SCHUETZKE = "Schuetzke et al. 2023, npj Comput. Mater. 9, 100"
XRDIDENTIFIER = "XRDidentifier 2021, github.com/MasatsuguYamada/XRDidentifier"
AUTOANALYZER = "Szymanski et al. 2021, Chem. Mater. 33, 4204 (XRD-AutoAnalyzer)"
VIT_XRD = "Simonnet et al. 2025, ICASSP (ViT_for_XRD)"
IR_GROUPS = "Rieger et al. 2023, Digital Discovery 2, 1957"
CRYSTAL = "XRD_ML 2024, National Taiwan University (crystal-system study)"

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
    depth=3, filters=(16, 32, 64), kernel_size=(21, 11, 5), batch_norm=True, norm_momentum=0.01,
    activation="leaky_relu", fc_depth=1, fc_width=2048, fc_activation="linear", fc_dropout=0.5,
)  # fmt: skip
_RESNET = ResNet(
    stem_filters=64, stem_kernel=5, stem_stride=1, stem_activation=False, stages=6, blocks=2, filters=100,
    norm_momentum=0.01, filter_growth=1.0, kernel_size=5, readout="flatten", fc_depth=0, fc_dropout=0.5,
)  # fmt: skip
_INC3 = Inception(
    stem_depth=3, filters=64, kernel_size=(20, 15, 10), stride=(1, 1, 2), pool_size=(3, 2, 1), pool_stride=(3, 3, 2),
    modules=3, point_width=(22, 28, 37), small_in=(32, 43, 56), small_width=(42, 56, 73), wide_in=(6, 7, 9),
    wide_width=(12, 14, 18), pooled_width=(10, 14, 19),
    fc_depth=2, fc_width=(3700, 740), fc_activation="linear", fc_dropout=0.3,
)  # fmt: skip
_INC6 = _INC3.replace(
    modules=6, point_width=(22, 28, 37, 49, 65, 85), small_in=(32, 43, 56, 74, 97, 128),
    small_width=(42, 56, 73, 96, 126, 166), wide_in=(6, 7, 9, 12, 16, 19), wide_width=(12, 14, 18, 24, 32, 38),
    pooled_width=(10, 14, 19, 25, 32, 43), fc_width=(4000, 400),
)  # fmt: skip
# Published with a trunk of 30 654 000 parameters, 128 of them in a normalisation that is never used: it is left out.
# AdaCos as it was meant: in the public training its scale never moved.
_REGNET = ResNet(
    stem_filters=64, stem_kernel=16, stem_stride=2, stages=7, blocks=(2, 2, 2, 3, 3, 4, 4),
    filters=(64, 160, 160, 400, 400, 1024, 1024), kernel_size=16, block="bottleneck", bottleneck=1.0, group_width=16,
    squeeze=2, shortcut="pool", activation="silu", block_dropout=0.5, readout="mean", fc_depth=0, fc_dropout=0.0,
    head="adacos",
)  # fmt: skip
_VIT = ViT(
    stem="raw", patch_size=80, overlap=0.0, depth=12, heads=2, mlp_ratio=4, positions="learned", readout="class",
)  # fmt: skip
_IR = CNN(
    depth=2, convs_per_block=2, filters=(4, 8), kernel_size=3, kernel_last=3, padding="none", batch_norm=True,
    norm_place="after", fc_depth=0, fc_dropout=0.0,
)  # fmt: skip
_DENSE = MLP(depth=4, width=(4000, 2000, 700, 300), activation="relu", dropout=(0.3, 0.3, 0.2, 0.2))
_CNN_BILSTM = Recurrent(
    conv_depth=2, filters=(64, 128), kernel_size=5, stride=1, pool_size=(1, 2), conv_dropout=0.3, layers=2, hidden=64,
    fc_depth=1, fc_width=128, fc_activation="relu", fc_dropout=0.3,
)  # fmt: skip
_SCNN_LSTM = Recurrent(
    axis_channel=True, conv_depth=1, filters=32, kernel_size=5, stride=1, pool_size=2, conv_dropout=0.5, layers=1,
    hidden=32, fc_depth=0, fc_dropout=0.0,
)  # fmt: skip
# The published transformer took the whole spectrum as one token, so that attention had nothing to compare and it was
# a dense network. Here its sizes hold for a sequence of patches.
_TRANSFORMER = ViT(
    stem="patches", patch_size=100, overlap=0.0, depth=2, heads=8, head_width=8, mlp_ratio=4, positions="sinusoidal",
    readout="mean", dropout=0.5,
)  # fmt: skip
# Published without a limit of leaves: no tree can have more than one for each of its 6100 training spectra.
_EXTRA_TREES = Forest(trees=500, max_depth=30, leaves=6100, features=7)

_SNV: dict[str, Any] = {"preprocess": "snv"}
_DERIVATIVE: dict[str, Any] = {**_SNV, "savgol": "second"}
_ADAM = Training(learning_rate=1e-3, schedule="constant", patience=10000)
_RELU = {"fc_activation": "relu"}

PUBLISHED: Mapping[str, Published] = {
    "cnn2": Published(_CNN2, Training(), SCHUETZKE, parameters=19_150_728),
    "cnn2_relu": Published(_CNN2.replace(**_RELU), Training(), SCHUETZKE, parameters=19_150_728),
    "cnn3": Published(_CNN3, Training(), SCHUETZKE, parameters=25_347_872),
    "cnn3_relu": Published(_CNN3.replace(**_RELU), Training(), SCHUETZKE, parameters=25_347_872),
    "cnn6": Published(_CNN6, Training(), SCHUETZKE, parameters=20_212_224),
    "cnn6_linear": Published(_CNN6.replace(fc_activation="linear"), Training(), SCHUETZKE, parameters=20_212_224),
    "cnn6_bn": Published(_CNN6.replace(batch_norm=True, norm_momentum=0.01), Training(), SCHUETZKE),
    "cnn6_convdo": Published(_CNN6.replace(conv_dropout=0.2, fc_dropout=0.0), Training(), SCHUETZKE),
    "vgg": Published(_VGG, Training(), SCHUETZKE, parameters=2_556_174),
    "vgg_relu": Published(_VGG.replace(**_RELU), Training(), SCHUETZKE, parameters=2_556_174),
    "vgg_mod": Published(
        _VGG.replace(
            conv_dropout=0.0, kernel_size=20, kernel_last=20, fc_depth=2, fc_width=(2000, 500), fc_dropout=0.3, **_RELU
        ),
        Training(),
        SCHUETZKE,
    ),
    "cnn_bn": Published(_CNN_BN, Training(), SCHUETZKE, parameters=82_963_092),
    "cnn_bn_relu": Published(_CNN_BN.replace(**_RELU), Training(), SCHUETZKE, parameters=82_963_092),
    "cnn_bn_mod": Published(_CNN_BN.replace(batch_norm=False, **_RELU), Training(), SCHUETZKE),
    "resnet": Published(_RESNET, Training(), SCHUETZKE, parameters=5_198_412),
    "resnet_mod": Published(
        _RESNET.replace(batch_norm=False, stem_activation=True, fc_depth=2, fc_width=(3100, 1200), **_RELU),
        Training(),
        SCHUETZKE,
    ),
    "inc3": Published(_INC3, Training(), SCHUETZKE, parameters=78_870_534),
    "inc3_relu": Published(_INC3.replace(**_RELU), Training(), SCHUETZKE, parameters=78_870_534),
    "inc6": Published(_INC6, Training(), SCHUETZKE, parameters=186_817_238),
    "inc6_relu": Published(_INC6.replace(**_RELU), Training(), SCHUETZKE, parameters=186_817_238),
    "regnet": Published(
        _REGNET, _ADAM.replace(batch_size=16), XRDIDENTIFIER, points=6000, classes=1000, parameters=31_677_872
    ),
    "autoanalyzer": Published(
        _CNN6.replace(padding="both", fc_norm=True),
        _ADAM.replace(batch_size=32),
        AUTOANALYZER,
        points=4501,
        classes=255,
    ),
    "vit_xrd": Published(_VIT, _ADAM.replace(batch_size=64), VIT_XRD, points=2880, classes=6, parameters=937_766),
    "ir_groups": Published(
        _IR, _ADAM.replace(patience=5, balance=True), IR_GROUPS, points=850, classes=17, parameters=28_845
    ),
    "dense": Published(_DENSE, _ADAM.replace(learning_rate=5e-4, batch_size=32), CRYSTAL, points=8500, classes=7),
    "cnn_bilstm": Published(
        _CNN_BILSTM,
        Training(learning_rate=1e-3, batch_size=64, plateau_factor=0.5, plateau_patience=5, patience=10000),
        CRYSTAL,
        points=8500,
        classes=7,
    ),
    "scnn_lstm": Published(_SCNN_LSTM, _ADAM.replace(batch_size=64), CRYSTAL, points=4250, classes=7),
    "transformer": Published(
        _TRANSFORMER,
        _ADAM.replace(learning_rate=1e-4, weight_decay=1e-5, batch_size=64),
        CRYSTAL,
        points=8500,
        classes=7,
    ),
    "extra_trees": Published(_EXTRA_TREES, Training(), f"{CRYSTAL}, seed 42", points=8500, classes=7),
    "extra_trees_peaks": Published(
        _EXTRA_TREES.replace(reading="peaks", peaks=10), Training(), f"{CRYSTAL}, seed 42", points=8500, classes=7
    ),
}

# Where a search starts beside the published networks: good after few epochs and cheap, found by searches on the
# validation split of the challenging dataset (docs/decisions/search.md, 2026-11-21). Never a baseline.
_COMPACT = CNN(
    depth=4, filters=12, filter_growth=1.5, kernel_size=25, kernel_last=9, stride=4, pooling="average",
    fc_depth=1, fc_width=128, fc_activation="relu", fc_dropout=0.3,
)  # fmt: skip

_SHORT = Training(learning_rate=2e-3, batch_size=32, schedule="cosine")
_SHARP = _COMPACT.replace(preprocess="sqrt", fc_dropout=0.0)  # sees minor peaks, and learns fast

STARTS: Mapping[str, Published] = {
    "compact": Published(_COMPACT, _SHORT, "spectune"),
    "sharp": Published(_SHARP, _SHORT.replace(augment=True), "spectune"),
}

# What a careful chemometrician tries first, cheapest first by seconds on 2500 spectra of 1000 points
# (docs/decisions/training.md, 2026-11-29). Never a baseline.
SIMPLE: Mapping[str, Published] = {
    "plsda_5": _simple(PLSDA(components=5, **_SNV)),
    "plsda_10": _simple(PLSDA(components=10, **_SNV)),
    "plsda_20": _simple(PLSDA(components=20, **_SNV)),
    "plsda_derivative": _simple(PLSDA(components=10, **_DERIVATIVE)),
    "knn_1": _simple(KNN(neighbours=1, **_SNV)),
    "knn_5": _simple(KNN(neighbours=5, **_SNV)),
    "logistic_strong": _simple(Logistic(C=1e-3, **_SNV)),
    "logistic": _simple(Logistic(**_SNV)),
    "logistic_weak": _simple(Logistic(C=10.0, **_SNV)),
    "logistic_centred": _simple(Logistic(C=1.0, autoscale=False, **_SNV)),
    "logistic_derivative": _simple(Logistic(**_DERIVATIVE)),
    "forest_extra": _simple(Forest(features=32)),
    "forest_random": _simple(Forest(features=32, kind="random")),
    "svm_strong": _simple(SVM(C=1e-4, **_SNV)),
    "svm": _simple(SVM(C=1e-2, **_SNV)),
    "svm_derivative": _simple(SVM(C=1e-3, **_DERIVATIVE)),
    "rocket_2000": _simple(Rocket(features=2000, **_SNV)),
    "rocket_10000": _simple(Rocket(**_SNV)),
}

KNOWN: Mapping[str, Published] = {**PUBLISHED, **STARTS, **SIMPLE}
