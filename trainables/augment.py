"""Changes to training spectra, made anew in every step on the device that trains. B batch, L points, W windows.

Each spectrum draws its own strength, up to the one that ``Training`` gives; 0 leaves a change out. Sources:
XRDidentifier and autoXRD (scaling, elimination, shift), XRD-AutoAnalyzer (strain as stretch, domain size as broadening,
impurity, noise).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from spectune.spaces import Training

WINDOWS = 100  # of a spectrum that are scaled or eliminated as a whole
KNOTS = 6  # of a smooth background


def augment(spectra: Tensor, training: Training) -> Tensor:
    """Changed copies of ``spectra`` (B, L). Strengths are relative to each spectrum's maximum or to the axis."""
    if not training.augment:
        return spectra
    if training.scaling:
        factors = 1 - training.scaling * _random(spectra, WINDOWS)
        spectra = spectra * _windows(factors, spectra.shape[1])
    if training.elimination:
        share = training.elimination * _random(spectra, 1)
        spectra = spectra * _windows((_random(spectra, WINDOWS) >= share).to(spectra.dtype), spectra.shape[1])
    if training.shift or training.stretch:
        spectra = warp(
            spectra,
            shift=(training.shift or 0.0) * spectra.shape[1] * _signed(spectra),
            stretch=(training.stretch or 0.0) * _signed(spectra),
        )
    if training.broadening:
        spectra = blur(spectra, training.broadening * _random(spectra, 1), most=training.broadening)
    if training.impurity:
        other = spectra[torch.randperm(len(spectra), device=spectra.device)]
        spectra = spectra + training.impurity * _random(spectra, 1) * other * _ratio(spectra, other)
    if training.background:
        knots = training.background * _random(spectra, 1) * _random(spectra, KNOTS)
        smooth = F.interpolate(knots[:, None], spectra.shape[1], mode="linear", align_corners=True)[:, 0]
        spectra = spectra + _highest(spectra) * smooth
    if training.noise:
        level = training.noise * _random(spectra, 1) * _highest(spectra)
        spectra = spectra + level * torch.randn_like(spectra)
    return spectra


def warp(spectra: Tensor, *, shift: Tensor, stretch: Tensor) -> Tensor:
    """Each spectrum moved by ``shift`` (B, 1) points and stretched about its middle by 1 + ``stretch`` (B, 1).

    Values between points are interpolated linearly; what comes from outside is 0.
    """
    points = spectra.shape[1]
    middle = (points - 1) / 2
    source = (torch.arange(points, device=spectra.device) - middle - shift) / (1 + stretch) + middle
    left = source.floor()
    share = (source - left).to(spectra.dtype)
    padded = F.pad(spectra, (1, 1))  # a zero on either side, for everything outside
    at = (left.long() + 1).clamp(0, points + 1)
    behind = (left.long() + 2).clamp(0, points + 1)
    return padded.gather(1, at) * (1 - share) + padded.gather(1, behind) * share


def blur(spectra: Tensor, sigmas: Tensor, *, most: float) -> Tensor:
    """Each spectrum blurred by a Gaussian of its own sigma (B, 1) in points, ``most`` at most; the area is kept."""
    points = spectra.shape[1]
    period = points + int(8 * most) + 1
    frequencies = torch.fft.rfftfreq(period, device=spectra.device)
    gains = torch.exp(-2 * (torch.pi * sigmas * frequencies) ** 2)
    blurred: Tensor = torch.fft.irfft(torch.fft.rfft(spectra.float(), n=period) * gains, n=period)[:, :points]
    return blurred.to(spectra.dtype)


def _windows(values: Tensor, points: int) -> Tensor:
    """(B, W) values, each for a window of the spectrum: (B, L)."""
    return values[:, torch.arange(points, device=values.device) * values.shape[1] // points]


def _random(spectra: Tensor, count: int) -> Tensor:
    """(B, count) from 0 to 1."""
    return torch.rand(len(spectra), count, device=spectra.device, dtype=spectra.dtype)


def _signed(spectra: Tensor) -> Tensor:
    """(B, 1) from -1 to 1."""
    return 2 * _random(spectra, 1) - 1


def _highest(spectra: Tensor) -> Tensor:
    return spectra.amax(dim=1, keepdim=True).clamp(min=0)


def _ratio(spectra: Tensor, other: Tensor) -> Tensor:
    """What brings ``other`` to the height of ``spectra``."""
    highest = _highest(other)
    return _highest(spectra) / highest.where(highest > 0, 1.0)
