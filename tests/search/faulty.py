"""A network that does what its ``fault`` says as soon as it is trained."""

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from typing import ClassVar

import ray
import torch
from torch import nn

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import Choice
from spectune.trainables.models.layers import Normalise

HOARD = []


@dataclass(frozen=True, kw_only=True)
class Faulty(Network):
    family: ClassVar[str] = "faulty"

    fault: str = hyper(Choice("none", "hang", "leak", "slow", "large"), "none", "what it does")

    def cost(self, points: int, classes: int) -> Cost:
        return Cost(points * classes + classes, points * classes, classes)


@dataclass(frozen=True, kw_only=True)
class Broken(Faulty):
    family: ClassVar[str] = "broken"

    fault: str = hyper(Choice("none", "raise", "nan", "memory", "segfault"), "none", "what it does")


class Trouble(nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def forward(self, spectra):
        if not self.training:
            return spectra
        match self.fault:
            case "raise":
                raise RuntimeError("broken on purpose\nsecond line")
            case "nan":
                return spectra * float("nan")
            case "memory":
                torch.empty(1 << 50)
            case "segfault":
                signal.signal(signal.SIGSEGV, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                ctypes.PyDLL(None).sleep(100_000)  # holds the interpreter's lock: no Python runs any more
            case "leak":
                HOARD.append(torch.ones(25_000_000))  # 100 MB
                time.sleep(0.2)
            case "large":
                if ray.get_runtime_context().get_assigned_resources()["GPU"] < 1:
                    raise torch.OutOfMemoryError("CUDA out of memory")
            case "slow":
                time.sleep(1)
        return spectra


def build(network, points, classes):
    return nn.Sequential(Normalise(), nn.Flatten(), nn.Linear(points, classes), Trouble(network.fault))
