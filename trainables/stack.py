"""R networks of one architecture as one. R replicas, B batch, L points, C classes, N spectra, P learned numbers."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from spectune.trainables import losses
from spectune.trainables.augment import augment
from spectune.trainables.models.layers import Same
from spectune.trainables.precision import arithmetic
from spectune.trainables.train import Run

Named = dict[str, Tensor]


class Objective(nn.Module):
    """The network of ``run`` with its loss, as ``vmap`` can see through it: plain convolutions, shares as tensors.

    Spectra (B, L) to logits (B, C); with labels (B,) or (B, C) and a label smoothing () to the mean loss.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.model = copy.deepcopy(run.model)
        self.device = run.device
        self.precision = run.training.precision
        for name in shares(self.model):
            self.model.set_submodule(name, Dropout())
        for module in self.model.modules():
            if isinstance(module, Same):
                module.spectral = False
        data = run.dataset
        self.loss = losses.loss(run.training, self.model, data.train.labels, len(data.classes), run.device)

    def forward(self, spectra: Tensor, labels: Tensor | None = None, smoothing: Tensor | None = None) -> Tensor:
        if labels is None:
            logits: Tensor = self.model(spectra)
            return logits
        with arithmetic(self.precision, self.device):
            outputs = self.model(spectra)
        return self.loss(outputs, labels, smoothing)


class Dropout(nn.Module):
    """Dropout whose share is a tensor (), so that every replica can have its own."""

    share: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("share", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (torch.rand(x.shape, device=x.device) >= self.share) / (1 - self.share)


def shares(model: nn.Module) -> dict[str, float]:
    """The share of each dropout layer, by its name."""
    return {name: module.p for name, module in model.named_modules() if type(module) is nn.Dropout}


class Stack(nn.Module):
    """The networks and optimisers of ``runs`` side by side: ``take`` copies them from the runs, ``back`` into them.

    What a replica learns is one row of a table (R, P), what decays first: AdamW takes the same few operations however
    many layers and replicas there are. Its arithmetic is torch's, with the numbers of each replica's own optimiser.
    Everything stays the same memory, so that a step can be recorded and replayed.
    Spectra (B, L) that all replicas see to logits (B, R, C).
    """

    def __init__(self, runs: Sequence[Run], objective: Objective) -> None:
        super().__init__()
        self.runs = runs
        self.objective = objective
        first = runs[0]
        learned, named = _learned(first), {id(p): f"model.{name}" for name, p in first.model.named_parameters()}
        self.names = [named.pop(id(p)) for p in learned]
        self.shapes = [p.shape for p in learned]
        self.decayed = sum(p.numel() for p in learned if p.ndim > 1)
        self.fixed = list(named.values())
        group = first.optimizer.param_groups[0]
        self.betas = group["betas"]
        self.eps = group["eps"]
        self.rows, self.mean, self.square = self._tables()
        self.rows.requires_grad_()
        self.rate, self.decay, self.steps = self._settings()
        smoothing = [run.training.label_smoothing or 0.0 for run in runs]
        self.smoothing = torch.tensor(smoothing, device=first.device)
        self.kept = self._kept()

    def _tables(self) -> list[Tensor]:
        """(R, P) what the runs have learned, and their optimisers' two moments of it."""
        mean, square = (functools.partial(_moment, name=name) for name in ("exp_avg", "exp_avg_sq"))
        return [_rows(self.runs, lambda run, p: p), _rows(self.runs, mean), _rows(self.runs, square)]

    def _settings(self) -> list[Tensor]:
        """(R, 1) the runs' learning rates, weight decays and steps so far."""
        groups = [run.optimizer.param_groups[0] for run in self.runs]  # the one that decays
        rates = [float(group["lr"]) for group in groups]
        decays = [float(group["weight_decay"]) for group in groups]
        steps = [float(run.optimizer.state.get(_learned(run)[0], {}).get("step", 0.0)) for run in self.runs]
        device = self.runs[0].device
        return [torch.tensor(row, dtype=torch.float64, device=device)[:, None] for row in (rates, decays, steps)]

    def _kept(self) -> Named:
        """(R, ...) what the networks have besides: buffers, what does not learn, the shares of dropout."""
        first = self.runs[0]
        kept = {f"model.{name}": _stacked(self.runs, name) for name, _ in first.model.named_buffers()}
        kept |= {name: _stacked(self.runs, name.removeprefix("model.")) for name in self.fixed}
        for name in shares(first.model):
            dropped = [shares(run.model)[name] for run in self.runs]
            kept[f"model.{name}.share"] = torch.tensor(dropped, device=first.device)
        return kept

    @torch.no_grad()
    def take(self) -> None:
        """Go on from what the runs are now."""
        mine = self.rows, self.mean, self.square, self.rate, self.decay, self.steps, *self.kept.values()
        for tensor, now in zip(mine, (*self._tables(), *self._settings(), *self._kept().values()), strict=True):
            tensor.copy_(now)

    def learn(self, indices: Tensor) -> Tensor:
        """One step on the training spectra with these numbers (R, B), as ``Run.step`` takes it; the losses (R,)."""
        first = self.runs[0]
        spectra = augment(first.dataset.train.fresh(indices.flatten(), first.device), first.training)
        return self.step(spectra.view(*indices.shape, -1), first.labels[indices.to(first.device)])

    def step(self, spectra: Tensor, labels: Tensor) -> Tensor:
        """One step on a batch (R, B, L) of each replica's own and its labels; returns the mean losses (R,)."""
        self.train()
        data = self._learned(), self.kept, spectra, labels, self.smoothing
        loss, kept = _each(self._loss, *data)
        self.rows.grad = None
        torch.autograd.backward(loss.sum())
        for name, value in kept.items():
            self.kept[name].copy_(value)
        self._descend()
        losses: Tensor = loss.detach()
        return losses

    def forward(self, spectra: Tensor) -> Tensor:
        logits: Tensor = _each(self._logits, self._learned(), self.kept, spectra, in_dims=(0, 0, None), out_dims=1)
        return logits

    @torch.no_grad()
    def back(self) -> None:
        """Give each run what its replica has learned, as its own tensors."""
        steps = self.steps[:, 0].tolist()
        for row, run in enumerate(self.runs):
            run.replayed = None  # it has other tensors
            parts = (self._parts(table[row].clone()) for table in (self.rows, self.mean, self.square))
            for parameter, weight, mean, square in zip(_learned(run), *parts, strict=True):
                parameter.copy_(weight)
                step = torch.tensor(steps[row], dtype=torch.float32, device=parameter.device)
                run.optimizer.state[parameter] = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
            for name, buffer in run.model.named_buffers():
                buffer.copy_(self.kept[f"model.{name}"][row])

    def _learned(self) -> Named:
        return dict(zip(self.names, self._parts(self.rows), strict=True))

    def _parts(self, rows: Tensor) -> list[Tensor]:
        """(..., P) as (..., shape) of each parameter."""
        parts = torch.split(rows, [shape.numel() for shape in self.shapes], dim=-1)
        return [part.reshape(*part.shape[:-1], *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _loss(self, learned: Named, kept: Named, *data: Tensor) -> tuple[Tensor, Named]:
        """The loss of one replica, and what it keeps (running means, a scale) after it."""
        tensors = {**learned, **kept}
        loss = functional_call(self.objective, tensors, data)
        return loss, {name: tensors[name] for name in kept}

    def _logits(self, learned: Named, kept: Named, spectra: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.objective, {**learned, **kept}, spectra)
        return logits

    @torch.no_grad()
    def _descend(self) -> None:
        """A step of AdamW (Loshchilov and Hutter 2019) with each replica's own learning rate and weight decay."""
        gradient, (first, second) = self.rows.grad, self.betas
        assert gradient is not None
        self.steps += 1
        shrunk, size, spread = (
            numbers.to(self.rows.dtype)
            for numbers in (
                1 - self.rate * self.decay,
                self.rate / (1 - first**self.steps),
                (1 - second**self.steps).sqrt(),
            )
        )
        self.rows[:, : self.decayed] *= shrunk
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        scale = self.square.sqrt().div_(spread).add_(self.eps)
        self.rows -= (self.mean / scale).mul_(size)


def _each(function: Callable[..., Any], *args: Any, in_dims: Any = 0, out_dims: int = 0) -> Any:
    """``function`` of every replica, its random numbers among them. Attention takes the plain way: vmap knows it."""
    with sdpa_kernel(SDPBackend.MATH):
        return vmap(function, in_dims=in_dims, out_dims=out_dims, randomness="different")(*args)


def _learned(run: Run) -> list[nn.Parameter]:
    """What the optimiser changes, in its order: what decays first."""
    return [p for group in run.optimizer.param_groups for p in group["params"] if p.requires_grad]


def _rows(runs: Sequence[Run], part: Callable[[Run, nn.Parameter], Tensor]) -> Tensor:
    """(R, P) of what ``part`` gives for each learned parameter."""
    return torch.stack([torch.cat([part(run, p).detach().flatten() for p in _learned(run)]) for run in runs])


def _moment(run: Run, parameter: nn.Parameter, name: str) -> Tensor:
    moment: Tensor = run.optimizer.state.get(parameter, {}).get(name, torch.zeros_like(parameter))
    return moment


def _stacked(runs: Sequence[Run], name: str) -> Tensor:
    """(R, ...) of a buffer, or of a parameter that does not learn."""
    tensors = (dict((*run.model.named_parameters(), *run.model.named_buffers()))[name] for run in runs)
    return torch.stack([tensor.detach() for tensor in tensors])
