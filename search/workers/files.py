"""Files of a study that workers write and read, wherever they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from spectune.search.process.stop import FULL


class NoSpace(OSError):
    """The disk under the study's folder is full."""


class Files:
    """Files of the study that workers write and read: weights and checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Replace a file at once, so that a crash or a full disk leaves the old one or the new one."""
        path = self.folder / name
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in FULL:
                raise NoSpace(error.errno, os.strerror(error.errno), str(path)) from None
            raise

    def read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class RemoteFiles:
    """The same for workers on nodes that do not see the study's folder: the bytes travel through Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def write(self, name: str, data: bytes) -> None:
        ray.get(self._actor.write.remote(name, data))

    def read(self, name: str) -> bytes | None:
        found: bytes | None = ray.get(self._actor.read.remote(name))
        return found

    def remove(self, name: str) -> None:
        ray.get(self._actor.remove.remote(name))


def files_for(folder: Path, nodes: int) -> Files | RemoteFiles:
    """Where workers keep files: the folder itself on one node, an actor beside the driver on several."""
    if nodes == 1:
        return Files(folder.absolute())
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(Files).options(num_cpus=0, scheduling_strategy=here).remote(folder.absolute())
    return RemoteFiles(actor)


class Resources(NamedTuple):
    """What a task has: the study's files, CPU cores and GPUs."""

    files: Files | RemoteFiles
    cpus: float
    gpus: float
