"""Which variants an ablation has."""

import pytest

from spectune.search.ablation.vary import Variant, flipped, variants
from spectune.spaces import FAMILIES, KNOWN
from spectune.spaces.config import hyperparameters


def reference(name="cnn6", **changes):
    network, training = KNOWN[name].network, KNOWN[name].training
    return Variant(name, network.replace(**changes), training, {}, {})


def made(*asked, of=None, grid=False, allow=lambda network: None):
    found, _ = variants(of or reference(), asked, grid=grid, allow=allow)
    return {one.name: one for one in found}


def test_a_value_that_the_reference_has_is_no_variant():
    assert list(made("fc_activation=linear,relu")) == ["fc_activation=linear"]


def test_without_values_a_hyperparameter_takes_all():
    assert list(made("batch_norm")) == ["batch_norm=True"]
    assert set(made("pooling", of=reference("compact"))) == {"pooling=max", "pooling=none"}


def test_one_changes_at_a_time_unless_a_grid_is_asked_for():
    assert list(made("fc_activation=linear", "batch_norm")) == ["fc_activation=linear", "batch_norm=True"]
    grid = made("fc_activation=linear,relu", "batch_norm", grid=True)
    assert list(grid) == ["fc_activation=linear", "fc_activation=linear batch_norm=True", "batch_norm=True"]
    both = grid["fc_activation=linear batch_norm=True"].network
    assert (both.fc_activation, both.batch_norm) == ("linear", True)


def test_only_what_was_asked_for_changes():
    one = made("fc_activation=linear")["fc_activation=linear"]
    assert one.network == KNOWN["cnn6_linear"].network
    assert one.training == KNOWN["cnn6"].training
    assert (one.changes, one.also) == ({"fc_activation": "linear"}, {})


def test_what_changes_along_is_said():
    one = made("pooling=none", of=reference("compact"))["pooling=none"]
    assert one.also == {"pool_size": None, "pool_stride": None}
    normed = made("batch_norm", of=reference("compact"))["batch_norm=True"]
    assert normed.also["norm_place"] == "before"
    still = made("augment=False", of=reference("sharp"))["augment=False"]
    assert still.also == {"shift": None}, "the other strengths were 0"


def test_a_value_by_layer_is_written_with_slashes():
    one = made("filters=8/16/32/64", of=reference("compact"))["filters=8/16/32/64"]
    assert one.network.filters == (8, 16, 32, 64)


def test_settings_of_the_training_vary_as_well():
    assert made("lr=1e-3,1e-2")["learning_rate=0.001"].training.learning_rate == 1e-3


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "inc6_relu"])
def test_all_flips_every_hyperparameter_once(name):
    found, skipped = variants(reference(name), ["all"], grid=False, allow=lambda network: network.cost(2000, 9))
    names = [one.name.partition("=")[0] for one in found] + [text.partition("=")[0] for text, _ in skipped]
    network = KNOWN[name].network
    own = [hp.name for hp in hyperparameters(type(network)) if getattr(network, hp.name) is not None]
    assert names[: len(found)] == list(dict.fromkeys(names[: len(found)]))
    assert set(own) <= set(names)
    assert all(list(one.changes) == [one.name.partition("=")[0]] for one in found)
    assert all(reason for _, reason in skipped)
    assert len(skipped) < len(found)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_flipped_value_is_another_one_of_the_domain(family):
    for hp in hyperparameters(family):
        if hp.domain.size > 1:
            other = flipped(hp, hp.default)
            assert other != hp.default
            assert hp.domain.check(hp.name, other) == other


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("colour=red", "no hyperparameter 'colour': known are low"),
        ("fc_activation=rellu", "fc_activation must be one of"),
        ("learning_rate", "too many values to take all"),
        ("fc_activation=relu", "must change something"),
        ("pool_size=2", "pool_size does not exist in bare"),
    ],
)
def test_what_cannot_vary_is_said_in_one_line(asked, said):
    of = reference("compact", pooling="none")._replace(name="bare") if "pool" in asked else reference()
    with pytest.raises(ValueError, match=said) as error:
        made(asked, of=of)
    assert "\n" not in str(error.value)


def test_a_variant_that_cannot_be_trained_is_refused_when_named_and_left_out_of_all():
    def allow(network):
        if network.batch_norm:
            raise ValueError("no norms")

    with pytest.raises(ValueError, match="batch_norm=True cannot be trained: no norms"):
        made("batch_norm", allow=allow)
    found, skipped = variants(reference(), ["all"], grid=False, allow=allow)
    assert ("batch_norm=True", "--vary batch_norm=True cannot be trained: no norms") in skipped
    assert found
