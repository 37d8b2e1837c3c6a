"""Several trainings of one architecture at once. R replicas, B batch, L points, C classes."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from spectune.spaces import Network, Training
from spectune.spaces.config import Config, hyperparameters
from spectune.spaces.errors import InputError
from spectune.trainables.crossed import Crossed
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.epoch import Epoch, State, logits
from spectune.trainables.fit import Fit
from spectune.trainables.graph import Replayed, Step
from spectune.trainables.stack import Objective, Stack, shares
from spectune.trainables.train import Run, batches, living

FOLDED = "each of them is trained on its own folds"


class Replicas:
    """R trainings of one architecture, fused into one network as long as more than one of them trains.

    Each has its own seed, and its own values of the hyperparameters that are declared with ``replicas``; ValueError
    where they differ in more.
    A replica gives what ``train`` gives for it (to rounding), its state included, and goes on from such states: only
    dropout and augmentation have other random numbers, which are drawn for all together. On a CPU the same replicas
    give the same results. What cannot be fused is trained one after the other, each exactly as by ``train``;
    ``reason`` says why, and is empty where all are fused. Of several datasets, folds, each is trained on in turn
    (``Crossed``), which is not fused.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        trainings: Sequence[Training],
        *datasets: Dataset,
        seeds: Sequence[int],
        epochs: int,
        device: torch.device | str = "cpu",
        init: dict[str, Tensor] | None = None,
    ) -> None:
        _alike(networks)
        _alike(trainings)
        self.device = torch.device(device)
        self.runs: dict[int, Fit | Run | Crossed] = {}
        for number, (network, training, seed) in enumerate(zip(networks, trainings, seeds, strict=True)):
            start = functools.partial(
                living, network, training, seed=seed, epochs=epochs, device=self.device, init=init
            )
            self.runs[number] = start(datasets[0]) if len(datasets) == 1 else Crossed(start, datasets)
        steps = [run for run in self.runs.values() if isinstance(run, Run)]
        self.reason = ""
        if len(self.runs) > 1:
            self.reason = _obstacle(networks, steps) if len(datasets) == 1 else FOLDED
        self.objective = None if self.reason or len(self.runs) < 2 else Objective(steps[0])
        self.current: tuple[Stack, Step] | None = None  # of the last epoch's replicas, and its step on whole batches

    @property
    def fused(self) -> bool:
        """Whether the replicas are trained as one network."""
        return not self.reason

    @property
    def done(self) -> bool:
        """Whether no other epoch comes, of none of them."""
        return all(run.done for run in self.runs.values())

    def epoch(self) -> dict[int, Epoch]:
        """An epoch of each replica that is not done, under its number in the order of the trainings."""
        runs = {number: run for number, run in self.runs.items() if not run.done}
        steps = [run for run in runs.values() if isinstance(run, Run)]
        if self.objective is None or len(steps) < 2:
            self.current = None  # its memory is for others
            return {number: run.epoch() for number, run in runs.items()}
        return dict(zip(runs, self._together(steps, self.objective), strict=True))

    def drop(self, replica: int) -> None:
        """Train this replica no more."""
        del self.runs[replica]

    def load(self, states: Mapping[int, State]) -> None:
        """Go on from the ``states`` of these replicas' epochs, which stay as they are."""
        for replica, state in states.items():
            self.runs[replica].load(state)

    def _together(self, runs: list[Run], objective: Objective) -> list[Epoch]:
        """One epoch of all ``runs`` as one network."""
        for run in runs:
            run.begin()
        (stack, whole), size = self._stacked(runs, objective), runs[0].training.batch_size
        total = torch.zeros(len(runs), dtype=torch.float64, device=self.device)
        orders = [_order(run) for run in runs]
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_peek(runs[0]))
            for some in zip(*orders, strict=True):
                indices = torch.stack(some)  # (R, B)
                step = whole if indices.shape[1] == size else stack.learn
                total += step(indices) * indices.shape[1]
        stack.back()

        @functools.cache
        def logits_of(split: Split) -> Tensor:
            return logits(stack, split, self.device, size)  # no more memory than a step

        def end(row: int, run: Run, loss: float) -> Epoch:
            return run.end(loss, lambda split: logits_of(split)[:, row])

        means = (total / len(runs[0].labels)).tolist()
        return [end(row, run, loss) for row, (run, loss) in enumerate(zip(runs, means, strict=True))]

    def _stacked(self, runs: list[Run], objective: Objective) -> tuple[Stack, Step]:
        """The stack of ``runs`` as they are now, and what takes a step of it on whole batches."""
        if self.current is not None and self.current[0].runs == runs:
            self.current[0].take()
        else:
            stack, shape = Stack(runs, objective), (len(runs), runs[0].training.batch_size)
            replays = runs[0].rate is not None
            self.current = stack, Replayed(stack.learn, shape, self.device) if replays else stack.learn
        return self.current


def _alike(configs: Sequence[Config]) -> None:
    """ValueError where ``configs`` differ in more than replicas may."""
    first = configs[0]
    for other in configs[1:]:
        if type(other) is not type(first):
            raise InputError(
                f"replicas must be of one family, got {first.family} and {other.family}: train those apart"
            )
        for hp in hyperparameters(type(first)):
            one, another = getattr(first, hp.name), getattr(other, hp.name)
            if one != another and not hp.replicas:
                raise InputError(f"replicas must have one {hp.name}, got {one} and {another}: train those apart")


def _obstacle(networks: Sequence[Network], runs: Sequence[Run]) -> str:
    """Why the replicas cannot be fused, or nothing."""
    family = networks[0].family
    if not runs:
        return f"{family} is not trained by steps"
    if runs[0].training.freeze:
        return "layers that are frozen for some epochs are not fused"
    dropouts = [shares(run.model) for run in runs]
    for some in dropouts[1:]:
        if set(some) != set(dropouts[0]):
            one, another = list(dropouts[0].values()), list(some.values())
            raise InputError(f"a dropout must be 0 in all replicas or in none, got {one} and {another}: leave 0 out")
    if len(set(networks)) > len({tuple(some.values()) for some in dropouts}):
        return f"the replicas of {family} have different dropout that is no layer of its own"
    try:
        _try(runs)
    except (RuntimeError, UserWarning) as error:
        return f"torch cannot fuse {family}: {str(error).splitlines()[0]}"
    return ""


def _try(runs: Sequence[Run]) -> None:
    """Take a step on two spectra, of which nothing stays. What vmap would do one replica at a time is an error, too."""
    first = runs[0]
    indices = torch.arange(2) % len(first.labels)
    spectra, labels = first.dataset.train.batch(indices, first.device), first.labels[indices.to(first.device)]
    devices = [first.device] if first.device.type == "cuda" else []
    with warnings.catch_warnings(), torch.random.fork_rng(devices):
        warnings.filterwarnings("error", message="There is a performance drop")
        data = (batch.expand(len(runs), *batch.shape) for batch in (spectra, labels))
        Stack(runs, Objective(first)).step(*data)


def _order(run: Run) -> list[Tensor]:
    """The batches of one epoch, in the random order that is this replica's own."""
    with run.progress.own_random():
        return batches(torch.randperm(len(run.labels)).to(run.device), run.training.batch_size)


def _peek(run: Run) -> int:
    """A seed for what is drawn for all replicas in this epoch, from the random state of ``run``, which stays."""
    generator = torch.Generator()
    generator.set_state(run.progress.random[0])
    return int(torch.randint(1 << 62, (), generator=generator))
