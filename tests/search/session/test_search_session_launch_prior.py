"""The look at the training spectra before a search."""

from dataclasses import replace

import numpy as np
import pytest

from spectune.search.records import Options
from spectune.search.session.launch import advised
from spectune.trainables.data import load
from spectune.trainables.data.dense import Dense


@pytest.fixture(scope="module")
def offset(tmp_path_factory):
    """Spectra of two classes on an offset of 20 times their signal."""
    random = np.random.default_rng(0)
    place = np.repeat([0.3, 0.6], 40)[:, None]
    spectra = 20 + np.exp(-(((np.linspace(0, 1, 120) - place) / 0.03) ** 2)) + random.normal(0, 0.02, (80, 120))
    path = tmp_path_factory.mktemp("data") / "offset.npz"
    np.savez(path, x=spectra.astype(np.float32), y=np.repeat(["a", "b"], 40))
    return load(str(path))


def test_a_search_is_advised_by_its_training_spectra_alone(offset):
    options = advised(Options(name="s"), offset)
    assert options.looked.rule.startswith("offset 20 times the signal")
    others = replace(offset, validation=Dense(np.zeros((2, 120)), [0, 1]), test=None, digest="x")
    assert advised(Options(name="s"), others).looked == options.looked


@pytest.mark.parametrize("changes", [{"prior": "none"}, {"model": "cnn2", "trials": 0}])
def test_nothing_is_advised_where_nobody_asks(offset, changes):
    options = Options(name="s", **changes)
    assert advised(options, offset) == options
    assert not advised(options, offset).looked.rule


def test_advice_is_no_option_of_the_study(offset):
    options = advised(Options(name="s"), offset)
    assert "looked" not in options.to_dict()
    assert Options.from_dict(options.to_dict()).prior == "learned"
