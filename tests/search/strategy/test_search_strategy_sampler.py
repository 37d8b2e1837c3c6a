import gc
import itertools
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from spectune.search.records.study import Trial
from spectune.search.records.task import Task
from spectune.search.strategy import sampler as module
from spectune.search.strategy.columns import Columns
from spectune.search.strategy.sampler import MIRROR, SAMPLERS, Sampler
from spectune.spaces import KNOWN, SPACES, Space, Training
from spectune.spaces.config import Cost, Network, hyper, hyperparameters
from spectune.spaces.domain import Float
from spectune.spaces.learned import Learned


def allowed(network):
    network.cost(500, 5)


@pytest.fixture
def make(tmp_path):
    def build(space="cnn", **more):
        options = {"fixed": {}, "objectives": [("accuracy", "max")], "kind": "tpe", "seed": 0, "name": "s"}
        return Sampler(SPACES.get(space, space), folder=tmp_path, **{**options, **more})

    return build


def ended(number, network, training, *, status="complete", value=0.5, reports=2, **more):
    task = Task(number=number, stage="explore", network=network, training=training, seed=0)
    return Trial(
        number=number,
        stage="explore",
        config=task.config,
        label="",
        seed=0,
        candidate=None,
        parameters=1,
        macs=1,
        started=0.0,
        status=status,
        reports=[(epoch, {"accuracy": value * epoch / reports, "loss": 1.0}) for epoch in range(1, reports + 1)],
        values=None if status == "failed" else [value],
        **more,
    )


def mirrored(folder):
    storage = JournalStorage(JournalFileBackend(str(folder / MIRROR)))
    return optuna.load_study(study_name="s", storage=storage).get_trials(deepcopy=False)


@dataclass(frozen=True, kw_only=True)
class Thin(Network):
    """A family of one's own whose dropout has another name."""

    family: ClassVar[str] = "thin"

    left_out: float = hyper(Float(0.1, 0.9), 0.5, "share", replicas=True)
    dropout: float = hyper(Float(0.1, 0.9), 0.5, "what looks like a share and is none")

    def cost(self, points, classes):
        return Cost(1, 1, 1)


@pytest.mark.parametrize("space", [*SPACES.values(), Space("thin", (Thin,))], ids=lambda space: space.name)
def test_a_proposal_like_another_differs_in_what_replicas_may_differ_in(make, space):
    sampler = make(space, kind="random", fixed={"weight_decay": 1e-3})
    network, training = sampler.ask(0, lambda _: None)
    differ = set()
    for _ in range(20):
        others = sampler.ask_like(network, training)
        for one, other in zip((network, training), others, strict=True):
            differ |= {hp for hp in hyperparameters(type(one)) if getattr(one, hp.name) != getattr(other, hp.name)}
        assert others[1].weight_decay == 1e-3
    assert all(hp.replicas and (hp.search or hp.when) for hp in differ)  # some exist under some schedules only
    assert {"learning_rate", "label_smoothing"} <= {hp.name for hp in differ}
    assert space.name != "thin" or "left_out" in {hp.name for hp in differ}


def test_replicas_may_differ_in_the_optimisers_settings_and_in_shares_of_dropout():
    fields = [hp for name, _, hp in SPACES["any"].hyperparameters() if hp.replicas]
    assert {hp.name for hp in fields} == {"conv_dropout", "fc_dropout", "block_dropout", "dropout"}
    assert {hp.name for hp in hyperparameters(Training) if hp.replicas} == {
        "learning_rate",
        "weight_decay",
        "label_smoothing",
        "schedule",
        "plateau_factor",
        "plateau_patience",
        "patience",
        "min_delta",
    }


@pytest.mark.parametrize("kind", SAMPLERS)
def test_proposals_are_allowed_configs_and_the_same_for_the_same_seed(make, kind):
    first, second = make(kind=kind), make(kind=kind)
    for number in range(15):
        network, training = first.ask(number, allowed)
        assert (network, training) == second.ask(number, allowed)
        allowed(network)
        for one in (first, second):
            one.tell(ended(number, network, training, value=number / 15))


def test_optuna_hears_stopped_as_pruned_failed_as_fail_and_none_stays_running(make, tmp_path):
    sampler = make()
    for number, status in enumerate(["complete", "stopped", "failed"]):
        network, training = sampler.ask(number, allowed)
        sampler.tell(ended(number, network, training, status=status))
    found = mirrored(tmp_path)
    assert [trial.state for trial in found] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert [trial.user_attrs["trial"] for trial in found] == [0, 1, 2]
    assert found[1].intermediate_values == {1: 0.25, 2: 0.5}
    assert found[0].value == 0.5


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_trial_that_was_paused_and_went_on_is_told_again_and_mirrored_once_at_its_end(make, tmp_path, kind):
    sampler = make(kind=kind)
    configs = [sampler.ask(number, allowed) for number in range(3)]
    for number, config in enumerate(configs):
        sampler.tell(ended(number, *config, status="paused", value=0.4))
    assert mirrored(tmp_path) == []
    sampler.tell(ended(0, *configs[0], reports=4, value=0.8))
    sampler.tell(ended(1, *configs[1], status="paused", value=0.4))  # no better than before
    sampler.settle([ended(number, *configs[number], status="paused", value=0.4) for number in (1, 2)])
    states = {trial.user_attrs["trial"]: trial.state for trial in mirrored(tmp_path)}
    assert states == {0: TrialState.COMPLETE, 1: TrialState.PRUNED, 2: TrialState.PRUNED}
    assert len(mirrored(tmp_path)) == 3
    if kind == "near":
        assert [(loss, number) for loss, number, _ in sampler._optuna._ranked] == [(-0.8, 0), (-0.4, 1), (-0.4, 2)]
        sampler.tell(ended(1, *configs[1], status="failed"))
        assert [number for _, number, _ in sampler._optuna._ranked] == [0, 2]


def test_a_new_session_learns_what_the_last_one_saw_and_mirrors_nothing_twice(make, tmp_path):
    first = make()
    trials = []
    for number in range(12):
        network, training = first.ask(number, allowed)
        trials.append(ended(number, network, training, value=number / 12))
        if number < 11:  # the last one is told by the next session only
            first.tell(trials[-1])
    again = make()
    for trial in trials:
        again.tell(trial)
    assert [trial.user_attrs["trial"] for trial in mirrored(tmp_path)] == list(range(12))
    network, training = again.ask(12, allowed)
    assert mirrored(tmp_path)[0].params["depth"] == trials[0].flat["depth"]


@pytest.mark.parametrize("kind", ["forest", "near", "tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_what_was_told_guides_what_is_proposed(make, kind):
    sampler = make(kind=kind)
    for number in range(40):
        network, training = sampler.ask(number, allowed)
        sampler.tell(ended(number, network, training, value=1.0 if network.pooling == "max" else 0.0))
    later = [sampler.ask(number, allowed)[0].pooling for number in range(40, 80)]
    assert later.count("max") > 20  # 13 of them by chance


@pytest.mark.parametrize("objective", [("accuracy", "max"), ("loss", "min")])
def test_stopped_trials_guide_as_complete_ones_do(make, objective):
    sampler = make(kind="near", objectives=[objective])
    for number in range(60):
        network, training = sampler.ask(number, allowed)
        good = (network.pooling == "max") == (objective[1] == "max")
        trial = ended(number, network, training, status="stopped", value=float(good))
        trial.reports = [(1, {objective[0]: float(good), "loss": float(good)})]
        sampler.tell(trial)
    later = [sampler.ask(number, allowed)[0].pooling for number in range(60, 100)]
    assert later.count("max") > 22  # 13 of them by chance


def test_a_proposal_says_where_it_comes_from(make):
    sampler, origins = make(kind="forest"), []
    for number in range(60):
        network, training = sampler.ask(number, allowed)
        origins.append(sampler.origin)
        sampler.tell(ended(number, network, training, value=float(network.pooling == "max")))
    assert set(origins[:20]) == {"chance"}
    assert {"model", "chance"} <= set(origins[20:]) <= {"model", "chance", "near"}
    assert origins[20:].count("model") > 20


def test_what_was_learned_elsewhere_is_drawn_from_first(make):
    """A quarter of what is drawn anew comes from all of the space."""
    weights = {"cnn": {"pooling": [1.0, 0.0, 0.0], "batch_size": [0.0, 0.0, 0.0, 0.0, 1.0]}}
    learned = Learned({"families": {}, "slopes": {}, "weights": weights}, seen=1e4)
    sampler, found, origins = make(kind="forest", learned=learned), [], []
    for number in range(20):
        found.append(sampler.ask(number, allowed))
        origins.append(sampler.origin)
    assert Counter(origins)["prior"] > 10
    assert {"prior", "chance"} == set(origins)
    by_prior = [config for config, origin in zip(found, origins, strict=True) if origin == "prior"]
    assert {(network.pooling, training.batch_size) for network, training in by_prior} == {("max", 256)}


@pytest.mark.parametrize("kind", ["forest", "near"])
def test_samplers_of_ours_are_optunas(kind):
    """They propose for a plain objective, without a space or a prior."""

    def objective(trial):
        pooling = trial.suggest_categorical("pooling", ["max", "none", "average"])
        rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        return (pooling == "max") - abs(rate - 1e-3)

    sampler = SAMPLERS[kind](0, Columns([]), None)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for number in range(60):
        trial = study.ask()
        value = objective(trial)
        study.tell(trial, value)
        sampler.learn(number, trial.params, [-value], complete=True)
    assert [trial.params["pooling"] for trial in study.trials[30:]].count("max") > 15  # 10 by chance


def test_no_config_is_tried_twice_while_there_are_others(make):
    sampler, tried = make(kind="near"), set()
    for number in range(150):
        config = sampler.ask(number, allowed)
        assert config not in tried
        tried.add(config)
        sampler.tell(ended(number, *config, value=number / 150))
    again = make(kind="near")  # a resumed study
    for number, config in enumerate(tried):
        again.tell(ended(number, *config, value=0.5))
    assert not tried & {again.ask(number, allowed) for number in range(150, 200)}


def test_a_space_of_few_configs_is_gone_through_again(make):
    training, network = (KNOWN["cnn6"].training, KNOWN["cnn6"].network)
    fixed = {**network.to_dict(), **training.to_dict(), "family": "cnn"}
    sampler = make(kind="near", fixed={name: value for name, value in fixed.items() if name != "batch_norm"})
    found = []
    for number in range(6):
        found.append(sampler.ask(number, lambda network: None))
        sampler.tell(ended(number, *found[-1]))
    assert len(set(found)) == 2


def test_several_objectives_are_followed_along_their_front(make):
    sampler = make(kind="near", objectives=[("accuracy", "max"), ("parameters", "min")])
    for number in range(60):
        network, training = sampler.ask(number, allowed)
        trial = ended(number, network, training)
        trial.values = [float(network.pooling == "max"), float(network.activation != "relu")]
        sampler.tell(trial)
    later = [sampler.ask(number, allowed)[0] for number in range(60, 100)]
    assert sum(network.pooling == "max" and network.activation == "relu" for network in later) > 8


@pytest.mark.parametrize("space", SPACES)
def test_every_known_network_of_a_space_can_be_told(make, tmp_path, space):
    sampler = make(space)
    held = [known for known in KNOWN.values() if SPACES[space].holds(known.network)]
    for number, known in enumerate(held):
        sampler.tell(ended(number, known.network, known.training))
    found = mirrored(tmp_path)
    assert len(found) == len(held) > 0
    assert {trial.state for trial in found} == {TrialState.COMPLETE}
    assert not any(isinstance(value, list | tuple) for trial in found for value in trial.params.values())


def test_one_value_stands_for_those_of_all_layers(make, tmp_path):
    make().tell(ended(0, KNOWN["cnn2"].network, KNOWN["cnn2"].training))
    assert mirrored(tmp_path)[0].params["kernel_size"] == 50


def test_a_space_of_all_families_asks_for_the_family_first(make, tmp_path):
    sampler = make("any")
    families = set()
    for number in range(30):
        network, training = sampler.ask(number, allowed)
        families.add(network.family)
        sampler.tell(ended(number, network, training))
    assert len(families) > 3
    for trial in mirrored(tmp_path):
        prefixes = {name.split(".")[0] for name in trial.params if "." in name}
        assert prefixes == {trial.params["family"]}


def test_a_family_can_be_fixed(make):
    sampler = make("any", fixed={"family": "mlp", "mlp.depth": 2})
    assert {sampler.ask(number, allowed)[0].depth for number in range(5)} == {2}


def test_fixed_hyperparameters_are_held(make):
    sampler = make(fixed={"pooling": "average", "batch_size": 32, "patience": 3})
    for number in range(5):
        network, training = sampler.ask(number, allowed)
        assert (network.pooling, training.batch_size, training.patience) == ("average", 32, 3)


def test_random_proposals_take_over_when_the_sampler_is_refused(make):
    sampler = make()
    refused = []

    def picky(network):
        if len(refused) <= module.STUBBORN:
            refused.append(network)
            raise ValueError("not yet")

    network, training = sampler.ask(0, picky)
    sampler.tell(ended(0, network, training))
    assert len(refused) == module.STUBBORN + 1


@pytest.mark.parametrize("kind", SAMPLERS)
def test_tight_limits_do_not_make_a_family_rare(make, kind):
    """Of random vision transformers 0.4 % are small enough, of nearest neighbours none."""
    sampler, families = make("any", kind=kind), Counter()

    def small(network):
        if network.cost(5000, 27).macs > 8_000_000:
            raise ValueError("too large")

    for number in range(120):
        families[sampler.ask(number, small)[0].family] += 1
    assert families.keys() == {family.family for family in SPACES["any"].families} - {"knn"}
    assert min(families.values()) >= 3


def test_a_refused_proposal_is_followed_by_one_of_its_family(make):
    sampler, refused = make("any", kind="random"), []

    def picky(network):
        if len(refused) < module.STUBBORN + 5:
            refused.append(network.family)
            raise ValueError("not yet")

    network, training = sampler.ask(0, picky)
    assert {*refused} == {network.family}
    sampler.tell(ended(0, network, training))


def left(work, numbers):
    """Bytes that ``work`` on these numbers leaves in memory."""
    gc.collect()
    tracemalloc.start()
    work(numbers)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


def test_a_refused_proposal_leaves_hardly_anything_in_memory(make):
    """In a space with limits most are: kept whole, they outgrew the trials."""
    sampler = make("any", kind="near")
    turns = itertools.cycle([False] * 15 + [True])

    def picky(network):
        if not next(turns):
            raise ValueError("too large")

    def ask(numbers):
        for number in numbers:
            sampler.tell(ended(number, *sampler.ask(number, picky)))

    ask(range(30))
    assert left(ask, range(30, 60)) / (30 * 15) < 3000  # bytes a refused one, the 30 trials' own included


def test_trials_that_ended_take_little_memory(make):
    sampler = make(kind="near")

    def tell(numbers):
        for number in numbers:
            sampler.tell(ended(number, *sampler.ask(number, allowed), value=number / 400))

    tell(range(100))
    assert left(tell, range(100, 400)) / 300 < 4500  # bytes: 3200 here, 5400 where Optuna keeps them whole


def test_limits_that_leave_nothing_are_said_in_one_line(make, monkeypatch):
    monkeypatch.setattr(module, "HOPELESS", 5)

    def never(network):
        raise ValueError("--max-params is 1, a network with 100 is beyond it")

    with pytest.raises(ValueError, match=r"no config of the space cnn is allowed.*--max-params is 1"):
        make().ask(0, never)


def test_two_objectives_are_told_without_reports(make, tmp_path):
    sampler = make(objectives=[("accuracy", "max"), ("parameters", "min")])
    for number in range(14):
        network, training = sampler.ask(number, allowed)
        trial = ended(number, network, training, status="stopped" if number % 3 else "complete")
        trial.values = [0.5, 10.0]
        sampler.tell(trial)
    assert len(mirrored(tmp_path)) == 14


def test_a_lock_that_a_killed_driver_left_does_not_hold_up_the_next(make, tmp_path):
    """Optuna's lock is a link to the file as it was named; to a relative name it would be waited for without end."""
    make().tell(ended(0, KNOWN["cnn2"].network, KNOWN["cnn2"].training))
    (tmp_path / f"{MIRROR}.lock").symlink_to(f"studies/killed/{MIRROR}")
    make().tell(ended(1, KNOWN["cnn2"].network, KNOWN["cnn2"].training))
    assert [trial.user_attrs["trial"] for trial in mirrored(tmp_path)] == [0, 1]
    assert not (tmp_path / f"{MIRROR}.lock").is_symlink()


@pytest.mark.parametrize("damage", [b"", b"{torn", b'{"op_code": 99}\n{"torn'])
def test_a_mirror_that_cannot_be_read_is_made_anew(make, tmp_path, damage):
    sampler, told = make(), []
    for number in range(3):
        told.append(ended(number, *sampler.ask(number, allowed)))
        sampler.tell(told[-1])
    path = tmp_path / "optuna.journal"
    path.write_bytes(path.read_bytes()[:-20] + damage)
    again = make()
    for trial in told:
        again.tell(trial)
    assert sorted(trial.user_attrs["trial"] for trial in mirrored(tmp_path)) == [0, 1, 2]


def test_optuna_keeps_nothing_of_a_trial_beside_the_mirror(make, tmp_path):
    sampler = make()
    for number in range(3):
        sampler.tell(ended(number, *sampler.ask(number, allowed)))
    kept = sampler._mirror._study.get_trials(deepcopy=False)
    assert [(trial.params, trial.distributions, trial.user_attrs) for trial in kept] == [({}, {}, {})] * 3
    assert all(trial.params and trial.user_attrs for trial in mirrored(tmp_path))


def test_a_mirror_that_cannot_be_written_stops_nothing(make, tmp_path):
    sampler = make()
    path = tmp_path / "optuna.journal"
    path.unlink()
    path.mkdir()
    for number in range(3):
        sampler.tell(ended(number, *sampler.ask(number, allowed)))
    path.rmdir()
    make()
    assert mirrored(tmp_path) == []
