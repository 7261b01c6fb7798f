"""Points in space and cameras among them: tracks with exact truth, without a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.measure.finish import measured
from pipelines.measure.lens import FocalPixels, known_lens
from pipelines.measure.measure import fitted
from pipelines.measure.measured import Measured
from pipelines.measure.tracks import Tracks

Floats = NDArray[np.float64]

SIZE = (480, 320)
FOCAL = 400.0
FRAMES = 9


def cloud(count: int = 160, seed: int = 0) -> Floats:
    """(N, 3) points before the first camera, two to eight away."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(2.0, 8.0, count)
    return np.column_stack([rng.uniform(-0.6, 0.6, count) * depth, rng.uniform(-0.4, 0.4, count) * depth, depth])


def travel() -> Floats:
    """Cameras that go forward and aside while they turn."""
    u = np.linspace(0.0, 1.0, FRAMES)
    places = np.column_stack([0.8 * u, -0.2 * u**2, 0.6 * u])
    return pose.matrices(pose.turned(yaw=-8.0 * u, pitch=3.0 * u), places)


def turns() -> Floats:
    """Cameras that only turn."""
    u = np.linspace(0.0, 1.0, FRAMES)
    return pose.matrices(pose.turned(yaw=12.0 * u, roll=4.0 * u), np.zeros((FRAMES, 3)))


def seen(
    points: Floats, cameras: Floats, lens: tuple[float, float] = (FOCAL, FOCAL), zoom: Floats | None = None
) -> Floats:
    """(N, T, 2) where cameras (T, 4, 4) see points (N, 3), or (N, T, 3) that move; NaN outside the picture."""
    world = np.broadcast_to(points if points.ndim == 3 else points[:, None], (len(points), len(cameras), 3))
    back = pose.inverse(cameras)
    local = np.einsum("tij,ntj->nti", back[:, :3, :3], world) + back[:, :3, 3]
    xy = local[..., :2] / local[..., 2:] * np.array(lens)
    xy = xy * (np.ones(len(cameras)) if zoom is None else zoom)[:, None]
    hidden = (np.abs(xy) > np.array(SIZE) / 2).any(-1) | (local[..., 2] < 0.1)
    return np.where(hidden[..., None], np.nan, xy)


def measured_from(xy: Floats, focal: FocalPixels = FOCAL, *, noise: float = 0.05, seed: int = 1) -> Measured:
    """The measurement of these tracks, each seen a little beside its place."""
    noisy = xy + np.random.default_rng(seed).normal(0.0, noise, xy.shape)
    count, frames = xy.shape[:2]
    tracks = Tracks(noisy, np.broadcast_to(np.eye(2), (count, frames, 2, 2)), 1.0)
    return measured(fitted(tracks, known_lens(focal, SIZE, 1.0)), tracks, np.arange(frames), frames)
