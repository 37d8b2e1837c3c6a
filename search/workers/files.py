"""Files of a study that workers write and read, wherever they run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from spectune.search.process.stop import FULL
from spectune.spaces.files import replace


class NoSpace(OSError):
    """The disk under the study's folder is full."""


class Files:
    """Files of the study that workers write and read: weights and checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Replace a file at once, so that a crash or a full disk leaves the old one or the new one."""
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, data)
        except OSError as error:
            if error.errno in FULL:
                raise NoSpace(error.errno, os.strerror(error.errno), str(path)) from None
            raise

    def read(self, name: str) -> bytes | None:
        """What is in a file; None where there is none."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)


class RemoteFiles:
    """The same for workers on nodes that do not see the study's folder: the bytes travel through Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def write(self, name: str, data: bytes) -> None:
        """As ``Files.write``."""
        ray.get(self._actor.write.remote(name, data))

    def read(self, name: str) -> bytes | None:
        """As ``Files.read``."""
        content: bytes | None = ray.get(self._actor.read.remote(name))
        return content

    def remove(self, name: str) -> None:
        """As ``Files.remove``."""
        ray.get(self._actor.remove.remote(name))


@dataclass(frozen=True)
class Folder:
    """The study's folder for every process of its cluster; ``node`` is the one that has it.

    ``actor`` is beside it, for processes on other nodes, which may join while the study runs; None where none can.
    """

    path: Path
    node: str = ""
    actor: Any = None

    def files(self) -> Files | RemoteFiles:
        """The files as they are reached from this process."""
        if self.actor is None or ray.get_runtime_context().get_node_id() == self.node:
            return Files(self.path)
        return RemoteFiles(self.actor)


def shared(path: Path) -> Folder:
    """The study's folder on this node, for a cluster to which other nodes may belong."""
    node = ray.get_runtime_context().get_node_id()
    here = NodeAffinitySchedulingStrategy(node, soft=False)
    actor = ray.remote(Files).options(num_cpus=0, scheduling_strategy=here).remote(path.absolute())
    return Folder(path.absolute(), node, actor)


class Resources(NamedTuple):
    """What a task has: the study's folder, CPU cores and GPUs."""

    folder: Folder
    cpus: float
    gpus: float
