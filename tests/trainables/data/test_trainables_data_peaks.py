from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from spectune.trainables.data.peaks import Peaks

POINTS = 300


def blurred(positions: np.ndarray, heights: np.ndarray, width: float) -> np.ndarray:
    deltas = np.zeros(POINTS)
    np.add.at(deltas, positions, heights)
    return gaussian_filter1d(deltas, width, mode="constant")


def table(count: int = 40, peaks: int = 4) -> dict[str, np.ndarray]:
    """Peaks anywhere, also at and over the ends and on one point, some absent; widths from under a point up."""
    random = np.random.default_rng(3)
    positions = random.integers(0, POINTS, (count, peaks))
    positions[0] = 0, POINTS - 1, 5, 5
    heights = random.uniform(0, 1, (count, peaks)) * (random.random((count, peaks)) < 0.8)
    return {
        "positions": positions,
        "heights": heights,
        "widths": random.uniform(0.4, 20, count),
        "labels": np.arange(count) % 3,
    }


def every(peaks: Peaks) -> torch.Tensor:
    return torch.arange(len(peaks))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-15), (torch.float32, 1e-6)])
def test_spectra_equal_scipy(dtype: torch.dtype, tolerance: float) -> None:
    made = table()
    rendered = Peaks(**made, points=POINTS)
    expected = [blurred(*row) for row in zip(made["positions"], made["heights"], made["widths"], strict=True)]
    spectra = rendered.render(every(rendered), dtype=dtype).numpy()
    np.testing.assert_allclose(spectra, expected, rtol=0, atol=tolerance)


def test_spectra_without_edges_equal_scipy() -> None:
    peaks = Peaks([[100, 150]], [[1.0, 0.5]], [3.0], [0], points=POINTS)
    expected = blurred(np.array([100, 150]), np.array([1.0, 0.5]), 3.0)
    np.testing.assert_allclose(peaks.render(every(peaks), dtype=torch.float64)[0], expected, rtol=0, atol=1e-15)


@pytest.fixture
def noisy() -> Peaks:
    random = np.random.default_rng(0)
    return Peaks(
        **table(), points=POINTS, noise=random.uniform(0.01, 0.02, 40), background=random.random((40, 4)), seed=5
    )


def test_a_spectrum_is_the_same_in_any_batch(noisy: Peaks) -> None:
    together = noisy.batch(every(noisy))
    order = torch.randperm(len(noisy), generator=torch.Generator().manual_seed(0))
    assert torch.equal(noisy.batch(order), together[order])
    assert torch.equal(torch.cat([noisy.batch(torch.tensor([row])) for row in range(len(noisy))]), together)


def test_a_pickled_table_gives_the_same_spectra_and_carries_no_tensors(noisy: Peaks) -> None:
    size = len(pickle.dumps(noisy))
    before = noisy.batch(every(noisy))
    assert len(pickle.dumps(noisy)) == size
    assert torch.equal(pickle.loads(pickle.dumps(noisy)).batch(every(noisy)), before)


def test_a_table_from_read_only_memory_trains_without_warnings(noisy: Peaks) -> None:
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(noisy, protocol=5, buffer_callback=buffers.append)
    frozen = [memoryview(bytes(buffer)) for buffer in buffers]
    received = pickle.loads(content, buffers=frozen)
    torch.from_numpy(received.labels)
    assert torch.equal(received.batch(every(noisy)), noisy.batch(every(noisy)))


def test_noise_has_the_asked_deviation_and_differs_from_spectrum_to_spectrum() -> None:
    count = 50
    peaks = Peaks(
        np.zeros((count, 1)),
        np.zeros((count, 1)),
        np.ones(count),
        np.zeros(count),
        points=2000,
        noise=np.full(count, 0.3),
    )
    noise = peaks.batch(torch.arange(count)).numpy()
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 0.01
    assert np.abs(np.corrcoef(noise) - np.eye(count)).max() < 0.2


def test_the_seed_changes_the_noise_and_the_digest() -> None:
    def made(seed: int) -> tuple[torch.Tensor, str]:
        peaks = Peaks([[9]], [[1.0]], [2.0], [0], points=POINTS, noise=[0.1], seed=seed)
        digest = hashlib.sha256()
        peaks.feed(digest)
        return peaks.batch(torch.tensor([0])), digest.hexdigest()

    assert torch.equal(made(1)[0], made(1)[0])
    assert not torch.equal(made(1)[0], made(2)[0])
    assert made(1)[1] != made(2)[1]


def test_a_background_is_smooth_and_positive() -> None:
    coefficients = np.random.default_rng(0).random((20, 4))
    empty = np.zeros((20, 1))
    peaks = Peaks(empty, empty, np.ones(20), np.zeros(20), points=POINTS, background=coefficients)
    background = peaks.batch(torch.arange(20)).numpy()
    assert background.min() >= 0
    assert background.max() <= 1
    np.testing.assert_allclose(background[:, [0, -1]], coefficients[:, [0, 3]], rtol=1e-6)
    assert np.abs(np.diff(background, n=2)).max() < 1e-3


def test_spectra_are_made_in_float32_whatever_the_indices_order() -> None:
    peaks = Peaks([[9], [20]], [[1.0], [1.0]], [2.0, 2.0], [0, 1], points=POINTS)
    spectra = peaks.batch(torch.tensor([1, 0, 1]))
    assert spectra.dtype == torch.float32
    assert spectra.argmax(dim=1).tolist() == [20, 9, 20]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_spectra_on_a_gpu_equal_those_on_the_cpu(noisy: Peaks) -> None:
    device = noisy.batch(every(noisy), "cuda")
    assert device.is_cuda
    torch.testing.assert_close(device.cpu(), noisy.batch(every(noisy)), rtol=0, atol=1e-6)
