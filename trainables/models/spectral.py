"""Convolution by Fourier transform: a product for each frequency instead of one for each tap of the kernel.

On a processor it takes 1/2 to 1/6 of the time of the direct one for wide kernels and many channels.
B batch, C and O channels in and out, L points, K kernel, F frequencies, s stride.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int, left: int) -> Tensor:
    """``conv2d`` of x (B, C, 1, L) with weight (O, C, 1, K), with ``left`` zeros before x and any number after it.

    Gives (B, O, 1, ceil(L / stride)) in channels-last memory, equal to the direct convolution to float32 rounding.
    """
    points, taps = x.squeeze(2).mT, weight.squeeze(2).permute(2, 1, 0)  # (B, L, C), (K, C, O)
    if stride > 1:  # s points of one channel become one point of s channels; zeros keep the taps in step with them
        before = -left % stride
        taps = F.pad(taps, (0, 0, 0, 0, before, -(before + len(taps)) % stride))
        taps = taps.reshape(-1, stride * taps.shape[1], taps.shape[2])
        points = F.pad(points, (0, 0, 0, -points.shape[1] % stride))
        points = points.reshape(len(points), -1, stride * points.shape[2])  # a view in channels-last memory
        left = (left + before) // stride
    convolved: Tensor = Convolution.apply(points, taps, bias, left)  # type: ignore[no-untyped-call]
    return convolved.mT.unsqueeze(2)


CACHED = 1 << 19  # bytes of a core's cache


class Convolution(torch.autograd.Function):
    """Stride 1: points (B, L, C), taps (K, C, O), bias (O) or None, number of zeros before the points, to (B, L, O)."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, taps: Tensor, bias: Tensor | None, left: int) -> Tensor:
        length = points.shape[1]
        period, waves = _transform(length, len(taps), left)
        products = (waves @ taps.flatten(1).to(waves.dtype)).view(-1, *taps.shape[1:])  # (F, C, O)
        spectrum = _forth(points, period)
        ctx.save_for_backward(spectrum, products)
        ctx.shape = length, len(taps), left
        return _back(torch.bmm(spectrum, products), period, length, 0 if bias is None else bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None]:
        spectrum, products = ctx.saved_tensors
        length, kernel, _ = ctx.shape
        period, waves = _transform(*ctx.shape)
        change = _forth(grads[0], period)
        dpoints = _back(torch.bmm(change, products.mH), period, length, 0) if ctx.needs_input_grad[0] else None
        share = torch.full((len(waves), 1), 2 / period)  # every frequency but the first and last stands for two
        share[0] = share[-1] = 1 / period
        dtaps = ((waves * share).mH @ torch.bmm(spectrum.mH, change).flatten(1)).real
        dbias = grads[0].sum((0, 1)) if ctx.needs_input_grad[2] else None
        return dpoints, dtaps.reshape(kernel, *products.shape[1:]), dbias, None


def _forth(points: Tensor, period: int) -> Tensor:
    """(B, L, C) to (F, B, C)."""
    spectrum = torch.empty(period // 2 + 1, len(points), points.shape[2], dtype=torch.complex64)
    some = _some(period, points.shape[2])
    for mine, into in zip(torch.split(points, some), torch.split(spectrum, some, dim=1), strict=True):
        into.copy_(torch.fft.rfft(mine, n=period, dim=1).transpose(0, 1))
    return spectrum


def _back(spectrum: Tensor, period: int, length: int, bias: Tensor | int) -> Tensor:
    """(F, B, O) to (B, L, O), contiguous."""
    points = torch.empty(spectrum.shape[1], length, spectrum.shape[2])
    some = _some(period, spectrum.shape[2])
    for mine, into in zip(torch.split(spectrum, some, dim=1), torch.split(points, some), strict=True):
        waves = torch.fft.irfft(mine.transpose(0, 1).contiguous(), n=period, dim=1)
        torch.add(waves[:, :length], bias, out=into)
    return points


def _some(period: int, channels: int) -> int:
    """How many spectra are transformed at a time: as many as stay in a core's cache (all at once: CNN6 1.15 times)."""
    return max(1, CACHED // (4 * period * channels))


@functools.lru_cache(maxsize=32)
def _transform(length: int, kernel: int, left: int) -> tuple[int, Tensor]:
    """(period, waves): the points that a transform takes in, and (F, K) the conjugate transform of a lone tap.

    The period is the smallest even number without a prime factor above 5 that keeps one end's zeros off the other end.
    """
    period = length + max(left, kernel - 1 - left)
    while period % 2 or not _quick(period):
        period += 1
    frequency = torch.arange(period // 2 + 1, dtype=torch.float64)[:, None]
    place = torch.arange(kernel, dtype=torch.float64) - left
    return period, torch.exp(2j * torch.pi * (frequency * place % period) / period).to(torch.complex64)


def _quick(period: int) -> bool:
    for factor in (2, 3, 5):
        while period % factor == 0:
            period //= factor
    return period == 1
