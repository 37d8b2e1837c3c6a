"""Spectra kept as their peak table and rendered where they are used: 240 times smaller than the spectra."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from spectune.trainables.data.dataset import Split

BANK = 1 << 20  # values in the bank that all noise is cut from
BACKGROUND = 4  # background parameters of a spectrum: Bernstein coefficients of a cubic

# N spectra, P peaks of the richest spectrum, B batch, L points, W = 2 R + 1 points of the widest peak


class Peaks(Split):
    """Spectra as sums of Gaussian peaks: ``positions`` and ``heights`` (N, P), ``widths`` (N,) sigma in points.

    A rendered spectrum equals ``scipy.ndimage.gaussian_filter1d(deltas, width, mode="constant")``, where ``deltas`` is
    zero but for ``heights`` at ``positions`` (whole numbers in 0..L-1; heights at the same position add up; a height
    of 0 is no peak): peaks keep their area and end at 4 sigma. ``noise`` (N,) is the standard deviation of added
    white noise, ``background`` (N, 4) are Bernstein coefficients of an added cubic, so that coefficients >= 0 give a
    background >= 0. A spectrum is the same in any batch; its noise is a stretch of a bank made from ``seed``.
    """

    def __init__(
        self,
        positions: ArrayLike,
        heights: ArrayLike,
        widths: ArrayLike,
        labels: ArrayLike,
        *,
        points: int,
        noise: ArrayLike | None = None,
        background: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        self.points = points
        self.seed = seed
        self.heights: NDArray[np.float64] = np.array(heights, dtype=np.float64)
        self.positions: NDArray[np.int32] = np.where(self.heights == 0, points // 2, positions).astype(np.int32)
        self.widths: NDArray[np.float64] = np.array(widths, dtype=np.float64)
        self.labels: NDArray[np.int64] = np.array(labels, dtype=np.int64)
        self.noise = None if noise is None else np.array(noise, dtype=np.float64)
        self.background = None if background is None else np.array(background, dtype=np.float64)
        self._tables: dict[tuple[torch.device, torch.dtype], _Table] = {}
        self._check()

    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        return self.render(indices, device=device)

    def render(
        self, indices: Tensor, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Spectra (B, L) in ``dtype`` on ``device`` for int64 ``indices`` (B,)."""
        table = self._table(torch.device(device), dtype)
        indices = indices.to(table.heights.device)
        spectra = _scatter(table, indices, self.points)
        if table.background is not None:
            coefficients = table.background[indices]
            for number, trend in enumerate(table.trends):
                spectra.addcmul_(coefficients[:, number, None], trend)
        if table.noise is not None:
            stretches = table.bank.unfold(0, self.points, 1)[table.offsets[indices]]
            spectra.addcmul_(stretches, table.noise[indices, None])
        return spectra

    def feed(self, digest: Any) -> None:
        digest.update(repr((self.points, self.seed if self.noise is not None else 0)).encode())
        for array in (self.positions, self.heights, self.widths, self.noise, self.background, self.labels):
            digest.update(b"none" if array is None else repr(array.shape).encode() + array.tobytes())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": {}}  # tensors are made again where they are used

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.labels = np.array(self.labels)  # arrays from Ray's shared memory are read-only, which torch warns about

    def _table(self, device: torch.device, dtype: torch.dtype) -> _Table:
        if (device, dtype) not in self._tables:
            self._tables[device, dtype] = self._move(device, dtype)
        return self._tables[device, dtype]

    def _move(self, device: torch.device, dtype: torch.dtype) -> _Table:
        """The table as tensors, with what does not change from batch to batch worked out."""

        def tensor(array: ArrayLike) -> Tensor:
            return torch.tensor(array, dtype=dtype, device=device)

        radius = int(_radii(self.widths).max())
        background = noise = None
        trends = bank = offsets = torch.empty(0)
        if self.background is not None:
            background, trends = tensor(self.background), tensor(_bernstein(self.points))
        if self.noise is not None:
            random = np.random.default_rng(self.seed)
            offsets = torch.tensor(random.integers(0, BANK, len(self)), device=device)
            noise, bank = tensor(self.noise), tensor(random.standard_normal(BANK + self.points, dtype=np.float32))
        return _Table(
            positions=torch.tensor(self.positions, device=device),
            heights=tensor(self.heights),
            shapes=tensor(_shapes(self.widths)),
            window=torch.arange(-radius, radius + 1, dtype=torch.int32, device=device),
            edges=bool(self.positions.min() < radius or self.positions.max() >= self.points - radius),
            background=background,
            trends=trends,
            noise=noise,
            bank=bank,
            offsets=offsets,
        )

    def _check(self) -> None:
        count = len(self.labels)
        assert self.heights.shape == self.positions.shape == (count, self.heights.shape[1]) and count
        assert self.widths.shape == (count,) and (self.widths > 0).all()
        assert self.positions.min() >= 0 and self.positions.max() < self.points
        assert self.noise is None or self.noise.shape == (count,)
        assert self.background is None or self.background.shape == (count, BACKGROUND)


class _Table(NamedTuple):
    """A peak table on a device."""

    positions: Tensor  # (N, P) int32
    heights: Tensor  # (N, P)
    shapes: Tensor  # (N, W) a peak of height 1
    window: Tensor  # (W,) int32, the distances of these points from the position
    edges: bool  # whether any peak leaves the spectrum
    background: Tensor | None  # (N, 4)
    trends: Tensor  # (4, L)
    noise: Tensor | None  # (N,)
    bank: Tensor  # (BANK + L,)
    offsets: Tensor  # (N,) int64


def _scatter(table: _Table, indices: Tensor, points: int) -> Tensor:
    """The sum of all peaks (B, L). Adds only the W points around each peak, at 32-bit places while they suffice."""
    device, size = indices.device, len(indices) * points
    spectra = torch.zeros(size, dtype=table.heights.dtype, device=device)  # first, to be the same memory every time
    heights = table.heights.index_select(0, indices).view(-1)
    starts = torch.arange(0, size, points, dtype=torch.int32 if size < 1 << 31 else torch.int64, device=device)
    positions = table.positions.index_select(0, indices)
    # Leaving out absent peaks pays on a CPU; on a GPU it would wait for their number.
    peaks = heights.nonzero().view(-1) if device.type == "cpu" else torch.arange(len(heights), device=device)
    rows = peaks // positions.shape[1]
    values = table.shapes.index_select(0, indices.index_select(0, rows))
    values *= heights.index_select(0, peaks)[:, None]
    if table.edges:
        places = positions.view(-1).index_select(0, peaks)[:, None] + table.window
        values *= (places >= 0) & (places < points)
        places = places.clamp_(0, points - 1) + starts.index_select(0, rows)[:, None]
    else:
        places = (positions + starts[:, None]).view(-1).index_select(0, peaks)[:, None] + table.window
    return spectra.index_add_(0, places.view(-1), values.view(-1)).view(len(indices), points)


def _radii(widths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where peaks end, as scipy truncates them: whole points."""
    return (4.0 * widths + 0.5).astype(np.int64)


def _shapes(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peaks of height 1 (N, W): sampled Gaussians, cut at their radius, of area 1."""
    radii = _radii(widths)[:, None]
    distances = np.arange(-radii.max(), radii.max() + 1)
    shapes = np.exp(-0.5 * (distances / widths[:, None]) ** 2) * (np.abs(distances) <= radii)
    normal: NDArray[np.float64] = shapes / shapes.sum(axis=1, keepdims=True)
    return normal


def _bernstein(points: int) -> NDArray[np.float64]:
    """The four cubic Bernstein polynomials (4, L) along the axis: none is negative, and they add up to 1."""
    x = np.linspace(0.0, 1.0, points)
    return np.stack([(1 - x) ** 3, 3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x), x**3])


def apex(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """How high a peak of height 1 stands in the rendered spectrum, for each of ``widths`` (N,)."""
    radii = _radii(widths)
    areas = np.ones(len(widths))
    for distance in range(1, int(radii.max()) + 1):
        areas += np.where(distance <= radii, 2 * np.exp(-0.5 * (distance / widths) ** 2), 0)
    return 1 / areas
