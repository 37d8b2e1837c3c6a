"""One training that the study asks for: which config, on which seed, in which stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from spectune.spaces import FAMILIES, Network, Training
from spectune.spaces.saved import configs, recorded

STATES, WEIGHTS = ("state-0.pt", "state-1.pt"), "weights.safetensors"  # of a running trial, of a confirmed one
ENDED = "ended"  # of a trial whose replicas go on
ORIGINS = {  # of what is explored
    "asked": "asked for by name",
    "look": "advised by a look at the spectra",
    "portfolio": "the learned portfolio",
    "prior": "the learned prior",
    "model": "the model of the trials",
    "near": "near a good trial",
    "chance": "chance",
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker needs to know of a trial. ``candidate`` is what the trial confirms, or tunes; ``turn`` are those of
    the ``folds`` (``trainables.data.Folds``) that it validates on in turn, none where there is the validation split;
    ``spent`` are the seconds that it was trained for before it was paused."""

    number: int
    stage: str  # simple | explore | tune | confirm | ensemble
    network: Network
    training: Training
    seed: int
    label: str = ""  # name of a published network, or of a variant
    candidate: int | str | None = None
    folds: int = 0
    turn: tuple[int, ...] = ()
    origin: str = ""  # who proposed what is explored: ORIGINS, or the sampler's name
    spent: float = 0.0

    @property
    def config(self) -> dict[str, Any]:
        """The config as it is recorded."""
        return recorded(self.network, self.training)

    def to_dict(self) -> dict[str, Any]:
        keys = ("number", "stage", "seed", "label", "candidate", "folds", "spent")
        return {**{key: getattr(self, key) for key in keys}, "turn": list(self.turn), "config": self.config}

    @classmethod
    def from_dict(cls, values: dict[str, Any], families: Mapping[str, type[Network]] = FAMILIES) -> Self:
        """The task that ``to_dict``, or a record's trial, describes; ``families`` are those it may be of."""
        keys = ("number", "stage", "seed", "label", "candidate")
        network, training = configs(values["config"], families)
        folded = {"folds": values.get("folds", 0), "turn": tuple(values.get("turn", ()))}
        more = {"spent": values.get("spent", 0.0), "origin": values.get("origin", "")}
        return cls(network=network, training=training, **more, **folded, **{key: values[key] for key in keys})


def stored(number: int, file: str) -> str:
    """Where one of a trial's STATES or its WEIGHTS lie in the study's folder."""
    return f"trials/{number:04d}/{file}"


class Plan(Protocol):
    """Decides what is trained. Called from one thread, the driver's."""

    def next(self) -> Task | None:
        """The next task, or None when there is none now (``done`` says whether there will be)."""

    def alongside(self, task: Task) -> Sequence[Task]:
        """Tasks that a worker is to train along with ``task``, the next one, as replicas of one network."""

    @property
    def done(self) -> bool:
        """Whether no task will come any more."""

    def report(self, number: int, message: dict[str, Any]) -> bool:
        """Take in an epoch's message; False stops the trial."""

    def end(self, number: int, failure: str = "") -> None:
        """The trial ended; ``failure`` says why when its workers were lost for good."""

    def spare(self) -> Collection[int]:
        """Trials that ended and will not go on, which need no checkpoints any more; each is named once."""
