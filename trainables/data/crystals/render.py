"""Patterns drawn from reflections, on the CPU or the GPU.

B spectra, F phases of each, M phases in all, R reflections, E elements, K draws, L points. Every pattern has conditions
of its own, which a row of numbers from 0 to 1 decides (``DRAWS``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectune.trainables.data.crystals.conditions import DRAWS, Conditions
from spectune.trainables.data.crystals.laws import broadening, caglioti, lorentz_polarisation
from spectune.trainables.data.crystals.table import Table

BANK = 1 << 20  # values in the bank that all noise is cut from
FAINT = 3e-5  # of the highest reflection: what is lower is not drawn on a CPU
PARTS = (32, 16, 8, 4, 2)  # of the farthest reach
FWHM = 4 * np.log(2)  # of a Gaussian in units of its full width: exp(-FWHM x^2)


class Tables(NamedTuple):
    """The table of structures on a device."""

    most: int  # reflections of the richest structure
    starts: Tensor  # (S,) int64
    counts: Tensor  # (S,) int64
    vectors: Tensor  # (R, 3)
    multiplicities: Tensor  # (R,)
    amplitudes: Tensor  # (R, E, 2)
    rotations: Tensor  # (S, 24, 3, 3)
    axes: Tensor  # (S, 7, 3)
    trends: Tensor  # (4, L) the Bernstein polynomials of backgrounds
    bank: Tensor  # (BANK + L,)


class Drawn(NamedTuple):
    """Reflections as they are measured (M, R): where, how strong in all, how broad and how Lorentzian."""

    angles: Tensor  # degrees
    areas: Tensor
    widths: Tensor  # full widths at half maximum, degrees
    shapes: Tensor  # the Lorentzian share


def moved(table: Table, conditions: Conditions, device: torch.device) -> Tables:
    """The table on ``device``, with the background's polynomials and the bank of noise."""
    counts, x = np.diff(table.starts), np.linspace(0.0, 1.0, conditions.points)
    trends = np.stack([(1 - x) ** 3, 3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x), x**3]).astype(np.float32)
    bank = np.random.default_rng(0).standard_normal(BANK + conditions.points, dtype=np.float32)
    arrays = (table.vectors, table.multiplicities, table.amplitudes, table.rotations, table.axes, trends, bank)
    tensors = (torch.tensor(array, device=device) for array in (table.starts[:-1], counts, *arrays))
    return Tables(int(counts.max()), *tensors)


def render(tables: Tables, chosen: Tensor, draws: Tensor, conditions: Conditions) -> Tensor:
    """Patterns (B, L) of the structures ``chosen`` (B, F), the second and later ones as impurities, under the
    conditions that ``draws`` (B, F, K) decide. The highest point of the first one is 1 before anything is added.
    """
    count, phases = chosen.shape
    parts = dict(zip((*DRAWS, "vacancies"), _split(draws), strict=True))
    for name in ("zero_shift", "displacement"):  # of the instrument: the same for all phases
        parts[name] = parts[name][:, :1].expand(-1, phases, -1)
    flat = {name: part.reshape(count * phases, -1) for name, part in parts.items()}
    drawn = _reflect(tables, chosen.reshape(-1), flat, conditions)
    patterns = _profiles(drawn, conditions).view(count, phases, -1)
    patterns = patterns / patterns.amax(dim=-1, keepdim=True).clamp(min=1e-12)
    shares = conditions.impurity_share * parts["share"]
    pattern = patterns[:, 0] + (patterns[:, 1:] * shares[:, 1:]).sum(dim=1)
    first = {name: part[:, 0] for name, part in parts.items()}
    if conditions.background:
        pattern = pattern + conditions.background * first["background"] @ tables.trends
    if conditions.noise:
        offsets = (first["noise"][:, 0] * BANK).long()
        pattern = pattern + conditions.noise * tables.bank.unfold(0, conditions.points, 1)[offsets]
    return pattern


def _split(draws: Tensor) -> Iterator[Tensor]:
    """The parts (B, F, k) of ``DRAWS``, and what is left for vacancies."""
    yield from torch.split(draws, [*DRAWS.values(), draws.shape[-1] - sum(DRAWS.values())], dim=-1)


def _reflect(tables: Tables, chosen: Tensor, draws: dict[str, Tensor], conditions: Conditions) -> Drawn:
    """The reflections of the phases ``chosen`` (M,), those of each wavelength after another."""
    counts = tables.counts[chosen]
    most = int(counts.max()) if chosen.device.type == "cpu" else tables.most  # a GPU would wait for the number
    numbers = torch.arange(most, device=chosen.device)
    there = numbers < counts[:, None]
    places = tables.starts[chosen][:, None] + torch.where(there, numbers, 0)
    vectors = tables.vectors[places]
    if conditions.strain:
        vectors = vectors - vectors @ _strain(tables.rotations[chosen], conditions.strain * _signed(draws["strain"]))
    lengths = vectors.norm(dim=-1)
    powers = _powers(tables, places, draws["vacancies"], conditions) * there
    if conditions.texture < 1:
        powers = powers * _texture(tables, chosen, vectors / lengths[..., None], draws, conditions)
    if conditions.thermal:
        powers = powers * torch.exp(-conditions.thermal * draws["thermal"] * lengths**2 / 2)
    lines = [_line(lengths, powers, draws, conditions, line) for line in conditions.lines]
    return Drawn(*(torch.cat(parts, dim=1) for parts in zip(*lines, strict=True)))


def _powers(tables: Tables, places: Tensor, draws: Tensor, conditions: Conditions) -> Tensor:
    """Squared structure factors times multiplicity (M, R), each element as often there as ``draws`` (M, E) decide."""
    amplitudes = tables.amplitudes[places]
    if conditions.vacancies:
        amplitudes = amplitudes * (1 - conditions.vacancies * draws)[:, None, :, None]
    return tables.multiplicities[places] * amplitudes.sum(dim=2).square().sum(dim=-1)


def _strain(rotations: Tensor, values: Tensor) -> Tensor:
    """Strains (M, 3, 3) that the symmetry of each structure allows, from six components (M, 6): the mean over its
    rotations (M, 24, 3, 3).
    """
    x, y, z, xy, xz, yz = values.unbind(dim=1)
    strain = torch.stack([x, xy, xz, xy, y, yz, xz, yz, z], dim=1).view(-1, 1, 3, 3)
    return (rotations @ strain @ rotations.transpose(-1, -2)).mean(dim=1)


def _texture(tables: Tables, chosen: Tensor, units: Tensor, draws: dict[str, Tensor], conditions: Conditions) -> Tensor:
    """March's and Dollase's factor (M, R): crystallites lie on one of the planes ``AXES``, or stand on it; the mean
    over equivalent reflections, as rotating the axis gives.
    """
    axes = tables.axes[chosen]
    picked = (draws["axis"][:, 0] * axes.shape[1]).long()
    axis = axes[torch.arange(len(axes), device=axes.device), picked]
    turned = (tables.rotations[chosen] @ axis[:, None, :, None])[..., 0]
    squares = (units @ turned.transpose(-1, -2)).square()
    march = torch.exp(float(np.log(conditions.texture)) * _signed(draws["texture"]))[..., None]
    return (march**2 * squares + (1 - squares) / march).pow(-1.5).mean(dim=-1)


def _line(
    lengths: Tensor,
    powers: Tensor,
    draws: dict[str, Tensor],
    conditions: Conditions,
    line: tuple[float, float],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Angles, areas, widths and shapes (M, R) at the wavelength and with the share of one line."""
    wavelength, share = line
    sines = wavelength / 2 * lengths
    inside = (sines < 0.999) & (powers > 0)
    sines = sines.where(inside, 0.5)
    cosines = (1 - sines**2).sqrt()
    tangents = sines / cosines
    areas = share * powers * inside * lorentz_polarisation(sines)
    moved = -2 * conditions.displacement * _signed(draws["displacement"]) * cosines / conditions.radius
    angles = torch.rad2deg(2 * torch.asin(sines) + moved) + conditions.zero_shift * _signed(draws["zero_shift"])
    gauss = caglioti(tangents, conditions.u, conditions.v, conditions.w).clamp(min=1e-8).sqrt()
    sizes = conditions.min_size + (conditions.max_size - conditions.min_size) * draws["size"]
    strains = conditions.microstrain * draws["microstrain"]
    lorentz = broadening(cosines, tangents, scale=10 * sizes / wavelength, strain=strains)
    return angles, areas, *_voigt(gauss, lorentz)


def _voigt(gauss: Tensor, lorentz: Tensor) -> tuple[Tensor, Tensor]:
    """Width and Lorentzian share of the pseudo-Voigt that stands for a Gaussian of one width convolved with a
    Lorentzian of another (Thompson, Cox and Hastings 1987).
    """
    powers = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)
    widths = sum(factor * gauss ** (5 - n) * lorentz**n for n, factor in enumerate(powers))
    assert isinstance(widths, Tensor)
    widths = widths**0.2
    ratio = lorentz / widths
    return widths, 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3


def _profiles(drawn: Drawn, conditions: Conditions) -> Tensor:
    """The sum of all reflections as pseudo-Voigts (M, L); each ends ``reach`` points from its middle, on a CPU where it
    is ``FAINT``.
    """
    count, points, reach = len(drawn.angles), conditions.points, conditions.reach
    places = (drawn.angles - conditions.min_angle) / conditions.step
    near = (places > -reach) & (places < points + reach)
    rows = torch.arange(count, device=places.device)[:, None].expand_as(places)
    lines = Lines(rows, places, drawn.areas * near / drawn.widths, drawn.widths / conditions.step, drawn.shapes)
    patterns = torch.zeros(count * points, device=places.device)
    for some, half in _by_reach(lines, reach) if places.device.type == "cpu" else [(lines, reach)]:
        _add(patterns, some, half, points)
    return patterns.view(count, points)


class Lines(NamedTuple):
    """Reflections of patterns; places and widths in points."""

    rows: Tensor  # the pattern of each
    places: Tensor
    heights: Tensor  # areas over widths
    widths: Tensor
    shapes: Tensor


def _by_reach(lines: Lines, reach: int) -> Iterator[tuple[Lines, int]]:
    """Those that are faint beyond so many points, for some numbers of points up to ``reach``.

    Most are weak or narrow. A GPU would wait to learn how many they are, and takes all as far.
    """
    shares = lines.heights / (FAINT * lines.heights.amax(dim=1, keepdim=True)).clamp(min=1e-30)
    lorentz = (lines.shapes * shares).sqrt() / 2
    gauss = (shares.clamp(min=1).log() / FWHM).sqrt()
    ends = (lines.widths * torch.maximum(lorentz, gauss)).where(shares > 1, 0)
    low = 0
    for half in (*(reach // part for part in PARTS), reach):
        some = (ends > low) & ((ends <= half) | (half == reach))
        yield Lines(*(part[some] for part in lines)), half
        low = half


def _add(patterns: Tensor, lines: Lines, half: int, points: int) -> None:
    """Add lines to ``patterns`` (M * L,), each as far as ``half`` points from its middle."""
    rows, places, heights, widths, shapes = (part.reshape(-1, 1) for part in lines)
    targets = places.round().long() + torch.arange(-half, half + 1, device=places.device)
    squares = ((targets - places) / widths).square()
    values = torch.exp(-FWHM * squares) * (float(np.sqrt(FWHM / np.pi)) * (1 - shapes) * heights)
    values += (2 / np.pi) * shapes * heights / (1 + 4 * squares)
    values *= (targets >= 0) & (targets < points)
    patterns.index_add_(0, (targets.clamp_(0, points - 1) + rows * points).view(-1), values.view(-1))


def _signed(draws: Tensor) -> Tensor:
    return 2 * draws - 1


def uniform(count: int, phases: int, draws: int, seed: int) -> NDArray[np.float32]:
    """The numbers (count, F, K) that decide the conditions of patterns which are always the same."""
    return np.random.default_rng(seed).random((count, phases, draws), dtype=np.float32)
