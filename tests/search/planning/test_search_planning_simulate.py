"""A plan in simulated time: the order of what it hears, and what the clock says."""

from spectune.search.planning.simulate import Clock, Curve, simulate
from spectune.search.records.task import Task
from spectune.spaces import MLP, Training


class Fixed:
    """Gives ``count`` tasks and stops those that it is told to after their first epoch."""

    def __init__(self, count, stopped=()):
        self.left, self.stopped, self.heard = list(range(count)), stopped, []

    @property
    def done(self):
        return not self.left

    def next(self):
        if not self.left:
            return None
        return Task(number=self.left.pop(0), stage="explore", network=MLP(), training=Training(), seed=0)

    def report(self, number, message):
        self.heard.append((number, message["epoch"]))
        return number not in self.stopped

    def end(self, number, failure=""):
        self.heard.append((number, "end"))


def pace(seconds, epochs=3):
    """Curves whose epochs take ``seconds[number]`` each; the second epoch is the best."""
    losses = [0.5, 0.1, 0.3][:epochs]

    def look_up(task):
        return Curve([{"loss": loss} for loss in losses], [seconds[task.number] * (n + 1) for n in range(epochs)])

    return look_up


def run(plan, look_up, *, workers):
    """Every step, and when it ended."""
    clock = Clock()
    found = [(step, clock.now) for step in simulate(plan, look_up, workers=workers, clock=clock)]
    return [step for step, _ in found], [now for _, now in found]


def test_one_worker_trains_one_after_another():
    steps, times = run(Fixed(2), pace([1.0, 2.0]), workers=1)
    assert [(step.task.number, step.message["epoch"]) for step in steps] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 1),
        (1, 2),
        (1, 3),
    ]
    assert times == [1.0, 2.0, 3.0, 5.0, 7.0, 9.0]
    assert [step.epochs for step in steps] == [1, 2, 3, 4, 5, 6]


def test_workers_run_side_by_side_and_take_the_next_task_when_they_are_free():
    plan = Fixed(3)
    steps, times = run(plan, pace([1.0, 2.5, 1.0]), workers=2)
    assert max(times) == 7.5
    ends = [number for number, what in plan.heard if what == "end"]
    assert ends == [0, 2, 1]
    assert [now for step, now in zip(steps, times, strict=True) if step.task.number == 2] == [4.0, 5.0, 6.0]


def test_a_stopped_trial_frees_its_worker_at_once():
    plan = Fixed(2, stopped=(0,))
    steps, _ = run(plan, pace([1.0, 1.0]), workers=1)
    assert plan.heard == [(0, 1), (0, "end"), (1, 1), (1, 2), (1, 3), (1, "end")]
    assert [step.ended for step in steps] == [True, False, False, True]


def test_a_task_that_comes_again_goes_on_where_it_was_told_to_end():
    plan = Fixed(2, stopped=[0])
    looked = []

    def look_up(task):
        looked.append(task.number)
        return Curve([{"loss": loss} for loss in (0.5, 0.1, 0.3)], [1.0, 2.0, 3.0], wait=5.0)

    plan.left.append(0)
    report = plan.report
    plan.report = lambda number, message: report(number, message) or message["epoch"] > 1
    steps, times = run(plan, look_up, workers=1)
    assert looked == [0, 1], "what it gives was drawn once"
    assert plan.heard[-3:] == [(0, 2), (0, 3), (0, "end")]
    assert times == [6.0, 12.0, 13.0, 14.0, 15.0, 16.0]
    assert [step.message["seconds"] for step in steps[-2:]] == [2.0, 3.0]


def test_a_message_says_what_a_worker_would_say():
    message = run(Fixed(1), pace([1.0]), workers=1)[0][2].message
    assert (message["best"], message["best_epoch"], message["seconds"], message["done"]) == (
        {"loss": 0.1},
        2,
        3.0,
        True,
    )


def test_a_worker_that_has_to_start_first_comes_later_and_its_trial_took_no_longer():
    curve = Curve([{"loss": 1.0}] * 2, [1.0, 2.0], wait=6.0)
    steps, times = run(Fixed(1), lambda task: curve, workers=1)
    assert times == [7.0, 8.0]
    assert [step.message["seconds"] for step in steps] == [1.0, 2.0]


def test_what_trains_on_other_folds_as_well_ends_when_these_are_done():
    plan = Fixed(1)
    curve = Curve([{"loss": loss} for loss in (0.5, 0.1)], [1.0, 2.0], folds=6.0)
    steps, times = run(plan, lambda task: curve, workers=1)
    assert times == [1.0, 2.0, 8.0]
    said = [(one.message["epoch"], one.message["fold"], one.message["done"]) for one in steps]
    assert said == [(1, 0, False), (2, 0, False), (2, 1, True)]
    assert steps[-1].message["seconds"] == 8.0
