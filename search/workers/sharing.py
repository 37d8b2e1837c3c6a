"""What happens to trials that turn out too large for their share of a GPU."""

from __future__ import annotations

import math

from spectune.search.records import Task


class Sharing:
    """Trials that share GPUs: one that runs out of its ``share`` of memory is trained again with a GPU to itself.

    So is from then on everything that is as large.
    """

    def __init__(self, share: float, points: int, classes: int) -> None:
        self.shares = 0 < share < 1
        self._share = share
        self._points = points
        self._classes = classes
        self._large = math.inf  # the least size that was too much for a share
        self._again: list[list[Task]] = []
        self._alone: set[int] = set()  # numbers of tasks that had a GPU to themselves

    def again(self) -> list[Task]:
        """Tasks that were out of memory together, if there are any."""
        return self._again.pop() if self._again else []

    def gpus(self, tasks: list[Task]) -> float:
        """GPUs for tasks that are trained as one."""
        if not self.shares or self._size(tasks) < self._large:
            return self._share
        self._alone.update(task.number for task in tasks)
        return 1.0

    def retries(self, tasks: list[Task], living: list[int]) -> bool:
        """Whether tasks that ran out of memory get more; those that are ``living`` are trained again then."""
        if not self.shares or tasks[0].number in self._alone:
            return False
        self._large = min(self._large, self._size(tasks))
        self._again.append([task for task in tasks if task.number in living])
        return True

    def _size(self, tasks: list[Task]) -> float:
        """What memory grows with: numbers kept for a step."""
        sizes = ((task.network.cost(self._points, self._classes), task.training.batch_size) for task in tasks)
        return sum(cost.activations * batch + cost.parameters for cost, batch in sizes)
