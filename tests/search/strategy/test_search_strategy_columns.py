import numpy as np
import pytest

from spectune.search.strategy.columns import ABSENT, Columns
from spectune.spaces.domain import Choice, Float, Int

DOMAINS = [
    ("family", Choice("cnn", "mlp", "vit")),
    ("cnn.depth", Int(1, 5)),
    ("cnn.preprocess", Choice("max", "snv", "sqrt")),
    ("mlp.preprocess", Choice("max", "snv", "sqrt")),
    ("mlp.depth", Int(1, 3)),
    ("batch_norm", Choice(False, True)),
    ("batch_size", Choice(16, 32, 64)),
    ("learning_rate", Float(1e-5, 1e-1, log=True)),
]


def test_a_row_has_every_hyperparameter_on_its_scale():
    columns = Columns(DOMAINS)
    row = columns.row(
        {"family": "cnn", "cnn.depth": 3, "cnn.preprocess": "sqrt", "batch_norm": True, "batch_size": 32}
        | {"learning_rate": 1e-3}
    )
    assert columns.width == len(row) == 3 + 1 + 3 + 1 + 1 + 1 + 1
    assert row.tolist() == pytest.approx([1, 0, 0, 0.5, 0, 0, 1, ABSENT, 1, 0.5, 0.5])


def test_families_share_the_columns_of_what_is_alike():
    columns = Columns(DOMAINS)
    one, other = (columns.row({f"{family}.preprocess": "snv", f"{family}.depth": 1}) for family in ("cnn", "mlp"))
    assert np.flatnonzero(one != other).tolist() == [3, 7]  # depths have other domains


def test_a_value_that_is_no_option_any_more_is_absent():
    row = Columns([("batch_size", Choice(16, 32, 64))]).row({"batch_size": 48, "unknown": 1})
    assert row.tolist() == [ABSENT]
