"""Trials that ran out of memory on a shared GPU: what gets one to itself, and what is given up."""

from spectune.search.records.task import Task
from spectune.search.workers.sharing import Sharing
from spectune.spaces import KNOWN


def tasks(*names):
    return [
        Task(number=number, stage="explore", network=KNOWN[name].network, training=KNOWN[name].training, seed=0)
        for number, name in enumerate(names)
    ]


def test_what_ran_out_of_memory_and_all_that_is_as_large_get_a_gpu():
    small, other, large = tasks("compact", "cnn2", "cnn6")
    sharing = Sharing(0.25, 1000, 10)
    assert [sharing.gpus([one]) for one in (small, other, large)] == [0.25] * 3
    assert sharing.retries([other], [1])
    assert sharing.again() == [other] and sharing.again() == []
    assert sharing.gpus([small]) == 0.25
    assert sharing.gpus([other]) == 1.0
    assert not sharing.retries([other], [1])  # not even a whole one was enough
    assert sharing.retries([large], [2])  # had been given a share before
    assert sharing.gpus([large]) == 1.0
    assert sharing.gpus([small] * 50) == 1.0  # as replicas


def test_trials_that_have_a_gpu_or_none_are_not_tried_again():
    (one,) = tasks("compact")
    assert not Sharing(1.0, 1000, 10).retries([one], [0])
    assert not Sharing(0.0, 1000, 10).retries([one], [0])
