"""Taking the baseline off inside a network, as plain operators. B batch, L points, R modes, D + 1 powers.

What ``data.files.baseline`` does to a file with pybaselines, as layers: each is compared with it in the tests.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spectune.spaces.preprocess import Preprocessed

SCALED_FOR = 1000  # points of a spectrum that a smoothness is meant for
WINDOWS = 16  # half windows of SNIP, at most
PASSES = {"imodpoly": 100, "asls": 20}  # refits
STEPS = 4  # of conjugate gradients in a refit, which begins where the one before has ended
CUT = 1e-3  # gain below which a mode is left out
TINY = 1e-30


def baseline(network: Preprocessed, points: int, read: int) -> Baseline | None:
    """What takes the baseline off ``read`` of ``points`` points; nothing where none is asked for."""
    match network.baseline:
        case "none":
            return None
        case "snip":
            return Snip(min(max(1, round((network.baseline_width or 0) * points)), (read - 1) // 2))
        case "imodpoly":
            return Polynomial(network.baseline_degree or 0, read)
    stiffness = (network.baseline_smoothness or 0) * (points / SCALED_FOR) ** 4
    return Whittaker(stiffness, network.baseline_asymmetry or 0, read)


class Baseline(nn.Module):
    """Less what lies under the peaks. Neither offset nor unit of a spectrum matter: methods see it from 0, of size 1.

    In double precision: a baseline may be a hundred times as high as what stands on it.
    """

    def forward(self, spectra: Tensor) -> Tensor:
        raised = (spectra - spectra[:, :1]).double()
        size = raised.abs().amax(dim=1, keepdim=True)
        size = size.where(size > 0, 1.0)
        y = raised / size
        return ((y - self.under(y)) * size).to(spectra.dtype)

    def under(self, y: Tensor) -> Tensor:
        """(B, L) what lies under spectra (B, L)."""
        raise NotImplementedError


class Snip(Baseline):
    """Points above the mean of their two neighbours at half a window's distance fall to it, for ever smaller windows.

    Ryan et al. 1988, Nucl. Instrum. Methods B 34, 396, with falling windows (Morhac et al. 1997, Nucl. Instrum. Methods
    A 401, 113) and pybaselines' straight lines beyond the ends. Of many half windows ``WINDOWS`` are taken, evenly
    spread: each one more lowers what lies under noise, or bends, further.
    """

    ends: Tensor  # (2, W, W): the outermost points of either end to as many beyond it, on the line that fits them best

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        places = np.arange(most)
        line = np.linalg.pinv(np.vander(places, 2)) if most > 1 else np.array([[0.0], [1.0]])
        ends = [(np.vander(places + beyond, 2) @ line).T for beyond in (-most, most)]
        self.register_buffer("ends", torch.tensor(np.stack(ends), dtype=torch.float32))

    def under(self, y: Tensor) -> Tensor:
        most, count = self.most, min(self.most, WINDOWS)
        before, behind = self.ends.to(y.dtype)
        last = y.shape[1] + 2 * most - 1

        def clipped(z: Tensor, step: int | Tensor) -> Tensor:
            half = most - step * (most - 1) // max(1, count - 1)
            places = torch.arange(last + 1, device=z.device)
            left, right = places - half, places + half
            middle = (z.index_select(1, left.clamp(min=0)) + z.index_select(1, right.clamp(max=last))) / 2
            return torch.where((left >= 0) & (right <= last), torch.minimum(z, middle), z)

        padded = torch.cat([y[:, :most] @ before, y, y[:, -most:] @ behind], dim=1)
        return repeated(clipped, padded, count)[:, most:-most]


class Polynomial(Baseline):
    """The polynomial that fits best, again and again, to what is at most a standard deviation above the one before.

    Zhao et al. 2007, Appl. Spectrosc. 61, 1225 (I-ModPoly), without the removal of major peaks at first.
    """

    basis: Tensor  # (L, D + 1), orthonormal

    def __init__(self, degree: int, points: int) -> None:
        super().__init__()
        powers = np.vander(np.linspace(-1, 1, points), degree + 1)
        self.register_buffer("basis", torch.tensor(np.linalg.qr(powers)[0], dtype=torch.float32))

    def under(self, y: Tensor) -> Tensor:
        basis = self.basis.to(y.dtype)

        def clipped(y: Tensor, _: int | Tensor) -> Tensor:
            fitted = (y @ basis) @ basis.transpose(0, 1)
            return torch.minimum(y, fitted + (y - fitted).std(dim=1, keepdim=True, correction=0))

        return (repeated(clipped, y, PASSES["imodpoly"]) @ basis) @ basis.transpose(0, 1)


class Whittaker(Baseline):
    """A smooth curve that fits a spectrum where it has no peaks: a point above it weighs ``asymmetry``, one below the
    rest of 1 (AsLS: Eilers and Boelens 2005, after Whittaker 1923).

    Its squared second differences count ``stiffness`` times. The curve is a sum of the R smoothest modes of free second
    differences, as it hardly has others of its L; the normal equations of each weighting are solved by a few steps of
    conjugate gradients, preconditioned as if all points weighed the same.
    """

    modes: Tensor  # (L, R), orthonormal
    penalty: Tensor  # (R,) of each mode

    def __init__(self, stiffness: float, asymmetry: float, points: int) -> None:
        super().__init__()
        self.asymmetry = asymmetry
        basis, bends = modes(points, min(points, 3 + int(points / np.pi / (CUT * stiffness) ** 0.25)))
        self.register_buffer("modes", torch.tensor(basis, dtype=torch.float32))
        self.register_buffer("penalty", torch.tensor(stiffness * bends, dtype=torch.float32))

    def under(self, y: Tensor) -> Tensor:
        modes, penalty = self.modes.to(y.dtype), self.penalty.to(y.dtype)

        def refitted(shares: Tensor, _: int | Tensor) -> Tensor:
            above = y - shares @ modes.transpose(0, 1)
            weights = (above > 0).to(y.dtype) * (2 * self.asymmetry - 1) + (1 - self.asymmetry)
            residual = (weights * above) @ modes - penalty * shares
            inverse = 1 / (weights.mean(dim=1, keepdim=True) + penalty)
            way = inverse * residual
            fall = (residual * way).sum(dim=1, keepdim=True)
            for _ in range(STEPS):
                bent = (weights * (way @ modes.transpose(0, 1))) @ modes + penalty * way
                far = fall / (way * bent).sum(dim=1, keepdim=True).clamp(min=TINY)
                shares, residual = shares + far * way, residual - far * bent
                before, fall = fall, (residual * inverse * residual).sum(dim=1, keepdim=True)
                way = inverse * residual + fall / before.clamp(min=TINY) * way
            return shares

        return repeated(refitted, (y @ modes) / (1 + penalty), PASSES["asls"]) @ modes.transpose(0, 1)


@functools.lru_cache(maxsize=8)
def modes(points: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(L, R) the smoothest curves on ``points`` points, orthonormal, and (R,) the squares of their second differences.

    Of a parabola and cosines, in which free curves have few components, those that bend least (Rayleigh and Ritz).
    """
    cosines = np.cos(np.pi / points * np.outer(np.arange(points) + 0.5, np.arange(1, count - 2)))
    basis = np.linalg.qr(np.hstack([np.vander(np.linspace(-1, 1, points), 3, increasing=True), cosines]))[0]
    second = np.diff(basis, 2, axis=0)
    bends, turned = np.linalg.eigh(second.T @ second)
    return basis @ turned, bends.clip(min=0)


def repeated(change: Callable[[Tensor, int | Tensor], Tensor], state: Tensor, times: int) -> Tensor:
    """``state`` after ``times`` changes, which get their number from 0: a loop in an exported network, no copies."""
    if torch.compiler.is_compiling():
        start = torch.zeros((), dtype=torch.int64)
        going, changed = (lambda n, _: n < times), (lambda n, z: (n + 1, change(z, n)))
        _, final = torch.while_loop(going, changed, (start, state))  # type: ignore[no-untyped-call]
        return cast(Tensor, final)
    for number in range(times):
        state = change(state, number)
    return state
