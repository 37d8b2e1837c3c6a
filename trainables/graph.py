"""A training step on a GPU that is recorded once and replayed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

WARM_UP = 3  # steps before the recording: libraries choose their algorithms, tables move, the optimiser gets its state

Step = Callable[[Tensor], Tensor]


class Replayed:
    """``step`` (numbers of spectra to their loss, or losses) as a CUDA graph: one launch in place of hundreds.

    The first ``WARM_UP`` steps are taken as they are, then one is recorded, and it and all others are replayed: the
    same kernels on the same memory. ``step`` must not depend on anything that changes but the numbers, the tensors that
    it reads, and the random state. What CUDA cannot record is taken as it is from there on; a warning says why.
    """

    def __init__(self, step: Step, shape: tuple[int, ...], device: torch.device) -> None:
        self.step = step
        self.taken = 0
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.given = torch.zeros(shape, dtype=torch.int64, device=device)
        self.replay: Callable[[], Tensor] | None = None

    def __call__(self, indices: Tensor) -> Tensor:
        """The loss of a step on these spectra, of which there are always as many. The next step overwrites it."""
        self.given.copy_(indices)
        self.taken += 1
        if self.taken == WARM_UP + 1:
            try:
                self.replay = record(self.step, self.given)
            except RuntimeError as error:
                warnings.warn(f"steps are not replayed: {str(error).splitlines()[0]}", stacklevel=2)
        if self.replay is not None:
            return self.replay()
        with _aside(self.stream):
            return self.step(self.given)


def record(step: Step, given: Tensor) -> Callable[[], Tensor]:
    """What repeats ``step`` on what ``given`` then holds; nothing is computed yet.

    RuntimeError where CUDA cannot record it, as it waits for a result or moves one to the processor.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may do what they like
        loss = step(given)

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


@contextmanager
def _aside(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """Work within this on ``stream``, as CUDA wants it of what is recorded later."""
    if stream is None:
        yield
        return
    stream.wait_stream(torch.cuda.current_stream(stream.device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(stream.device).wait_stream(stream)
