"""Searches are replayed on recorded curves as they would have run, and compared in pairs."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import curves
import libraries
import margins
import pytest
import replay
import rivals
import starts
import surrogate

from spectune.search.planning.simulate import Curve
from spectune.search.records.task import Task
from spectune.spaces import KNOWN, Training
from spectune.spaces.errors import InputError
from spectune.spaces.saved import recorded

SIZES = {"points": 120, "classes": 4, "families": ["cnn", "mlp"], "descriptors": {"spectra": 40}}


def row(pair: curves.Pair, index: int, seed: int, epochs: int = curves.EPOCHS, **more: Any) -> dict[str, Any]:
    """A training whose value rises to one that its index says."""
    level = 0.3 + index / 100 + seed / 1000
    values = [round(level * (n + 1) / epochs, 5) for n in range(epochs)]
    about = {"index": index, "kind": "random", "seed": seed, "config": recorded(*pair)}
    seconds = [round(0.1 * (n + 1), 4) for n in range(epochs)]
    return {**about, "loss": [round(1 - one, 5) for one in values], "accuracy": values, "seconds": seconds, **more}


@pytest.fixture(scope="module")
def pairs() -> list[curves.Pair]:
    chance, found = random.Random(0), []
    while len(found) < 24:
        if pair := curves.drawn(chance, 120, 4, ("cnn", "mlp")[len(found) % 2]):
            found.append(pair)
    return found


@pytest.fixture(scope="module")
def task(pairs: list[curves.Pair], tmp_path_factory: pytest.TempPathFactory) -> surrogate.Surrogate:
    """A task of 24 configs on two seeds, the last of which diverged and the one before it stopped by its patience."""
    folder = tmp_path_factory.mktemp("meta")
    rows = [row(pair, index, seed) for index, pair in enumerate(pairs[:-2]) for seed in (0, 1)]
    impatient = pairs[-2][0], pairs[-2][1].replace(patience=5)
    flat = {"loss": [1.0, *[1.2] * 5], "accuracy": [0.8] * 6}
    rows += [row(impatient, 22, 0, 6, **flat), row(pairs[-1], 23, 0, 6)]
    (folder / "made.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (folder / "index.json").write_text(json.dumps({"made": SIZES}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "FOLDER", folder)
        patch.setattr(surrogate, "INDEX", folder / "index.json")
        surrogate.described.cache_clear()
        yield surrogate.Surrogate("made")  # type: ignore[misc]
    surrogate.described.cache_clear()


def asked(pair: curves.Pair) -> Task:
    return Task(number=0, stage="explore", network=pair[0], training=pair[1], seed=0)


def test_a_training_that_its_patience_ended_holds_its_value_and_one_that_diverged_guesses(
    task: surrogate.Surrogate, pairs: list[curves.Pair]
) -> None:
    impatient = pairs[-2][0], pairs[-2][1].replace(patience=5)
    assert task.true(impatient) == pytest.approx(0.8)
    assert len(task.look_up(asked(impatient), 0).metrics) == 6
    assert task.true(pairs[-1]) == pytest.approx(0.25)
    assert len(task.look_up(asked(pairs[-1]), 0).metrics) == curves.EPOCHS


def test_a_fall_that_rounding_hides_does_not_make_a_training_diverge(pairs: list[curves.Pair]) -> None:
    training = Training(patience=5)
    loss = [1.0, *[0.99989] * 5]  # of 1.000004 and 0.999906, say
    one = row((pairs[0][0], training), 0, 0, 6, loss=loss)
    assert not curves.diverged(one)
    assert curves.diverged({**one, "loss": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]})


def test_a_recorded_config_has_its_recorded_mean(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    assert task.true(pairs[3]) == pytest.approx(0.3305)
    assert task.best == pytest.approx(0.8)


def test_what_was_not_recorded_gives_what_one_recorded_config_gives_in_each_landscape_one_that_is_like_it(
    task: surrogate.Surrogate, pairs: list[curves.Pair]
) -> None:
    """Not a mean of several: best configs would then be smoother, and rarer, than they are."""
    chance, strange = random.Random(1), []
    while len(strange) < 20:
        if pair := curves.drawn(chance, 120, 4, ("cnn", "mlp")[len(strange) % 2]):
            strange.append(pair)
    landscapes = [surrogate.Surrogate("made", number) for number in range(4)]
    known = {round(task.true(pair), 6) for pair in pairs}
    answers = [[round(one.true(pair), 6) for pair in strange] for one in landscapes]
    assert all(set(some) <= known for some in answers)
    assert len({tuple(some) for some in answers}) == 4
    assert all(one.true(pairs[3]) == task.true(pairs[3]) for one in landscapes)
    assert surrogate.Surrogate("made", 2).true(strange[0]) == landscapes[2].true(strange[0])


def test_a_config_on_two_seeds_deviates_by_its_own_two(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    values = {task.look_up(asked(pairs[3]), seed).metrics[-1]["accuracy"] for seed in range(20)}
    whole = sorted(curves.value(one)[-1] for one in curves.read("made") if one["index"] == 3)
    mean, spread = sum(whole) / 2, (whole[1] - whole[0]) / 2
    assert sorted(values) == pytest.approx([mean - spread * 2**0.5, mean + spread * 2**0.5])
    repeated = {task.look_up(replace(asked(pairs[3]), seed=one), 0).metrics[-1]["accuracy"] for one in range(20)}
    assert repeated == values  # another seed of the training is another draw, too


def test_a_task_of_few_configs_is_refused(task: surrogate.Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surrogate, "read", lambda name: [])
    monkeypatch.setattr(surrogate, "described", lambda: {"made": SIZES})
    with pytest.raises(InputError, match="at least 10 recorded configs, got 0"):
        surrogate.Surrogate("made")


class Listed(rivals.Rival):
    """Trains what it is given."""

    @property
    def done(self) -> bool:  # type: ignore[override]
        return self.count >= len(self.start)

    def next(self) -> Task | None:
        return None if self.done else super().next()


def test_a_config_that_was_trained_twice_is_worth_the_mean(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    """Once lucky is not better than always good."""
    reached = {(pairs[20], 0): 0.9, (pairs[20], 1): 0.3, (pairs[21], 2): 0.7}

    class Twice(Listed):
        def task(self, number: int, pair: curves.Pair) -> Task:
            return replace(super().task(number, pair), seed=number)

        def look_up(self, task: Task) -> Curve:
            value = reached[(task.network, task.training), task.seed]
            return Curve(
                [{"accuracy": value, "loss": 1.0}] * curves.EPOCHS, [float(n + 1) for n in range(curves.EPOCHS)]
            )

    whole = replay.replay(Twice(task, 0, [pairs[20], pairs[20], pairs[21]]), task, workers=1, seed=0, known=0.0)
    lost = [task.best - task.true(pairs[place]) for place in (20, 21)]
    assert whole["first"][0] == pytest.approx(lost[0], abs=1e-4)  # it led after its first training
    assert whole["first"][-1] == pytest.approx(lost[1], abs=1e-4)


def test_seconds_are_those_of_all_workers_together(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    """Every training takes 2.7 s: after two of them the first of two workers' trainings have ended."""
    assert task.unit == pytest.approx(2.7)
    whole = replay.replay(Listed(task, 0, pairs[:12]), task, workers=2, seed=0, known=0.0)
    assert whole["first"][: len(replay.BY_SECONDS)] == whole["first_s"]
    assert whole["three"][: len(replay.BY_SECONDS)] == whole["three_s"]
    assert whole["trials"] == 12


def test_what_goes_on_is_charged_once(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    plan = rivals.OneEpoch(task, 0, pairs[:20])
    taken = Counter[int]()
    for step in itertools.islice(rivals_steps(plan), 4 * curves.EPOCHS):
        taken[step.task.number] += 1
    assert sum(epochs == 1 for epochs in taken.values()) > 40
    assert max(taken.values()) in (curves.EPOCHS - 1, curves.EPOCHS)  # its patience of 25 ends it no sooner


def rivals_steps(plan: Any) -> Any:
    return replay.simulate(plan, plan.look_up, workers=1, clock=replay.Clock())


def test_what_is_found_counts_only_from_its_time_on(task: surrogate.Surrogate, pairs: list[curves.Pair]) -> None:
    order = [pairs[0], *[pairs[1]] * 8, pairs[20]]
    found = replay.replay(Listed(task, 0, order), task, workers=1, seed=0, known=0.49)
    assert found["three"][0] == pytest.approx(0.8 - 0.3005, abs=1e-3)
    assert found["three"][-1] == pytest.approx(0.8 - 0.5005, abs=1e-3)
    assert (found["fell"], found["better"]) == (10, True)
    assert not replay.replay(Listed(task, 0, order), task, workers=1, seed=0, known=0.51)["better"]


SEARCHES = (
    rivals.ASHA,
    rivals.OneEpoch,
    rivals.TPE,
    rivals.GP,
    rivals.TuneOptuna,
    libraries.SyneTune,
    libraries.DEHB,
    libraries.NePS,
    libraries.SMAC,
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEARCHES)
def test_the_head_start_is_tried_first_and_as_it_is(task: surrogate.Surrogate, kind: Any) -> None:
    start = [(KNOWN[name].network, KNOWN[name].training) for name in ("compact", "ir_groups")]
    try:
        plan = kind(task, 0, start)
    except ValueError as error:
        pytest.skip(str(error))
    begun: dict[int, Task] = {}
    for step in rivals_steps(plan):
        begun.setdefault(step.task.number, step.task)
        if len(begun) == 5:
            break
    tried = [(one.network, one.training) for one in list(begun.values())[:2]]
    assert tried == start
    assert len({(one.network, one.training) for one in begun.values()}) >= 4


def test_ours_has_the_same_head_start(task: surrogate.Surrogate) -> None:
    start = [(KNOWN[name].network, KNOWN[name].training) for name in ("compact", "ir_groups")]
    director = rivals.ours(task, 0, start)
    assert [(one.network, one.training) for one in (director.next(), director.next()) if one] == start
    cold = rivals.ours(task, 0)
    assert (one := cold.next()) and (one.network, one.training) not in start


def test_a_network_with_a_value_per_layer_is_projected_into_the_space() -> None:
    known = KNOWN["compact"]
    values = starts.projected((known.network, known.training))
    assert values["family"] == "cnn"
    assert all(not isinstance(one, list) for one in values.values())
    for name, one in values.items():
        domain, _ = starts.searched()[name]
        assert domain.check(name, one) == one


def test_a_task_and_a_seed_are_drawn_for_both() -> None:
    """One loses exactly half of the other, whatever the tasks are worth: no draw can say anything else."""
    other = {(f"task {one}", seed): 10.0**one * (1 + seed) for one in range(-2, 3) for seed in range(4)}
    one = {key: value / 2 for key, value in other.items()}
    found = margins.ratio(one, other)
    assert (found.point, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert (found.tasks, found.pairs) == (5, 20)
    assert margins.ratio({**one, ("alone", 0): 1e6}, other).point == pytest.approx(0.5)


def test_seeds_of_one_task_say_less_than_tasks() -> None:
    chance = random.Random(0)
    levels = {task: chance.gauss(0, 1) for task in range(6)}
    one = {(f"{task}", seed): level + chance.gauss(0, 0.01) for task, level in levels.items() for seed in range(30)}
    alone = {(f"{task} {seed}", 0): value for (task, seed), value in one.items()}
    wide, narrow = margins.mean(one), margins.mean(alone)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert math.isnan(margins.mean({}).point)
